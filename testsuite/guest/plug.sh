# shellcheck shell=sh disable=SC2154 # init and lib.sh set the variables
# A USB disk is plugged in, and pulled.
if ! [ -d /sys/bus/usb/devices/usb1 ]; then
	skip "a USB disk comes and goes" "there is no USB host"
	return
fi
if ! [ -d /lib/modules ] && ! [ -d /sys/bus/usb/drivers/usb-storage ]; then
	skip "a USB disk comes and goes" "this kernel has no usb-storage"
	return
fi
before=$(loaded) from=$(now)
echo "@host plug"
await "add sda1" 30
there=$(now)
ok "the disk's partition appears after it is plugged in" [ -b /dev/disk/sda1 ]
[ -b /dev/disk/sda1 ] || return
new=''
for m in $(loaded); do
	case " $before " in *" $m "*) ;; *) new="$new $m" ;; esac
done
case "$new " in
*" usb_storage "*) pass "MODALIAS loads usb-storage" ;;
*)	if [ -d /sys/bus/usb/drivers/usb-storage ]; then
		skip "MODALIAS loads usb-storage" "it is built in, or was there before"
	else
		fail "MODALIAS loads usb-storage"
	fi ;;
esac
ok "and then there is sd" [ -d /sys/bus/scsi/drivers/sd ]
ok "the disk has its node, owner and mode" [ "$(stat -c '%F %a %U:%G' /dev/disk/sda)" = "block special file 660 root:disk" ]
ok "its partition too" [ "$(stat -c '%F %a %U:%G' /dev/disk/sda1)" = "block special file 660 root:disk" ]
ok "a link leads to the disk" [ "$(readlink /dev/sda)" = disk/sda ]
ok "and one to the partition" [ "$(readlink /dev/sda1)" = disk/sda1 ]
ok "the disk can be read" dd if=/dev/sda of=/dev/null bs=512 count=8 2>/dev/null
fact "plugged ms=$((there - from)) modules=$new"
fact "node /dev/disk/sda1: $(stat -c "%F %t,%T, %U:%G, mode %a" /dev/disk/sda1)"
fact "link /dev/sda1 -> $(readlink /dev/sda1)"

# Linux 2.6.32 waits 30 s for a disk that is pulled while it is still busy with its start
sleep 2
from=$(now)
echo "@host pull"
ok "the pull is announced" await "remove usb" 30
# that line is written before the node of the stick itself goes
mdevd-coldplug -O 4 -t 20 mem
there=$(now)
gone() { ! [ -e "$1" ] && ! [ -L "$1" ]; }
ok "when it is pulled the disk's node goes" gone /dev/disk/sda
ok "the partition's node goes" gone /dev/disk/sda1
ok "the disk's link goes" gone /dev/sda
ok "the partition's link goes" gone /dev/sda1
ok "mdevd is still running" kill -0 "$mdevd"
fact "pulled ms=$((there - from))"
