"""libboc as an installed library: what it exports, and the example that links it.

Each way to build the library is installed once into a prefix of its own, and used from
there as another project would: through pkg-config and through CMake.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from installation import (
    HAS_CPP,
    LINUX,
    ROOT,
    Installation,
    of_all,
    of_shared,
    of_static,
    run,
)


def exported(library):
    """The names that a shared library or program defines for others."""
    option = "-D" if LINUX else "-g"
    listing = run("nm", option, "--defined-only" if LINUX else "-U", library)
    return [line.split()[-1].removeprefix("_") for line in listing.splitlines()]


def shared_library(installed):
    return installed.find("libboc.so" if LINUX else "libboc.dylib")


@of_all
def test_every_public_header_is_there(installed):
    names = {path.name for path in (ROOT / "libboc" / "include" / "boc").glob("*.h*")}
    there = {path.name for path in installed.find("boc.h").parent.iterdir()}
    assert there == names - {"version.h.in"} | {"version.h"}


@of_all
def test_versions_agree(installed):
    source = (ROOT / "meson.build").read_text(encoding="utf-8")
    version = re.search(r"version: '([\d.]+)'", source).group(1)
    assert installed.flags("--modversion") == [version]
    header = installed.find("version.h").read_text(encoding="utf-8")
    assert f'"{version}"' in header


@of_static
def test_a_static_installation_has_no_shared_library(installed):
    assert not list(installed.prefix.rglob("libboc.so*"))
    assert not list(installed.prefix.rglob("libboc*.dylib"))


@of_shared
def test_only_public_names_are_exported(installed):
    names = exported(shared_library(installed))
    assert names
    assert [name for name in names if not re.match(r"boc_[a-z]", name)] == []


@of_static
def test_the_archive_defines_no_names_of_others(installed):
    """Private names of several files are in it too, but with the library's prefix."""
    names = run("nm", "-g", "-P", installed.find("libboc.a")).splitlines()
    defined = [line.split() for line in names if len(line.split()) > 2]
    own = [name.removeprefix("_") for name, kind, *_ in defined if kind not in "UwvW"]
    assert own
    assert [name for name in own if not re.match(r"boci?_[a-z]", name)] == []


@of_shared
def test_what_the_headers_declare_is_exported(installed):
    folder = installed.find("boc.h").parent
    text = "\n".join(path.read_text(encoding="utf-8") for path in folder.glob("*.h"))
    declared = set(re.findall(r"BOC_API\b[^;(]*?\b(boc_\w+)\(", text))
    assert declared
    assert declared - set(exported(shared_library(installed))) == set()


@of_shared
def test_the_library_carries_a_version_in_its_name(installed):
    name = shared_library(installed).resolve().name
    version = installed.flags("--modversion")[0]
    assert version in name
    major, minor, _ = version.split(".")
    soname = name.replace(version, f"0.{minor}" if major == "0" else major)
    assert installed.find(soname).resolve().name == name


def build_bank(installed, place):
    """Compiles the example against an installation, and runs it."""
    static = ["--static"] if installed.kind == "static" else []
    program = place / "bank"
    compiler = os.environ.get("CC", "cc").split()
    flags = installed.flags("--cflags", "--libs", *static)
    source = ROOT / "examples" / "c" / "bank.c"
    run(*compiler, "-std=c11", "-Wall", "-Werror", source, *flags, "-o", program)
    run(program, env=installed.environment, timeout=120)


@of_all
def test_the_bank_example_runs(installed, tmp_path):
    build_bank(installed, tmp_path)


if shutil.which("rustc"):

    @of_static
    def test_the_sketch_in_rust_runs(installed, tmp_path):
        """docs/c/bindings.md: declarations by hand, and values in payloads."""
        program = tmp_path / "bank"
        flags = installed.flags("--libs", "--static")
        linked = [word for word in flags if word.startswith(("-l", "-L"))]
        source = ROOT / "examples" / "rust" / "bank.rs"
        run("rustc", "-Dwarnings", "--edition=2021", source, "-o", program, *linked)
        assert run(program, timeout=120) == "8000\n"


CMAKE_PROJECT = """
cmake_minimum_required(VERSION 3.18)
project(stranger C)
find_package(boc {version} REQUIRED CONFIG)
foreach(kind boc static shared)
  if(TARGET boc::${{kind}})
    add_executable(with_${{kind}} "{source}")
    target_link_libraries(with_${{kind}} PRIVATE boc::${{kind}})
  endif()
endforeach()
"""


