"""The platforms of `./dev test --platform`, and what the manual says of them."""

import re

import pytest
from devtool import cli, job_matrix, platforms
from devtool.base import ROOT, Problem
from devtool.cbuild import Configuration

NAMES = list(platforms.PLATFORMS)
PAGE = ROOT / "docs" / "platforms.md"


def wish(*words):
    return cli.wish(cli.parser().parse_args(["test", *words]), [])


def names_of_jobs(*words):
    return [job.name for job in job_matrix.c_jobs(wish(*words), None, 1)]


def test_each_platform_has_a_cross_file_and_each_file_a_platform():
    assert {path.stem for path in platforms.CROSS.glob("*.ini")} == set(NAMES)


def test_a_platform_is_tested_with_each_of_its_park_backends():
    assert names_of_jobs("--platform", "musl") == ["c-musl-posix", "c-musl-c11"]
    assert names_of_jobs("--platform", "musl", "--park", "c11") == ["c-musl-c11"]
    assert names_of_jobs("--platform", "mingw") == ["c-mingw-win"]


def test_all_is_every_platform():
    jobs = names_of_jobs("--platform", "all")
    assert len(jobs) == sum(len(each.parks) for each in platforms.PLATFORMS.values())


def test_a_platform_that_is_not_known_is_refused_with_those_that_are():
    with pytest.raises(Problem, match="there are mingw, musl"):
        names_of_jobs("--platform", "amiga")


def test_the_list_says_what_is_needed(capsys, monkeypatch):
    monkeypatch.setattr(platforms.shutil, "which", lambda _: None)
    assert cli.main(["test", "--platform", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == NAMES
    assert "needs musl-tools" in lines[NAMES.index("musl")]


def test_the_matrix_has_quick_platforms_that_are_there(monkeypatch, capsys):
    monkeypatch.setattr(platforms, "missing", lambda _: [])
    assert job_matrix.quick_platforms() == [
        Configuration(platform="musl", park="c11"),
        Configuration(platform="i686", park="posix"),
    ]
    monkeypatch.setattr(platforms, "missing", lambda each: [f"{each.name}-gcc"])
    assert job_matrix.quick_platforms() == []
    assert "without musl: no musl-gcc" in capsys.readouterr().out


def test_the_manual_says_of_each_whether_it_is_run_or_built():
    rows = re.findall(
        r"^\| `([\w-]+)` \|.*?\| (run|built) ", PAGE.read_text("utf-8"), re.M
    )
    verdicts = {name: each.verdict for name, each in platforms.PLATFORMS.items()}
    assert dict(rows) == verdicts


def test_the_script_of_ci_installs_what_each_needs():
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    needed = {name for each in platforms.PLATFORMS.values() for name in each.packages}
    assert {name for name in needed if name not in script.split()} == set()
