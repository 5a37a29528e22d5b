# Sourced by steps of "make check" (check.d) whose parts run at the same time, each in a sandbox of its own.
# Licensed under GPLv2, see file LICENSE in this source tree.
#
#	. "$(dirname "$0")/../../step.sh"
#	step burst hang
#	case $PART in
#	burst) stress -n 100 burst mdevd ;;
#	hang) mdevd_case ... ;;
#	esac
#
# "step" runs this program again for each word, in the sandbox, two at a time; prints their
# output in their order, and exits. It returns only in these runs. There PART is the word, and
# sandbox.sh, result.sh, BusyBox's testing.sh, "stress" (stress.c; $step_tools names others) and the
# programs mdevd, mdevd-coldplug and busybox are available. The sandbox has no network: the command
# $step_before runs before it and fetches what is needed.
# HERE is the part's own directory and its working directory; it is empty at the start.
# TOP, BUILD, ALL and so on are as scripts/check sets them.
#
# shellcheck shell=sh
# shellcheck disable=SC2154,SC1091 # BUILD, TOP: scripts/check; what is sourced is made there

STEP_DIR=$BUILD/testsuite/step.d
# shellcheck source=testsuite/result.sh
. "$TOP/testsuite/result.sh"

# step_skip NAME REASON: print "SKIPPED: NAME (REASON)"
step_skip()
{
	echo "SKIPPED: $1 ($2)"
}

# Compiles NAME.c if its source has changed, or stress.c, which others include
step_tool()
{
	[ -x "$1" ] && cat "$1.c" stress.c | cmp -s - "$1.built" && return
	${HOSTCC:-gcc} -O2 -o "$1.$$" "$1.c" || return
	mv "$1.$$" "$1" && cat "$1.c" stress.c >"$1.built"
}

step_inside()
{
	HERE=$PWD
	cd "$BUILD/testsuite" || exit 1
	. ./testing.sh
	# shellcheck source=testsuite/sandbox.sh
	. ./sandbox.sh
	cd "$HERE" || exit 1
	# shellcheck disable=SC2034 # for testing
	VERBOSE=1
	# shellcheck disable=SC2119 # it was entered: this only sets what cases need
	sandbox_enter
}

step()
{
	# shellcheck disable=SC2034 # for whoever sources this
	PART=$1
	if [ -n "$SANDBOX_ROOT" ]; then
		# shellcheck disable=SC2034,SC2153 # set below
		PART=$STEP_PART
		step_inside
		return
	fi
	step_name=${0##*/}
	step_program=$(cd "$(dirname "$0")" && pwd)/$step_name
	cd "$BUILD/testsuite" || exit 1
	. ./testing.sh	# makes the echo that it needs
	. ./sandbox.sh
	sandbox_build || exit 1
	for step_i in ${step_tools:-stress}; do
		step_tool "$step_i" || exit 1
	done
	mkdir -p "$STEP_DIR/bin" || exit 1
	for step_i in busybox mdevd mdevd-coldplug; do
		ln -sfn "$BUILD/busybox" "$STEP_DIR/bin/$step_i"
	done
	for step_i in ${step_tools:-stress}; do
		ln -sfn "$BUILD/testsuite/$step_i" "$STEP_DIR/bin/$step_i"
	done
	PATH=$STEP_DIR/bin:$PATH
	OPTIONFLAGS=:$(sed -n 's/^CONFIG_\([^=]*\)=.*/\1/p' "$BUILD/.config" | tr '\n' ':')
	export PATH OPTIONFLAGS
	# another step may begin at the same time
	step_reason=$("$SANDBOX" enter "$STEP_DIR/try.$$" true 2>&1) || {
		step_skip "$step_name" "$step_reason"
		exit 0
	}
	# if it fails, a part will say so
	[ -z "$step_before" ] || $step_before >&2 || :
	# The signal ends the parts as well. What they have printed is shown
	trap : HUP INT TERM
	# shellcheck disable=SC2016 # expanded there
	for step_part; do
		step_dir=$STEP_DIR/$step_name.$step_part
		rm -rf "$step_dir"
		mkdir "$step_dir" || exit 1
		echo "$step_part"
	done | xargs -n 1 -P "${STEP_JOBS:-2}" sh -c '
		cd "$2.$4" || exit 1
		STEP_PART=$4
		export STEP_PART
		"$1" enter "$PWD/root" "$3" >out 2>&1 </dev/null
		echo $? >status
		:
	' sh "$SANDBOX" "$STEP_DIR/$step_name" "$step_program"
	for step_part; do
		step_dir=$STEP_DIR/$step_name.$step_part
		[ ! -f "$step_dir/out" ] || cat "$step_dir/out"
		step_i='not begun'
		[ ! -f "$step_dir/out" ] || step_i='not finished'
		[ ! -f "$step_dir/status" ] || step_i="ended with status $(cat "$step_dir/status")"
		[ "$step_i" = "ended with status 0" ] || echo "FAIL: $step_name: $step_part: $step_i"
	done
	exit 0
}
