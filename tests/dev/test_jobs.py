"""Counting tests, and running jobs."""

from devtool import jobs
from devtool.base import Failed
from devtool.jobs import Job, Tally, count_junit, count_programs, run_jobs


def test_tallies_add_up():
    assert Tally(1, 2, 3) + Tally(10, 20, 30) == Tally(11, 22, 33)


def test_the_closing_line():
    assert str(Tally(3)) == "3 passed, 0 failed"
    assert str(Tally(3, 1, 2)) == "3 passed, 1 failed, 2 skipped"


def test_junit_is_counted(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text(
        "<testsuites><testsuite><testcase/><testcase><failure/></testcase>"
        "<testcase><error/></testcase><testcase><skipped/></testcase>"
        "</testsuite></testsuites>",
        encoding="utf-8",
    )
    assert count_junit(report) == Tally(1, 2, 1)


def test_a_report_that_is_not_there_counts_nothing(tmp_path):
    assert count_junit(tmp_path / "report.xml") == Tally()
    assert count_programs(tmp_path / "log.json") == Tally()


def test_the_cases_of_a_c_program_are_counted(tmp_path):
    log = tmp_path / "log.json"
    log.write_text(
        '{"result": "OK", "stdout": "seed 1\\nok a 1 runs\\nok b 1 runs\\n"}\n'
        '{"result": "OK", "stdout": ""}\n'
        '{"result": "FAIL", "stdout": "ok c 1 runs\\n"}\n'
        '{"result": "TIMEOUT"}\n'
        '{"result": "SKIP", "stdout": ""}\n',
        encoding="utf-8",
    )
    assert count_programs(log) == Tally(4, 2, 1)


def test_a_job_that_cannot_build_counts_as_failed(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(jobs, "LOGS", tmp_path)

    def breaks(log):
        log.write("what the compiler said\n")
        raise Failed("cc ended with code 1")

    total = run_jobs([Job("breaks", breaks), Job("works", lambda _: Tally(2))], 2)
    assert total == Tally(2, 1)
    shown = capsys.readouterr().out
    assert "what the compiler said" in shown
    assert "cc ended with code 1" in shown
