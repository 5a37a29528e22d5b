# shellcheck shell=sh disable=SC2154 # init and lib.sh set the variables
# A loop device is removed and added again while mdevd is busy. On a devtmpfs, whose nodes the kernel
# makes at once, the new device's node must survive the old one's remove event.
modprobe -q loop
mkdir -p /run/successor/dev
if ! [ -e /sys/class/misc/loop-control ] || ! mount -t devtmpfs dev /run/successor/dev; then
	skip "a successor's node survives the remove event" "this kernel has no loop devices or no devtmpfs"
	return
fi
mkfifo /run/successor/go
cat >/run/successor/mdev.conf <<'END'
null	0:0 666 ! *read x </run/successor/go
zero	0:0 666 ! *if [ -b loop7 ]; then echo there; else echo gone; fi >>/run/successor/log
loop7	0:6 640
.*	0:0 660 !
END
mdevd -d /run/successor/dev -f /run/successor/mdev.conf -O 16 -D 3 & manager=$!
await '' 10 || fail "mdevd on a devtmpfs listens"
mdevd-coldplug -O 4 -t 20 misc	# /dev/loop-control
[ -e /sys/block/loop7 ] || loopctl add 7
mdevd-coldplug -O 16 -t 20 /sys/block/loop7
ok "a loop device has its node on a devtmpfs" [ "$(stat -c '%F %a %g' /run/successor/dev/loop7)" = "block special file 640 6" ]

echo change >/sys/class/mem/null/uevent
loopctl remove 7
echo change >/sys/class/mem/zero/uevent
loopctl add 7
echo go >/run/successor/go
mdevd-coldplug -n -O 16 -t 20
ok "a successor's node survives the remove event" [ "$(cat /run/successor/log)" = there ]
ok "and gets owner and mode" [ "$(stat -c '%F %a %g' /run/successor/dev/loop7)" = "block special file 640 6" ]
loopctl remove 7
mdevd-coldplug -n -O 16 -t 20
ok "a remove without a successor takes the node" [ ! -e /run/successor/dev/loop7 ]
kill "$manager"
wait "$manager"
umount /run/successor/dev
