"""What the Debian chroot has, and what it still needs."""

import pytest
from devtool import chroot


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A chroot with a list of packages, as dpkg writes it."""
    monkeypatch.setattr(chroot, "root", lambda: tmp_path)
    status = tmp_path / "var" / "lib" / "dpkg" / "status"
    status.parent.mkdir(parents=True)

    def holds(*packages):
        text = "".join(
            f"Package: {name}\nStatus: install ok installed\n\n" for name in packages
        )
        status.write_text(text, encoding="utf-8")

    return holds


def test_one_that_is_whole_lacks_nothing(place):
    place(*chroot.PACKAGES, "something-else")
    assert chroot.lacking() == []


def test_one_of_an_earlier_list_of_packages_lacks_some(place):
    """The suite builds extensions in C++ too: an old chroot is completed."""
    place(*(name for name in chroot.PACKAGES if name != "g++"), "g++-16")
    assert chroot.lacking() == ["g++"]


def test_one_that_is_not_there_lacks_everything(place):
    assert chroot.lacking() == list(chroot.PACKAGES)
