#!/bin/sh
# A small stand-in for Buildroot's support/kconfig/merge_config.sh -m [-O DIR] FILE FRAGMENT...:
# a setting replaces the earlier ones of its symbol, if that begins with CONFIG_ or with what
# $CONFIG_ says. The result is DIR/.config, or the file that KCONFIG_CONFIG names.
# Licensed under GPLv2, see file LICENSE in this source tree.

test "$1" = -m && shift || exit 1
dir=.
test "$1" != -O || { dir=$2; shift 2; }
to=${KCONFIG_CONFIG:-$dir/.config}
cat "$@" | awk -v prefix="^(# )?${CONFIG_-CONFIG_}[A-Z0-9_]+[ =]" '
	{ line[NR] = $0 }
	match($0, prefix) {
		s = substr($0, RSTART, RLENGTH - 1)
		sub(/^# /, "", s)
		if (s in last)
			delete line[last[s]]
		last[s] = NR
	}
	END { for (i = 1; i <= NR; i++) if (i in line) print line[i] }' >"$to.new" &&
	mv "$to.new" "$to"
