"""The check that no variable of the process comes in without a guard."""

import check_statics
import pytest


def found(tmp_path, text):
    path = tmp_path / "some.c"
    path.write_text(text, encoding="utf-8")
    return [name for _, name in check_statics.variables(path)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("static int count;\n", ["count"]),
        (
            "static bocpy_waiter *pool;\nstatic unsigned pooled = 3;\n",
            ["pool", "pooled"],
        ),
        ("static size_t used, capacity;\n", ["used", "capacity"]),
        ("static _Atomic(boc_lane *) lane;\n", ["lane"]),
        ("static BOCPY_THREAD_LOCAL stock mine;\n", ["mine"]),
        ("atomic_bool threads_backend;\n", ["threads_backend"]),
        ("static void (*listener)(void *ctx);\n", ["listener"]),
        ("static item *depot[64];\n", ["depot"]),
        ("void f(void) {\n  static bool hooked; /* once */\n}\n", ["hooked"]),
        ("static const char *name = 0;\n", ["name"]),
    ],
)
def test_variables_are_found(tmp_path, text, names):
    assert found(tmp_path, text) == names


@pytest.mark.parametrize(
    "text",
    [
        "static const int limit = 3;\n",
        "static const char *const names[] = {0};\n",
        "static PyMethodDef methods[] = {{0}};\n",
        "static int f(int a);\nint g(void (*done)(void *ctx), int b);\n",
        "typedef int (*encoding)(int value);\nextern int elsewhere;\n",
        "int f(void) {\n  int local = 3;\n  return local;\n}\n",
        "/* static int in_a_comment; */\nstruct s {\n  int field;\n};\n",
    ],
)
def test_others_are_not(tmp_path, text):
    assert found(tmp_path, text) == []


def test_the_table_is_complete():
    assert list(check_statics.problems()) == []
    assert len(check_statics.listed()) > 50
