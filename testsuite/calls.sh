# Sourced by steps of "make check": compare the system calls that a program made with
# docs/kernels.md.
# Licensed under GPLv2, see file LICENSE in this source tree.
#
#	calls_check NAME COLUMN COMPILER <LOG
#
# LOG is the output of "oldcalls -p". COMPILER has the headers that map its numbers to names.
# COLUMN is the architecture's column of the table. A cell there has letters: d for mdevd and what
# it forks, until that executes something else; c for mdevd-coldplug; "*" if the call was refused;
# letters in brackets if the call is made only at times.
# Prints two results: each call made is in the table, and each call of the table was made. For
# commands run in a forked shell, only refused calls must be in the table. The second result is
# skipped if calls_partial is set, to the reason why some calls cannot be made.
# Needs TOP as scripts/check sets it.
#
# shellcheck shell=sh

# calls_numbers COMPILER: "NUMBER NAME" of each system call
calls_numbers()
{
	printf '#include <asm/unistd.h>\n' | $1 -E -dM - | sed -n \
		-e 's/^#define __NR_\([a-z0-9_]*\) .*[^0-9]\([0-9][0-9]*\))*$/\2 \1/p' \
		-e 's/^#define __NR_\([a-z0-9_]*\) \([0-9][0-9]*\)$/\2 \1/p' \
		-e 's/^#define __ARM_NR_\([a-z0-9_]*\) .*[^0-9]\([0-9][0-9]*\))*$/+\2 \1/p'
}

# calls_made COMPILER [own] <LOG: "NAME LETTER" of each; own: without those of the forked shell
calls_made()
{
	{
		calls_numbers "$1"
		echo
		cat
	} | awk -v own="$2" '
		!NF { log_begins = 1; next }
		!log_begins { name[$1] = $2; next }
		!(own && $2 == "child" && $4 == "made") {
			call = ($3 in name ? name[$3] : "number-" $3) ($1 == "mdevd" ? " d" : " c")
			if (made[call] != "*")
				made[call] = $4 == "made" ? "" : "*"
		}
		END { for (call in made) print call made[call] }' | sort
}

# calls_listed COLUMN: the same from the table, with " at times" where that is so
calls_listed()
{
	awk -F '|' -v column="$1" '
		/^\| `/ {
			name = $2
			gsub(/[` ]/, "", name)
			n = split($column, who, " ")
			for (i = 1; i <= n; i++) {
				rare = sub(/^[(]/, "", who[i]) + sub(/[)]$/, "", who[i]) ? " at times" : ""
				print name, who[i] rare
			}
		}' "$TOP/docs/kernels.md" | sort -u
}

# calls_result NAME TEXT: fails if there is text
calls_result()
{
	if [ "$2" ]; then
		echo "FAIL: $1"
		printf '%s\n' "$2" | sed 's/^/    /'
	else
		echo "PASS: $1"
	fi
}

calls_check()
{
	calls_tmp=$(mktemp -d) || return
	cat >"$calls_tmp/log"
	calls_made "$3" <"$calls_tmp/log" >"$calls_tmp/made"
	calls_made "$3" own <"$calls_tmp/log" >"$calls_tmp/own"
	calls_listed "$2" >"$calls_tmp/listed"
	sed 's/ at times$//' "$calls_tmp/listed" | sort -u >"$calls_tmp/all"
	grep -v ' at times$' "$calls_tmp/listed" >"$calls_tmp/surely"
	[ -s "$calls_tmp/own" ] || echo "FAIL: $1: nothing was noted"
	calls_result "$1: each system call that was made is in docs/kernels.md" \
		"$(comm -23 "$calls_tmp/own" "$calls_tmp/all")"
	if [ "$calls_partial" ]; then
		echo "SKIPPED: $1: each system call of docs/kernels.md was made ($calls_partial)"
	else
		calls_result "$1: each system call of docs/kernels.md was made" \
			"$(comm -13 "$calls_tmp/made" "$calls_tmp/surely")"
	fi
	rm -rf "$calls_tmp"
}
