"""The hook by which PyInstaller freezes programs with behaviors.

PyInstaller finds it by the entry point `pyinstaller40` of the package.
"""

import os


def get_hook_dirs() -> list[str]:
    """The folders that have hooks."""
    return [os.path.dirname(__file__)]
