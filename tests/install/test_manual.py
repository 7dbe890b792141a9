"""Every C and C++ snippet of the manual, compiled and run.

A snippet with a `main` is a program. Any other snippet is put into the guide's first
program, in place of the lines between the start of its runtime and its end:
declarations up to the line "in main:", then statements. A block of text straight after
a snippet is what it prints.
"""

import os
import re

import pytest
from installation import HAS_CPP, ROOT, run

GUIDE = (ROOT / "docs" / "c" / "guide.md").read_text(encoding="utf-8")
BLOCK = re.compile(
    r"^```(c|cpp)\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL
)
IN_MAIN = "/* in main: */\n"


def snippets(text):
    """Language, code and expected output (None: any) of each, by heading and number."""
    heading, counts = "top", {}
    for part in re.split(r"^(#+ .*)\n", text, flags=re.MULTILINE):
        if part.startswith("#"):
            heading = part.strip("# ").lower().replace(" ", "-")
        for language, code, output in BLOCK.findall(part):
            counts[heading] = counts.get(heading, 0) + 1
            yield f"{heading}-{counts[heading]}", (language, code, output)


#: Those of C++ where there is a compiler for it.
SNIPPETS = {
    name: snippet for name, snippet in snippets(GUIDE) if snippet[0] == "c" or HAS_CPP
}
FIRST = SNIPPETS["a-first-program-1"][1]


def program(code):
    """The whole of a snippet's program."""
    if re.search(r"^int main\(", code, re.MULTILINE):
        return code
    declarations, statements = ("\n" + code).split(IN_MAIN)
    before, main = FIRST.split("int main(void) {\n")
    start = "must(boc_runtime_new(NULL, &runtime));\n"
    assert start in main
    return "".join(
        [
            "#undef NDEBUG\n#include <assert.h>\n#include <string.h>\n",
            before,
            declarations,
            "int main(void) {\n  boc_runtime *runtime;\n",
            start,
            statements,
            "boc_runtime_free(runtime);\n}\n",
        ]
    )


COMPILERS = {"c": ("CC", "cc", "c11"), "cpp": ("CXX", "c++", "c++17")}
#: What a snippet does not use of the first program.
QUIET = ["-Wno-unused-function", "-Wno-unused-const-variable"]


def build_and_run(installed, place, language, code):
    variable, default, standard = COMPILERS[language]
    source = place / f"snippet.{language}"
    source.write_text(code, encoding="utf-8")
    compiler = os.environ.get(variable, default).split()
    flags = installed.flags("--cflags", "--libs", "--static")
    command = [*compiler, f"-std={standard}", "-Wall", "-Wextra", "-Werror", *QUIET]
    run(*command, source, *flags, "-o", place / "snippet")
    environment = installed.environment
    return run(place / "snippet", cwd=place, env=environment, timeout=120)


@pytest.mark.parametrize("installed", ["static"], indirect=True)
@pytest.mark.parametrize("name", SNIPPETS)
def test_a_snippet_of_the_guide(installed, name, tmp_path):
    language, code, output = SNIPPETS[name]
    printed = build_and_run(installed, tmp_path, language, program(code))
    assert printed == output


def test_the_guide_names_only_what_there_is():
    """Each boc_ name in the guide is in a public header."""
    folder = ROOT / "libboc" / "include" / "boc"
    there = "\n".join(path.read_text(encoding="utf-8") for path in folder.glob("*.h*"))
    named = set(re.findall(r"\b(?:boc|BOC)_\w+", GUIDE)) - {"BOC_STATIC"}
    assert {name for name in named if not re.search(rf"\b{name}\b", there)} == set()
