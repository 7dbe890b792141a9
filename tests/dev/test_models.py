"""What `./dev test --models` needs, and the mutants of the models."""

import runpy

import pytest
from devtool import cli, matrix, models
from devtool.base import ROOT, Problem

MUTANTS = ROOT / "tests" / "models" / "mutants.py"


@pytest.fixture
def mutants():
    return runpy.run_path(str(MUTANTS))


def configurations(*words):
    wish = cli.wish(cli.parser().parse_args(["test", *words]), [])
    assert not wish.python
    return [job.name for job in matrix.c_jobs(wish, None, 1)]


def test_the_models_are_a_build_of_their_own():
    assert configurations("--models") == ["c-cc-models"]


def test_without_relacy_it_is_said_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(models.sys, "platform", "linux")
    monkeypatch.setattr(models.shutil, "which", lambda name: "/bin/" + name)
    monkeypatch.setattr(models, "include_folders", lambda: [tmp_path])
    with pytest.raises(Problem, match=r"^no Relacy: .*relacy-dev"):
        models.require()
    (tmp_path / "relacy").mkdir()
    (tmp_path / "relacy" / "relacy.hpp").touch()
    models.require()


def test_without_cpp_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setattr(models.sys, "platform", "linux")
    monkeypatch.setattr(models.shutil, "which", lambda name: None)
    assert models.missing().startswith("no C++ compiler: ")


def test_elsewhere_there_are_no_models(monkeypatch):
    monkeypatch.setattr(models.sys, "platform", "darwin")
    assert models.missing() == "models run on Linux only"


def test_each_mutant_is_one_change_of_its_source(mutants):
    names = [mutant.name for mutant in mutants["MUTANTS"]]
    assert len(names) == len(set(names)) > 20
    for mutant in mutants["MUTANTS"]:
        for source in mutant.sources:
            text = mutants["changed"](mutant, source)
            assert mutant.new in text
            assert text != mutants["text_of"](source)


def test_a_mutant_whose_source_has_changed_is_refused(mutants):
    old = mutants["MUTANTS"][0]
    gone = type(old)("gone", old.model, old.file, "no such text", "")
    with pytest.raises(SystemExit, match=r"mutant gone: .* has 0 of: no such text"):
        mutants["changed"](gone, old.file)


def test_a_weaker_order_is_the_first_operations(mutants):
    weak = mutants["weaker"](
        "x", "m", "f.c", "if (a_load_acquire(b_load_acquire(", "relaxed"
    )
    assert weak.new == "if (a_load_relaxed(b_load_acquire("


def test_each_model_has_a_mutant(mutants):
    files = (ROOT / "tests" / "models").glob("model_*.c")
    found = {mutant.model for mutant in mutants["MUTANTS"]}
    assert {path.stem.removeprefix("model_") for path in files} == found
