# shellcheck shell=sh disable=SC2154 # init and lib.sh set the variables
# What the coldplug has brought.
ok "the coldplug settles" [ "$settled" = 0 ]
ok "mdevd is running" kill -0 "$mdevd"

if [ -d /lib/modules ]; then
	ok "a MODALIAS rule has loaded a module" [ -n "$(loaded)" ]
else
	skip "a MODALIAS rule has loaded a module" "no modules came with this kernel"
fi

# The kernel numbers its events; mdevd has reported each that it handled.
tr '\0' '\n' </run/events | sed -n 's/^SEQNUM=//p' | sort -n >/run/numbers
first=$(head -n 1 /run/numbers)
ok "no event is missing, nor handled twice" [ "$((sent - first + 1))" = "$(wc -l </run/numbers)" ]

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

fact "coldplug events=$(events ACTION=) nodes=$(nodes) ms=$((finish - start))"
fact "modules $(loaded)"
