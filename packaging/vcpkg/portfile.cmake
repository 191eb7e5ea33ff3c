# keyfob for vcpkg, as an overlay port: vcpkg install keyfob --overlay-ports=packaging
# cargo builds it and has to be there (Rust 1.85 or newer). KEYFOB_SOURCE names an unpacked source, which
# is the checkout that this file is in unless told.

if(DEFINED ENV{KEYFOB_SOURCE})
  set(SOURCE_PATH "$ENV{KEYFOB_SOURCE}")
else()
  get_filename_component(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../.." ABSOLUTE)
endif()
find_program(CARGO cargo REQUIRED HINTS "$ENV{HOME}/.cargo/bin")

# There is one build of it, for debug and for release.
set(VCPKG_BUILD_TYPE release)
set(built "${CURRENT_BUILDTREES_DIR}/cargo")
vcpkg_execute_required_process(
  COMMAND "${CARGO}" rustc --locked --lib --release --features capi --crate-type=cdylib,staticlib --target-dir "${built}"
  WORKING_DIRECTORY "${SOURCE_PATH}"
  LOGNAME build-${TARGET_TRIPLET})
vcpkg_execute_required_process(
  COMMAND "${CMAKE_COMMAND}" -E env "PREFIX=${CURRENT_PACKAGES_DIR}" RELOCATABLE=1
    "${SOURCE_PATH}/packaging/install" "${built}/release"
  WORKING_DIRECTORY "${SOURCE_PATH}"
  LOGNAME install-${TARGET_TRIPLET})

# The programs are not what a library's port is for, and vcpkg moves CMake packages to share/.
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/bin" "${CURRENT_PACKAGES_DIR}/share/man"
  "${CURRENT_PACKAGES_DIR}/share/bash-completion" "${CURRENT_PACKAGES_DIR}/share/zsh"
  "${CURRENT_PACKAGES_DIR}/share/fish")
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/keyfob)
# It is a folder nearer to the prefix there.
vcpkg_replace_string("${CURRENT_PACKAGES_DIR}/share/keyfob/keyfob-config.cmake" "}/../../.." "}/../..")
vcpkg_fixup_pkgconfig()
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE-MIT" "${SOURCE_PATH}/LICENSE-APACHE")
