"""Programs that set or change what is outside of their functions: run on a plain
thread, in a spawned process and in a behavior.

Each consists of what the main thread does first (not in the spawned process), a
function without arguments, and what the main thread sees afterwards. A behavior on
`threads` does what a plain thread does. On `interpreters` it does so too, but where the
program says otherwise:

| the program says | then |
|---|---|
| WARNED | what the behavior changes is not seen, and a RuntimeWarning says so |
| OWN | a worker has its own, as a spawned process does: docs/guide/workers.md |
| REFUSED | the behavior fails with an error that names the thing |
"""

import importlib
import multiprocessing
import threading
import warnings

SAME, WARNED, OWN, REFUSED = "same", "warned", "own", "refused"
PROGRAMS = {}


def nothing():
    return None


def program(otherwise=SAME, *, first=nothing, after=nothing, report=""):
    def keep(function):
        PROGRAMS[function.__name__] = (otherwise, first, function, after, report)
        return function

    return keep


def told(run):
    try:
        return repr(run())
    except BaseException as error:
        return f"{type(error).__name__}: {error}"


def in_process(name):
    _, _, run, after, _ = PROGRAMS[name]
    return told(run), told(after)


def on_thread(name):
    _, first, run, after, _ = PROGRAMS[name]
    first()
    found = []
    thread = threading.Thread(target=lambda: found.append(told(run)))
    thread.start()
    thread.join()
    return found[0], told(after)


def in_behavior(name):
    """The outcome, and whether there was a warning about a change.

    What the main thread sets is set between two behaviors.
    """
    from bocpy import when

    _, first, run, after, _ = PROGRAMS[name]
    if first is not nothing:
        told(lambda: when()(run).result(60))  # without what `first` sets
    first()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RuntimeWarning)
        result = when()(run)
        outcome = told(lambda: result.result(60)), told(after)
    warned = [str(each.message) for each in caught]
    return outcome, any("is seen in the worker" in text for text in warned)


def is_right(otherwise, found, warned, plain, spawned):
    if otherwise == WARNED:
        return warned
    if otherwise == REFUSED:
        return ("Error" in found[0] or found == plain) and not warned
    if otherwise == OWN:
        return found[0] == spawned[0] and not warned
    return found == plain and not warned


def spawn(run, module):
    """The results of all programs in a process of their own, where `module` has them:
    one that is imported, or the script, which such a process imports anyway."""
    arguments = {}
    if module != "__main__":
        arguments = {"initializer": importlib.import_module, "initargs": (module,)}
    with multiprocessing.get_context("spawn").Pool(1, **arguments) as pool:
        return pool.map(run, PROGRAMS)


def main(module):
    import bocpy

    bocpy.start(2)
    by_reference = bocpy._core._backend() == "threads"
    behaviors = [in_behavior(name) for name in PROGRAMS]
    plain, spawned = spawn(on_thread, module), spawn(in_process, module)
    for i, (name, each) in enumerate(PROGRAMS.items()):
        otherwise = SAME if by_reference else each[0]
        found, warned = behaviors[i]
        if not is_right(otherwise, found, warned, plain[i], spawned[i]):
            print(name, otherwise, found, warned, plain[i], spawned[i], sep=" | ")
    print(len(PROGRAMS), "programs")
