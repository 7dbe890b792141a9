"""Calls each public function in unusual places: `unusual_places.py PLACE...`.

It prints a line for each call in each place: the place, the call, and "ok" or the
error. After each place a behavior and a wait have to work. test_unusual_places.py has
what is expected.
"""

import asyncio
import atexit
import contextvars
import gc
import importlib
import logging
import os
import signal
import sys
import tempfile
import threading
import time
import types
import warnings
import weakref
from concurrent.futures import ThreadPoolExecutor

import bocpy
from bocpy import Behaviors, BocExecutor, Cown, Matrix, PinnedCown, when

VAR = contextvars.ContextVar("VAR", default=0)
LIMIT = 50
kept, shown = [], []


def one(*_):
    return 1


def add(c):
    c.value += 1


def add_two(a, b):
    return a + b


def hold():
    with Cown(1) as value:
        return value


def hold_two():
    with bocpy.acquire(Cown(1), Cown(2)) as (a, b):
        return a, b


def scope():
    with bocpy.behaviors():
        when(Cown(0))(add)


def block():
    with Behaviors(2):
        when(Cown(0))(add)


def executor():
    with BocExecutor() as pool:
        return pool.submit(one).result(LIMIT)


def atomic():
    with bocpy.atomically():
        when(Cown(0))(add)


def tags():
    bocpy.set_tags(["x", "y"])
    bocpy.send("x", 1)
    return bocpy.receive("x", 0)


CALLS = {
    "cown": lambda: Cown([1]).exception,
    "with": hold,
    "acquire": hold_two,
    "when": lambda: when(Cown(0))(add),
    "whencall": lambda: bocpy.whencall(one, (Cown(1),), ()),
    "when_each": lambda: bocpy.when_each([Cown(0), Cown(1)], add),
    "atomically": atomic,
    "result": lambda: when(Cown(0))(one).result(LIMIT),
    "unwrap": lambda: when(Cown(0))(one).unwrap(timeout=LIMIT),
    "read": lambda: when(bocpy.read(Cown(0)))(one),
    "scope": scope,
    "map": lambda: bocpy.map(one, [1, 2]),
    "reduce": lambda: bocpy.reduce([Cown(1), Cown(2)], add_two),
    "gather": lambda: bocpy.gather(when()(one)).result(LIMIT),
    "as_completed": lambda: list(bocpy.as_completed([when()(one)], LIMIT)),
    "after": lambda: bocpy.after(0.001, Cown(0))(add),
    "at": lambda: bocpy.at(time.monotonic(), Cown(0))(add),
    "cancelled": bocpy.cancelled,
    "checkpoint": bocpy.checkpoint,
    "propagate": lambda: bocpy.propagate(VAR),
    "executor": executor,
    "send": lambda: bocpy.send("x", [1]),
    "receive": lambda: bocpy.receive("x", 1),
    "drain": lambda: bocpy.drain("x"),
    "set_tags": tags,
    "notice_write": lambda: bocpy.notice_write("k", [1]),
    "notice_update": lambda: bocpy.notice_update("k", one),
    "notice_read": lambda: bocpy.notice_read("k"),
    "noticeboard": lambda: dict(bocpy.noticeboard()),
    "notice_delete": lambda: bocpy.notice_delete("k"),
    "notice_seed": lambda: bocpy.notice_seed("k", 1),
    "pinned": lambda: when(PinnedCown([0]))(one),
    "pump": lambda: bocpy.pump(1),
    "watchdog": lambda: bocpy.set_pump_watchdog(60_000),
    "poll": lambda: bocpy.set_wait_pump_poll(50),
    "matrix": lambda: Matrix(2, 2),
    "sources": lambda: (bocpy.get_include(), len(bocpy.get_sources())),
    "start": lambda: bocpy.start(2),
    "quiesce": bocpy.quiesce,
    "wait": bocpy.wait,
    "block": block,
    "again": lambda: when(Cown(0))(one).result(LIMIT),
}


def outcome(call):
    try:
        kept.append(call())
    except BaseException as error:
        return " ".join(f"{type(error).__name__}: {error}".split())
    return "ok"


def text_of(place):
    lines = [f"{place} {name} {outcome(call)}\n" for name, call in CALLS.items()]
    kept.clear()
    return "".join(lines)


def call_all(*_):
    """Calls all, once in a place. The text is written at once, since some places are at
    the end of the program or in a child."""
    place = sys.argv[1] if len(sys.argv) == 2 else current
    if place not in shown:
        shown.append(place)
        os.write(1, text_of(place).encode())


