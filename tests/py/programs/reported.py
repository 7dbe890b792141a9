"""Runs programs that users have reported, each with its report and the right result, on
a plain thread, in a spawned process and in a behavior.

A program is a function without arguments; an exception counts as its result, too.
"""

import importlib
import multiprocessing
import threading

REPORTS = {}


def report(issue, right, *, refused=None):
    """refused: what the error says where a worker's interpreter cannot do it."""

    def keep(function):
        REPORTS[function.__name__] = (issue, right, refused, function)
        return function

    return keep


def told(run):
    try:
        return run()
    except BaseException as error:
        return f"{type(error).__name__}: {error}"


def alone(name):
    return told(REPORTS[name][-1])


def by_thread(name):
    found = []
    thread = threading.Thread(target=lambda: found.append(alone(name)))
    thread.start()
    thread.join()
    return found[0]


def by_behavior(name):
    from bocpy import when

    run = REPORTS[name][-1]

    @when()
    def result():
        return run()

    return told(lambda: result.result(60))


def spawned(module):
    """The results in a process that has imported `module`: as its main module, or for
    itself."""
    arguments = {}
    if module != "__main__":
        arguments = {"initializer": importlib.import_module, "initargs": (module,)}
    with multiprocessing.get_context("spawn").Pool(1, **arguments) as pool:
        return pool.map(alone, REPORTS)


def main(module):
    import bocpy

    bocpy.start(2)
    limited = bocpy._core._backend() != "threads"
    behaviors = [by_behavior(name) for name in REPORTS]
    bocpy.wait()
    processes = spawned(module)
    for i, (name, (issue, right, refused, _)) in enumerate(REPORTS.items()):
        found = [behaviors[i], by_thread(name), processes[i]]
        if refused is not None and limited and refused in str(found[0]):
            found.pop(0)
        if any(repr(each) != repr(right) for each in found):
            print(
                issue, name, *(f"{each!r:.300}" for each in (right, *found)), sep=" | "
            )
    print(len(REPORTS), "programs")
