#!/usr/bin/env python3
"""Makes the files that the package `libboc` is built from, out of libboc's public
headers.

    generate.py             write the files
    generate.py --check     say which are old; write nothing

The headers go through the C preprocessor, so that what X-macros declare is seen, and
then through pycparser. Of each declaration comes one in the cdef: of an enumeration its
names (the values are the compiler's), of a struct its fields (the layout is the
compiler's), of an opaque struct its name, of a function its prototype. Each member or
parameter that is a function pointer gets a callback in Python, `extern "Python"`:

    struct boc_cown_type { void (*drop)(...); }     py_cown_type_drop
    boc_when(..., void (*body)(...), ...)           py_when_body

and each initializer `BOC_RUNTIME_OPTIONS_INIT` a function that fills in a struct:
`init_runtime_options`. Nothing here knows a function, a struct or a constant by name.

Needs a C compiler (CC, else cc), and the cffi of tools/requirements/cffi.txt: another
version writes other C, and is refused.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from cffi import FFI
from pycparser import c_ast, c_generator, c_parser

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
INCLUDE = ROOT / "libboc" / "include" / "boc"
PACKAGE = HERE / "libboc"
#: bocpy's core by cffi is built of the same C.
BOCPY = ROOT / "python" / "bocpy"
REQUIREMENTS = ROOT / "tools" / "requirements" / "cffi.txt"
MODULE = "libboc._libboc"
EDITED = "Made by bindings/libboc/generate.py from libboc/include/boc: do not edit."

#: What the headers need of the standard library's headers.
STANDARD = {
    "stdbool.h": "",
    "stddef.h": "typedef unsigned long size_t;",
    "stdint.h": "".join(
        f"typedef {sign} {kind} {name}_t;"
        for name, sign, kind in (
            ("int8", "signed", "char"),
            ("uint8", "unsigned", "char"),
            ("int16", "signed", "short"),
            ("uint16", "unsigned", "short"),
            ("int32", "signed", "int"),
            ("uint32", "unsigned", "int"),
            ("int64", "signed", "long"),
            ("uint64", "unsigned", "long"),
            ("intptr", "signed", "long"),
            ("uintptr", "unsigned", "long"),
        )
    ),
}

#: The built-in exceptions from which the exceptions of some statuses inherit, too.
BUILTIN = {
    "TIMEOUT": "TimeoutError",
    "NO_MEMORY": "MemoryError",
    "BAD_ARGUMENT": "ValueError",
    "BAD_STATE": "RuntimeError",
    "NO_THREAD": "RuntimeError",
    "NOT_FOUND": "LookupError",
}
KINDS = {"outcome": "Outcome", "refusal": "Refusal"}


@dataclass
class Api:
    """Collects what the headers declare, in their order."""

    declarations: list[str] = field(default_factory=list)
    callbacks: list[str] = field(default_factory=list)
    functions: dict[str, c_ast.FuncDecl] = field(default_factory=dict)
    constants: list[str] = field(default_factory=list)
    strings: list[str] = field(default_factory=list)
    initializers: list[str] = field(default_factory=list)
    statuses: list[tuple[str, str, str]] = field(default_factory=list)


def compiler() -> list[str]:
    command = os.environ.get("CC", "cc").split()
    if shutil.which(command[0]) is None:
        raise SystemExit(f"generate.py: no C compiler {command[0]!r}: set CC")
    return command


class Headers:
    """The public headers beside stand-ins of the standard ones, in `place`."""

    def __init__(self, place: Path) -> None:
        self.place = place
        for name, text in STANDARD.items():
            (place / name).write_text(text + "\n", encoding="utf-8")
        (place / "boc").mkdir()
        for header in sorted(INCLUDE.glob("*.h")):
            shutil.copy(header, place / "boc")
        template = (INCLUDE / "version.h.in").read_text(encoding="utf-8")
        filled = re.sub(r"@\w+@", "0", template)
        (place / "boc" / "version.h").write_text(filled, encoding="utf-8")

    def preprocess(self, source: str, *options: str) -> str:
        command = [*compiler(), "-E", "-std=c11", "-nostdinc", "-DBOC_STATIC", *options]
        done = subprocess.run(
            [*command, f"-I{self.place}", "-x", "c", "-"],
            input=source,
            text=True,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"generate.py: {done.stderr}")
        return done.stdout

    def macros(self) -> Iterator[tuple[str, str]]:
        """The object-like macros, in the order of the headers, with their values."""
        text = self.preprocess("#include <boc/boc.h>\n", "-dM")
        values = dict(re.findall(r"^#define (BOC_\w+) (.+)$", text, re.MULTILINE))
        seen = "".join(
            path.read_text(encoding="utf-8")
            for path in sorted((self.place / "boc").glob("*.h"))
        )
        for name in dict.fromkeys(re.findall(r"#define (BOC_\w+)[ \\]", seen)):
            if name in values and name != "BOC_STATIC":
                yield name, values[name]

    def statuses(self) -> list[tuple[str, str, str]]:
        source = (
            "#include <boc/base.h>\n#define ROW(name, kind, text) (#name, #kind, text),"
            "\n<<< BOC_STATUS_MAP(ROW) >>>\n"
        )
        found = re.search(r"<<<(.*)>>>", self.preprocess(source, "-P"), re.DOTALL)
        assert found is not None
        return list(ast.literal_eval("[" + found.group(1).strip() + "]"))


class Reader:
    """Writes the cdef from the syntax tree."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.write = c_generator.CGenerator()
        self.known: set[str] = set()

    def read(self, tree: c_ast.FileAST) -> None:
        for node in tree.ext:
            if isinstance(node, c_ast.Typedef):
                self.typedef(node)
            elif isinstance(node, c_ast.Decl):
                self.declaration(node)

    def typedef(self, node: c_ast.Typedef) -> None:
        if not node.name.startswith("boc_") or node.name in self.known:
            return
        self.known.add(node.name)
        aggregate = getattr(node.type, "type", None)
        if isinstance(aggregate, c_ast.Enum):
            names = ", ".join(each.name for each in aggregate.values.enumerators)
            head = f"typedef enum {aggregate.name or ''}".rstrip()
            self.add(f"{head} {{ {names}, ... }} {node.name};")
        elif isinstance(aggregate, c_ast.Struct) and aggregate.decls:
            self.add(f"typedef {self.struct(aggregate, node.name)} {node.name};")
        else:
            self.add(self.write.visit(node) + ";")

    def declaration(self, node: c_ast.Decl) -> None:
        if isinstance(node.type, c_ast.FuncDecl):
            if node.name.startswith("boc_"):
                self.function(node.name, node.type)
        elif isinstance(node.type, c_ast.Struct) and node.type.decls:
            self.add(self.struct(node.type, node.type.name) + ";")

    def struct(self, struct: c_ast.Struct, name: str) -> str:
        lines = []
        for member in struct.decls:
            lines.append(f"  {self.write.visit(member)};")
            self.callback(name, member)
        head = f"struct {struct.name or ''}".rstrip()
        return "\n".join([head + " {", *lines, "  ...;", "}"])

    def function(self, name: str, declaration: c_ast.FuncDecl) -> None:
        self.api.functions[name] = declaration
        self.add(self.write.visit(declaration) + ";")
        for parameter in declaration.args.params if declaration.args else ():
            self.callback(name, parameter)

    def callback(self, owner: str, member: c_ast.Node) -> None:
        pointer = getattr(member, "type", None)
        if not isinstance(pointer, c_ast.PtrDecl):
            return
        if not isinstance(pointer.type, c_ast.FuncDecl):
            return
        name = f"py_{owner.removeprefix('boc_')}_{member.name}"
        rename(pointer.type, name)
        self.api.callbacks.append(self.write.visit(pointer.type) + ";")
        rename(pointer.type, member.name)

    def add(self, text: str) -> None:
        self.api.declarations.append(text)


