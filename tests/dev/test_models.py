"""What `./dev test --models` needs, and the mutants of the models."""

import re
import runpy

import pytest
from devtool import cli, job_matrix, models
from devtool.base import ROOT, Problem

MUTANTS = ROOT / "tests" / "models" / "mutants.py"

SPIN = ROOT / "tests" / "models" / "spin"


@pytest.fixture
def mutants(monkeypatch):
    monkeypatch.syspath_prepend(MUTANTS.parent)
    return runpy.run_path(str(MUTANTS))


def configurations(*words):
    wish = cli.wish(cli.parser().parse_args(["test", *words]), [])
    assert not wish.python
    return [job.name for job in job_matrix.c_jobs(wish, None, 1)]


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


def test_without_spin_it_is_said_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(models.shutil, "which", lambda name: None)
    assert configurations("--models") == ["c-cc-models"]
    assert "without the models in Spin's language: no Spin: " in capsys.readouterr().out


@pytest.fixture
def spin():
    return runpy.run_path(str(SPIN.parent / "run_spin.py"))


def test_each_word_of_a_spin_model_has_a_run(spin):
    for path in SPIN.glob("*.pml"):
        runs = {name: run for name, run in spin["RUNS"].items() if run[0] == path.stem}
        text = path.read_text(encoding="utf-8")
        words = set(re.findall(r"^#ifn?def (\w+)", text, re.M))
        of_runs = {word for run in runs.values() for word in run[1:]}
        mutants = {word for word, run in spin["MUTANTS"].items() if run in runs}
        assert words == of_runs | mutants
        assert not of_runs & mutants


@pytest.mark.parametrize("name", ["link", "stop"])
def test_a_spin_model_names_functions_of_the_sources(name):
    sources = sorted((ROOT / "libboc" / "src").rglob("*.[ch]"))
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    model = (SPIN / f"{name}.pml").read_text(encoding="utf-8")
    named = re.findall(r"/\* (\w+)(?:, [^*]*|: [^*]*)? \*/", model)
    assert len(named) > 12
    for function in named:
        assert re.search(rf"\b{function}\(", text), function
