"""What is shown of a run that failed: the tests' names, why, and nothing else."""

import json
import sys
from pathlib import Path

import pytest
from devtool import checks, failure_summary, jobs, pybuild
from devtool.base import Failed, Problem, environment, run
from devtool.failure_summary import Failure
from devtool.interpreters import probe
from devtool.jobs import Job, Tally, run_jobs

PYTEST = """\
<testsuites><testsuite>
<testcase classname="tests.py.test_cown" name="test_fine[threads]"/>
<testcase classname="tests.py.test_cown" name="test_value[threads]">
<failure message="assert 1 == 2">test_cown.py:7: in test_value
    assert cown.value == 2
E   assert 1 == 2</failure></testcase>
<testcase classname="" name="tests.py.test_when">
<error message="collection failure"/></testcase>
</testsuite></testsuites>
"""

MESON = (
    {"name": "cown", "result": "OK", "returncode": 0, "stdout": "ok a 1 runs\n"},
    {
        "name": "stress - seeds",
        "result": "FAIL",
        "returncode": 1,
        "stdout": "ok a 1 runs\n",
        "stderr": "test_stress.c:9: not so: done\nto repeat: --only b --seed 7\n",
    },
    {"name": "park", "result": "TIMEOUT", "returncode": -9, "stdout": "seed 3\n"},
)


class ThisPython:
    """An environment like those that `./dev` makes, made from the running
    interpreter."""

    python = Path(sys.executable)

    @staticmethod
    def variables(**changes):
        return environment(**changes)

    @staticmethod
    def run(command, *, log):
        return run(command, log=log)


@pytest.fixture
def shown(tmp_path, monkeypatch, capsys):
    """Runs jobs and returns what was printed and the tally."""
    monkeypatch.setattr(jobs, "LOGS", tmp_path / "logs")

    def run_them(*works):
        todo = [Job(f"job-{at}", work) for at, work in enumerate(works)]
        tally = run_jobs(todo, 1)
        return capsys.readouterr().out, tally

    return run_them


def writes(folder, name, text):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_what_pytest_says_of_a_failure(tmp_path):
    tally = jobs.count_junit(writes(tmp_path, "report.xml", PYTEST))
    assert (tally.passed, tally.failed) == (1, 2)
    value, collection = tally.failures
    assert value.name == "test_cown::test_value[threads]"
    assert value.lines[-1] == "E   assert 1 == 2"
    assert collection == Failure("tests.py.test_when", ("collection failure",))


def test_what_meson_says_of_a_failure(tmp_path):
    log = "".join(json.dumps(program) + "\n" for program in MESON)
    tally = jobs.count_programs(writes(tmp_path, "log.json", log))
    assert (tally.passed, tally.failed) == (2, 2)
    stress, park = tally.failures
    assert stress.name == "stress - seeds (FAIL, code 1)"
    assert stress.lines == (
        "test_stress.c:9: not so: done",
        "to repeat: --only b --seed 7",
    )
    assert park == Failure("park (TIMEOUT, code -9)", ("seed 3",))


def test_failures_are_shown_with_their_job_and_again_at_the_end(shown):
    failed = Tally(failed=1, failures=(Failure("test_a::test_b", ("E   no",)),))

    def noisy(log):
        log.write("the commands and dots of a thousand lines\n" * 1000)
        return Tally(passed=1) + failed

    out, total = shown(noisy, lambda _: Tally(passed=1))
    assert total == Tally(2, 1)
    assert "commands and dots" not in out
    first, again = out.split("Failed:\n")
    assert "FAIL job-0 " in first
    assert "  test_a::test_b\n  | E   no\n" in first
    assert "ok   job-1 " in first
    assert again == "  job-0: test_a::test_b\n  | E   no\n"


def test_nothing_is_listed_if_nothing_failed(shown):
    out, _ = shown(lambda _: Tally(passed=1))
    assert "Failed" not in out


