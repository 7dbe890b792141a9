"""The C reference: hawkmoth reads the public headers with Clang; this sets them out.

    .. c-header:: cown.h      the header's first comment, then all that it declares
    .. c-list:: BOC_STATUS_MAP   what one of the lists X(NAME, ..., "text") declares
       :of: enum boc_status

The comments are plain text: names become links, `x` becomes code. A build warns of a
public name that the reference lacks, and, of the C++ headers, whose page is written by
hand, of a public class, function or method that the page lacks.
"""

import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import ClassVar

from clang.cindex import AccessSpecifier, CursorKind, Index, TokenKind, TranslationUnit
from docutils import nodes
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

log = logging.getLogger(__name__)
INCLUDE = Path(__file__).resolve().parents[2] / "libboc" / "include" / "boc"
PAGE = "c/reference"
NAME = re.compile(r"(?<![`\w])((?:boc_|BOC_)\w+)(?:\(\))?(?![`\w])")
#: Public in C++ only because another header of the library calls it.
FOR_THE_HEADERS = {"boc::acquired::state"}
CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)")


def made_headers(version: str) -> Path:
    """A folder with the header that the library's build makes of version.h.in."""
    folder = Path(tempfile.mkdtemp(prefix="boc-headers-"))
    text = (INCLUDE / "version.h.in").read_text("utf-8")
    numbers = dict(zip(("major", "minor", "patch"), version.split("."), strict=False))
    for key, value in {**numbers, "version": version}.items():
        text = text.replace(f"@{key}@", value)
    (folder / "boc").mkdir()
    (folder / "boc" / "version.h").write_text(text, encoding="utf-8")
    return folder


def marked(line: str) -> str:
    """A line of a comment as reStructuredText."""
    parts = []
    for at, part in enumerate(CODE.split(line)):
        name = NAME.fullmatch(part)
        if at % 2 == 0:
            parts.append(NAME.sub(r":c:type:`\1`", part.replace("*", r"\*")))
        else:
            parts.append(f":c:type:`{name[1]}`" if name else f"``{part}``")
    return "".join(parts)


def set_out(lines: list[str]) -> None:
    """Comments end on a line of text, and their lists are indented by a space."""
    if len(lines) > 1:
        lines[-1] = re.sub(r"^ *\* ?", "", lines[-1])
    text = [re.sub(r"^ (?=- | {2}\S)", "", line) for line in lines]
    found = []
    for before, line in zip(["", *text], text, strict=False):
        if line.startswith("- ") and before and not before.startswith(("- ", "  ")):
            found.append("")  # a list needs an empty line before it
        found.append(marked(line))
    lines[:] = found


def process(app, lines, transform, options):
    set_out(lines)


def parse(config, path: Path, language: str) -> TranslationUnit:
    extra = config.hawkmoth_clang_cpp if language == "c++" else config.hawkmoth_clang_c
    post = (
        config._clang_args_post_cpp if language == "c++" else config._clang_args_post_c
    )
    arguments = [f"-x{language}", *config.hawkmoth_clang, *extra, *post]
    options = TranslationUnit.PARSE_DETAILED_PROCESSING_RECORD
    return Index.create().parse(str(path), arguments, options=options)


def own(unit: TranslationUnit):
    """The cursors of the file itself, without what it includes."""
    for cursor in unit.cursor.walk_preorder():
        where = cursor.location.file
        if where and where.name == unit.spelling:
            yield cursor


def path_of(config, name: str) -> Path:
    made = Path(config.boc_made_headers) / "boc" / name
    return made if made.exists() else INCLUDE / name


def with_bare_enumerators(entries: list[tuple]) -> list[tuple]:
    """Enumerators under their own name, too: `boc_mode.BOC_READ`, which is how Sphinx
    enters it, stands among the names with b, where nobody looks for BOC_READ."""
    found = list(entries)
    for kind, text, *rest in entries:
        name, mark, sort = text.partition(" (C enumerator)")
        if mark and "." in name:
            found.append((kind, name.rpartition(".")[2] + mark + sort, *rest))
    return found


class Nested(SphinxDirective):
    required_arguments = 1

    def nested(self, lines: list[str], source: Path) -> list[nodes.Node]:
        self.env.note_dependency(str(source))
        node = nodes.container()
        self.state.nested_parse(StringList(lines, str(source)), 0, node)
        for index in node.findall(addnodes.index):
            index["entries"] = with_bare_enumerators(index["entries"])
        return node.children


class Header(Nested):
    def run(self):
        path = path_of(self.config, self.arguments[0])
        text = path.read_text("utf-8")
        head = re.match(r"/\*(.*?)\*/", text, re.DOTALL).group(1)
        lines = [re.sub(r"^ \* ?", "", line).strip("\n") for line in head.split("\n")]
        lines[0] = lines[0].strip()
        set_out(lines)
        shown = os.path.relpath(path, self.config.hawkmoth_root)
        return self.nested([*lines, "", f".. c:autodoc:: {shown}"], path)


