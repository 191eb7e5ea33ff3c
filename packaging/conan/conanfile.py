"""keyfob for Conan 2: built by cargo, which has to be there (Rust 1.85 or newer).

conan create packaging/conan
"""

from pathlib import Path

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.files import copy, load, rm, rmdir


class Keyfob(ConanFile):
    name = "keyfob"
    license = "MIT OR Apache-2.0"
    description = "Access tokens for IoT clouds: obtained, kept, renewed, stored and presented"
    topics = ("iot", "oauth2", "token", "gateway")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False]}
    default_options = {"shared": True}

    def set_version(self):
        lines = load(self, str(self._root / "Cargo.toml")).splitlines()
        self.version = next(line.split('"')[1] for line in lines if line.startswith("version ="))

    @property
    def _root(self):
        return Path(self.recipe_folder).parent.parent

    def export_sources(self):
        kept = [
            "src/*",
            "include/*",
            "packaging/*",
            "cli/*",
            "Cargo.*",
            "build.rs",
            "cbindgen.toml",
            # Cargo looks for what it could build, and builds none of it.
            "simulator/*",
            "tests/*.rs",
            "tools/fleet/*",
            "LICENSE-*",
        ]
        for pattern in kept:
            copy(self, pattern, self._root, self.export_sources_folder)

    def validate(self):
        if self.settings.os not in ("Linux", "Android"):
            raise ConanInvalidConfiguration(
                "this recipe installs as packaging/install does, on Linux"
            )

    def configure(self):
        self.settings.rm_safe("compiler.libcxx")
        self.settings.rm_safe("compiler.cppstd")

    def build(self):
        kinds = "--features capi --crate-type=cdylib,staticlib"
        self.run(
            f"cargo rustc --lib --release {kinds} --target-dir {self.build_folder}/cargo",
            cwd=self.source_folder,
        )

    def package(self):
        self.run(
            f"PREFIX={self.package_folder} RELOCATABLE=1 packaging/install {self.build_folder}/cargo/release",
            cwd=self.source_folder,
        )
        copy(self, "LICENSE-*", self.source_folder, f"{self.package_folder}/licenses")
        # One kind a package, so that its name finds that kind.
        other = "*.a" if self.options.shared else "*.so*"
        rm(self, other, f"{self.package_folder}/lib")
        if not self.options.shared:
            rmdir(self, f"{self.package_folder}/bin")
        # Conan writes these for whom it builds.
        rmdir(self, f"{self.package_folder}/lib/cmake")
        rmdir(self, f"{self.package_folder}/lib/pkgconfig")

    def package_info(self):
        self.cpp_info.libs = ["keyfob"]
        self.cpp_info.set_property("cmake_target_name", "keyfob::keyfob")
        self.cpp_info.set_property("pkg_config_name", "keyfob")
        if not self.options.shared:
            self.cpp_info.system_libs = ["pthread", "dl", "m"]
