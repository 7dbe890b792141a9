"""The modules of bocpy that a frozen program needs: see bocpy/_pyinstaller_importer.py.

The package goes in as files, since a worker imports it before it can read the archive,
and with it PyInstaller's importer. C code calls modules of the package by name, and
`dis` and other modules read the code of bodies: no import statement names these.
"""

import os
import struct

import PyInstaller.loader  # type: ignore[import-untyped]
from PyInstaller.utils.hooks import (  # type: ignore[import-untyped]
    collect_submodules,
)

_OPTIONAL = ("bocpy._cffi", "bocpy._core_cffi", "bocpy._demo", "bocpy._pyinstaller")


def is_needed(name: str) -> bool:
    """Whether C code may call a module by name.

    That is so for the package's own modules; examples and the like need other packages.
    """
    return name.startswith("bocpy._") and not name.startswith(_OPTIONAL)


hiddenimports = [
    *(name for name in collect_submodules("bocpy") if is_needed(name)),
    *("dis", "inspect", "contextvars", "threading", "pickle", "marshal", "logging"),
]
module_collection_mode = {"bocpy": "py"}
_loader = PyInstaller.loader.__path__[0]
_importer = [
    os.path.join(_loader, "pyimod01_archive.py"),
    os.path.join(_loader, "pyimod02_importers.py"),
    struct.__file__,  # the bootloader has a copy of its own
]
datas = [(path, "bocpy/_pyinstaller") for path in _importer]
