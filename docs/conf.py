"""How `./dev docs` makes the guide and the reference."""

import bocpy

project = "bocpy"
author = "The libboc and bocpy authors"
copyright = author  # noqa: A001
version = release = bocpy.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.intersphinx"]
exclude_patterns = []
myst_heading_anchors = 3

# Docstrings say `name` for what they speak of; it is a link where there is such a name.
default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
intersphinx_mapping = {}

html_theme = "alabaster"
html_theme_options = {
    "description": "Parallelism without locks, for Python and for C",
    "fixed_sidebar": True,
    "page_width": "1100px",
}
