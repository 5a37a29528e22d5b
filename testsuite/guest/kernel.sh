# shellcheck shell=sh disable=SC2154 # init and lib.sh set the variables
# What this kernel lacks, and what that means for mdevd.
lacks() { echo "@lacks $*"; }

[ -r /sys/kernel/uevent_seqnum ] || lacks "uevents (CONFIG_HOTPLUG, CONFIG_NET): mdevd has nothing to listen to"
grep -q tmpfs /proc/filesystems || lacks "tmpfs: /dev is in the initramfs"
grep -q devtmpfs /proc/filesystems || lacks "devtmpfs (2.6.32, CONFIG_DEVTMPFS): there is no node before mdevd makes it"
[ -d /sys/dev ] || lacks "/sys/dev (before 2.6.27)"
[ "$(events DEVNAME=)" -gt 0 ] || lacks "DEVNAME (before 2.6.31): names are those of directories in /sys"
[ "$(events SYNTH_UUID=)" -gt 0 ] || lacks "marked events (before 4.13): settle tells its barriers by their numbers"
[ -r /proc/modules ] || lacks "modules: all drivers are built in"
if [ ! -d /sys/bus/usb ]; then
	lacks "USB: nothing can be plugged in here"
elif [ ! -d /sys/bus/usb/devices/usb1 ]; then
	echo "# this machine has no USB host, or the kernel no driver for it: try MACHINE=versatilepb,usb=on"
fi
[ -d /sys/class/firmware ] || lacks "the firmware loader that asks user space: the kernel reads files itself, or not at all"
# (a file of /proc has no size: it must be read)
if [ -r /proc/sys/kernel/hotplug ] && read -r helper </proc/sys/kernel/hotplug && [ "$helper" ]; then
	echo "# the kernel starts $helper for every event as well"
fi
ok "mdevd has handled events" [ "$(events ACTION=)" -gt 0 ]
