"""A digest of the bits that the kernels give: the same for every set of them.

BOCPY_MATH_KERNELS=sse2 python tests/py/matrix/matrix_digest.py
"""

import hashlib
import math
import random

from bocpy import Matrix, _math

#: Around the widths of vectors, of lanes, of leaves and of tiles.
SIZES = [1, 2, 3, 7, 8, 9, 15, 17, 31, 32, 33, 63, 65, 100, 1023, 1025, 3000]
SHAPES = [
    *((2, 3, 2), (5, 8, 9), (16, 16, 16), (17, 33, 9), (1, 50, 130), (130, 7, 1)),
    *((64, 64, 64), (65, 66, 67), (100, 257, 130), (97, 600, 33), (7, 300, 513)),
]
SPECIAL = [math.nan, math.inf, -math.inf, -0.0, 0.0, 5e-324, 1.7e308, 2.5, -2.5, 0.5]


def numbers(seed, count, *, special=False):
    chance = random.Random(seed)
    made = [chance.uniform(-10, 10) for _ in range(count)]
    for _ in range(count // 5 if special else 0):
        made[chance.randrange(count)] = chance.choice(SPECIAL)
    return made


def results():
    """Matrices and numbers, of every kernel but those that need not be alike."""
    for count in SIZES:
        for special in (False, True):
            a = Matrix(1, count, numbers(count, count, special=special))
            b = Matrix(1, count, numbers(count + 1, count, special=special))
            for name in [
                "add",
                "subtract",
                "multiply",
                "divide",
                "less",
                "less_equal",
                "equal",
            ]:
                yield getattr(a, name)(b)
                yield getattr(a, name)(2.5)
            for name in [
                "ceil",
                "floor",
                "round",
                "negate",
                "abs",
                "sqrt",
                "reciprocal",
                "sign",
                "isnan",
                "isinf",
                "isfinite",
            ]:
                yield getattr(a, name)()
            yield a.clip(-1, 2)
            yield a.fma(b, 0.1)
            yield a.scaled_add(0.1, b)
            yield Matrix.where(b, a, 3)
            yield from (a.sum(), a.min(), a.max(), a.argmin(), a.argmax(), a.std())
            yield from (a.vecdot(b), a.magnitude())
            values, places = a.topk(min(count, 5))
            yield values
            yield from places
            yield from a.topk(min(count, 7), largest=False)[1]
    for rows, inner, columns in SHAPES:
        a = Matrix(rows, inner, numbers(rows, rows * inner))
        yield a @ Matrix(inner, columns, numbers(columns, inner * columns))
        yield a.sum(0)
        yield a.min(0)
        yield from a.argmax(0)


def digest():
    made = hashlib.sha256()
    for result in results():
        values = result.values() if isinstance(result, Matrix) else [result]
        for value in values:
            text = "nan" if value != value else float(value).hex()
            made.update(text.encode())
    return made.hexdigest()


if __name__ == "__main__":
    print(_math.kernels, digest())