def test_an_interpreter_that_died_names_the_test(shown):
    def dies(log):
        log.write("$ python -m pytest " + "x" * 1000 + "\n" + "." * 70 + "\n")
        log.write("Fatal Python error: Segmentation fault\n\nThread 0x1:\n")
        log.write('  File "/x/tests/py/test_ends.py", line 12 in test_fork\n')
        log.write('  File "/x/pluggy.py", line 1 in call\n' * 60)
        raise Failed("python ended with code -11")

    out, _ = shown(dies)
    end = out.partition("Failed:\n")[2]
    assert "job-0: test_ends::test_fork: python ended with code -11\n" in end
    assert "  | Fatal Python error: Segmentation fault\n" in end
    assert "xxx" not in out
    assert len(out) < 2500


def test_a_build_that_failed_shows_the_first_error(shown):
    def builds(log):
        log.write("$ meson compile\n" + "[1/9] fine\n" * 50)
        log.write("a.c:1:2: error: expected ';'\n" + "[2/9] more\n" * 50)
        raise Failed("meson ended with code 1")

    out, _ = shown(builds)
    end = out.partition("Failed:\n")[2]
    assert end.startswith("  job-0: meson ended with code 1\n  | a.c:1:2: error: ")


def test_a_problem_is_all_there_is_to_say(shown):
    def lacks(_):
        raise Problem("no gcc: apt-get install gcc")

    out, _ = shown(lacks)
    assert out.endswith("Failed:\n  job-0: no gcc: apt-get install gcc\n")


def test_long_texts_keep_their_beginning_and_end():
    said = tuple(f"line {number}" for number in range(100))
    assert failure_summary.shortened(said, 1, 2) == [
        "line 0",
        "...",
        "line 98",
        "line 99",
    ]
    assert failure_summary.shortened(said[:4], 1, 2) == list(said[:4])
    (wide,) = failure_summary.shortened(["x" * 1000], 1, 1)
    assert wide == "x" * failure_summary.WIDTH + "..."


def test_many_failures_are_named_and_then_counted():
    many = [Failure(f"test_{number}", ("why",)) for number in range(100)]
    out = failure_summary.shown(many, failure_summary.BRIEF)
    assert out.count("| why") == failure_summary.EXPLAINED
    assert out.count("  test_") == failure_summary.NAMED
    assert out.endswith("  and 70 more")


def test_a_report_keeps_what_failed(tmp_path, shown):
    _, total = shown(lambda _: Tally(1, 1, 1, (Failure("test_a", ("why",)),)))
    report = tmp_path / "report.json"
    jobs.write_report(report, total)
    there = jobs.read_report(report)
    assert there == total
    assert there.failures == (Failure("test_a", ("why",)),)


def test_pytest_and_a_test_that_fails(tmp_path, monkeypatch):
    """The report of a run that really fails."""
    monkeypatch.setattr(pybuild, "WORK", tmp_path)
    test = writes(tmp_path, "test_it.py", "def test_sum():\n    assert 1 + 1 == 3\n")
    with (tmp_path / "log").open("w", encoding="utf-8") as log:
        tally = pybuild.suite(ThisPython, "it", log, test)
    (failure,) = tally.failures
    assert failure.name == "test_it::test_sum"
    assert failure.lines[-1] == "E   assert (1 + 1) == 3"


def test_a_check_that_fails_says_what_it_found(tmp_path, monkeypatch, shown):
    def finds(here):
        here.everything([ThisPython.python, "-c", "print('f.c:1: 89 columns')"])
        raise Failed("python ended with code 1")

    monkeypatch.setattr(checks.environments, "make", lambda *_, **__: ThisPython)
    monkeypatch.setitem(checks.CHECKS, "format", finds)
    here = probe(ThisPython.python)
    out, _ = shown(lambda log: checks.run_checks(here, ["format"], False, log))
    end = out.partition("Failed:\n")[2]
    assert end.startswith("  job-0: format\n")
    assert "  | f.c:1: 89 columns\n" in end
