"""Builds small extension modules for tests, with the header that the package brings."""

import os
import subprocess
import sys


def run(command, cwd):
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def build(folder, name, suffix, text):
    """Compiles a module of one file in place, as C11 or C++17, without warnings."""
    (folder / f"{name}{suffix}").write_text(text, encoding="ascii")
    standard = {".c": "c11", ".cpp": "c++17"}[suffix]
    windows = os.name == "nt"
    options = [f"/std:{standard}", "/WX"] if windows else [f"-std={standard}"]
    options += [] if windows else ["-Wall", "-Wextra", "-Werror"]
    (folder / "setup.py").write_text(
        "import bocpy\n"
        "from setuptools import Extension, setup\n"
        f"module = Extension({name!r}, ['{name}{suffix}'],\n"
        "    include_dirs=[bocpy.get_include()],\n"
        f"    extra_compile_args={options!r})\n"
        f"setup(name={name!r}, py_modules=[], ext_modules=[module])\n",
        encoding="ascii",
    )
    run([sys.executable, "setup.py", "-q", "build_ext", "--inplace"], folder)
