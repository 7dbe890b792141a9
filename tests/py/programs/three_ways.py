"""Runs programs in behaviors, on plain threads and in a spawned process. Prints a line
for each whose results differ, and how many programs there are.

A program is a function without arguments; its result is compared by its repr."""

import multiprocessing
import os
import threading


def outcome(run):
    try:
        return repr(run())
    except BaseException as error:
        return f"{type(error).__name__}: {error}"


def by_thread(run):
    found = []
    thread = threading.Thread(target=lambda: found.append(outcome(run)))
    thread.start()
    thread.join()
    return found[0]


def by_behavior(run):
    from bocpy import when

    @when()
    def result():
        return repr(run())

    try:
        return result.unwrap(timeout=60)
    except BaseException as error:
        return f"{type(error).__name__}: {error}"


def compare(programs, by_name):
    """`by_name` calls `outcome` for a name, in the spawned process: that finds it where
    the programs are."""
    import bocpy

    os.environ["PLAIN_TEST"] = "yes"
    bocpy.start(2)
    behaviors = {name: by_behavior(run) for name, run in programs.items()}
    bocpy.wait()
    on_threads = {name: by_thread(run) for name, run in programs.items()}
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        spawned = dict(zip(programs, pool.map(by_name, programs), strict=True))
    for name in programs:
        if not behaviors[name] == on_threads[name] == spawned[name]:
            row = (name, behaviors[name], on_threads[name], spawned[name])
            print(" | ".join(text.replace("\n", " ")[:120] for text in row))
    print(len(programs), "programs")
