# shellcheck shell=sh disable=SC2154 # init and lib.sh set the variables
# What the coldplug has brought.
ok "the coldplug settles" [ "$settled" = 0 ]
ok "mdevd is running" kill -0 "$mdevd"

loaded_at_boot=$(loaded)
if [ ! -d /lib/modules ]; then
	skip "a MODALIAS rule has loaded a module" "no modules came with this kernel"
elif [ -z "$loaded_at_boot" ] && { load_all; [ -z "$(loaded)" ]; }; then
	skip "a MODALIAS rule has loaded a module" "no device here needs one: its driver is built in"
else
	ok "a MODALIAS rule has loaded a module" [ "$loaded_at_boot" ]
fi

# The kernel numbers its events, and mdevd has reported each event that it handled. Devices continue to
# send events: those after the number was read do not count.
sent=$(cat /sys/kernel/uevent_seqnum)
echo change >/sys/class/mem/null/uevent
mdevd-coldplug -n -O 4 -t 20
tr '\0' '\n' </run/events | sed -n 's/^SEQNUM=//p' | sort -n >/run/numbers
first=$(head -n 1 /run/numbers) handled=0
while read -r number; do
	[ "$number" -gt "$sent" ] || handled=$((handled + 1))
done </run/numbers
ok "no event is missing, nor handled twice" [ "$((sent - first + 1))" = "$handled" ]

ok "/dev/null is 1,3 and open to all" [ "$(stat -c '%t,%T %a %U:%G' /dev/null)" = "1,3 666 root:root" ]
ok "/dev/console is 5,1 and root's" [ "$(stat -c '%t,%T %a' /dev/console)" = "5,1 600" ]

# Every device with a number has its node. The kernel's name for it is in
# DEVNAME, or before 2.6.31 the directory's.
if [ -d /sys/dev ]; then
	devs=$(echo /sys/dev/*/*)
else
	devs=$(find /sys/devices -name dev | sed "s|/dev$||")
fi
# shellcheck disable=SC2046,SC2086 # no name here has blanks
names=$(sed -n "s/^DEVNAME=//p" $(printf "%s/uevent " $devs))
[ -n "$names" ] || names=$(for d in $devs; do readlink -f "$d"; done | sed "s|.*/||; y|!|/|")
missing=''
for name in $names; do
	[ -e "/dev/$name" ] || missing="$missing $name"
done
[ -z "$missing" ] || echo "# no node for:$missing"
ok "every device that sysfs numbers has a node" [ -z "$missing" ]

fact "coldplug events=$handled nodes=$(nodes) ms=$((finish - start))"
fact "slowest $(sed -n 's/.*slowest commands: //p' /run/coldplug)"
fact "modules $loaded_at_boot"

# Last: the module's events come after those that were counted.
if [ -d /sys/dev/char/10:229 ] || ! grep -qs '^fuse fuse c10:229$' "/lib/modules/$(uname -r)/modules.devname"; then
	skip "opening a static node loads its module" "fuse is no module here, or is loaded"
	return
fi
ok "the static node of fuse has its rule's owner and mode" [ "$(stat -c '%t,%T %a %U:%G' /dev/fuse)" = "a,e5 644 root:root" ]
ok "... before the module is loaded" [ ! -d /sys/module/fuse ]
ok "opening it loads the module" sh -c ': </dev/fuse'
ok "... which is there" [ -d /sys/dev/char/10:229 ]
