"""The directive `picture`: an SVG of docs/pictures, put into the page itself.

Inside the page the drawing takes its colors from the theme (`var(--boc-cown)`), so that
one drawing serves light and dark. The argument is the file's name without `.svg`; the
content is the caption; the drawing's own <title> and <desc> are read out by screen
readers. On a phone a drawing is as wide as its text needs and scrolls in its box; with
`:fits:` it stays whole instead, and its text is drawn larger (few words, much room).
"""

from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

PICTURES = Path(__file__).resolve().parents[1] / "pictures"


class Picture(SphinxDirective):
    required_arguments = 1
    has_content = True
    option_spec: ClassVar = {"fits": directives.flag}

    def run(self):
        file = PICTURES / f"{self.arguments[0]}.svg"
        self.env.note_dependency(str(file))
        if not file.exists():
            raise self.error(f"there is no picture {file.name} in docs/pictures")
        drawing = file.read_text(encoding="utf-8")
        fits = ["boc-fits"] if "fits" in self.options else []
        figure = nodes.figure(classes=["boc-picture", *fits])
        box = f'<div class="boc-drawing">{drawing}</div>'
        figure += nodes.raw("", box, format="html")
        if self.content:
            caption = nodes.caption()
            text, _ = self.state.inline_text(" ".join(self.content), self.lineno)
            caption += text
            figure += caption
        return [figure]


def setup(app):
    app.add_directive("picture", Picture)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
