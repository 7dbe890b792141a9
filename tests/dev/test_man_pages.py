"""The maker of manual pages."""

import re

import man_pages
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

/** A thing. Opaque. */
typedef struct boc_thing boc_thing;

/** Makes one. Refusals: BOC_NO_MEMORY. */
BOC_API boc_status boc_thing_new(boc_thing **out_thing);

/** How to make one. */
typedef struct boc_thing_options {
  /** In bytes. */
  size_t length;
} boc_thing_options;

#ifdef __cplusplus
}
#endif

#endif
"""


@pytest.fixture
def thing(tmp_path, monkeypatch):
    """A tree with one header."""
    monkeypatch.setattr(man_pages, "INCLUDE", tmp_path)
    monkeypatch.setattr(man_pages, "HEADERS", ("thing.h",))
    (tmp_path / "thing.h").write_text(HEADER, encoding="utf-8")
    return tmp_path / "thing.h"


def test_each_documented_declaration_has_a_page(thing):
    names = {"boc.3", "boc_thing.3", "boc_thing_new.3", "boc_thing_options.3"}
    assert set(man_pages.pages()) == names


def test_a_page_has_what_the_header_says(thing):
    page = man_pages.pages()["boc_thing_new.3"]
    assert "boc_thing_new \\- Makes one\n" in page
    assert "#include <boc/thing.h>\n.PP\nboc_status boc_thing_new(" in page
    assert "Makes one. Refusals: \\fBBOC_NO_MEMORY\\fR." in page
    assert "extern" not in page
    assert (
        "  /* In bytes. */\n  size_t length;"
        in man_pages.pages()["boc_thing_options.3"]
    )


def test_the_overview_names_each_page(thing):
    overview = man_pages.pages()["boc.3"]
    assert ".SS boc/thing.h\nThings: what they are." in overview
    assert ".BR boc_thing_options (3)\nHow to make one" in overview


def test_each_public_function_has_a_comment_and_a_page():
    """In the real headers: a comment for two declarations stands once in the
    reference."""
    pages, lacking = man_pages.pages(), []
    for name in man_pages.HEADERS:
        text = (man_pages.INCLUDE / name).read_text("utf-8")
        functions = re.findall(r"^BOC_API\b[^;(]*?\b(boc_\w+)\(", text, re.MULTILINE)
        lacking += [f for f in functions if f"{f}.3" not in pages]
        entries = man_pages.read(man_pages.INCLUDE / name).entries
        lacking += [
            each.names
            for each in entries
            if len([n for n in each.names if n in functions]) > 1
        ]
    assert len(pages) > 100
    assert lacking == []


def test_each_public_header_is_in_the_reference():
    page = (ROOT / "docs" / "c" / "reference.md").read_text("utf-8")
    headers = {path.name for path in man_pages.INCLUDE.glob("*.h")} - {"boc.h"}
    assert set(man_pages.HEADERS) == headers
    assert [name for name in headers if f".. c-header:: {name}" not in page] == []
