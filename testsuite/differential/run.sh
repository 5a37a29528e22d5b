# shellcheck shell=sh
# Sourced by the steps that play cases: builds the test, runs it on all processors, adds up.
# Licensed under GPLv2, see file LICENSE in this source tree.
#
# Uses TOP, BUILD, ORACLE of scripts/check (with defaults, so that steps run alone); JOBS.

TOP=${TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
BUILD=${BUILD:-$TOP/build/native}
ORACLE=${ORACLE:-$TOP/build/stock/busybox}
tools=${BUILDDIR:-$TOP/build}/differential
jobs=${JOBS:-$(nproc 2>/dev/null || echo 1)}
src=$TOP/testsuite/differential
mkdir -p "$tools" || exit 1
# shellcheck source=../../scripts/scratch.sh
. "$TOP/scripts/scratch.sh"
scratch "$tools/out"

# skip NAME REASON: nothing of the step can be done
skip() {
	echo "SKIPPED: $1 ($2)"
	exit 0
}

# build: the two programs; what is newer than its source is kept
build() {
	if ! test -x "$tools/sandbox" || test "$(find "$TOP/testsuite/sandbox.c" -newer "$tools/sandbox")"; then
		${HOSTCC:-gcc} -O2 -o "$tools/sandbox.$$" "$TOP/testsuite/sandbox.c" || return 1
		mv "$tools/sandbox.$$" "$tools/sandbox"
	fi
	if ! test -x "$tools/differential" || test "$(find "$src" -newer "$tools/differential" -name '*.[ch]')"; then
		# static: it runs in a root directory of its own
		${HOSTCC:-gcc} -O2 -Wall -Wextra -Wno-unused-result -Werror -static -o "$tools/differential.$$" "$src"/*.c || return 1
		mv "$tools/differential.$$" "$tools/differential"
	fi
}

# begin NAME: or a line that says why not
begin() {
	for f in "$BUILD/busybox" "$ORACLE"; do
		test -x "$f" || skip "$1" "no $f: make all stock"
	done
	test "$(grep -cE '^CONFIG_MDEVD?=y' "$BUILD/.config")" = 2 ||
		skip "$1" "this BusyBox has not both mdev and mdevd"
	build || {
		echo "FAIL: $1: the test does not compile"
		exit 1
	}
	test "$(id -u)" = 0 || skip "$1" "device nodes take root"
	# shellcheck disable=SC2016 # expanded there
	reason=$("$tools/sandbox" enter "$work/root" sh -c 'test "$SANDBOX_NODES" = 1 || echo "no device nodes here"' 2>&1) ||
		skip "$1" "$reason"
	test -z "$reason" || skip "$1" "$reason"
}

# What is run in the sandbox: libraries for a program that is not static, then the test
# shellcheck disable=SC2016 # expanded there
inside='
	root=$1 differential=$2 stock=$3 ours=$4
	shift 4
	for lib in $(ldd "$ours" 2>/dev/null | grep -o "/[^ ]*"); do
		mkdir -p "$root/${lib%/*}" && cp -L "$lib" "$root/$lib" || exit 111
	done
	options=""
	while test "$1" != --; do
		options="$options $1"
		shift
	done
	shift
	exec "$differential" $options "$root" "$stock" "$ours" "$@"'

# play NAME OPTIONS... -- WHAT...: as many at once as there are processors. Leaves $all, everything that was
# said; prints FAIL lines and what belongs to them. Gives 1 if there is one
play() {
	name=$1
	shift
	all=$work/all
	i=0
	pids=''
	while test "$i" -lt "$jobs"; do
		# shellcheck disable=SC2016 # expanded there
		"$tools/sandbox" enter "$work/root$i" sh -c 'exec sh -c "$0" inside "$SANDBOX_ROOT" "$@"' "$inside" \
			"$tools/differential" "$ORACLE" "$BUILD/busybox" -p "$i/$jobs" "$@" >"$work/part$i" 2>&1 &
		pids="$pids $!"
		i=$((i + 1))
	done
	bad=0
	for pid in $pids; do
		wait "$pid"
		status=$?
		case $status in
		0 | 1) ;;
		*) bad=$status ;;
		esac
	done
	pids=''
	cat "$work"/part* >"$all"
	rm -f "$work"/part*
	grep -vE '^(count|used|digest) ' "$all"
	test "$bad" = 0 || echo "FAIL: $name: the test itself failed (status $bad)"
	! grep -q '^FAIL' "$all" && test "$bad" = 0
}

# sum WORDS: of the lines that begin so
sum() {
	awk -v what="$1 " 'index($0, what) == 1 { n += $NF } END { print n + 0 }' "$all"
}
