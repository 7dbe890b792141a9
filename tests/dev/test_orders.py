"""The check of docs/protocol.md and docs/memory-model.md against the sources: what it
finds if something is wrong."""

import re
import shutil

import check_orders
import pytest
from devtool.base import ROOT

PROTOCOL = check_orders.PROTOCOL_PAGE
MODEL = check_orders.MODEL_PAGE


@pytest.fixture
def tree(tmp_path):
    """A copy of what the check reads."""
    for folder in check_orders.FOLDERS:
        if (ROOT / folder).exists():
            shutil.copytree(ROOT / folder, tmp_path / folder, dirs_exist_ok=True)
    (tmp_path / "docs").mkdir()
    for page in (PROTOCOL, MODEL):
        shutil.copy(ROOT / page, tmp_path / page)
    return tmp_path


def change(tree, file, old, new):
    path = tree / file
    text = path.read_text("utf-8")
    assert text.count(old) >= 1, f"{file} has changed: mend this test"
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_tree_as_it_is_has_nothing_wrong(tree):
    assert check_orders.check(tree) == []
    assert len(list(check_orders.sites(tree / "libboc/src/protocol/request.c"))) > 10


BREAKS = {
    "a release without a tag": (
        "libboc/src/scheduler/blocking.c",
        "index + 1); /* [R13] */",
        "index + 1);",
        r"blocking\.c:\d+: release without tag",
    ),
    "an acquire with the tag of a release": (
        "libboc/src/base/block_pool.c",
        "NULL)); /* [A5] */",
        "NULL)); /* [R5] */",
        r"block_pool\.c:\d+: acquire without tag",
    ),
    "a fence without a tag": (
        "libboc/src/noticeboard/noticeboard.c",
        "/* [F4] */",
        "",
        r"noticeboard\.c:\d+: fence without tag",
    ),
    "relaxed without a reason": (
        "libboc/src/scheduler/blocking.c",
        "/* owner: locked */",
        "/* as it was */",
        r"blocking\.c:\d+: relaxed without reason",
    ),
    "a tag that hangs on the next statement": (
        "libboc/src/protocol/cown.c",
        "== 1) /* [R18] [A18] */\n    end_cown(cown);",
        "== 1)\n    end_cown(cown); /* [R18] [A18] */",
        r"cown\.c:\d+: acq_rel without tag",
    ),
    "a tag without a partner": (
        "libboc/src/runtime/lane.c",
        "/* [R17] */",
        "/* [R91] */",
        r"\[R91\] has no partner",
    ),
    "a tag that no head explains": (
        "libboc/src/protocol/scope.c",
        "[R15] cancelled",
        "cancelled",
        r"\[R15\] is in no file's head",
    ),
    "a pair without a row": (
        MODEL,
        "| R20 A20 |",
        "| |",
        r"\[A20\] has no row",
    ),
    "a pair with two rows": (
        MODEL,
        "| R21 A21 |",
        "| R20 A20 |",
        r"\[R20\] has two rows",
    ),
    "a row that names another file": (
        MODEL,
        "| `blocking.c` | `scheduler.h` |",
        "| `parked_workers.c` | `scheduler.h` |",
        r"\[R13\] stands in blocking\.c, not in `parked_workers\.c`",
    ),
    "a row that nothing exercises": (
        MODEL,
        "| `blocking.c` | `scheduler.h` | `test_blocking.c` |",
        "| `blocking.c` | `scheduler.h` | |",
        r"nothing exercises R13 A13",
    ),
    "a test that is not there": (
        MODEL,
        "`test_blocking.c`",
        "`test_blockings.c`",
        r"memory-model\.md: there is no test_blockings\.c",
    ),
    "a case that is not there": (
        "tests/c/runtime/test_runtime.c",
        "several_may_wait",
        "some_may_wait",
        r"protocol\.md: test_runtime\.c has no several_may_wait",
    ),
    "a function that has another name now": (
        "libboc/src/protocol/request.c",
        "wait_successor",
        "await_successor",
        r"protocol\.md: no code has the name wait_successor",
    ),
    "a mutant that is no more": (
        "tests/models/mutants_protocol.py",
        '"writer_does_not_look_again"',
        '"writer_looks_once"',
        r"protocol\.md: no code has the name writer_does_not_look_again",
    ),
    "a mutant of a model in Spin's language that is no more": (
        "tests/models/run_spin.py",
        '"STARTED_IS_NOT_READ_AGAIN"',
        '"STARTED_IS_READ_ONCE"',
        r"protocol\.md: no code has the name STARTED_IS_NOT_READ_AGAIN",
    ),
    "a meaning that has changed": (
        "libboc/src/protocol/request.h",
        "(readers) its behavior may read the",
        "(readers) its behavior does read the",
        r"request\.h has the row GRANTED \| \(readers\) its behavior does read",
    ),
    "a row of the table too many": (
        PROTOCOL,
        "| `WRITER_NEXT` | the successor writes |",
        "| `tail` | the successor writes |",
        r"request\.h has no row tail",
    ),
    "another number of steps": (
        "libboc/src/runtime/runtime.c",
        "6. Join, then free.",
        "6. Join. 7. Free.",
        r"stop has steps .*, in runtime\.c .*'7'",
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_what_is_wrong_is_found(tree, name):
    file, old, new, finding = BREAKS[name]
    change(tree, file, old, new)
    found = check_orders.check(tree)
    assert any(re.search(finding, each) for each in found), found