def call_all_in(place):
    """For a body: on `interpreters` this module's `current` is another's."""
    os.write(1, text_of(place).encode())


def serve(thread):
    """Waits for the thread, and runs behaviors over pinned cowns meanwhile."""
    thread.start()
    while thread.is_alive():
        outcome(bocpy.pump)
        thread.join(0.005)


# ---- places --------------------------------------------------------------------------


class Finalized:
    def __init__(self, call=call_all):
        self.call = call

    def __del__(self):
        self.call()


def plain():
    call_all()


def finalizer():
    Finalized()
    gc.collect()


def finalizer_in_cycle():
    made = Finalized()
    made.me = made
    del made
    gc.collect()


def weakref_callback():
    made = type("C", (), {})()
    reference = weakref.ref(made, call_all)
    del made
    gc.collect()
    gc.collect()
    return reference


def gc_callback():
    gc.callbacks.append(call_all)
    gc.collect()
    gc.callbacks.clear()


def signal_handler():
    signal.signal(signal.SIGUSR1, call_all)
    signal.raise_signal(signal.SIGUSR1)


def signal_in_wait(wait=bocpy.wait):
    signal.signal(signal.SIGUSR1, call_all)
    me = os.getpid()
    when()(lambda: os.kill(me, signal.SIGUSR1))
    wait()
    while current not in shown:  # the signal may come a moment after the wait
        time.sleep(0)  # lets its handler run; the test's own limit ends the loop


def signal_in_quiesce():
    signal_in_wait(bocpy.quiesce)


def thread():
    serve(threading.Thread(target=call_all))


def thread_excepthook():
    threading.excepthook = call_all
    serve(threading.Thread(target=lambda: 1 / 0))


def pool_thread():
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(call_all)
        serve(threading.Thread(target=future.result))


def copied_context():
    contextvars.copy_context().run(call_all)


def audit_hook():
    def hook(event, _):
        if event == "bocpy.test":
            call_all()

    sys.addaudithook(hook)
    sys.audit("bocpy.test")


def trace_function(setter=sys.settrace):
    def trace(frame, _, arg):
        if frame.f_code.co_name == "traced":
            call_all()

    def traced():
        pass

    setter(trace)
    traced()
    setter(None)


def profile_function():
    trace_function(sys.setprofile)


def monitoring_callback():
    tool, start = sys.monitoring.PROFILER_ID, sys.monitoring.events.PY_START

    def called(code, _):
        if code.co_name == "traced":
            call_all()

    def traced():
        pass

    sys.monitoring.use_tool_id(tool, "bocpy")
    sys.monitoring.register_callback(tool, start, called)
    sys.monitoring.set_events(tool, start)
    traced()
    sys.monitoring.set_events(tool, 0)
    sys.monitoring.free_tool_id(tool)


def profile_of_when():
    """The call may be in the middle of a call of the package."""
    seen = []

    def profile(frame, event, _):
        seen.append(event)
        if len(seen) == 3:
            call_all()

    sys.setprofile(profile)
    when(Cown(0))(add)
    sys.setprofile(None)
    call_all()  # an interpreter that calls the function less often


def unraisable_hook():
    sys.unraisablehook = call_all
    Finalized(lambda: 1 / 0)
    gc.collect()


def report_of_failure():
    sys.unraisablehook = call_all
    failed = when()(lambda: 1 / 0)
    bocpy.quiesce()
    del failed  # a worker that is the last to have it reports in a behavior
    gc.collect()


def display_hook():
    sys.displayhook = call_all
    exec(compile("1", "x", "single"))


def warning_hook():
    shows, warnings.showwarning = warnings.showwarning, call_all
    warnings.simplefilter("always")
    warnings.warn("x", stacklevel=1)
    warnings.showwarning = shows


class Handler(logging.Handler):
    def emit(self, _):
        call_all()


def logging_handler():
    handler = Handler()
    logging.getLogger("places").addHandler(handler)
    logging.getLogger("places").warning("x")
    logging.getLogger("places").removeHandler(handler)


def handler_of_a_body():
    handler = Handler()
    logging.getLogger("places").addHandler(handler)
    when()(lambda: logging.getLogger("places").warning("x"))
    bocpy.quiesce()
    logging.getLogger("places").removeHandler(handler)


def stream():
    before = sys.stdout
    sys.stdout = types.SimpleNamespace(write=call_all, flush=one)
    print("x")
    sys.stdout = before


