# shellcheck shell=sh disable=SC3045 # the guest has busybox, whose read has -t
# What the guest's scripts share. Read by init, before there is a /dev.

# now: milliseconds since the kernel started
now() {
	read -r up _ </proc/uptime
	echo "$((${up%.*} * 1000 + (1${up#*.} - 100) * 10))"
}

# pass, fail, skip: one line of result each; skip NAME REASON
pass() { echo "PASS: guest: $1"; }
fail() {
	failed=yes
	echo "FAIL: guest: $1"
}
skip() { echo "SKIPPED: guest: $1 ($2)"; }

# fact WORD...: something to tell, if nothing has failed in this script so far
fact() { [ -n "$failed" ] || echo "@$*"; }

# ok NAME COMMAND...: passes when COMMAND is true
ok() {
	name=$1
	shift
	if "$@"; then pass "$name"; else fail "$name"; fi
}

# await LINE SECS: until a rule has written LINE to /run/told, in SECS at most
await() {
	until=$(($(now) + $2 * 1000))
	while left=$((until - $(now))); [ "$left" -gt 0 ]; do
		read -r -t "$((left / 1000 + 1))" line <&3 || break
		[ "$line" != "$1" ] || return 0
	done
	return 1
}

# loaded: the modules in the kernel, oldest first, each in a word
loaded() {
	[ ! -r /proc/modules ] || sed 's/ .*//' /proc/modules | tac | tr '\n' ' '
}

# load_all: load each module that a MODALIAS of sysfs asks for
# shellcheck disable=SC2046 # no name here has blanks
load_all() (
	set -f
	modprobe -abq $(sed -n "s/^MODALIAS=//p" $(find /sys/devices -name uevent) | sort -u)
)

# events WHAT: how many events mdevd has reported with a field beginning so
events() {
	tr '\0' '\n' </run/events | grep -c "^$1"
}

# nodes: how many there are in /dev, without those of devpts
nodes() {
	find /dev -type c -o -type b | grep -vc '^/dev/pts/'
}
