"""Modules in a folder of PYTHONPATH that a *.dist-info folder beside them lists are
installed packages; others there are the program's own."""

import os

import pytest

PROGRAM = """
import bocpy, lib, lib.part, own, single
from bocpy import _global_namespaces, when

of_program = _global_namespaces.is_of_program
print([name for name in ("lib", "lib.part", "single", "own") if of_program(name)])
own.state.level = 2
lib.names.append(2)

@when()
def body():
    return own.state.level, lib.names
print(body.result(60))
"""
RECORD = """\
../../bin/lib,sha256=x,1
lib-1.0.dist-info/METADATA,sha256=x,1
lib/__init__.py,sha256=x,1
lib/part.py,sha256=x,1
single.py,,
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    folder = tmp_path / "target"
    files = {
        "lib/__init__.py": "names = [1]\n",
        "lib/part.py": "",
        "single.py": "",
        "own.py": "import types\nstate = types.SimpleNamespace(level=1)\n",
        "lib-1.0.dist-info/RECORD": RECORD,
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    before = os.environ.get("PYTHONPATH")
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join(filter(None, [str(folder), before]))
    )


def test_what_dist_info_lists_is_installed(program, backend, installed):
    assert program(PROGRAM).lines == ["['own']", "(2, [1, 2])"]
