"""Misuse of the C API: the documented status, or a panic that names what is wrong.

Each misuse is in a program of its own, since most of them end it. Misuse that the
library cannot notice (of memory that another behavior uses by now) is not tested.
"""

import os
import sys

import pytest

HEAD = """
from libboc import *
from libboc import ffi, lib
NULL = ffi.NULL
kept = []

def new(struct, make, *arguments):
    out = ffi.new(f"boc_{struct} **")
    assert make(*arguments, out) == lib.BOC_OK
    return out[0]

def new_cown():
    kind = ffi.new("boc_cown_type *")
    kept.append(kind)
    return new("cown", lib.boc_cown_new, kind)

def array(*cowns):
    return ffi.new("boc_cown *[]", list(cowns))

def accesses(*cowns):
    return ffi.new("boc_access[]", [(cown, lib.BOC_WRITE) for cown in cowns])

kind = ffi.new("boc_behavior_type *")
kind.body = lib.py_behavior_type_body
out = ffi.new("boc_behavior **")
"""

PANICS = {
    "boc_cown_hold of NULL": ("lib.boc_cown_hold(NULL)", "cown"),
    "boc_cown_drop of NULL": ("lib.boc_cown_drop(NULL)", "cown"),
    "a cown dropped twice": (
        "c = new_cown(); lib.boc_cown_drop(c); lib.boc_cown_drop(c)",
        "a cown that somebody holds",
    ),
    "a cown held after its end": (
        "c = new_cown(); lib.boc_cown_drop(c); lib.boc_cown_hold(c)",
        "a cown that somebody holds",
    ),
    "a behavior over a cown after its end": (
        "r = Runtime(1); c = new_cown(); lib.boc_cown_drop(c);"
        "lib.boc_when(r.core, array(c), 1, lib.py_when_body, NULL)",
        "a cown that somebody holds",
    ),
    "a behavior over NULL": (
        "lib.boc_when(Runtime(1).core, array(NULL), 1, lib.py_when_body, NULL)",
        "cown",
    ),
    "a behavior of no runtime": (
        "lib.boc_when(NULL, array(new_cown()), 1, lib.py_when_body, NULL)",
        "runtime",
    ),
    "a behavior without a body": (
        "lib.boc_when(Runtime(1).core, array(new_cown()), 1, NULL, NULL)",
        "body",
    ),
    "a behavior of no type": (
        "lib.boc_behavior_new(Runtime(1).core, NULL, 0, NULL, 0, out)",
        "type",
    ),
    "no accesses, though counted": (
        "lib.boc_behavior_new(Runtime(1).core, kind, 0, NULL, 1, out)",
        "accesses",
    ),
    "boc_behavior_schedule of NULL": ("lib.boc_behavior_schedule(NULL)", "behavior"),
    "boc_behavior_free of NULL": ("lib.boc_behavior_free(NULL)", "behavior"),
    "boc_behavior_defer of NULL": ("lib.boc_behavior_defer(NULL)", "self"),
    "boc_behavior_complete of NULL": ("lib.boc_behavior_complete(NULL)", "behavior"),
    "boc_runtime_free of NULL": ("lib.boc_runtime_free(NULL)", "runtime"),
    "boc_runtime_quiesce of NULL": ("lib.boc_runtime_quiesce(NULL, 0)", "runtime"),
    "boc_runtime_free on its own worker": (
        "r = Runtime(1); r.schedule(lambda: lib.boc_runtime_free(r.core)); r.quiesce()",
        "boc_worker_index",
    ),
    "boc_lane_free of NULL": ("lib.boc_lane_free(NULL)", "lane"),
    "a lane freed with work in it": (
        "r, l, c = Runtime(1), Lane(), Cown(1); c.pin(l);"
        "r.schedule(lambda c: None, [c]); l.wait(); lib.boc_lane_free(l.core)",
        "lane",
    ),
    "boc_mailbox_free of NULL": ("lib.boc_mailbox_free(NULL)", "mailbox"),
    "boc_mailbox_close of NULL": ("lib.boc_mailbox_close(NULL)", "mailbox"),
    "boc_noticeboard_free of NULL": ("lib.boc_noticeboard_free(NULL)", "board"),
    "boc_noticeboard_read of NULL": ("lib.boc_noticeboard_read(NULL)", "board"),
    "boc_notices_drop of NULL": ("lib.boc_notices_drop(NULL)", "notices"),
}

