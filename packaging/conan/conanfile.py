"""libboc for Conan 2: `conan create packaging/conan` in a clone."""

from pathlib import Path

from conan import ConanFile
from conan.tools.files import copy, rmdir
from conan.tools.layout import basic_layout
from conan.tools.meson import Meson, MesonToolchain


class Boc(ConanFile):
    name = "boc"
    version = "0.1.0"
    description = "Behavior-oriented concurrency in C"
    license = "MIT"
    homepage = "https://libboc.example"
    topics = ("concurrency", "parallelism", "behaviors")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "fPIC": [True, False]}  # noqa: RUF012
    default_options = {"shared": False, "fPIC": True}  # noqa: RUF012

    def export_sources(self):
        root = Path(self.recipe_folder).parents[1]
        for pattern in (
            "meson.build",
            "meson.options",
            "LICENSE",
            "libboc/*",
            "tools/man_pages.py",
        ):
            copy(self, pattern, str(root), self.export_sources_folder)

    def config_options(self):
        if self.settings.os == "Windows":
            del self.options.fPIC

    def configure(self):
        if self.options.shared:
            self.options.rm_safe("fPIC")
        # A C library: what C++ compilers differ in is not its concern.
        self.settings.rm_safe("compiler.cppstd")
        self.settings.rm_safe("compiler.libcxx")

    def layout(self):
        basic_layout(self)

    def generate(self):
        toolchain = MesonToolchain(self)
        toolchain.project_options["tests"] = "disabled"
        toolchain.project_options["man"] = "disabled"
        toolchain.generate()

    def build(self):
        meson = Meson(self)
        meson.configure()
        meson.build()

    def package(self):
        copy(self, "LICENSE", self.source_folder, f"{self.package_folder}/licenses")
        Meson(self).install()
        rmdir(self, f"{self.package_folder}/lib/pkgconfig")
        rmdir(self, f"{self.package_folder}/lib/cmake")

    def package_info(self):
        self.cpp_info.libs = ["boc"]
        self.cpp_info.set_property("pkg_config_name", "boc")
        self.cpp_info.set_property("cmake_file_name", "boc")
        self.cpp_info.set_property("cmake_target_name", "boc::boc")
        if not self.options.shared:
            self.cpp_info.defines = ["BOC_STATIC"]
        if self.settings.os != "Windows":
            self.cpp_info.system_libs = ["pthread"]