def rename(function: c_ast.FuncDecl, name: str) -> None:
    """Changes the name that the declaration declares."""
    node = function.type
    while not isinstance(node, c_ast.TypeDecl):
        node = node.type
    node.declname = name


def read_headers() -> Api:
    api = Api()
    with tempfile.TemporaryDirectory() as place:
        headers = Headers(Path(place))
        text = headers.preprocess("#include <boc/boc.h>\n", "-P")
        text = re.sub(r"\bbool\b", "_Bool", text)
        Reader(api).read(c_parser.CParser().parse(text))
        api.statuses = headers.statuses()
        for name, value in headers.macros():
            if value.startswith("{"):
                api.initializers.append(name)
            elif value.startswith('"'):
                api.strings.append(name)
            else:
                api.constants.append(name)
        names = {path.stem for path in INCLUDE.glob("*.h")} - {"boc"}
    lacking = [name for name in sorted(names) if not included(name)]
    if lacking:
        raise SystemExit(f"generate.py: boc.h does not include {', '.join(lacking)}")
    return api


def included(name: str) -> bool:
    umbrella = (INCLUDE / "boc.h").read_text(encoding="utf-8")
    return f"#include <boc/{name}.h>" in umbrella


def initialized(name: str) -> str:
    """The struct that BOC_RUNTIME_OPTIONS_INIT is for, without its prefix."""
    return name.removeprefix("BOC_").removesuffix("_INIT").lower()


