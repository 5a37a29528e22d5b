# shellcheck shell=sh
# Sourced by steps of "make check" that build BusyBox in other configurations.
# Licensed under GPLv2, see file LICENSE in this source tree.
#
#	. "$(dirname "$0")/../small.sh"
#	small=yes; small_busybox fragment [--config]
#
# small_busybox builds OUT from the same source as what is tested, with the settings of the fragment on top
# of nothing; with small=yes also those of small.config. These builds begin as copies of one another's objects:
# build/check/small has small.config and all of mdevd; small_from=DIR: as copies of another build.
# Needs TOP and BUILD as scripts/check sets them.
#
# shellcheck disable=SC2154 # BUILD, TOP: scripts/check

small='' small_from=''
case $(readlink "$BUILD/src") in
*/build/src-*) BUSYBOX_VERSION=$(readlink "$BUILD/src" | sed 's/.*-//') ;;
*) BUSYBOX_DIR=$(readlink "$BUILD/src") ;;
esac
export BUSYBOX_VERSION BUSYBOX_DIR
small_version=$BUSYBOX_VERSION

small_busybox() {
	FROM=${small_from:-${BUILDDIR:-$TOP/build}/check/small}
	BASE=allnoconfig
	export FROM BASE
	test "$small_from" || (
		unset CC CROSS_COMPILE CFLAGS LIBC ARCH MDEVD_CFLAGS
		OUT=$FROM BUSYBOX_VERSION=$small_version CONFIG="$TOP/testsuite/small.config $TOP/configs/mdevd.config" "$TOP/scripts/busybox"
	) || return
	CONFIG="${small:+$TOP/testsuite/small.config }$1" "$TOP/scripts/busybox" ${2:+"$2"}
}
