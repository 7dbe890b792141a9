"""The check of sizes: what it measures, and what is too long."""

import check_sizes
import pytest


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.setattr(check_sizes, "ROOT", tmp_path)
    return tmp_path


def found(tree, name, text):
    path = tree / name
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    assert check_sizes.all_sources() == [path]
    return check_sizes.check(path)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("python/bocpy/csrc_math/matrix/methods.c", "int a;\n"),
        ("libboc/include/boc/boc.hpp", "int a;\n"),
        ("tests/cffi/test_it.py", "a = 1\n"),
        ("python/meson.build", "a = 1\n"),
    ],
)
def test_a_file_has_at_most_600_lines(tree, name, line):
    assert found(tree, name, 601 * line) == ["has 601 lines, more than 600"]
    assert check_sizes.check(write(tree / name, 600 * line)) == []


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_a_function_in_c_has_at_most_60_lines(tree):
    short = "static int one(int a,\n               int b) {\n" + "  a++;\n" * 57 + "}\n"
    assert found(tree, "libboc/src/a.c", short) == []
    long = short.replace("  a++;\n", "  a++;\n  b++;\n", 1)
    assert check_sizes.check(write(tree / "libboc/src/a.c", short + long)) == [
        "the function that ends in line 121 has 61 lines, more than 60"
    ]


def test_a_function_in_python_has_at_most_60_lines(tree):
    long = "class A:\n    async def one(self):\n" + "        a = 1\n" * 60
    said = ["one has 61 lines, more than 60"]
    assert found(tree, "tools/devtool/a.py", long) == said


def test_what_is_built_or_generated_is_left_out(tree):
    for name in ("python/build/a.py", "tests/.cache/a.py", *check_sizes.GENERATED):
        path = tree / name
        path.parent.mkdir(parents=True)
        path.write_text("a = 1\n" * 601, encoding="utf-8")
    assert check_sizes.all_sources() == []
