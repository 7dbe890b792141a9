"""Each core has the names that `_core.pyi` declares, which the rest of the package
uses."""

import ast
from pathlib import Path

import bocpy
import harness

#: Names that the core by cffi lacks: only workers' interpreters and the extension's own
#: traces need them.
NOT_BY_CFFI = {"_current_exceptions", "_current_frames", "_trace_take"}
TYPES_ALONE = {"Reading", "_When"}


def declared():
    stub = Path(bocpy.__file__).with_name("_core.pyi").read_text(encoding="utf-8")
    for node in ast.parse(stub).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.AnnAssign):
            yield node.target.id


def test_the_core_has_all_declared_names():
    missing = {name for name in declared() if not hasattr(bocpy._core, name)}
    assert missing - TYPES_ALONE == (NOT_BY_CFFI if harness.CFFI else set())
