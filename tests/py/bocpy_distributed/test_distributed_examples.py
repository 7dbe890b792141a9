"""The examples over clusters, and the demo, run as their docstrings say."""

import subprocess
import sys

import engines
import pytest

PROGRAMS = {
    "demo": ["bocpy", "demo", "--workers", "2", "--no-color"],
    "heat": ["bocpy.examples.cluster_heat", "--steps", "10"],
    "words": ["bocpy.examples.cluster_wordcount"],
}


@pytest.mark.parametrize("engine", ["dask", "ray"])
@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_each_example_is_right(name, engine, tmp_path):
    module, *arguments = PROGRAMS[name]
    if name == "demo":
        (tmp_path / "one.py").write_text("import os\nprint(os)\n")
        (tmp_path / "two.py").write_text("def two():\n    return 2\n")
        arguments.append(str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments, f"--{engine}"],
        capture_output=True,
        text=True,
        timeout=2 * engines.LIMIT,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
