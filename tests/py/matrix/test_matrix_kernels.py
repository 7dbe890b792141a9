"""Every set of kernels that this processor can run, chosen by the environment."""

import decimal
import math
import os
import random
import subprocess
import sys
from pathlib import Path

import harness
import matrix_digest
import pytest
from bocpy import Matrix, _math

SETS = _math.available_kernels.split()
HERE = Path(__file__).parent


def run(*command, **variables):
    return subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        timeout=harness.LIMIT,
        env={**os.environ, **variables},
        cwd=HERE,
        check=False,
    )


@pytest.mark.parametrize("name", SETS)
def test_all_give_the_same_bits(name):
    """A named set uses no BLAS, as this process may."""
    first = run("matrix_digest.py", BOCPY_MATH_KERNELS=SETS[0]).stdout.split()
    done = run("matrix_digest.py", BOCPY_MATH_KERNELS=name)
    assert done.stdout.split() == [name, first[1]], done.stderr
    if not _math.blas and os.environ.get("BOCPY_MATH_FUSED") != "1":
        assert matrix_digest.digest() == first[1]


def test_the_fastest_is_chosen():
    done = run("-c", "from bocpy import _math; print(_math.kernels)")
    expected = os.environ.get("BOCPY_MATH_KERNELS") or SETS[-1]
    assert done.stdout.strip() in {expected, SETS[-1]}
    done = run(
        "-c",
        "from bocpy import _math; print(_math.kernels)",
        BOCPY_MATH_KERNELS="fastest",
    )
    assert done.stdout.strip() == SETS[-1]


def test_one_that_is_not_there_is_an_import_error():
    done = run("-c", "import bocpy", BOCPY_MATH_KERNELS="mmx")
    assert done.returncode == 1
    assert "ImportError: BOCPY_MATH_KERNELS=mmx" in done.stderr
    assert _math.available_kernels in done.stderr


@pytest.mark.parametrize("name", SETS)
def test_fused_products_are_close(name):
    program = """
from bocpy import Matrix
import matrix_digest
a = Matrix(70, 80, matrix_digest.numbers(1, 5600))
b = Matrix(80, 90, matrix_digest.numbers(2, 7200))
print(repr(list((a @ b).values())))
"""
    fused, plain = (
        eval(
            run("-c", program, BOCPY_MATH_KERNELS=name, BOCPY_MATH_FUSED=switch).stdout
        )
        for switch in ("1", "0")
    )
    assert fused == pytest.approx(plain, rel=1e-12, abs=1e-11)


# ---- how close functions are ---------------------------------------------------------

decimal_context = decimal.Context(prec=60)
PI = decimal.Decimal(
    "3.14159265358979323846264338327950288419716939937510582097494459230781640628620899"
)


def true_exp(x):
    return decimal_context.exp(x)


def true_log(x):
    return decimal_context.ln(x)


def true_tanh(x):
    one = decimal_context.exp(decimal_context.multiply(x, 2))
    return decimal_context.divide(
        decimal_context.subtract(one, 1), decimal_context.add(one, 1)
    )


def series(x, term, step):
    """A Taylor series whose terms are each times -x^2 / ((n + 1) (n + 2))."""
    total, n = term, step
    with decimal.localcontext(decimal_context):
        while abs(term) > decimal.Decimal(10) ** -55:
            term *= -x * x / ((n + 1) * (n + 2))
            total += term
            n += 2
    return total


def reduced(x):
    with decimal.localcontext(decimal_context):
        return x - (x / (2 * PI)).to_integral_value() * 2 * PI


def true_sin(x):
    r = reduced(x)
    return series(r, r, 1)


def true_cos(x):
    return series(reduced(x), decimal.Decimal(1), 0)


def arguments(name):
    chance = random.Random(7)
    for _ in range(400):
        if name == "log":
            yield 2.0 ** chance.uniform(-1074, 1023)
            yield chance.uniform(0.5, 2)
            yield 1 + chance.uniform(-1e-6, 1e-6)
        elif name == "exp":
            yield chance.uniform(-708, 709)
            yield chance.uniform(-1, 1)
        else:
            wide = 25 if name == "tanh" else 60000
            yield chance.uniform(-wide, wide)
            yield chance.uniform(-2, 2)
            yield chance.choice([-1, 1]) * 10.0 ** chance.uniform(-20, 0)
            if name == "tanh":  # where exp(2x) - 1 cancels most
                yield chance.uniform(0.17, 0.2)


TRUE = {
    "exp": true_exp,
    "log": true_log,
    "tanh": true_tanh,
    "sin": true_sin,
    "cos": true_cos,
}


@pytest.mark.parametrize("name", TRUE)
def test_functions_are_within_an_ulp(name):
    """2.5 where there is no multiply-add in one instruction: libm is used there."""
    limit = 2.5 if _math.kernels in ("sse2", "plain") else 1.0
    xs = list(arguments(name))
    for x, ours in zip(
        xs, getattr(Matrix(1, len(xs), xs), name)().values(), strict=True
    ):
        true = TRUE[name](decimal.Decimal(x))
        error = abs(decimal.Decimal(ours) - true) / decimal.Decimal(
            math.ulp(float(true))
        )
        assert error <= limit, (x, ours, float(true))


@pytest.mark.parametrize(
    ("name", "pairs"),
    [
        ("exp", [(math.inf, math.inf), (-math.inf, 0.0), (710, math.inf), (-800, 0.0)]),
        ("exp", [(-745.0, 5e-324), (0.0, 1.0), (-0.0, 1.0)]),
        ("log", [(0.0, -math.inf), (-0.0, -math.inf), (math.inf, math.inf), (1, 0.0)]),
        ("tanh", [(math.inf, 1.0), (-math.inf, -1.0), (-0.0, -0.0), (5e-324, 5e-324)]),
        ("sin", [(-0.0, -0.0), (1e22, math.sin(1e22)), (5e-324, 5e-324)]),
        ("cos", [(0.0, 1.0), (1e22, math.cos(1e22))]),
    ],
)
def test_functions_at_the_ends(name, pairs):
    for x, expected in pairs:
        for count in (1, 3, 8, 9):
            got = list(getattr(Matrix(1, count, float(x)), name)().values())
            assert [float.hex(value) for value in got] == [float.hex(expected)] * count


@pytest.mark.parametrize("name", [*TRUE, "sqrt", "log1p"])
def test_functions_of_nothing(name):
    for x in [math.nan, *([-1.5] if name in ("log", "sqrt", "log1p") else [])]:
        assert all(map(math.isnan, getattr(Matrix(1, 9, x), name)().values()))
    for x in [math.inf] if name in ("sin", "cos") else []:
        assert all(map(math.isnan, getattr(Matrix(1, 9, x), name)().values()))


def test_named_kernels_use_no_blas():
    done = run(
        "-c",
        "from bocpy import _math; print(repr(_math.blas))",
        BOCPY_MATH_KERNELS=SETS[-1],
    )
    assert done.stdout == "''\n", done.stderr
