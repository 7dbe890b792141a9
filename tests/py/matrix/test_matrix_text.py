"""What str(), format() and help() show of a matrix."""

import re

import pytest
from bocpy import Cown, Matrix, MatrixView

M = Matrix(2, 2, [1, 2.5, -10, 0.125])


def test_without_a_specification_format_is_str():
    assert f"{M}" == format(M, "") == str(M) == "[[    1   2.5]\n [  -10 0.125]]"


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (".2f", "[[  1.00   2.50]\n [-10.00   0.12]]"),
        ("+.0e", "[[+1e+00 +2e+00]\n [-1e+01 +1e-01]]"),
        ("<6", "[[1.0    2.5   ]\n [-10.0  0.125 ]]"),
        (".1%", "[[  100.0%   250.0%]\n [-1000.0%    12.5%]]"),
        (
            "\u00b7>5.1f",
            "[[\u00b7\u00b71.0 \u00b7\u00b72.5]\n [-10.0 \u00b7\u00b70.1]]",
        ),
    ],
)
def test_every_element_has_the_specification(spec, text):
    assert format(M, spec) == text


def test_a_view_shows_that_it_is_one():
    assert f"{M.view[0]:.1f}" == "MatrixView([[1.0 2.5]])"
    assert f"{M.view[0]}" == str(M.view[0])


def test_of_many_elements_the_first_and_last():
    lines = format(Matrix.full((50, 60), 1.5), ".3f").split("\n")
    assert len(lines) == 7
    assert lines[0] == "[[1.500 1.500 1.500   ... 1.500 1.500 1.500]"
    assert lines[3] == " [" + " ".join(["  ..."] * 7) + "]"


def test_what_is_no_specification():
    with pytest.raises(ValueError, match="format code 'q'"):
        format(M, "q")
    with pytest.raises(TypeError, match="must be a str, not int"):
        M.__format__(2)


def test_a_matrix_that_has_moved():
    m = Matrix(1, 2)
    Cown(m)
    assert f"{m}" == f"{m:.2f}" == "<not acquired>"


#: What Python itself documents.
SLOTS = {"__new__", "__doc__", "__module__", "__hash__"}


def own_members():
    """Methods, properties, and what is called by other programs: pickle, DLPack."""
    for kind in (Matrix, MatrixView):
        for name, member in vars(kind).items():
            is_slot = type(member).__name__ == "wrapper_descriptor"
            if name not in SLOTS and not is_slot:
                yield f"{kind.__name__}.{name}"


def documentation(path):
    kind, name = path.split(".")
    return getattr({"Matrix": Matrix, "MatrixView": MatrixView}[kind], name).__doc__


MEMBERS = list(own_members())
#: Methods that compute more than one expression for each element.
ALGORITHMS = [
    *("sum", "mean", "magnitude", "magnitude_squared", "var", "std", "vecdot"),
    *("normalize", "argmin", "argmax", "topk", "sort", "argsort", "solve", "inv"),
    *("det", "exp", "log", "tanh", "sin", "cos", "log1p", "expm1", "pow", "sqrt"),
    *("fma", "round", "seed", "uniform", "normal", "digitize", "transpose"),
    "__dlpack__",
]


def test_properties_and_special_methods_are_members():
    assert {"Matrix.x", "Matrix.T", "Matrix.acquired", "MatrixView.T"} <= set(MEMBERS)
    assert {"Matrix.__dlpack__", "Matrix.__reduce__", "Matrix.sum"} <= set(MEMBERS)
    assert len(MEMBERS) > 110


@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_says_its_errors_and_shows_an_example(member):
    """test_docs runs the examples."""
    text = documentation(member)
    assert "Error" in text or "errors" in text
    assert ">>>" in text


@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_says_what_the_result_is(member):
    """Its shape, if it is a Matrix."""
    words = "shape|size|rows|columns|1x1|1 x|floats?|int|bool|tuple|None|list|TypeError"
    assert re.search(rf"\b({words})\b", documentation(member).split(">>>")[0])


@pytest.mark.parametrize("name", ALGORITHMS)
def test_the_source_of_an_algorithm_is_named(name):
    assert "\nSource: " in documentation(f"Matrix.{name}")