def class_being_made():
    type("C", (), {"x": type("D", (), {"__set_name__": call_all})()})


def module_being_imported():
    folder = tempfile.mkdtemp()
    with open(os.path.join(folder, "calls_all.py"), "w", encoding="utf-8") as file:
        file.write("import __main__\n__main__.call_all()\n")
    sys.path.insert(0, folder)
    importlib.invalidate_caches()
    __import__("calls_all")
    sys.path.remove(folder)


def import_hook():
    class Finder:
        def find_spec(self, name, *_):
            if name == "places_none":
                call_all()

    sys.meta_path.insert(0, Finder())
    outcome(lambda: __import__("places_none"))
    del sys.meta_path[0]


def attribute_of_module():
    module = types.ModuleType("m")
    module.__getattr__ = call_all
    hasattr(module, "any")


class Reduced:
    def __reduce__(self):
        call_all()
        return int, ("1",)


def reduce_method():
    if bocpy._core._backend() == "threads":
        call_all()
    Cown([Reduced()])


def generator_that_is_closed():
    def generator():
        try:
            yield
        finally:
            call_all()

    made = generator()
    next(made)
    made.close()


def coroutine():
    async def main():
        call_all()

    asyncio.run(main())


def scope_block():
    with bocpy.behaviors():
        call_all()


def atomically_block():
    with bocpy.atomically():
        call_all()


def holding():
    with Cown(1):
        call_all()


def pinned_body():
    when(PinnedCown(1))(call_all)
    bocpy.quiesce()


def callback_of_cown():
    door, opener = os.pipe()
    when()(lambda: os.read(door, 1)).add_done_callback(call_all)
    os.write(opener, b".")
    bocpy.quiesce()


def callback_of_done_cown():
    made = when()(one)
    made.result(LIMIT)
    made.add_done_callback(call_all)


def callback_of_future():
    door, opener = os.pipe()
    with BocExecutor() as pool:
        pool.submit(os.read, door, 1).add_done_callback(call_all)
        os.write(opener, b".")
    bocpy.quiesce()


def notice_function():
    bocpy.notice_update("k", call_all)
    bocpy.quiesce()


def body(place="body"):
    when()(lambda: call_all_in(place))
    bocpy.quiesce()


def body_with_cown(place="body_with_cown"):
    when(Cown(1))(lambda _: call_all_in(place))
    bocpy.quiesce()


def body_after_a_time(place="body_after_a_time"):
    bocpy.after(0.001)(lambda: call_all_in(place))
    bocpy.quiesce()


def task_of_executor(place="task_of_executor"):
    with BocExecutor() as pool:
        pool.submit(call_all_in, place).result(LIMIT)


def finalizer_in_body(place="finalizer_in_body"):
    def drops():
        Finalized(lambda: call_all_in(place))
        gc.collect()

    when()(drops)
    bocpy.quiesce()


# ---- children ------------------------------------------------------------------------


def fork(call=one):
    child = os.fork()
    if not child:
        call()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def child():
    fork(call_all)


def hook_of_fork(**hooks):
    place = current
    hooks = {when: lambda: current == place and call_all() for when in hooks}
    os.register_at_fork(**hooks)
    fork()


def before_fork():
    hook_of_fork(before=1)


def after_fork_in_parent():
    hook_of_fork(after_in_parent=1)


def after_fork_in_child():
    hook_of_fork(after_in_child=1)


# ---- the end of the program, and its begin -------------------------------------------


def atexit_function():
    atexit.register(call_all)
    when(Cown(0))(add)


def finalizer_at_exit():
    kept_to_the_end.append(Finalized())


def finalize_at_exit():
    kept_to_the_end.append(Finalized(one))
    weakref.finalize(kept_to_the_end[-1], call_all)


def excepthook():
    sys.excepthook = call_all
    raise ValueError("planned")


def while_workers_start():
    def hook(event, _):
        if event == "_thread.start_new_thread":
            call_all()

    sys.addaudithook(hook)
    bocpy.start(2)


kept_to_the_end = []


def check():
    """What the program does afterwards still works."""
    c = Cown(1)
    when(c)(add)
    assert c.unwrap(timeout=LIMIT) == 2
    bocpy.set_tags(["x", "y"])


def main():
    global current
    if "while_workers_start" not in sys.argv:
        bocpy.start(2)
    hooks = sys.unraisablehook, threading.excepthook
    for current in sys.argv[1:]:
        globals()[current]()
        sys.unraisablehook, threading.excepthook = hooks
        check()


if __name__ == "__main__":
    main()
