"""The maker of the C API reference."""

import c_reference
import pytest
from devtool.base import ROOT

HEADER = """\
/* Things: what they are. */
#ifndef BOC_THING_H
#define BOC_THING_H

#include <boc/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct boc_thing boc_thing;

/* Makes one. Refusals: BOC_NO_MEMORY. */
BOC_API boc_status boc_thing_new(boc_thing **out_thing);

#ifdef __cplusplus
}
#endif

#endif
"""


@pytest.fixture
def thing(tmp_path, monkeypatch):
    """A tree with one header, and its page's path."""
    monkeypatch.setattr(c_reference, "INCLUDE", tmp_path)
    monkeypatch.setattr(c_reference, "PAGE", tmp_path / "reference.md")
    monkeypatch.setattr(c_reference, "HEADERS", ("thing.h",))
    (tmp_path / "thing.h").write_text(HEADER, encoding="utf-8")
    return tmp_path / "reference.md"


def make(monkeypatch, *words):
    monkeypatch.setattr("sys.argv", ["c_reference.py", *words])
    c_reference.main()


def test_a_page_has_what_the_header_says(thing, monkeypatch):
    make(monkeypatch)
    text = thing.read_text("utf-8")
    assert "## boc/thing.h\n\nThings: what they are.\n" in text
    assert "### `boc_thing`\n\n```c\ntypedef struct boc_thing boc_thing;" in text
    assert "### `boc_thing_new`" in text
    assert "Makes one. Refusals: `BOC_NO_MEMORY`." in text
    assert "extern" not in text
    make(monkeypatch, "--check")


def test_a_page_that_is_older_than_the_header_is_refused(thing, monkeypatch):
    with pytest.raises(SystemExit, match="--fix"):
        make(monkeypatch, "--check")
    make(monkeypatch)
    header = thing.with_name("thing.h")
    header.write_text(HEADER.replace("Makes one.", "Makes two."), encoding="utf-8")
    with pytest.raises(SystemExit, match="--fix"):
        make(monkeypatch, "--check")


def test_a_header_that_is_not_listed_is_named(thing, monkeypatch):
    thing.with_name("other.h").write_text("/* Other. */\n", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"boc/other\.h: not in HEADERS"):
        make(monkeypatch, "--check")


def test_a_function_that_no_entry_shows_is_named(thing, monkeypatch):
    hidden = "BOC_API void boc_early(void);\n\n/* Makes one."
    text = HEADER.replace("typedef struct boc_thing boc_thing;\n", "")
    text = text.replace("/* Makes one.", hidden, 1)
    thing.with_name("thing.h").write_text(text, encoding="utf-8")
    make(monkeypatch)
    assert "`boc_early`" in thing.read_text("utf-8")


def test_names_of_the_headers_are_headings_of_the_page():
    """Every public function of the real headers has its place in the reference."""
    page = (ROOT / "docs" / "c" / "reference.md").read_text("utf-8")
    headers = [c_reference.read(c_reference.INCLUDE / n) for n in c_reference.HEADERS]
    names = [n for header in headers for entry in header.entries for n in entry.names]
    assert len(names) > 100
    assert [name for name in names if f"`{name}`" not in page] == []
