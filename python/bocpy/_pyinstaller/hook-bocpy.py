"""What a frozen program needs of bocpy: see bocpy/_frozen.py.

The package goes in as files, since a worker imports it before it can read the archive,
and with it PyInstaller's importer. C calls modules of the package by name, and bodies
are taken apart by `dis` and the like: nobody imports these in so many words.
"""

import os
import struct

import PyInstaller.loader  # type: ignore[import-untyped]
from PyInstaller.utils.hooks import (  # type: ignore[import-untyped]
    collect_submodules,
)

_OPTIONAL = ("bocpy.distributed", "bocpy.joblib", "bocpy._cffi", "bocpy._core_cffi")

hiddenimports = [
    *(n for n in collect_submodules("bocpy") if not n.startswith(_OPTIONAL)),
    *("dis", "inspect", "contextvars", "threading", "pickle", "marshal", "logging"),
]
module_collection_mode = {"bocpy": "py"}
_loader = PyInstaller.loader.__path__[0]
_importer = [
    os.path.join(_loader, "pyimod01_archive.py"),
    os.path.join(_loader, "pyimod02_importers.py"),
    struct.__file__,  # which the bootloader has of its own
]
datas = [(path, "bocpy/_pyinstaller") for path in _importer]