STATUSES = {
    "behaviors of two runtimes as one step": (
        "a, b = Runtime(1), Runtime(1)\n"
        "both = [new('behavior', lib.boc_behavior_new, r.core, kind, 0, NULL, 0)"
        " for r in (a, b)]\n"
        "print(lib.boc_behavior_schedule_all(both, 2) == lib.BOC_BAD_ARGUMENT)\n"
        "for each in both: lib.boc_behavior_free(each)"
    ),
    "cowns of two lanes": (
        "r, lanes, cowns = Runtime(1), [Lane(), Lane()], [Cown(1), Cown(2)]\n"
        "for c, l in zip(cowns, lanes): c.pin(l)\n"
        "given = array(*(c.core for c in cowns))\n"
        "print(lib.boc_when(r.core, given, 2, lib.py_when_body, NULL)"
        " == lib.BOC_BAD_ARGUMENT)"
    ),
    "a cown pinned twice": (
        "l, c = Lane(), Cown(1); c.pin(l)\n"
        "print(lib.boc_cown_pin(c.core, l.core) == lib.BOC_BAD_STATE)"
    ),
    "a fresh cown that is not the last": (
        "r, a, b = Runtime(1), new_cown(), new_cown()\n"
        "given = ffi.new('boc_access[]', [(a, lib.BOC_FRESH), (b, lib.BOC_WRITE)])\n"
        "print(lib.boc_behavior_new(r.core, kind, 0, given, 2, out)"
        " == lib.BOC_BAD_ARGUMENT)"
    ),
    "a wait on the runtime's own worker": (
        "r = Runtime(1)\n"
        "r.schedule(lambda: print(lib.boc_runtime_quiesce(r.core, -1)"
        " == lib.BOC_BAD_STATE))"
    ),
    "a receive of no tags": (
        "m = Mailbox()\n"
        "print(lib.boc_mailbox_receive(m.core, NULL, 0, 0, NULL, ffi.new('size_t *'),"
        " ffi.new('void **')) == lib.BOC_BAD_ARGUMENT)"
    ),
    "a send after close": (
        "m = Mailbox(); m.close()\n"
        "print(lib.boc_mailbox_send(m.core, ffi.new('boc_tag *')[0], NULL)"
        " == lib.BOC_CLOSED)"
    ),
    "too many workers": (
        "o = ffi.new('boc_runtime_options *'); lib.init_runtime_options(o)\n"
        "o.workers = 100000\n"
        "print(lib.boc_runtime_new(o, ffi.new('boc_runtime **'))"
        " == lib.BOC_BAD_ARGUMENT)"
    ),
}


@pytest.mark.parametrize("name", PANICS)
def test_panic(program, name):
    source, named = PANICS[name]
    done = program(HEAD + source, PYTHONFAULTHANDLER="")
    assert done.code not in (0, -11), done.err
    if sys.platform != "win32":
        assert done.code == -6
    said = next(line for line in done.err.splitlines() if "libboc: " in line)
    assert "broken invariant at" in said
    assert named in said


@pytest.mark.parametrize("name", STATUSES)
def test_status(program, name):
    done = program(HEAD + STATUSES[name])
    assert (done.code, done.out) == (0, "True\n"), done.err


#: NULL, with a count of 0, does nothing.
NULL_IS_TAKEN = ("boc_behavior_schedule_all", "boc_scope_cancelled", "boc_scope_drop")
NULL_IS_TAKEN += ("boc_timer_drop", "boc_worker_index")
#: Bodies call these so often that they check nothing.
UNCHECKED = ("boc_behavior_cancelled", "boc_behavior_count", "boc_behavior_cown")
UNCHECKED += ("boc_behavior_env", "boc_behavior_mode", "boc_cown_of_payload")
UNCHECKED += ("boc_cown_payload",)

NULLS = """
import os
from libboc import ffi, lib

def zero(kind):
    if kind.kind in ("pointer", "function"):
        return ffi.NULL
    return ffi.new(kind.cname + " *")[0] if kind.kind == "struct" else 0

for name in sorted(dir(lib)):
    if not name.startswith("boc_") or name in LEFT_OUT:
        continue
    function = getattr(lib, name)
    kinds = ffi.typeof(function).args
    if not any(kind.kind == "pointer" for kind in kinds):
        continue
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(write, 2)
        function(*map(zero, kinds))
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as file:
        told = file.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(name, code, "broken invariant at" in told)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
def test_null_for_each_parameter(program):
    """Each function panics or accepts NULL; none reads at address 0."""
    done = program(NULLS.replace("LEFT_OUT", repr(UNCHECKED)), PYTHONFAULTHANDLER="")
    assert done.code == 0, done.err
    found = {line.split()[0]: line.split()[1:] for line in done.out.splitlines()}
    assert len(found) > 60
    assert [name for name in found if found[name][0] == "0"] == sorted(NULL_IS_TAKEN)
    for name in set(found) - set(NULL_IS_TAKEN):
        assert found[name] == ["-6", "True"], name
