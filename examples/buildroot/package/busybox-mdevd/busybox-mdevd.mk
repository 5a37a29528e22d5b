################################################################################
#
# busybox-mdevd
#
################################################################################

BUSYBOX_MDEVD_LICENSE = GPL-2.0
BUSYBOX_MDEVD_DEPENDENCIES = busybox

# The groups of mdev.conf that Buildroot's skeleton does not have
define BUSYBOX_MDEVD_USERS
	- - input -1 * - - - keyboards, mice, touchscreens
	- - kvm -1 * - - - virtual machines
	- - render -1 * - - - rendering by a GPU
endef

# HOTPLUG: before Linux 3.8
define BUSYBOX_MDEVD_LINUX_CONFIG_FIXUPS
	$(call KCONFIG_ENABLE_OPT,CONFIG_NET)
	$(call KCONFIG_ENABLE_OPT,CONFIG_SYSFS)
	$(call KCONFIG_ENABLE_OPT,CONFIG_HOTPLUG)
endef

define BUSYBOX_MDEVD_INSTALL_TARGET_CMDS
	$(BUSYBOX_MDEVD_PKGDIR)/check-busybox $(BUSYBOX_DIR)
	$(INSTALL) -D -m 0644 $(BUSYBOX_MDEVD_PKGDIR)/mdev.conf \
		$(TARGET_DIR)/etc/mdev.conf
	$(INSTALL) -D -m 0644 $(BUSYBOX_MDEVD_PKGDIR)/mdev.conf \
		$(TARGET_DIR)/usr/share/mdevd/mdev.conf
endef

define BUSYBOX_MDEVD_INSTALL_INIT_SYSV
	$(INSTALL) -D -m 0755 $(BUSYBOX_MDEVD_PKGDIR)/S10mdevd \
		$(TARGET_DIR)/etc/init.d/S10mdevd
endef

define BUSYBOX_MDEVD_INSTALL_INIT_OPENRC
	$(INSTALL) -D -m 0755 $(BUSYBOX_MDEVD_PKGDIR)/mdevd-run \
		$(TARGET_DIR)/sbin/mdevd-run
	$(INSTALL) -D -m 0755 $(BUSYBOX_MDEVD_PKGDIR)/mdevd.openrc \
		$(TARGET_DIR)/etc/init.d/mdevd
	$(INSTALL) -D -m 0644 $(BUSYBOX_MDEVD_PKGDIR)/mdevd.confd \
		$(TARGET_DIR)/etc/conf.d/mdevd
	$(INSTALL) -d -m 0755 $(TARGET_DIR)/etc/runlevels/sysinit
	ln -sf /etc/init.d/mdevd $(TARGET_DIR)/etc/runlevels/sysinit/mdevd
endef

# Neither BusyBox nor the target directory is made anew when the configuration changes
define BUSYBOX_MDEVD_CHECK_TARGET
	$(BUSYBOX_MDEVD_PKGDIR)/check-busybox $(BUSYBOX_DIR) $(TARGET_DIR) \
		S10mdev S10udev S10udevd $(if $(BR2_INIT_OPENRC),S10mdevd)
endef
BUSYBOX_MDEVD_TARGET_FINALIZE_HOOKS += BUSYBOX_MDEVD_CHECK_TARGET

$(eval $(generic-package))
