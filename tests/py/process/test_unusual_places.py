"""The public API called in unusual places: hooks, finalizers, handlers, threads that
end, children of forks, the program's begin and end (programs/unusual_places.py).

A call works there or is refused with an error that names it. Nothing crashes or hangs.
"""

import os
import sys

import harness
import pytest

PROGRAM = os.path.join(harness.PROGRAMS, "unusual_places.py")


def refused(calls, says=None):
    """The calls, each with what its error says; None: what SAYS has."""
    return dict.fromkeys(calls.split(), says)


#: The calls of the program's table.
CALLS = refused(
    "cown with acquire when whencall when_each atomically result unwrap read scope map "
    "reduce gather as_completed after at cancelled checkpoint propagate executor send "
    "receive drain set_tags notice_write notice_update notice_read noticeboard "
    "notice_delete notice_seed pinned pump watchdog poll matrix sources start quiesce "
    "wait block again"
)

#: What the error of a refused call says.
SAYS = {
    "with": "acquire()",
    "acquire": "acquire()",
    "atomically": "atomically()",
    "result": "result()",
    "unwrap": "unwrap()",
    "scope": "scope",
    "map": "map()",
    "gather": "result()",
    "as_completed": "await",
    "after": "after()",
    "at": "at()",
    "executor": "submit()",
    "set_tags": "set_tags()",
    "notice_seed": "notice_seed()",
    "pinned": "PinnedCown()",
    "pump": "pump()",
    "watchdog": "set_pump_watchdog()",
    "start": "start()",
    "quiesce": "quiesce()",
    "wait": "wait()",
    "block": "wait()",
    "again": "result()",
}

#: Which calls are refused where.
NOTHING = refused("")
OTHER_THREAD = refused("pump")
WAITS = refused(
    "with acquire result unwrap gather as_completed quiesce wait block again"
)
CALLBACK = WAITS | refused("scope map pump")
BODY_OF_THREADS = CALLBACK | refused("pinned")
BODY = BODY_OF_THREADS | refused("executor set_tags notice_seed watchdog start")
BODY["block"] = "start()"
CALLBACK_OF = {"interpreters": CALLBACK, "threads": BODY_OF_THREADS}
BODY_OF = {"interpreters": BODY, "threads": BODY_OF_THREADS}
ATOMIC = refused(
    "with acquire atomically result unwrap scope gather as_completed after at executor "
    "again"
)
AT_EXIT = refused("executor", "after interpreter shutdown")
if sys.version_info[:2] == (3, 12):  # it starts no thread then
    AT_EXIT |= refused("watchdog", "can't create new thread")
STARTING = refused(
    "with acquire when whencall when_each atomically result unwrap read reduce gather "
    "as_completed after at executor notice_write notice_update notice_delete "
    "notice_seed pinned pump start wait block again",
    "while it started or ended the workers: call start() before",
) | refused("scope", "FailureGroup")

#: Places of one process, in this order: see the program's functions.
PLACES = {
    "plain": NOTHING,
    "finalizer": NOTHING,
    "finalizer_in_cycle": NOTHING,
    "weakref_callback": NOTHING,
    "gc_callback": NOTHING,
    "signal_handler": NOTHING,
    "signal_in_wait": NOTHING,
    "signal_in_quiesce": NOTHING,
    "thread": OTHER_THREAD,
    "thread_excepthook": OTHER_THREAD,
    "pool_thread": OTHER_THREAD,
    "copied_context": NOTHING,
    "audit_hook": NOTHING,
    "trace_function": NOTHING,
    "profile_function": NOTHING,
    "profile_of_when": NOTHING,
    "monitoring_callback": NOTHING,
    "unraisable_hook": NOTHING,
    "report_of_failure": NOTHING,
    "display_hook": NOTHING,
    "warning_hook": NOTHING,
    "logging_handler": NOTHING,
    "handler_of_a_body": CALLBACK_OF,
    "stream": NOTHING,
    "class_being_made": NOTHING,
    "module_being_imported": NOTHING,
    "import_hook": NOTHING,
    "attribute_of_module": NOTHING,
    "reduce_method": NOTHING,
    "generator_that_is_closed": NOTHING,
    "coroutine": NOTHING,
    "scope_block": NOTHING,
    "atomically_block": ATOMIC,
    "holding": WAITS,
    "pinned_body": CALLBACK,
    "callback_of_cown": CALLBACK_OF,
    "callback_of_done_cown": CALLBACK,
    "callback_of_future": CALLBACK_OF,
    "notice_function": NOTHING,
    "body": BODY_OF,
    "body_with_cown": BODY_OF,
    "body_after_a_time": BODY_OF,
    "task_of_executor": BODY_OF,
}
FORKS = ["child", "before_fork", "after_fork_in_parent", "after_fork_in_child"]
LAST = {
    "atexit_function": AT_EXIT,
    "finalize_at_exit": AT_EXIT,
    "excepthook": NOTHING,
    "finalizer_in_body": BODY_OF,
}

#: Places that an interpreter does not have.
if sys.version_info < (3, 12) or harness.PYPY:
    del PLACES["monitoring_callback"]
if harness.PYPY:
    del PLACES["gc_callback"]


def call_in(places, backend, code=0):
    """The calls' outcomes by place."""
    process = harness.subprocess.run(
        [sys.executable, "-X", "faulthandler", PROGRAM, *places],
        env=harness.child_environment(backend, {"PYTHONWARNINGS": "ignore"}),
        capture_output=True,
        text=True,
        timeout=4 * harness.LIMIT,
        check=False,
    )
    assert process.returncode == code, process.stdout[-500:] + process.stderr[-3000:]
    outcomes = {}
    for line in process.stdout.splitlines():
        place, call, outcome = line.split(" ", 2)
        outcomes.setdefault(place, {})[call] = outcome
    return outcomes


def differences(place, expected, outcomes, backend):
    """What is not as the table says."""
    errors = expected.get(backend, expected)
    if harness.CFFI:
        errors = errors | refused("matrix", "Matrix needs bocpy's extensions in C")
    for call in CALLS:
        outcome = outcomes.get(place, {}).get(call, "nothing")
        if (call, outcome) == ("unwrap", "ok"):  # no wait: the result was there already
            continue
        says = (errors[call] or SAYS[call]) if call in errors else "ok"
        if says not in outcome or (call in errors) != (outcome != "ok"):
            yield f"{place}: {call}: {outcome}, not {says}"


def test_calls_work_there_or_are_refused_by_name(backend):
    outcomes = call_in(PLACES, backend)
    found = [
        difference
        for place, expected in PLACES.items()
        for difference in differences(place, expected, outcomes, backend)
    ]
    assert found == []


@pytest.mark.parametrize("place", LAST)
def test_calls_at_the_end_of_the_program(backend, place):
    outcomes = call_in([place], backend, code=int(place == "excepthook"))
    assert [*differences(place, LAST[place], outcomes, backend)] == []


def test_calls_of_a_finalizer_at_exit_do_no_harm(backend):
    """What is left of the program then, nobody says."""
    call_in(["finalizer_at_exit"], backend)


if hasattr(os, "fork"):

    def test_calls_around_a_fork(backend):
        outcomes = call_in(FORKS, backend)
        for place in FORKS:
            assert [*differences(place, NOTHING, outcomes, backend)] == []


if "interpreters" in harness.BACKENDS:

    @pytest.mark.backends("interpreters")
    def test_calls_while_the_workers_start(backend):
        place = "while_workers_start"
        outcomes = call_in([place], backend)
        assert [*differences(place, STARTING, outcomes, backend)] == []
