################################################################################
#
# keyfob
#
################################################################################

KEYFOB_VERSION = 0.1.0
# The archive of the source is put beside this file, under the name that it has.
# check-package disable RemoveDefaultPackageSourceVariable
KEYFOB_SOURCE = keyfob-$(KEYFOB_VERSION).tar.gz
# check-package enable RemoveDefaultPackageSourceVariable
KEYFOB_SITE = $(abspath $(KEYFOB_PKGDIR))
KEYFOB_SITE_METHOD = file
KEYFOB_LICENSE = MIT or Apache-2.0
KEYFOB_LICENSE_FILES = LICENSE-MIT LICENSE-APACHE
KEYFOB_INSTALL_STAGING = YES

# As small as its own profile makes it, which the infrastructure replaces.
define KEYFOB_BUILD_CMDS
	cd $(@D) && $(TARGET_MAKE_ENV) $(TARGET_CONFIGURE_OPTS) $(PKG_CARGO_ENV) \
		CARGO_PROFILE_RELEASE_OPT_LEVEL=z CARGO_PROFILE_RELEASE_LTO=fat \
		CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 \
		cargo rustc --offline --locked --lib --release --features capi --crate-type=cdylib,staticlib
endef

define KEYFOB_INSTALL_STAGING_CMDS
	cd $(@D) && PREFIX=/usr DESTDIR=$(STAGING_DIR) CROSS=$(TARGET_CROSS) \
		packaging/install $(@D)/target/$(RUSTC_TARGET_NAME)/release
endef

define KEYFOB_INSTALL_TARGET_CMDS
	cd $(@D) && PREFIX=/usr DESTDIR=$(TARGET_DIR) CROSS=$(TARGET_CROSS) \
		packaging/install $(@D)/target/$(RUSTC_TARGET_NAME)/release
endef

$(eval $(cargo-package))
