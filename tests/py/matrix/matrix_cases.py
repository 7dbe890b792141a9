"""Programs of one expression on matrices, and what they give, as text.

They are made from seeds, so that the same ones run here and under bocpy 0.14, in an
environment of its own: there this file is a server that evaluates the lines it reads.

    PYTHON-WITH-0.14 tests/py/matrix/matrix_cases.py < programs > results
"""

import json
import math
import random
import sys

SPECIAL = [math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0, 0.5, -0.5, 1.5, 2.5, 1e300]
#: Results that are sums may be rounded otherwise than in 0.14, which adds in an order
#: that depends on the processor; and sines and cosines come from another libm.
ROUNDED = (
    *("sum(", "mean(", "magnitude(", "magnitude_squared(", "vecdot(", "normalize("),
    *(".length", "sin(", "cos(", "angle("),
)


# ---- results as text ---------------------------------------------------------------


def describe(value):
    """Bits, but for NaNs, which are all alike."""
    if isinstance(value, bool) or value is None:
        return repr(value)
    if isinstance(value, float):
        return "nan" if value != value else value.hex()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(map(describe, value)) + "]"
    if type(value).__name__ == "MatrixView":
        value = value.copy()
    if type(value).__name__ == "Matrix":
        numbers = " ".join(describe(number) for number in value.values())
        return f"{value.rows}x{value.columns}({numbers})"
    return repr(value)


def evaluate(program, matrix):
    """Runs a program: statements and an expression, separated by semicolons."""
    *statements, expression = program.split("; ")
    names = {"M": matrix, "nan": math.nan, "inf": math.inf}
    try:
        exec("\n".join(statements), names)
        return describe(eval(expression, names))
    except Exception as error:
        return type(error).__name__


# ---- programs ----------------------------------------------------------------------


