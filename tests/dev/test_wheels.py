"""Comparing and listing wheels."""

import zipfile

from devtool.wheels import difference, digest, sizes, unpacked


def wheel(path, **files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return path


def test_the_files_that_differ_are_named(tmp_path):
    one = wheel(tmp_path / "a.whl", same="1", changed="2", gone="3")
    other = wheel(tmp_path / "b.whl", same="1", changed="4", new="5")
    assert difference(one, other) == ["changed", "gone", "new"]
    assert difference(one, one) == []


def test_the_table_of_sizes(tmp_path):
    path = wheel(tmp_path / "a.whl", big="x" * 5000)
    assert unpacked(path) == 5000
    text = sizes([path])
    assert "| a.whl | 5 | 5 |" in text
    assert digest(path) in text
