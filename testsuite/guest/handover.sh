# shellcheck shell=sh disable=SC2154,SC3045 # rootinit and lib.sh set the variables; busybox's read has -t
# On the root's disk, after the initramfs of examples/ has handed over. A USB disk is plugged in from
# the start.
ok "broken rules of the initramfs are complained about, and the boot goes on" [ "$(dmesg | grep -c 'initramfs: /etc/mdev.conf HAS ERRORS')" = 1 ]
ok "the initramfs's mdevd is stopped" [ -z "$(pidof mdevd)" ]
ok "the initramfs has found the root by its UUID" grep -q ' root=UUID=' /proc/cmdline
ok "the root's /dev is new" [ "$(nodes)" = 3 ]
links=$(for l in fd stdin stdout stderr; do readlink /dev/$l; done | tr '\n' ' ')
ok "it has fd, stdin, stdout and stderr" [ "$links" = "/proc/self/fd fd/0 fd/1 fd/2 " ]
ok "pts and shm are mounted there" [ "$(grep -c -e ' /dev/pts devpts ' -e ' /dev/shm tmpfs ' /proc/mounts)" = 2 ]

# watch: starts a mdevd that only tells what it sees, on the fifo
watch() {
	mdevd -n -D 5 5>/run/told >/run/told & watcher=$!
	await '' 10
}
# unseen ACTION: waits until the kernel has said that of a USB device at a hub
unseen() {
	until=$(($(now) + 30000))
	while [ "$(now)" -lt "$until" ]; do
		read -r -t 30 line <&3 || break
		case $line in
		"$1 /devices/"*/usb*/[0-9]*-[0-9].[0-9]": "*) kill "$watcher"; wait "$watcher"; return 0 ;;
		esac
	done
	return 1
}
# start_mdevd: as an init script does
start_mdevd() {
	mdevd -O 4 & mdevd=$!
	mdevd-coldplug -O 4 -t 40 "$@"
}

watch
# The hand-over may come before the kernel has found the disk
if ls -d /sys/bus/usb/devices/[0-9]*-[0-9].[0-9] >/dev/null 2>&1; then
	kill "$watcher"
	wait "$watcher"
else
	unseen add
fi
watch
echo "@host pull"
unseen remove
ok "a disk is pulled while no mdevd runs" [ $? = 0 ]
start_mdevd
ok "the root's own mdevd settles" [ $? = 0 ]
ok "the disk that is gone has no node" [ ! -e /dev/disk/sda ]
ok "nor a link" [ ! -L /dev/sda ]
ok "the root device has its node" [ -b /dev/mmcblk0 ]
ok "and is known as root" [ "$(readlink /dev/root)" = mmcblk0 ]

kill "$mdevd"
wait "$mdevd"
watch
echo "@host other"
unseen add
ok "another is plugged in while no mdevd runs" [ $? = 0 ]
start_mdevd -w sda1
ok "the next mdevd settles" [ $? = 0 ]
ok "the disk has its node" [ -b /dev/disk/sda1 ]
ok "and its link" [ "$(readlink /dev/sda1)" = disk/sda1 ]