class Maker:
    """Makes the programs of one seed."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.plain = self.chance.random() < 0.6

    def number(self):
        chance = self.chance
        if not self.plain and chance.random() < 0.3:
            return chance.choice(SPECIAL)
        if chance.random() < 0.4:
            return float(chance.randrange(-3, 4))
        return chance.uniform(-10, 10)

    def shape(self, largest=5):
        return self.chance.randrange(1, largest + 1), self.chance.randrange(
            1, largest + 1
        )

    def matrix(self, rows, columns):
        numbers = [self.number() for _ in range(rows * columns)]
        return f"M({rows}, {columns}, {numbers})"

    def operand(self, rows, columns):
        """Something that often fits a matrix of that shape."""
        shapes = [(rows, columns), (1, columns), (rows, 1), (1, 1), self.shape()]
        choice = self.chance.randrange(8)
        if choice < 5:
            return self.matrix(*shapes[choice])
        if choice == 5:
            return repr(self.number())
        if choice == 6:
            return repr([self.number() for _ in range(columns)])
        return f"{self.matrix(*shapes[self.chance.randrange(2)])}.view[0]"

    def axis(self):
        return self.chance.choice(["None", "0", "1", "-1", "-2"])

    def where(self, rows, columns):
        if self.chance.random() < 0.6:
            return ""
        mask = [self.chance.choice([0.0, 1.0, 2.0]) for _ in range(rows * columns)]
        return f", where=M({rows}, {columns}, {mask})"

    def part(self, length):
        chance = self.chance
        if chance.random() < 0.4:
            return str(chance.randrange(-length - 1, length + 1))
        ends = ["", *range(-length - 1, length + 2)]
        step = chance.choice(["", "", 1, 2, -1, -2, 3])
        return f"{chance.choice(ends)}:{chance.choice(ends)}:{step}"

    def key(self, rows, columns):
        choice = self.chance.randrange(10)
        if choice < 3:
            return self.part(rows)
        if choice < 7:
            return f"{self.part(rows)}, {self.part(columns)}"
        indices = [
            self.chance.randrange(-3, 3) for _ in range(self.chance.randrange(1, 4))
        ]
        forms = [f"{indices}", f"{indices}, :", f":, {indices}"]
        return self.chance.choice(forms)


def of_operator(maker, rows, columns):
    symbol = maker.chance.choice("+-*/")
    sides = [maker.operand(rows, columns), "m"]
    maker.chance.shuffle(sides)
    return f"{sides[0]} {symbol} {sides[1]}"


def of_product(maker, rows, columns):
    right = maker.matrix(columns, maker.chance.randrange(1, 6))
    return f"m @ {right}"


def of_large_product(maker, rows, columns):
    sizes = [maker.chance.randrange(1, 40) for _ in range(3)]
    seed = maker.chance.randrange(1000)
    rows, inner, columns = sizes
    return (
        f"M.seed({seed}); a = M.uniform(-10, 10, ({rows}, {inner})); "
        f"a @ M.uniform(-10, 10, ({inner}, {columns}))"
    )


def of_binary_method(maker, rows, columns):
    names = "add subtract multiply divide less less_equal greater greater_equal"
    name = maker.chance.choice([*names.split(), "equal", "not_equal"])
    out = maker.chance.choice(["", ", out=m", f", out=M({rows}, {columns})"])
    return f"m.{name}({maker.operand(rows, columns)}{out})"


def of_in_place(maker, rows, columns):
    symbol = maker.chance.choice("+-*/")
    other = maker.chance.choice(
        [maker.matrix(rows, columns), maker.matrix(1, columns), maker.matrix(rows, 1)]
    )
    return f"m {symbol}= {other}; m"


def of_unary(maker, rows, columns):
    names = "ceil floor round negate abs sqrt reciprocal sign cos sin"
    return f"m.{maker.chance.choice(names.split())}()"


def of_reduction(maker, rows, columns):
    names = "sum mean magnitude magnitude_squared min max argmin argmax"
    name = maker.chance.choice(names.split())
    return f"m.{name}({maker.axis()}{maker.where(rows, columns)})"


def of_topk(maker, rows, columns):
    k, largest = maker.chance.randrange(1, 5), maker.chance.random() < 0.5
    return f"m.topk({k}, {maker.axis()}, {largest}{maker.where(rows, columns)})"


def of_get(maker, rows, columns):
    return f"m[{maker.key(rows, columns)}]"


def of_set(maker, rows, columns):
    value = maker.chance.choice([repr(maker.number()), maker.matrix(1, 1)])
    return f"m[{maker.key(rows, columns)}] = {value}; m"


def of_set_matrix(maker, rows, columns):
    key = f"{maker.part(rows)}, {maker.part(columns)}"
    return f"part = m[{key}]; m[{key}] = part * 2; m"


def of_vector(maker, rows, columns):
    size = maker.chance.choice([2, 3])
    other = maker.matrix(*maker.chance.choice([(1, size), (size, 1)]))
    one = (
        f"m = {maker.matrix(*maker.chance.choice([(1, size), (size, 1), (4, size)]))}; "
    )
    choices = [f"m.cross({other}, {maker.axis()})", f"m.perpendicular({maker.axis()})"]
    choices += [f"m.angle({maker.axis()})"]
    return one + maker.chance.choice([*choices, f"m.normalize({maker.axis()})"])


def of_vecdot(maker, rows, columns):
    other = maker.chance.choice(
        [maker.matrix(rows, columns), maker.matrix(1, columns), maker.matrix(rows, 1)]
    )
    return f"m.vecdot({other}, {maker.axis()})"


def of_bins(maker, rows, columns):
    right = maker.chance.random() < 0.5
    edges = sorted({round(maker.chance.uniform(-9, 9), 1) for _ in range(3)})
    choices = [
        f"m.bin({maker.chance.randrange(1, 6)}, right={right})",
        f"m.bin({maker.chance.randrange(1, 6)}, bounds=(-5, 5), right={right})",
        f"m.digitize({edges}, right={right})",
    ]
    return maker.chance.choice(choices)


def of_clip(maker, rows, columns):
    low, high = maker.chance.choice([(-1, 1), (None, 2), (0, None), (1, -1)])
    return f"m.clip({low}, {high})"


def of_compare(maker, rows, columns):
    symbol = maker.chance.choice(["==", "!=", "<", "<=", ">", ">="])
    other = maker.chance.choice(
        [maker.matrix(rows, columns), "m.copy()", repr(maker.number()), "[1.0, 2.0]"]
    )
    return f"m {symbol} {other}"


def of_take(maker, rows, columns):
    indices = [
        maker.chance.randrange(-3, 3) for _ in range(maker.chance.randrange(1, 4))
    ]
    axis = maker.chance.choice("01")
    add = maker.chance.random() < 0.5
    choices = [
        f"m.take({indices}, {axis})",
        f"m.put({indices}, {maker.number()}, {axis}, {add})",
        f"m.take_along_axis({indices}, {axis})",
        f"m.put_along_axis({indices}, {maker.number()}, {axis}, {add})",
        f"m.repeat_interleave({len(indices)}, {maker.axis()})",
    ]
    return maker.chance.choice(choices)


def of_shape(maker, rows, columns):
    other = maker.matrix(*maker.shape(3))
    choices = ["m.T", "m.transpose()", "m.copy()", "list(m)", "m.shape", "len(m)"]
    choices += ["m.length", "-m", "abs(m)", "m.x", "m.w", "m.size", "list(m.values())"]
    choices += [f"M.concat([m, {other}], {maker.chance.choice('01')})"]
    choices += ["m.__reduce__()[1][:2]", "m.transpose(in_place=True)", "str(m)"]
    return maker.chance.choice(choices)


def of_where(maker, rows, columns):
    sides = [maker.matrix(rows, columns), repr(maker.number())]
    a = maker.chance.choice([*sides, maker.operand(rows, columns)])
    b = maker.chance.choice(sides)
    mask = [
        maker.chance.choice([0.0, -0.0, 1.0, math.nan]) for _ in range(rows * columns)
    ]
    return f"M.where(M({rows}, {columns}, {mask}), {a}, {b})"


def of_multiply_add(maker, rows, columns):
    b, c = maker.operand(rows, columns), maker.operand(rows, columns)
    inside = maker.chance.random() < 0.5
    choices = [
        f"m.fma({b}, {c}, in_place={inside})",
        f"m.scaled_add({b}, {maker.matrix(rows, columns)}, in_place={inside})",
        f"M.allclose(m, {maker.matrix(rows, columns)})",
    ]
    return maker.chance.choice(choices)


def of_random(maker, rows, columns):
    seed = maker.chance.randrange(-(2**70), 2**70)
    name = maker.chance.choice(["uniform", "normal"])
    size = maker.chance.choice(["", f", size=({rows}, {columns})"])
    return f"M.seed({seed}); M.{name}({maker.number()}, 2.5{size})"


def of_view(maker, rows, columns):
    part, row = maker.part(columns), maker.chance.randrange(rows)
    choices = [
        f"m.view[{row}][{part}]",
        f"m.row_view({row})[{part}]",
        f"m.view[{row}, {part}].T",
        f"v = m.view[{row}]; v[{part}] = {maker.number()}; m",
        "v = m.view[:, 0]; v[:] = v[::-1]; m",
        f"m.view[{row}] {maker.chance.choice('+-*/')} {maker.operand(1, columns)}",
        f"m.view[{row}] @ m.T",
        "[list(view) for view in m.column_views()]",
    ]
    return maker.chance.choice(choices)


#: One argument of each type; what else a method needs is left out.
ARGUMENTS = [
    *("None", "True", "0", "1", "-2", "2", "3", "1.5", "'a'", "[]", "[0, 1]", "(1, 0)"),
    *("range(2)", "iter([1.0, 0.0])", "[[1, 2], [3, 4]]", "[m, m]", "iter([m, m])"),
    *("m", "m.copy()", "m.view[0]", "m.view[:, 0]", "M(1, 1, 2.0)", "object()"),
]


def of_argument(maker, rows, columns):
    names = "sum min argmax normalize perpendicular angle take take_along_axis topk "
    names += "vecdot cross add less fma transpose floor clip bin digitize where "
    names += "repeat_interleave row_view column_view zeros ones vector concat from_view"
    name = maker.chance.choice(names.split())
    argument = maker.chance.choice(ARGUMENTS)
    owner = "M" if name in ("zeros", "ones", "vector", "concat", "from_view") else "m"
    if name in ("take", "take_along_axis", "concat") and maker.chance.random() < 0.5:
        return f"{owner}.{name}({argument}, {maker.chance.choice('01')})"
    return f"{owner}.{name}({argument})"


KINDS = [made for name, made in sorted(globals().items()) if name.startswith("of_")]


def program_of(seed):
    """The program that belongs to a number."""
    maker = Maker(seed)
    rows, columns = maker.shape()
    body = KINDS[seed % len(KINDS)](maker, rows, columns)
    return f"m = {maker.matrix(rows, columns)}; {body}"


def serve():
    """Evaluates the lines of standard input with the bocpy that is installed."""
    import bocpy

    for line in sys.stdin:
        print(json.dumps(evaluate(json.loads(line), bocpy.Matrix)), flush=True)


if __name__ == "__main__":
    serve()
