"""Puts each public C name of docs/c/reference.md into the index and the search.

The reference says a declaration in a block of C; the name that a block declares becomes
an entry of the index that leads to the section around it.
"""

import re

from docutils import nodes
from sphinx import addnodes

NAME = re.compile(r"\b(boc_[a-z0-9_]+|BOC_[A-Z0-9_]+)\b")


def enter_names(app, document):
    if app.env.docname != "c/reference":
        return
    seen = set()
    for section in document.findall(nodes.section):
        own = [n for n in section.children if isinstance(n, nodes.literal_block)]
        names = {name for block in own for name in NAME.findall(block.astext())}
        new = sorted(names - seen)
        seen |= names
        if new and section["ids"]:
            target = section["ids"][0]
            entries = [("single", f"{name} (C)", target, "", None) for name in new]
            section.insert(1, addnodes.index(entries=entries))


def setup(app):
    app.connect("doctree-read", enter_names)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
