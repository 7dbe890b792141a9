"""Builds the module `samples` with the header that bocpy brings along."""

import sys

import bocpy
from setuptools import Extension, setup

samples = Extension(
    "samples",
    sources=["samples.c", *bocpy.get_sources()],
    include_dirs=[bocpy.get_include()],
    extra_compile_args=["/std:c11"] if sys.platform == "win32" else ["-std=c11"],
)

setup(ext_modules=[samples])
