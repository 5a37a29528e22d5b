# shellcheck shell=sh disable=SC2154 # init and lib.sh set the variables
# What the coldplug has brought.
echo "@kernel $(uname -r) $(uname -m)"
echo "@coldplug events=$(events ACTION=) nodes=$(nodes) modaliases=$(events MODALIAS=) ms=$((finish - start))"
echo "@modules $(loaded)"

ok "the coldplug settles" [ "$settled" = 0 ]
ok "mdevd is running" kill -0 "$mdevd"

# The kernel numbers its events; mdevd has reported each that it handled.
tr '\0' '\n' </run/events | sed -n 's/^SEQNUM=//p' | sort -n >/run/numbers
first=$(head -n 1 /run/numbers)
ok "no event is missing, nor handled twice" [ "$((sent - first + 1))" = "$(wc -l </run/numbers)" ]

ok "/dev/null is 1,3 and open to all" [ "$(stat -c '%t,%T %a %U:%G' /dev/null)" = "1,3 666 root:root" ]
ok "/dev/console is 5,1 and root's" [ "$(stat -c '%t,%T %a' /dev/console)" = "5,1 600" ]

# Every device with a number has its node. The kernel's name for it is in
# DEVNAME, or before 2.6.31 the directory's.
missing=''
find /sys/devices -name dev >/run/devs
while read -r dev; do
	name=$(sed -n 's/^DEVNAME=//p' "${dev%dev}uevent")
	[ -n "$name" ] || { name=${dev%/dev}; name=$(echo "${name##*/}" | tr '!' '/'); }
	[ -e "/dev/$name" ] || missing="$missing $name"
done </run/devs
[ -z "$missing" ] || echo "# no node for:$missing"
ok "every device that sysfs numbers has a node" [ -z "$missing" ]
