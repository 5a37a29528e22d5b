# Sourced by whatever prints results without the sandbox, and by step.sh.
# Licensed under GPLv2, see file LICENSE in this source tree.
#
#	. "$TOP/testsuite/result.sh"
#	scratch
#	ok_of='kit: '
#	ok "it prints its version" says 0 "BusyBox v" busybox
#
# shellcheck shell=sh
# shellcheck disable=SC2154 # TOP, HERE: scripts/check, step.sh

# shellcheck source=scripts/scratch.sh
. "$TOP/scripts/scratch.sh"

# ok NAME COMMAND...: the result "$ok_of""NAME": passes if COMMAND is true. If not, prints the ends of what
# COMMAND has printed, of $out and of the files $ok_show, and returns 1. A NAME that begins with "... "
# goes on with the last one that does not. Sets ok_failed to 1 after a failure. Needs a directory:
# $work, or $HERE in a part of a step
ok()
{
	case $1 in
	"... "*) ok_name="$ok_whole, ${1#... }" ;;
	*) ok_name=$1 ok_whole=$1 ;;
	esac
	shift
	if "$@" >"${work:-$HERE}/ok.out" 2>&1; then
		echo "PASS: $ok_of$ok_name"
		return
	fi
	echo "FAIL: $ok_of$ok_name"
	# shellcheck disable=SC2086 # words
	{
		tail -n 40 "${work:-$HERE}/ok.out"
		test -z "$out" || printf '%s\n' "$out" | tail -n 20
		for ok_file in $ok_show; do
			test ! -f "$ok_file" || tail -n 20 "$ok_file"
		done
	} | sed 's/^/    /'
	ok_failed=1
	return 1
}
# shellcheck disable=SC2034 # ok_failed: for others
ok_of='' ok_show='' ok_failed=0 out=''

# says STATUS TEXT COMMAND...: COMMAND ends with STATUS (any but 0 is 1), and prints a line with TEXT to $out
says()
{
	says_want=$1 says_text=$2
	shift 2
	out=$("$@" 2>&1)
	says_got=$?
	test "$says_got" = 0 || says_got=1
	test "$says_got" = "$says_want" && printf '%s\n' "$out" | grep -qF -e "$says_text"
}

# until_true COMMAND...: runs it again and again, for $until_secs seconds at most, until it is true
until_true()
{
	until_end=$(($(date +%s) + until_secs))
	until "$@" 2>/dev/null; do
		test "$(date +%s)" -lt "$until_end" || return 1
	done
}
until_secs=10
