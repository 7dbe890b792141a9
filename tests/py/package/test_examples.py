"""Every example, run as its docstring says: `python -m bocpy.examples.NAME`.

Each checks its own result and ends with code 1 if it is wrong.
"""

import importlib.util
import os
import pkgutil
import subprocess
import sys

import bocpy.examples
import harness
import pytest

#: The arguments of each, which make it quick; an example without a line here fails.
ARGUMENTS = {
    "bank": ["--transfers", "1000"],
    "boids": ["--birds", "24", "--steps", "10", "--headless"],
    "calculator": [],
    "cooking_boc": ["--minute", "0.005"],
    "cooking_threads": ["--minute", "0.005"],
    "dining_philosophers": ["--meals", "50"],
    "fibonacci": ["22"],
    "heat": ["--size", "40", "--steps", "30"],
    "prime_factors": ["1000036000099", "--block", "200000"],
    "product": ["--size", "90", "--blocks", "3"],
    "primes": ["--below", "60001"],
    "sketches": ["--stock", "Tilsit", "--menu", "toast"],
    "weblog": ["--lines", "3000", "--block", "1000"],
}
#: They need NumPy, which not every interpreter has.
WITH_NUMPY = {"image_pipeline": ["--images", "3", "--size", "64"]}
HAS_NUMPY = importlib.util.find_spec("numpy") is not None
#: They need an engine: bocpy_distributed/test_distributed_examples.py runs them.
ON_CLUSTERS = {"cluster_heat", "cluster_wordcount"}
#: They need no runtime, and so have no backend.
PLAIN = {"cooking_threads"}
NAMES = sorted(
    module.name
    for module in pkgutil.iter_modules(bocpy.examples.__path__)
    if not module.name.startswith("_")
)
RUNNABLE = {**ARGUMENTS, **(WITH_NUMPY if HAS_NUMPY else {})}


def run(name, *arguments, backend=None):
    return subprocess.run(
        [sys.executable, "-m", f"bocpy.examples.{name}", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=harness.LIMIT,
        env=harness.child_environment(backend),
        check=False,
    )


def test_there_are_arguments_for_all():
    assert set(NAMES) == set(ARGUMENTS) | set(WITH_NUMPY) | ON_CLUSTERS


@pytest.mark.parametrize("name", sorted(RUNNABLE))
def test_each_example_is_right(name, backend):
    if name in WITH_NUMPY:
        backend = None  # it chooses threads itself
    done = run(name, *RUNNABLE[name], backend=backend)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    assert done.stdout


def test_the_product_fuses_when_asked():
    done = run("product", "--size", "90", "--fused")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    assert done.stdout.startswith("90 x 90, fused: ")


@pytest.mark.parametrize("name", NAMES)
def test_help_shows_what_it_is(name):
    done = run(name, "--help")
    assert done.returncode == 0, done.stderr
    assert f"python -m bocpy.examples.{name}" in done.stdout
    source = importlib.util.find_spec(f"bocpy.examples.{name}").origin
    with open(source, encoding="utf-8") as file:
        title = file.readline().removeprefix('"""').strip()
    assert title in done.stdout


@pytest.mark.parametrize("name", sorted(set(NAMES) - PLAIN))
def test_workers_are_checked(name):
    done = run(name, "--workers", "0")
    assert done.returncode == 2
    assert "at least 1 is needed" in done.stderr


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("bank", ["--accounts", "1"], "a transfer needs two accounts"),
        ("boids", ["--birds", "3", "--groups", "4"], "a group has one bird at least"),
        ("dining_philosophers", ["--philosophers", "1"], "two philosophers"),
        ("fibonacci", ["41"], "n is from 0 to 40"),
        ("prime_factors", ["1"], "the number is from 2 to"),
        ("weblog", ["no-such.log"], "there is no file no-such.log"),
        ("image_pipeline", ["--size", "15"], "at least 16 pixels"),
    ],
)
def test_bad_arguments_are_refused(name, arguments, message):
    done = run(name, *arguments)
    assert done.returncode == 2
    assert message in done.stderr


def test_the_birds_on_a_terminal():
    done = run("boids", "--birds", "6", "--groups", "2", "--steps", "3")
    assert done.returncode == 0, done.stderr
    assert "step 2\n" in done.stdout


@pytest.mark.parametrize("number", [2, 3, 4, 49, 97, 360360, 999999000001])
def test_prime_factors(number):
    done = run("prime_factors", str(number), "--block", "100000")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_calculator_answers_what_it_is_asked(backend):
    done = run("calculator", "a = 2", "a * 21", "b = = 1", "[]", backend=backend)
    assert done.stdout.splitlines() == [
        "a = 2  ->  a = 2",
        "a * 21  ->  42",
        "b = = 1  ->  'b =' is no name",
        "[]  ->  that is no formula",
    ]
    assert done.returncode == 0


def test_the_sketch_without_luck():
    done = run("sketches")
    assert done.returncode == 0
    assert done.stdout.endswith("lunch: nothing at all\n")


def test_the_web_log_of_real_files(tmp_path):
    log = tmp_path / "access.log"
    line = b'1.2.3.4 - - [01/Nov/2026:00:00:00 +0000] "GET /a HTTP/1.1" 200 10\n'
    log.write_bytes(line * 500 + b"what?\n" + line.rstrip(b"\n"))
    done = run("weblog", os.fspath(log), "--block", "100", "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "502 lines, 1 of them in no known format" in done.stdout
    assert "5,010 bytes were sent to 1 hosts" in done.stdout


def test_dinner_with_a_cook_for_each_step_is_never_wrong():
    """Tests the check itself: it finds the mistakes of a careless kitchen."""
    from bocpy.examples import _recipe

    steps = _recipe.RECIPE
    careless = [_recipe.Done(step, 0, 1) for step in steps]
    assert "'serve' did not wait for 'boil the water': both use pot" in (
        _recipe.mistakes(careless)
    )
    careful = [_recipe.Done(step, n, n + 1) for n, step in enumerate(steps)]
    assert _recipe.mistakes(careful) == []


def without_numpy(tmp_path):
    """A folder with a `numpy` that cannot be imported."""
    (tmp_path / "numpy.py").write_text("raise ImportError('none here')\n")
    return tmp_path


@pytest.mark.parametrize("name", ["cluster_heat", "image_pipeline"])
def test_without_numpy_it_says_what_to_do(tmp_path, name):
    env = harness.child_environment(None)
    places = [os.fspath(without_numpy(tmp_path)), env["PYTHONPATH"]]
    env["PYTHONPATH"] = os.pathsep.join(places)
    done = subprocess.run(
        [sys.executable, "-m", f"bocpy.examples.{name}"],
        capture_output=True,
        text=True,
        timeout=harness.LIMIT,
        env=env,
        check=False,
    )
    assert done.returncode == 2
    assert "this example needs NumPy: python -m pip install numpy" in done.stderr
