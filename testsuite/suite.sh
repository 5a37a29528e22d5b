# Sourced by steps of "make check" that run *.tests once more, with other programs or with
# the programs under another one.
# Licensed under GPLv2, see file LICENSE in this source tree.
#
#	. "$(dirname "$0")/../suite.sh"
#	suite NAME BUSYBOX UNDER FILE.tests...
#
# mdevd, mdevd-coldplug and mdev are BUSYBOX's, each run as "UNDER PATH ARG..." (words; PATH ends
# with the applet's name). All other applets, and the commands of rules, are the native build's.
# mdev.tests, BusyBox's own, copies BUSYBOX into a chroot: it needs root, and UNDER must be empty.
# If BUSYBOX has the sanitizers, leaks of mdevd are reported. The other programs exit without
# freeing their memory.
# The files run at the same time, each in a directory of its own, with SANDBOX_UNDER_WHAT=NAME:
# cases that measure the program, or need what it lacks there, skip themselves.
# Prints their lines with NAME in them. Needs TOP and BUILD as scripts/check sets them.
#
# shellcheck shell=sh
# shellcheck disable=SC2154 # BUILD, TOP: scripts/check

# suite_links: the native build's applets. Once, before there may be two suites
suite_links()
{
	[ -z "$suite_dir" ] || return 0
	suite_dir=$BUILD/suite
	mkdir -p "$suite_dir/links" || exit 1
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
	mkdir -p "$suite_dir/$1/bin" "$suite_dir/$1/real" "$suite_dir/$1/scripts" || exit 1
	# testing.sh compiles it where echo does not know -ne
	cp "$BUILD/src/scripts/echo.c" "$suite_dir/$1/scripts/" || exit 1
	ln -sfn "$2" "$suite_dir/$1/busybox"
	# The shell in mdevd's child is BusyBox's: its stack goes on behind an array, and it adds to NULL
	printf '%s\n' pointer-overflow:coreutils/printf.c pointer-overflow:shell/ash.c bounds:shell/ash.c \
		>"$suite_dir/$1/suppressions"
	for suite_i in mdevd mdevd-coldplug mdev; do
		ln -sfn "$2" "$suite_dir/$1/real/$suite_i"
		{
			echo '#!/bin/sh'
			echo "export UBSAN_OPTIONS=suppressions=$suite_dir/$1/suppressions"
			[ "$suite_i" = mdevd ] || echo 'export ASAN_OPTIONS=detect_leaks=0'
			echo "exec $3 $suite_dir/$1/real/$suite_i \"\$@\""
		} >"$suite_dir/$1/bin/$suite_i"
		chmod 755 "$suite_dir/$1/bin/$suite_i"
	done
}

# suite_chroot NAME: for mdev.tests, a chroot where a program finds its libraries and /proc,
# in a mount namespace of its own: what is removed afterwards has no mounts
suite_chroot()
{
	cat >"$suite_dir/$1/bin/chroot" <<-END
	#!/bin/sh
	for l in \$(ldd "$suite_dir/$1/busybox" 2>/dev/null | sed -n 's/^[^/]*\(\/[^ ]*\) (.*/\1/p'); do
		mkdir -p "\$1\${l%/*}"
		test -e "\$1\$l" || cp -L "\$l" "\$1\$l"
	done
	mkdir -p "\$1/proc"
	export ASAN_OPTIONS=detect_leaks=0
	exec unshare -m sh -c 'mount -t proc proc "\$0/proc"; exec "$BUILD/busybox" chroot "\$0" "\$@"' "\$@"
	END
	chmod 755 "$suite_dir/$1/bin/chroot"
}

# suite_run NAME FILE: in a copy of the test suite
suite_run()
{
	rm -rf "${suite_dir:?}/$1/$2"
	mkdir "$suite_dir/$1/$2" && cd "$suite_dir/$1/$2" || exit 1
	cp "$BUILD/src/testsuite/testing.sh" "$TOP"/testsuite/*.sh "$TOP"/testsuite/*.c . || exit 1
	# compiled already (scripts/check)
	for suite_i in sandbox sandbox.built; do
		[ ! -f "$BUILD/testsuite/$suite_i" ] || cp -p "$BUILD/testsuite/$suite_i" . || exit 1
	done
	PATH=$suite_dir/$1/bin:$suite_dir/links:$PATH
	if [ "$2" = mdev.tests ]; then
		cp "$BUILD/src/testsuite/$2" . || exit 1
		suite_chroot "$1"
		OPTIONFLAGS=${OPTIONFLAGS}STATIC:
	else
		cp "$TOP/testsuite/$2" . || exit 1
	fi
	VERBOSE=1 SANDBOX_UNDER_WHAT=$1 "./$2" >out 2>&1 </dev/null
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
		sed "s/^\(PASS\|FAIL\|SKIPPED\): /&$suite_name: /" "$suite_dir/$suite_name/$suite_file/out"
		grep -q '^PASS: ' "$suite_dir/$suite_name/$suite_file/out" ||
			echo "FAIL: $suite_name: $suite_file tests nothing (status $(cat "$suite_dir/$suite_name/$suite_file/status"))"
	done
}
