# Sourced by steps of "make check" that run *.tests once more, with other programs or with
# the programs under something.
# Licensed under GPLv2, see file LICENSE in this source tree.
#
#	. "$(dirname "$0")/../suite.sh"
#	suite NAME BUSYBOX UNDER FILE.tests...
#
# mdevd and mdevd-coldplug are BUSYBOX's, each run as "UNDER PATH ARG..." (words; PATH ends
# with the applet's name). All other applets are the native build's: so is what rules run.
# The files run at the same time, each in a directory of its own, and see SANDBOX_UNDER_WHAT=NAME:
# cases that measure the program, or ask what cannot be there, leave themselves out.
# Their lines are printed, with NAME in them. Needs TOP and BUILD as scripts/check sets them.
#
# shellcheck shell=sh
# shellcheck disable=SC2154 # BUILD, TOP: scripts/check

# suite_links: the native build's applets. Once, before there may be two suites
suite_links()
{
	[ -z "$suite_dir" ] || return 0
	suite_dir=$BUILD/suite
	mkdir -p "$suite_dir/links" "$suite_dir/scripts" || exit 1
	cp "$BUILD/src/scripts/echo.c" "$suite_dir/scripts/" || exit 1
	for suite_i in $("$BUILD/busybox" --list); do
		ln -sfn "$BUILD/busybox" "$suite_dir/links/$suite_i"
	done
	OPTIONFLAGS=:$(sed -n 's/^CONFIG_\([^=]*\)=.*/\1/p' "$BUILD/.config" | tr '\n' ':')
	export OPTIONFLAGS
}

# suite_programs NAME BUSYBOX UNDER: makes $suite_dir/NAME/bin
suite_programs()
{
	suite_links
	mkdir -p "$suite_dir/$1/bin" "$suite_dir/$1/real" || exit 1
	for suite_i in mdevd mdevd-coldplug; do
		ln -sfn "$2" "$suite_dir/$1/real/$suite_i"
		printf '#!/bin/sh\nexec %s %s/%s/real/%s "$@"\n' "$3" "$suite_dir" "$1" "$suite_i" \
			>"$suite_dir/$1/bin/$suite_i"
		chmod 755 "$suite_dir/$1/bin/$suite_i"
	done
}

# suite_run NAME FILE: in a copy of the test suite
suite_run()
{
	rm -rf "${suite_dir:?}/$1.$2"
	mkdir "$suite_dir/$1.$2" && cd "$suite_dir/$1.$2" || exit 1
	cp "$BUILD/src/testsuite/testing.sh" "$TOP"/testsuite/*.sh "$TOP"/testsuite/*.c "$TOP/testsuite/$2" . || exit 1
	PATH=$suite_dir/$1/bin:$suite_dir/links:$PATH VERBOSE=1 SANDBOX_UNDER_WHAT=$1 "./$2" >out 2>&1 </dev/null
	echo $? >status
}

suite()
{
	suite_name=$1
	suite_programs "$1" "$2" "$3" || exit 1
	shift 3
	suite_pids=''
	for suite_file; do
		suite_run "$suite_name" "$suite_file" &
		suite_pids="$suite_pids $!"
	done
	# shellcheck disable=SC2086 # words
	trap 'kill $suite_pids; exit 1' HUP INT TERM
	# shellcheck disable=SC2086
	wait $suite_pids
	trap - HUP INT TERM
	for suite_file; do
		sed "s/^\(PASS\|FAIL\|SKIPPED\): /&$suite_name: /" "$suite_dir/$suite_name.$suite_file/out"
		grep -q '^PASS: ' "$suite_dir/$suite_name.$suite_file/out" ||
			echo "FAIL: $suite_name: $suite_file tests nothing (status $(cat "$suite_dir/$suite_name.$suite_file/status"))"
	done
}
