"""How `./dev docs` makes the guide and the reference.

Theme: furo. It is readable on a phone (one column, the navigation behind a button), has
a light and a dark side, and links each page to its neighbors; pydata and Sphinx book
were built beside it, and both put more navigation than text on a narrow screen.
"""

import re
import sys
from pathlib import Path

import bocpy

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
SOURCE = re.search(r'^Source = "([^"]+)"$', PYPROJECT.read_text("utf-8"), re.M)[1]

project = "libboc and bocpy"
author = "The libboc and bocpy authors"
copyright = author  # noqa: A001
version = release = bocpy.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx_copybutton",
    "sphinx_design",
    "picture",
    "hawkmoth",
    "c_headers",
]
exclude_patterns = ["_templates", "pictures", "pypi.md"]
myst_enable_extensions = ["colon_fence", "attrs_inline"]
myst_heading_anchors = 3

# A block without a language is text, not Python.
highlight_language = "text"
pygments_style = "friendly"
pygments_dark_style = "monokai"
copybutton_exclude = ".linenos, .gp, .go"

# Docstrings say `name` for what they speak of; it is a link where there is such a name.
default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
intersphinx_mapping = {}

html_theme = "furo"
html_title = f"libboc and bocpy {version}"
html_static_path = ["_static"]
templates_path = ["_templates"]
html_context = {"source": SOURCE}
SIDEBAR = ("brand", "search", "repository", "scroll-start", "navigation", "scroll-end")
html_sidebars = {"**": [f"sidebar/{part}.html" for part in SIDEBAR]}
html_css_files = ["site.css"]
html_favicon = "_static/icon.svg"
html_copy_source = False
html_theme_options = {
    "navigation_with_keys": True,
    "source_view_link": SOURCE + "/blob/main/docs/{filename}",
    "source_edit_link": SOURCE + "/blob/main/docs/{filename}",
    "footer_icons": [{"name": "Repository", "url": SOURCE, "html": "Repository"}],
    "light_css_variables": {
        "color-brand-primary": "#0b5c8a",
        "color-brand-content": "#0b5c8a",
        "boc-cown": "#0b5c8a",
        "boc-behavior": "#b4530a",
        "boc-body": "#f2e0d3",
        "boc-shadow": "#00000038",
        "boc-ok": "#1d7a46",
        "boc-wait": "#8a8f98",
    },
    "dark_css_variables": {
        "color-brand-primary": "#6cc3f5",
        "color-brand-content": "#6cc3f5",
        "boc-cown": "#6cc3f5",
        "boc-behavior": "#f2a65a",
        "boc-body": "#3b2e22",
        "boc-shadow": "#ffffff38",
        "boc-ok": "#6fd69a",
        "boc-wait": "#7d838d",
    },
}
