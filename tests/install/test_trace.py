"""The file of a trace, read as Chrome and Perfetto read it: as JSON, row by row."""

import json
import os
import subprocess
from collections import Counter

import pytest
from installation import ROOT, of_static, run

BODIES = [
    "plain",
    "with ?quotes?, a ? and a?tab",
    "größer 🐢",
    "??(??? is no UTF-8?",
    "a name that is cut where a character of two bytes would begin: ",
    "behavior",
    "deferred",
    "completes",
    "deferred, too",
    "cancelled",
    "over many",
]
LANE_BODIES = ["cancelled", "completes on the main thread", "is pumped", "pumps"]


@pytest.fixture(scope="module")
def events(installed, tmp_path_factory):
    """The trace of tests/install/traced.c, whose head says what it does."""
    program = tmp_path_factory.mktemp("trace") / "traced"
    compiler = os.environ.get("CC", "cc").split()
    source = ROOT / "tests" / "install" / "traced.c"
    flags = installed.flags("--cflags", "--libs", "--static")
    run(*compiler, "-std=c11", "-Wall", "-Werror", source, *flags, "-o", program)
    done = subprocess.run([program], check=True, stdout=subprocess.PIPE, timeout=120)
    return json.loads(done.stdout.decode("utf-8"))


def rows(events):
    """The events of each row that has a name, in the order of the file."""
    names = {e["tid"]: e["args"]["name"] for e in events if e["ph"] == "M"}
    assert names.keys() == {e["tid"] for e in events}
    return {
        name: [e for e in events if e["tid"] == tid and e["ph"] != "M"]
        for tid, name in names.items()
    }


@of_static
def test_there_is_a_row_for_each_worker_and_one_for_the_others(events):
    assert rows(events).keys() == {"worker 0", "outside"}
    assert all(e["pid"] > 0 and e["tid"] > 0 for e in events)
    for row in rows(events).values():
        times = [e["ts"] for e in row]
        assert times == sorted(times)


def matches(begin, end):
    """Whether both events are of one behavior; only its first has the list of cowns."""
    args = dict(begin["args"])
    cowns = args.pop("cowns")
    return args == end["args"] and cowns[:1] == [args["cown"]] * (args["cown"] != "0")


@of_static
def test_bodies_are_slices_that_nest(events):
    slices, names = [], []
    for event in rows(events)["worker 0"]:
        if event["ph"] == "B":
            slices.append(event)
        elif event["ph"] == "E":
            assert matches(slices.pop(), event)
            names.append(event["name"])
        assert len(slices) <= 1
    assert slices == []
    assert Counter(names) == Counter(BODIES)


@of_static
def test_bodies_of_lanes_may_overlap(events):
    ends, names, most = {}, [], 0
    for event in rows(events)["outside"]:
        if event["ph"] == "b":
            assert event["id"] not in ends
            ends[event["id"]] = event["name"]
        elif event["ph"] == "e":
            names.append(event["name"])
            assert ends.pop(event["id"]) == event["name"]
        most = max(most, len(ends))
    assert most == 2
    assert sorted(names) == LANE_BODIES
    assert ends == {}


@of_static
def test_everything_is_scheduled_becomes_ready_and_finishes(events):
    counts = Counter(e["cat"] for e in events if e["ph"] != "M")
    everything = len(BODIES) + len(LANE_BODIES)
    assert counts["scheduled"] == counts["ready"] == everything
    assert counts["body"] == 2 * everything
    # The others are the ends of their slices; so is the one of the main thread's, if
    # its worker was still in the body.
    finished = [e for e in events if e.get("cat") == "finished"]
    assert 1 <= len(finished) <= 2
    assert all(e["ph"] == "i" and int(e["args"]["behavior"], 16) for e in finished)
    on_cowns = {e["name"] for e in events if e.get("args", {}).get("cown", "0") != "0"}
    assert set(LANE_BODIES) <= on_cowns
    assert set(BODIES) & on_cowns == {"cancelled", "over many"}


@of_static
def test_a_slice_names_all_cowns_once(events):
    counts = {
        e["name"]: len(e["args"]["cowns"]) for e in events if e["ph"] in ("B", "b")
    }
    assert counts.pop("over many") == 3
    assert set(counts.values()) == {0, 1}
    for event in events:
        cowns = event.get("args", {}).get("cowns", [])
        assert len(cowns) == len(set(cowns))


@of_static
@pytest.mark.parametrize("row", ["worker 0", "outside"])
def test_what_was_cancelled_is_marked_in_its_slice(events, row):
    mine = [e for e in rows(events)[row] if e["ph"] != "M"]
    (mark,) = [i for i, e in enumerate(mine) if e["cat"] == "cancelled"]
    begin, end = mine[mark - 1], mine[mark + 1]
    assert mine[mark]["ph"] == "i"
    assert begin["name"] == end["name"] == "cancelled"
    assert (begin["ph"] + end["ph"]).upper() == "BE"
    assert begin["args"]["behavior"] == mine[mark]["args"]["behavior"]
