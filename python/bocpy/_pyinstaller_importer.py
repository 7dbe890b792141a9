"""Programs that PyInstaller has frozen: their modules in workers.

A frozen program's modules are in an archive, which PyInstaller's importer reads; its
bootloader installs that in the main interpreter only. The hook in `_pyinstaller` puts
the importer beside this package, as files, and a worker installs it before it imports
anything else.

Threads: `names` in the main interpreter, `install` in a new one.
"""

# Nothing here may import modules of the archive; `__future__` is one.
import os
import sys

_ARCHIVE = "_pyinstaller_pyz"


def names() -> dict[str, object]:
    """The attributes that a worker's `sys` needs for `install`."""
    importers = sys.modules.get("pyimod02_importers")
    archive = getattr(importers, "pyz_archive", None)
    folder = getattr(sys, "_MEIPASS", None)
    if archive is None or folder is None:
        return {}
    place = f"{archive._filename}?{archive._start_offset}"
    return {"frozen": True, "_MEIPASS": folder, _ARCHIVE: place}


def install() -> None:
    if not hasattr(sys, _ARCHIVE):
        return
    folder = os.path.join(os.path.dirname(__file__), "_pyinstaller")
    sys.path.insert(0, folder)
    try:
        import pyimod02_importers  # type: ignore[import-not-found]

        pyimod02_importers.install()
    finally:
        sys.path.remove(folder)


install()
