################################################################################
#
# keyfob
#
################################################################################

KEYFOB_VERSION = 0.1.0
KEYFOB_SOURCE = keyfob-$(KEYFOB_VERSION).tar.gz
KEYFOB_LICENSE = MIT or Apache-2.0
KEYFOB_LICENSE_FILES = LICENSE-MIT LICENSE-APACHE
KEYFOB_INSTALL_STAGING = YES

define KEYFOB_BUILD_CMDS
	cd $(@D) && $(TARGET_MAKE_ENV) $(TARGET_CONFIGURE_OPTS) $(PKG_CARGO_ENV) \
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