def cdef_of(api: Api) -> str:
    parts = [f"/* {EDITED} */\n"]
    parts += [f"#define {name} ..." for name in api.constants]
    parts += [f"static const char *const {name};" for name in api.strings]
    parts += api.declarations
    parts += [f"static void init_{i}(boc_{i} *out);" for i in inits(api)]
    parts += [f'extern "Python" {callback}' for callback in api.callbacks]
    return "\n".join(parts) + "\n"


def inits(api: Api) -> list[str]:
    return [initialized(name) for name in api.initializers]


def source_of(api: Api) -> str:
    lines = [f"/* {EDITED} */", "#include <stdlib.h>"]
    lines.append("#include <boc/boc.h>")
    for name in api.initializers:
        struct = initialized(name)
        lines += [
            f"static void init_{struct}(boc_{struct} *out) {{",
            f"  *out = (boc_{struct}){name};",
            "}",
        ]
    lines += [f"static {callback}" for callback in api.callbacks]
    lines.append('#include "glue.h"')
    return "\n".join(lines) + "\n"


def python_type(node: c_ast.Node, *, result: bool) -> str:
    if isinstance(node, c_ast.PtrDecl | c_ast.ArrayDecl):
        return "CData" if result else "Pointer"
    name = " ".join(getattr(node.type, "names", ["struct"]))
    if name == "void":
        return "None"
    if name in ("_Bool", "bool"):
        return "bool"
    if name in ("float", "double"):
        return "float"
    is_struct = name == "struct" or name in STRUCTS
    return "CData" if is_struct else "int"


#: The structs that functions take by value; filled by `stub_of`.
STRUCTS: set[str] = set()


def stub_of(api: Api) -> str:
    """The type stub of the extension module: every function of the library."""
    for declaration in api.declarations:
        found = re.search(r"^typedef struct.*?(\w+);\Z", declaration, re.DOTALL)
        if found:
            STRUCTS.add(found.group(1))
    names = [*api.constants, *enumerators(api)]
    lines = [f"# {EDITED}"]
    lines += (HERE / "glue.pyi").read_text(encoding="utf-8").splitlines()
    lines += [f"    {name}: Final[int]" for name in names]
    lines += [f"    {name}: Final[CData]" for name in api.strings]
    lines += [
        f"    def init_{i}(self, out: Pointer, /) -> None: ..." for i in inits(api)
    ]
    for name, function in api.functions.items():
        lines.append(
            f"    def {name}({', '.join(parameters(function))}) -> "
            f"{python_type(function.type, result=True)}: ..."
        )
    callbacks = [re.search(r"(py_\w+)\(", each) for each in api.callbacks]
    lines += [f"    {each.group(1)}: Final[CData]" for each in callbacks if each]
    return "\n".join([*lines, "", "ffi: Final[FFI]", "lib: Final[Lib]", ""])


