SUMMARY = "Access tokens for IoT clouds"
DESCRIPTION = "Obtains, keeps, renews, stores and presents access tokens for IoT clouds."
HOMEPAGE = "https://keyfob.invalid"
SECTION = "libs"
LICENSE = "MIT | Apache-2.0"
LIC_FILES_CHKSUM = "file://LICENSE-MIT;md5=e65e365a5fb8a5b5d2d43ddbd305afe8 file://LICENSE-APACHE;md5=3b83ef96387f14655fc854ddc3c6bd57"

# Put the source's archive into the folder files/ beside this file. `bitbake -c update_crates keyfob` then
# writes keyfob-crates.inc beside it from Cargo.lock; until it has, the crates are missing. Rust 1.85 is
# in Yocto 5.2 (walnascar); older releases take it from meta-lts-mixins.
SRC_URI = "file://${BP}.tar.gz"
include ${BPN}-crates.inc

inherit cargo cargo-update-recipe-crates

do_compile() {
    export RUSTFLAGS="${RUSTFLAGS}"
    export CARGO_PROFILE_RELEASE_STRIP=none
    "${CARGO}" rustc ${CARGO_BUILD_FLAGS} --lib --features capi --crate-type cdylib,staticlib
}

do_install() {
    KEEP_NAMES=1 PREFIX=${prefix} LIBDIR=${libdir} DESTDIR=${D} CROSS=${TARGET_PREFIX} CC="${CC}" \
        CFLAGS="${CFLAGS}" LDFLAGS="${LDFLAGS}" ${S}/packaging/install ${B}/target/${CARGO_TARGET_SUBDIR}
}

PACKAGES =+ "lib${BPN}"
FILES:lib${BPN} = "${libdir}/libkeyfob.so.*"
FILES:${PN} += "${datadir}/bash-completion ${datadir}/zsh ${datadir}/fish"
