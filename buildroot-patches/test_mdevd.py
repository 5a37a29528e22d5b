import os

import infra.basetest


class TestMdevd(infra.basetest.BRTest):
    config = infra.basetest.BASIC_TOOLCHAIN_CONFIG + \
        """
        BR2_ROOTFS_DEVICE_CREATION_DYNAMIC_MDEVD=y
        BR2_TARGET_ROOTFS_CPIO=y
        # BR2_TARGET_ROOTFS_TAR is not set
        """

    def test_run(self):
        cpio_file = os.path.join(self.builddir, "images", "rootfs.cpio")
        self.emulator.boot(arch="armv5",
                           kernel="builtin",
                           options=["-initrd", cpio_file])
        self.emulator.login()

        # S10mdevd has started it, and nothing else manages /dev.
        self.assertRunOk("pidof mdevd")
        self.assertRunOk("! pidof mdev")

        # The rules have no errors, and their groups exist.
        output, exit_code = self.emulator.run("mdevd -N")
        self.assertEqual(exit_code, 0)
        self.assertEqual(output, [])

        # A node of devtmpfs has the group and mode of its rule.
        self.assertRunOk("ls -l /dev/ttyAMA0 | grep -E '^crw-rw---- +1 root +dialout '")

        # A node is made again when the kernel announces its device.
        self.assertRunOk("rm /dev/full")
        self.assertRunOk("mdevd-coldplug -O 4 -t 10 /sys/class/mem/full")
        self.assertRunOk("test -c /dev/full")

        for verb in ["reload", "restart", "stop"]:
            self.assertRunOk("/etc/init.d/S10mdevd " + verb, timeout=70)
        self.assertRunOk("! pidof mdevd")
