################################################################################
#
# busybox-mdevd
#
################################################################################

BUSYBOX_MDEVD_DEPENDENCIES = busybox

define BUSYBOX_MDEVD_INSTALL_TARGET_CMDS
	grep -q '^CONFIG_MDEVD=y' $(BUSYBOX_DIR)/.config || { \
		echo "busybox-mdevd: BusyBox was configured without mdevd: see BR2_PACKAGE_BUSYBOX_CONFIG_FRAGMENT_FILES" >&2; \
		exit 1; \
	}
	$(INSTALL) -D -m 0644 $(BUSYBOX_MDEVD_PKGDIR)/mdev.conf \
		$(TARGET_DIR)/etc/mdev.conf
endef

define BUSYBOX_MDEVD_INSTALL_INIT_SYSV
	$(INSTALL) -D -m 0755 $(BUSYBOX_MDEVD_PKGDIR)/S10mdevd \
		$(TARGET_DIR)/etc/init.d/S10mdevd
endef

$(eval $(generic-package))
