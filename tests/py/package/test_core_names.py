"""Each core has the names that the rest of the package uses it by: `_core.pyi`."""

import ast
from pathlib import Path

import bocpy
import harness

#: Names that the core by cffi lacks, and that the package asks for by hasattr.
NOT_BY_CFFI = {
    "_Scope",
    "_batch_begin",
    "_batch_end",
    "_current_exceptions",
    "_current_frames",
    "_scope_current",
    "_scope_find",
    "_scope_variable",
    "_trace_frames",
    "_when_in",
}
TYPES_ALONE = {"Reading", "_When"}


def declared():
    stub = Path(bocpy.__file__).with_name("_core.pyi").read_text(encoding="utf-8")
    for node in ast.parse(stub).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.AnnAssign):
            yield node.target.id


def test_all_names_are_there():
    missing = {name for name in declared() if not hasattr(bocpy._core, name)}
    assert missing - TYPES_ALONE == (NOT_BY_CFFI if harness.CFFI else set())
