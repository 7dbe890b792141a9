"""The directive `picture`: an SVG of docs/pictures, put into the page itself.

Inside the page the drawing takes its colors from the theme (`var(--boc-cown)`), so that
one drawing serves light and dark. The argument is the file's name without `.svg`; the
content is the caption; the drawing's own <title> and <desc> are read out by screen
readers.
"""

from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

PICTURES = Path(__file__).resolve().parents[1] / "pictures"


class Picture(SphinxDirective):
    required_arguments = 1
    has_content = True

    def run(self):
        file = PICTURES / f"{self.arguments[0]}.svg"
        self.env.note_dependency(str(file))
        if not file.exists():
            raise self.error(f"there is no picture {file.name} in docs/pictures")
        drawing = file.read_text(encoding="utf-8")
        figure = nodes.figure(classes=["boc-picture"])
        figure += nodes.raw("", drawing, format="html")
        if self.content:
            caption = nodes.caption()
            text, _ = self.state.inline_text(" ".join(self.content), self.lineno)
            caption += text
            figure += caption
        return [figure]


def setup(app):
    app.add_directive("picture", Picture)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