def cmake_configure(installed, place, version):
    """CMake's output for another project that wants libboc of `version`."""
    cmake = shutil.which("cmake")
    assert cmake, "cmake is not on PATH"
    source = (ROOT / "examples" / "c" / "sieve.c").as_posix()
    text = CMAKE_PROJECT.format(version=version, source=source)
    (place / "CMakeLists.txt").write_text(text, encoding="utf-8")
    command = [cmake, "-S", place, "-B", place / "build"]
    command.append(f"-DCMAKE_PREFIX_PATH={installed.prefix}")
    return subprocess.run(
        [str(word) for word in command],
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


EXAMPLES = sorted((ROOT / "examples").glob("c*/*.c*" if HAS_CPP else "c/*.c"))


@pytest.mark.parametrize("installed", ["both"], indirect=True)
@pytest.mark.parametrize("source", EXAMPLES, ids=lambda path: path.name)
def test_the_command_in_an_example_builds_it(installed, source, tmp_path):
    """As the comment at its top says, pasted into a shell."""
    line = re.search(r"^ \*   (c(?:c|\+\+) .*)", source.read_text("utf-8"), re.M).group(
        1
    )
    shutil.copy(source, tmp_path)
    command = line.partition("&&")[0]
    run("sh", "-ec", command, cwd=tmp_path, env=installed.environment)
    program = tmp_path / source.stem
    run(program, cwd=tmp_path, env=installed.environment, timeout=120)


def copy_of_the_tree(place):
    ignored = shutil.ignore_patterns(".*", "build*", "subprojects", "docs")
    shutil.copytree(ROOT, place, ignore=ignored)
    return place


def test_the_program_in_the_readme(tmp_path):
    """Pasted into a file in a clone, and the commands below it into a shell."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    pattern = r"^```c\n(.*?)^```.*?^```sh\n(.*?)^```\n```text\n(.*?)^```"
    source, commands, output = re.search(pattern, text, re.M | re.S).groups()
    tree = copy_of_the_tree(tmp_path / "clone")
    (tree / "sum.c").write_text(source, encoding="utf-8")
    out = run("sh", "-ec", commands, cwd=tree)
    assert out.endswith("\n" + output)
    assert not list(tree.glob("boc/**/libboc.so*"))


@of_all
def test_cmake_finds_it(installed, tmp_path):
    done = cmake_configure(installed, tmp_path, "0.1")
    assert done.returncode == 0, done.stdout
    run("cmake", "--build", tmp_path / "build")
    kinds = {"static", "shared"} if installed.kind == "both" else {installed.kind}
    programs = sorted((tmp_path / "build").glob("with_*"))
    assert {path.name for path in programs} == {f"with_{k}" for k in kinds | {"boc"}}
    for program in programs:
        run(program, timeout=120)


@of_shared
@pytest.mark.parametrize("version", ["0.0", "1.0"])
def test_cmake_refuses_versions_with_another_soname(installed, tmp_path, version):
    done = cmake_configure(installed, tmp_path, version)
    assert done.returncode != 0
    assert "version: 0." in done.stdout


@of_static
def test_an_embedded_archive_exports_nothing(installed, tmp_path):
    """A shared object that contains the archive exports none of libboc's names."""
    source = tmp_path / "embeds.c"
    source.write_text(
        "#include <boc/boc.h>\n"
        "const char *embeds(void);\n"
        "const char *embeds(void) { return boc_version(); }\n",
        encoding="utf-8",
    )
    library = tmp_path / "embeds.so"
    compiler = os.environ.get("CC", "cc").split()
    flags = installed.flags("--cflags", "--libs", "--static")
    run(*compiler, "-shared", "-fPIC", source, *flags, "-o", library)
    assert exported(library) == ["embeds"]


STRANGER = """
project('stranger', 'c')
boc = dependency('boc', fallback: 'boc')
program = executable('stranger', 'stranger.c', dependencies: boc, install: true)
test('it runs', program)
"""

STRANGERS_PROGRAM = """
#include <boc/boc.h>
#include <string.h>

int main(void) { return strcmp(boc_version(), BOC_VERSION_STRING); }
"""


@pytest.mark.parametrize("kind", ["static", "shared"])
def test_a_program_links_it_as_a_meson_subproject(kind, tmp_path):
    """Another project with libboc under subprojects/, built and installed."""
    (tmp_path / "meson.build").write_text(STRANGER, encoding="utf-8")
    (tmp_path / "stranger.c").write_text(STRANGERS_PROGRAM, encoding="utf-8")
    copy_of_the_tree(tmp_path / "subprojects" / "boc")
    meson = shutil.which("meson")
    build = tmp_path / "build"
    options = ["--force-fallback-for=boc", "-Dboc:werror=true"]
    options += [
        f"-Ddefault_library={kind}",
        f"--prefix={tmp_path / 'prefix'}",
        "-Doptimization=0",
    ]
    run(meson, "setup", build, tmp_path, *options, cwd=tmp_path)
    run(meson, "test", "-C", build, cwd=tmp_path)
    run(meson, "install", "-C", build, cwd=tmp_path)
    made = Installation(kind, tmp_path / "prefix")
    run(made.find("stranger"), env=made.environment, timeout=120)
    assert bool(list(made.prefix.rglob("libboc.so*"))) == (LINUX and kind != "static")


def tools_without_python(place):
    """A folder of links to all programs of PATH but Pythons (Meson is a Python program,
    too)."""
    place.mkdir()
    for folder in os.environ["PATH"].split(os.pathsep):
        for program in Path(folder).glob("*"):
            link = place / program.name
            if re.match(r"(python|pypy|pip|meson|cython)", program.name):
                continue
            if not os.path.lexists(link):
                link.symlink_to(program)
    return place


def test_it_builds_where_there_is_no_python(tmp_path):
    """Only Meson, which is started by the path of its own interpreter, has a Python."""
    path = tools_without_python(tmp_path / "bin")
    names = ("python3", "python", "pypy3", "meson")
    assert not any(shutil.which(name, path=path) for name in names)
    meson = [sys.executable, "-m", "mesonbuild.mesonmain"]
    environment = {**os.environ, "PATH": str(path)}
    build = tmp_path / "build"
    options = [f"--prefix={tmp_path / 'prefix'}", "-Doptimization=0"]
    options += ["-Ddefault_library=static", "-Dtests=disabled"]
    said = run(*meson, "setup", build, ROOT, *options, env=environment)
    assert "Python.h" not in said
    # The manual pages are made by the Python that runs Meson itself.
    found = re.findall(r"Program (?:python|pypy)\S* found: YES \((.*)\)", said)
    assert set(found) <= {sys.executable}
    run(*meson, "install", "-C", build, env=environment)
    made = Installation("static", tmp_path / "prefix")
    build_bank(made, tmp_path)


@of_static
def test_manual_pages(installed):
    """A page for each function that the headers declare; aliases lead to one."""
    if sys.platform == "win32":
        assert not list(installed.prefix.rglob("*.3"))
        return
    folder = installed.find("boc.3").parent
    declared = {
        name
        for header in (ROOT / "libboc" / "include" / "boc").glob("*.h")
        for name in re.findall(
            r"^BOC_API\b[^;(]*?\b(boc_\w+)\(", header.read_text("utf-8"), re.M
        )
    }
    assert declared
    for name in declared:
        text = (folder / f"{name}.3").read_text(encoding="utf-8")
        alias = re.match(r"\.so man3/(\S+)\n$", text)
        if alias:
            text = (folder / alias[1]).read_text(encoding="utf-8")
        assert f"{name}" in text.partition(".SH SYNOPSIS")[0]
        assert "BOC_API" not in text


WRAPPED = """
project('stranger', 'c', default_options: ['c_std=c11'])
test('sum', executable('sum', 'sum.c', dependencies: dependency('boc')))
"""


def test_the_wrap_brings_it_as_a_subproject(tmp_path):
    """As in a program with the wrap file, with a clone in place of a download."""
    tree = copy_of_the_tree(tmp_path / "clone")
    for command in (
        ["init", "-q"],
        ["add", "-A"],
        ["commit", "-qm", "all"],
        ["tag", "v"],
    ):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b.example"]
        run("git", *identity, *command, cwd=tree)
    wrap = (ROOT / "packaging" / "meson" / "boc.wrap").read_text(encoding="utf-8")
    wrap = re.sub(r"(?m)^url = .*$", f"url = {tree}", wrap)
    wrap = re.sub(r"(?m)^revision = .*$", "revision = v", wrap)
    program = tmp_path / "program"
    (program / "subprojects").mkdir(parents=True)
    (program / "subprojects" / "boc.wrap").write_text(wrap, encoding="utf-8")
    (program / "meson.build").write_text(WRAPPED, encoding="utf-8")
    source = ROOT / "packaging" / "conan" / "test_package" / "sum.c"
    shutil.copy(source, program)
    run("meson", "setup", "build", cwd=program)
    run("meson", "test", "-C", "build", cwd=program)