def parameters(function: c_ast.FuncDecl) -> list[str]:
    given = ["self"]
    for parameter in function.args.params if function.args else ():
        if parameter.name:
            kind = python_type(parameter.type, result=False)
            name = parameter.name
            taken = name == "self" or hasattr(builtins, name)
            given.append(f"{name}{'_' * taken}: {kind}")
    return [*given, "/"]


def enumerators(api: Api) -> list[str]:
    found = []
    for declaration in api.declarations:
        if declaration.startswith("typedef enum"):
            inside = declaration.partition("{")[2].partition("}")[0]
            found += re.findall(r"\bBOC_\w+", inside)
    return found


def errors_of(api: Api) -> str:
    """The exceptions: one for each status but success."""
    lines = [f'"""One exception for each status of libboc.\n\n{EDITED}\n"""', ""]
    lines += ["from ._error_base import Error, Outcome, Refusal", ""]
    named = []
    for name, kind, text in api.statuses:
        if name == "OK":
            continue
        exception = "".join(part.capitalize() for part in name.split("_"))
        bases = KINDS[kind] + (f", {BUILTIN[name]}" if name in BUILTIN else "")
        lines += ["", f"class {exception}({bases}):", f'    """BOC_{name}: {text}."""']
        lines += ["", f'    status = "BOC_{name}"', f'    text = "{text}"', ""]
        named.append((name, exception))
    lines += [
        "",
        "#: By the name of the status.",
        "EXCEPTIONS: dict[str, type[Error]] = {",
    ]
    lines += [f'    "BOC_{name}": {exception},' for name, exception in named]
    return "\n".join([*lines, "}", ""])


def module_of(cdef: str, source: str, place: Path) -> str:
    """The C of the extension module, by cffi."""
    ffi = FFI()
    ffi.cdef(cdef)
    ffi.cdef((HERE / "glue.cdef").read_text(encoding="utf-8"))
    ffi.set_source(MODULE, source)
    path = place / "_libboc.c"
    ffi.emit_c_code(str(path))
    # The generator of cffi leaves blanks at the ends of lines.
    lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(line.rstrip() for line in lines) + "\n"


def formatted(text: str, name: str) -> str:
    """The text as the project's formatter lays it out, if that is installed."""
    ruff = shutil.which("ruff") or str(Path(sys.executable).with_name("ruff"))
    command = [ruff, "format", "--line-length", "88", "--stdin-filename", name, "-"]
    try:
        done = subprocess.run(
            command, input=text, text=True, capture_output=True, check=True
        )
    except OSError:
        raise SystemExit(
            "generate.py: no ruff: pip install -r tools/requirements/cffi.txt"
        ) from None
    return done.stdout


def generate() -> dict[Path, str]:
    api = read_headers()
    cdef, source = cdef_of(api), source_of(api)
    with tempfile.TemporaryDirectory() as place:
        module = module_of(cdef, source, Path(place))
    stub = formatted(stub_of(api), "_libboc.pyi")
    return {
        PACKAGE / "_cdef.h": cdef,
        PACKAGE / "_libboc.c": module,
        PACKAGE / "_libboc.pyi": stub,
        BOCPY / "_libboc.pyi": stub,
        PACKAGE / "_status_errors.py": formatted(errors_of(api), "_status_errors.py"),
    }


def check_version() -> None:
    """Refuses another version of cffi: it writes other C, which would be a change
    without a reason."""
    text = REQUIREMENTS.read_text(encoding="utf-8")
    for name in ("cffi", "pycparser", "ruff"):
        wanted = re.search(rf"^{name}==(\S+)$", text, re.MULTILINE)
        if wanted and version(name) != wanted.group(1):
            raise SystemExit(
                f"generate.py: {name} {version(name)} instead of {wanted.group(1)}: "
                "pip install -r tools/requirements/cffi.txt"
            )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing")
    given = parser.parse_args()
    check_version()
    old = []
    for path, text in generate().items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        old.append(path.relative_to(ROOT))
        if not given.check:
            path.write_text(text, encoding="utf-8", newline="\n")
    if given.check and old:
        names = ", ".join(map(str, old))
        print(f"old: {names}: run bindings/libboc/generate.py", file=sys.stderr)
        return 1
    for path in old:
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
