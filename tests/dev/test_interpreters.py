"""Which interpreter is found, which is chosen, and what is said of the others."""

import sys
from pathlib import Path

import pytest
from devtool import base, chroot, install_pythons, interpreters
from devtool.base import Problem
from devtool.interpreters import Interpreter, choose, in_versions, newest, probe


def python(version, **facts):
    numbers = tuple(int(part) for part in version.split("."))
    return Interpreter(Path(f"/opt/{version}/bin/python3"), numbers, **facts)


def ranked(*found):
    return sorted(found, key=Interpreter.rank, reverse=True)


def test_the_running_interpreter_is_known():
    found = probe(Path(sys.executable))
    assert found.version == sys.version_info[:3]
    assert found.implementation == sys.implementation.name


def test_what_is_no_interpreter_is_none(tmp_path):
    assert probe(tmp_path / "python3") is None


def test_the_newest_comes_first():
    found = ranked(python("3.9.1"), python("3.13.0"), python("3.12.9"))
    assert newest(found).version == (3, 13, 0)


def test_a_preview_is_not_the_default():
    found = ranked(python("3.15.0", final=False), python("3.12.1"))
    assert newest(found).version == (3, 12, 1)


def test_one_with_a_gil_goes_before_one_without():
    found = ranked(python("3.13.9", free_threaded=True), python("3.13.0"))
    assert not newest(found).free_threaded


def test_one_in_the_chroot_is_never_the_default():
    found = ranked(python("3.15.0", chroot=Path("/chroot")), python("3.11.2"))
    assert newest(found).version == (3, 11, 2)
    assert choose("3.15", found).chroot


@pytest.mark.parametrize("fact", ["headers", "venv"])
def test_one_that_lacks_something_is_passed_over(fact):
    found = ranked(python("3.14.0", **{fact: False}), python("3.11.2"))
    assert newest(found).version == (3, 11, 2)


def test_nothing_suitable_says_what_to_install_and_what_was_seen():
    with pytest.raises(Problem, match=r"3\.9\.1 at .* is older than 3\.10"):
        newest([python("3.9.1")])


def test_a_version_is_chosen_by_its_names():
    found = ranked(python("3.13.0"), python("3.13.9", free_threaded=True))
    assert choose("3.13", found).label == "3.13.0"
    assert choose("3.13t", found).label == "3.13.9t"
    assert choose("3.13.0", found).label == "3.13.0"


def test_a_version_that_is_not_there_says_how_to_get_it():
    with pytest.raises(Problem, match=r"dev python 3\.13t"):
        choose("3.13t", [python("3.13.0")])


@pytest.mark.parametrize("version", ["3.12", "3.16t"])
def test_a_version_that_cannot_be_prepared_is_not_promised(version):
    with pytest.raises(Problem, match=f"^no Python {version} here: ") as caught:
        choose(version, [python("3.13.0")])
    assert "./dev python" not in str(caught.value)


def test_what_can_be_prepared():
    known = (*install_pythons.FROM_SOURCE, *chroot.VERSIONS, "pypy3.11")
    assert known == interpreters.CAN_BE_PREPARED


def test_one_that_lacks_its_headers_says_what_to_install(monkeypatch):
    monkeypatch.setattr(base, "on_debian", lambda: True)
    monkeypatch.setattr(base, "WINDOWS", False)
    monkeypatch.setattr(base.sys, "platform", "linux")
    with pytest.raises(Problem, match=r"lacks its C headers: .*python3\.12-dev"):
        choose("3.12", [python("3.12.1", headers=False)])


def test_a_path_is_an_interpreter():
    assert choose(sys.executable).version == sys.version_info[:3]


def test_versions_side_by_side_are_found(tmp_path):
    for name in ("3.12.1", "3.13.0", "not-a-python"):
        (tmp_path / name / "bin").mkdir(parents=True)
    for name in ("3.12.1", "3.13.0"):
        (tmp_path / name / "bin" / "python3").touch()
    found = [path.parts[-3] for path in in_versions(tmp_path)]
    assert found == ["3.12.1", "3.13.0"]


def test_inactive_versions_of_pyenv_are_looked_at(tmp_path, monkeypatch):
    place = tmp_path / "versions" / "3.12.1" / "bin"
    place.mkdir(parents=True)
    (place / "python3").touch()
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert place / "python3" in list(interpreters.candidates())
