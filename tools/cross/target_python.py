"""Stands in for the Python of another system, so that Meson builds the extension for
that.

    python target_python.py SYSTEM HEADERS PROGRAM.py | -c CODE

Programs of the target cannot run here, so this runs Meson's questions with the local
Python, and answers as a Python of SYSTEM (such as macos-arm64) whose headers are in
HEADERS. The extension is compiled and linked that way, and never loaded.
"""

import runpy
import sys
import sysconfig

SUFFIXES = {
    "macos-arm64": ".cpython-{}-darwin.so",
    "macos-x86_64": ".cpython-{}-darwin.so",
    "windows-arm64": ".cp{}-win_arm64.pyd",
    "windows-x86_64": ".cp{}-win_amd64.pyd",
}


def pretend(system, headers):
    version = f"{sys.version_info.major}{sys.version_info.minor}"
    values = sysconfig.get_config_vars()
    values.update(
        EXT_SUFFIX=SUFFIXES[system].format(version),
        INCLUDEPY=headers,
        # Extensions do not link the library by themselves: the symbols are given to
        # the linker (Windows), or are looked up when the module is loaded (macOS).
        LIBPYTHON="",
        LIBPC=None,
    )
    here = sysconfig.get_paths

    def get_paths(*arguments, **options):
        there = {"include": headers, "platinclude": headers}
        return {**here(*arguments, **options), **there}

    sysconfig.get_paths = get_paths


def main():
    system, headers, first, *rest = sys.argv[1:]
    pretend(system, headers)
    if first == "-c":
        sys.argv = ["-c", *rest[1:]]
        exec(rest[0], {"__name__": "__main__"})
    else:
        sys.argv = [first, *rest]
        runpy.run_path(first, run_name="__main__")


if __name__ == "__main__":
    main()