def listed(unit: TranslationUnit, name: str) -> list[list[str]]:
    """The rows of a list X(a, b, "text") X(...) as Clang's lexer sees them."""
    for cursor in own(unit):
        if cursor.kind == CursorKind.MACRO_DEFINITION and cursor.spelling == name:
            rows: list[list[str]] = []
            for token in list(cursor.get_tokens())[4:]:
                if token.spelling == "X":
                    rows.append([])
                elif token.kind != TokenKind.PUNCTUATION:
                    rows[-1].append(token.spelling.strip('"'))
            return rows
    raise ValueError(f"no macro {name}")


class List(Nested):
    option_spec: ClassVar = {"of": str, "prefix": str, "in": str}

    def run(self):
        path = INCLUDE / self.options["in"]
        unit = parse(self.config, path, "c")
        kind, name = self.options["of"].split()
        lines = [f".. c:{kind}:: {name}", ""]
        for first, *middle, text in listed(unit, self.arguments[0]):
            member = f"member:: uint64_t {first}"
            if kind == "enum":
                member = f"enumerator:: {self.options.get('prefix', '')}{first}"
            note = f" ({middle[0]})" if middle else ""
            lines += [f"   .. c:{member}", "", f"      {marked(text)}{note}", ""]
        return self.nested(lines, path)


def public_c(unit: TranslationUnit):
    """Names of functions, types, constants and macros; not include guards, not what an
    X-macro expands to, which `c-list` shows."""
    kinds = (
        CursorKind.FUNCTION_DECL,
        CursorKind.TYPEDEF_DECL,
        CursorKind.ENUM_CONSTANT_DECL,
        CursorKind.MACRO_DEFINITION,
    )
    internal = re.compile(r"_H$|_(ENUM|FIELD|COUNT|API)$")
    for cursor in own(unit):
        name = cursor.spelling
        if cursor.kind in kinds and NAME.fullmatch(name) and not internal.search(name):
            yield name


def public_cpp(unit: TranslationUnit):
    """Qualified names of what boc.hpp declares for users."""
    kinds = (
        CursorKind.CLASS_DECL,
        CursorKind.CLASS_TEMPLATE,
        CursorKind.STRUCT_DECL,
        CursorKind.FUNCTION_DECL,
        CursorKind.FUNCTION_TEMPLATE,
        CursorKind.CXX_METHOD,
    )
    hidden = (AccessSpecifier.PRIVATE, AccessSpecifier.PROTECTED)
    for cursor in own(unit):
        if cursor.kind not in kinds or cursor.access_specifier in hidden:
            continue
        if cursor.is_deleted_method() or cursor.spelling == "operator=":
            continue
        path, at = [cursor.spelling], cursor.lexical_parent
        if not path[0].startswith("operator"):
            path[0] = path[0].partition("<")[0]
        while at and at.kind != CursorKind.TRANSLATION_UNIT:
            path.insert(0, at.spelling)
            at = at.lexical_parent
        if path[0] == "boc" and "detail" not in path and path[-1] != path[-2]:
            yield "::".join(path)


def complete(app, env):
    """Warns of public names that the reference has not."""
    shown = {each[0] for each in env.get_domain("c").get_objects()}
    shown |= {name.rpartition(".")[2] for name in shown}
    cpp = {each[0] for each in env.get_domain("cpp").get_objects()}
    cpp |= FOR_THE_HEADERS
    for path in sorted(INCLUDE.glob("*.h*")):
        if path.suffix == ".h":
            names = set(public_c(parse(app.config, path, "c"))) - shown
        elif path.suffix == ".hpp":
            names = set(public_cpp(parse(app.config, path, "c++"))) - cpp
        else:
            continue
        for name in sorted(names):
            log.warning("%s: the reference lacks %s", path.name, name, location=PAGE)


def configure(app, config):
    made = made_headers(config.release)
    config.boc_made_headers = str(made)
    config.hawkmoth_clang = [f"-I{INCLUDE.parent}", f"-I{made}"]
    config.hawkmoth_compiler = shutil.which("clang") or shutil.which("cc")


def setup(app):
    app.add_config_value("boc_made_headers", "", "")
    app.connect("config-inited", configure, priority=100)
    app.connect("hawkmoth-process-docstring", process)
    app.connect("env-check-consistency", complete)
    app.connect(
        "build-finished",
        lambda app, _: shutil.rmtree(app.config.boc_made_headers, True),
    )
    app.add_directive("c-header", Header)
    app.add_directive("c-list", List)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
