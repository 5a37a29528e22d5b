# shellcheck shell=sh
# Sourced by the scripts beside it: where the kit is, and how they speak.
#
# Sets TOP (the checkout), BUILDDIR and DL (its outputs). Messages go to
# stderr, one line each; stdout is for results.
# Licensed under GPLv2, see file LICENSE in this source tree.

TOP=$(cd "$(dirname "$0")/.." && pwd) || exit 1
BUILDDIR=${BUILDDIR:-$TOP/build}
DL=${DL:-$TOP/dl}
LC_ALL=C
export TOP BUILDDIR DL LC_ALL

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

# A path as the user should see it: relative to the checkout where it is in it
shown() {
	case $1 in
	"$TOP"/*) printf '%s\n' "${1#"$TOP"/}" ;;
	*) printf '%s\n' "$1" ;;
	esac
}

# lock FILE: one at a time. The lock is held until the script ends; without
# flock (part of util-linux) there is none.
lock() {
	mkdir -p "${1%/*}" || exit 1
	have flock || return 0
	exec 9>"$1" || exit 1
	flock -n 9 && return 0
	say "waiting for another build to finish ($(shown "$1"))"
	flock 9
}

# write_between MARK FILE: what stands between the lines "<!-- MARK -->" and "<!-- end of
# MARK -->" of FILE becomes what comes from stdin
write_between() {
	grep -qxF "<!-- end of $1 -->" "$2" || die "$(shown "$2") has no mark $1"
	text=$(sed "/^<!-- $1 -->\$/q" "$2" && echo && cat && echo && sed -n "/^<!-- end of $1 -->\$/,\$p" "$2") &&
		printf '%s\n' "$text" >"$2"
}
