# shellcheck shell=sh
# Sourced by common.sh and by the tests: a directory that goes when the script ends.
# Licensed under GPLv2, see file LICENSE in this source tree.

# scratch NAME: make a directory NAME.XXXXXX, in TMPDIR or /tmp if NAME has no slash, and set work to it. At the
# script's end, also by a signal, the processes $pids are ended, the command $at_end is run if there
# is one, and the directory is removed.
scratch() {
	case $1 in
	*/*) ;;
	*) set -- "${TMPDIR:-/tmp}/$1" ;;
	esac
	work=$(mktemp -d "$1.XXXXXX") || exit 1
	pids='' at_end=''
	trap end_scratch EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 141' PIPE
	trap 'exit 143' TERM
}

# shellcheck disable=SC2317,SC2086 # the trap calls it; words
end_scratch() {
	if test "$pids"; then
		kill $pids 2>/dev/null
		wait $pids
	fi
	$at_end
	rm -rf "$work"
}

# attend COMMAND...: run it, so that a signal ends it as well as the script
attend() {
	"$@" &
	pids=$!
	wait "$pids"
	set -- $?
	pids=''
	return "$1"
}
