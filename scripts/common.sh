# shellcheck shell=sh
# Sourced by the other scripts: paths, messages, locks, scratch directories, the emulated machine.
#
# Sets TOP (the checkout), BUILDDIR and DL (its outputs). Messages go to stderr, one line
# each; results go to stdout.
# Licensed under GPLv2, see file LICENSE in this source tree.

# absolute PATH: print PATH as an absolute path; nothing for nothing
absolute() {
	case $1 in
	"" | /*) printf '%s\n' "$1" ;;
	*) printf '%s\n' "$PWD/$1" ;;
	esac
}

TOP=$(cd "$(dirname "$0")/.." && pwd) || exit 1
BUILDDIR=$(absolute "${BUILDDIR:-$TOP/build}")
DL=$(absolute "${DL:-$TOP/dl}")
LC_ALL=C
export TOP BUILDDIR DL LC_ALL

# shellcheck source=scratch.sh
. "$TOP/scripts/scratch.sh"

say() {
	printf '%s\n' "$*" >&2
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

have() {
	command -v "$1" >/dev/null 2>&1
}

# shown PATH: print PATH for a message, relative to the checkout if it is inside
shown() {
	case $1 in
	"$TOP"/*) printf '%s\n' "${1#"$TOP"/}" ;;
	*) printf '%s\n' "$1" ;;
	esac
}

# lock FILE [HOLDER]: wait for other scripts that hold this lock, and hold it until the script
# ends. They report that they wait for HOLDER (default: another build). Without flock (part of
# util-linux) there is no lock.
lock() {
	mkdir -p "${1%/*}" || exit 1
	have flock || return 0
	exec 9>>"$1" || exit 1
	if ! flock -w 2 9; then # not worth a message
		holder=$(cat "$1")
		say "waiting for ${holder:-another build} to finish ($(shown "$1"))"
		flock 9
	fi
	printf '%s\n' "${2-}" >"$1"
}

# offline LOG: did apt-get fail because the mirror cannot be reached?
offline() {
	grep -qE 'Temporary failure|Could not (resolve|connect)|Unable to connect|Network is unreachable' "$1"
}

# unpack TARBALL DIR: unpack BusyBox into DIR
unpack() {
	mkdir -p "$2" || exit 1
	bzip2 -dc "$1" | tar -xf - -C "$2" --strip-components=1
	test -f "$2/Makefile" || die "cannot unpack $(shown "$1")"
}

# patch_fits PATCH DIR: does the tree have a file that PATCH changes? (Some versions of BusyBox lack it.)
patch_fits() {
	# shellcheck disable=SC2013 # names without blanks
	for f in $(sed -n 's@^+++ b/\([^	]*\).*@\1@p' "$1"); do
		test ! -e "$2/$f" || return 0
	done
	return 1
}

# write_between MARK FILE: replace the lines of FILE between "<!-- MARK -->" and "<!-- end of
# MARK -->" with stdin
write_between() {
	grep -qxF "<!-- end of $1 -->" "$2" || die "$(shown "$2") has no mark $1"
	text=$(sed "/^<!-- $1 -->\$/q" "$2" && echo && cat && echo && sed -n "/^<!-- end of $1 -->\$/,\$p" "$2") &&
		printf '%s\n' "$text" >"$2"
}

# raspi DIR: set kernel, machine, dtb and append to what scripts/boot needs for Debian's armel kernel
# in DIR (scripts/kernel)
# shellcheck disable=SC2034 # for others
raspi() {
	kernel=$(echo "$1"/boot/vmlinuz-*)
	machine=raspi1ap
	dtb=$(echo "$1"/usr/lib/linux-image-*/bcm2835-rpi-a-plus.dtb)
	# The driver on the blacklist waits for hardware that QEMU's machine does not have.
	# The self-tests of the kernel's cryptography would take a third of the boot
	append="earlycon=pl011,0x20201000 console=ttyAMA0,115200 initcall_blacklist=bcm2835_power_driver_init cryptomgr.notests"
}
