"""Failures that nobody looks at: the first are printed, and all are counted."""

from __future__ import annotations

import re

MANY = """
from bocpy import quiesce, wait, when

def transfer(n):
    if n % 100 == 7: raise KeyError(n)
    raise ValueError(n)

for n in range(400):
    @when()
    def refused(n=n): transfer(n)
del refused
"""

COUNTS = re.compile(r"^bocpy: (.*)$", re.MULTILINE)


def reported(err):
    """How many failures are printed with a traceback."""
    assert err.count("Traceback (most recent") == err.count("nobody looked at>")
    return err.count("nobody looked at>")


def counts(line):
    """The numbers of a line with counts, and the sum of what it lists."""
    total, printed = map(int, re.findall(r"(\d+) (?:behaviors failed|are rep)", line))
    listed = line.partition("the others: ")[2].partition(". start(")[0]
    return total, printed, sum(int(part.split()[0]) for part in listed.split(", "))


def test_many_failures_are_one_line(program, backend):
    done = program(MANY + "wait()\nwait()\n")
    assert done.out == ""
    (line,) = COUNTS.findall(done.err)
    total, printed, others = counts(line)
    assert printed == reported(done.err) in (5, 6)
    assert (total, others) == (400, 400 - printed)
    assert re.search(r"\d+ ValueError in 'refused' \(.*program\.py:9\)", line), line
    assert re.search(r"\d KeyError in 'refused' \(", line), line


def test_each_kind_is_printed_once(program, backend):
    done = program(
        """
        from bocpy import start, wait, when
        start(1)
        kinds = [ValueError, KeyError, OSError, TypeError, LookupError, EOFError]
        for kind in [ValueError] * 10 + kinds * 2:
            @when()
            def refused(kind=kind): raise kind("no")
            refused = None
        wait()
        """
    )
    for name in ("KeyError", "OSError", "TypeError", "LookupError", "EOFError"):
        assert done.err.count(f"\n{name}: ") == 1, done.err
    (line,) = COUNTS.findall(done.err)
    assert counts(line) == (22, 10, 12)
    assert "11 ValueError" not in line
    assert "7 ValueError" in line


def test_many_kinds_are_not_all_named(program, backend):
    done = program(
        """
        from bocpy import start, wait, when
        start(1)
        kinds = [type(f"Error{n}", (Exception,), {}) for n in range(40)]
        for kind in kinds * 2:
            @when()
            def refused(kind=kind): raise kind("no")
            refused = None
        wait()
        """
    )
    assert reported(done.err) == 20
    (line,) = COUNTS.findall(done.err)
    assert counts(line) == (80, 20, 60)
    assert "of 30 other kinds" in line


def test_after_a_line_with_counts_failures_are_printed_again(program, backend):
    done = program(MANY + "quiesce()\nagain = when()(lambda: 1 / 0)\ndel again\nwait()")
    assert done.err.count("ZeroDivisionError: ") == 1
    assert len(COUNTS.findall(done.err)) == 1


def test_results_that_the_program_keeps_are_counted_at_its_end(program, backend):
    done = program(
        """
        from bocpy import wait, when
        kept = [when()(lambda: 1 / 0) for _ in range(30)]
        wait()
        print("end", flush=True)
        """
    )
    assert done.lines == ["end"]
    (line,) = COUNTS.findall(done.err)
    assert counts(line) == (30, 5, 25)


def test_few_failures_have_no_line(program, backend):
    done = program(
        """
        from bocpy import wait, when
        kept = [when()(lambda: 1 / 0) for _ in range(5)]
        """
    )
    assert reported(done.err) == 5
    assert COUNTS.findall(done.err) == []


def test_a_hook_of_the_program_gets_each(program, backend):
    done = program(
        "import sys\nseen = []\nsys.unraisablehook = seen.append\n"
        + MANY
        + "wait()\nprint(len(seen))\n"
    )
    assert (done.lines, done.err) == (["400"], "")


def test_failures_that_wait_raises_are_complete(program, backend):
    done = program(
        "from bocpy import start, FailureGroup\nstart(raise_failures=True)\n"
        + MANY
        + "try: wait()\nexcept FailureGroup as group: print(len(group.exceptions))\n"
    )
    assert (done.lines, done.err) == (["400"], "")


def test_counts_are_printed_periodically_without_wait(program, backend):
    done = program(
        """
        from bocpy import when
        from bocpy._failure import report_unread

        def fail(count):
            for _ in range(count):
                failed = when()(lambda: 1 / 0)
                failed.acquire()
                failed.release()
                del failed

        fail(9)
        report_unread.PERIOD = -1.0  # the next failure comes after its end
        fail(1)
        """
    )
    (line,) = COUNTS.findall(done.err)
    assert counts(line) == (9, 5, 4)
    assert reported(done.err) == 6


def test_no_standard_error(program, backend):
    done = program("import sys\nsys.stderr = None\n" + MANY + "wait()\nprint('end')")
    assert done.lines == ["end"]
