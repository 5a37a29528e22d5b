# Prints the deepest stack of a function of a static ARM program, for scripts/size.
#
# Reads PROGRAM.map, the linker's map, with in_map=1, then the disassembly of PROGRAM, which must have
# symbols (objdump -d --no-show-raw-insn), with in_map=0. -v entry=FUNCTION -v excluded="FUNCTION..."
#
# A frame is the bytes that a function pushes plus those it subtracts from sp. The depth is the sum of
# the frames on the longest path of the call graph, libc included; a tail call releases its caller's
# frame. The map tells libc's functions from BusyBox's and a static function from others of its name.
#
# A function called through a pointer is known if its caller loads its address or if
# indirect lists it. leaves are not entered: a shell or another applet in the same
# process. Nor are the excluded functions. A recursive function counts as often as
# levels states, else once. alloca() and arrays of variable length count as 0.
#
# Prints "FUNCTION DEPTH DEPTH-WITHOUT-LIBC"; then, indented, the
# deepest path with its frames, and the limits listed above where they matter.
# exit: 0, or 1 with a line on stderr.
# Licensed under GPLv2, see file LICENSE in this source tree.

BEGIN {
	condition = "(eq|ne|cs|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)?$"
	leaves = "run_applet_no_and_exit ash_main hush_main " excluded
	# CALLER:CALLEE; OBJECT/FUNCTION where the name alone is ambiguous
	indirect = "recursive_action1:mdev.o/fileAction recursive_action1:mdev.o/dirAction" \
		" mdevd_trigger_device:mdevd.o/handle_queue_before mdevd_trigger_device:mdevd_settle.o/pace" \
		" mdevd_firmware_start:mdevd.o/in_child" \
		" mdev_exec:mdevd.o/in_command" \
		" config_open2:fopen_for_read llist_free:__libc_free" \
		" __fwritex:__stdio_write __fwritex:sn_write __towrite:__stdio_write __overflow:__stdio_write" \
		" fflush:__stdio_write __toread:__stdio_read __uflow:__stdio_read fclose:__stdio_close"
	# FUNCTION:LEVELS: the directories of a sysfs path, half of MAX_TEXT, MAX_SYSFS_DEPTH and the start
	levels = "walk:24 text_match:127 recursive_action1:4"
}

# The map has lines " .text.NAME ADDRESS SIZE FILE", a long name on a line of its own
in_map {
	if (NF == 1)
		text = $1 ~ /^\.text/
	else if ($1 ~ /^\.text/ || (text && $1 ~ /^0x/)) {
		f = $1 ~ /^0x/ ? $1 : $2
		sub(/^0x0*/, "", f)
		object[f] = $NF
		sub(/.*\(/, "", object[f])
		sub(/\)$/, "", object[f])
		if ($NF !~ /lib(c|gcc)\.a/)
			ours[f]
		text = 0
	} else
		text = 0
	next
}

# The disassembly: functions are known by their addresses
{ sub(/[ \t]*@.*/, "") }
/^[0-9a-f]+ <.*>:$/ {
	f = $1
	sub(/^0+/, "", f)
	name[f] = substr($2, 2, length($2) - 3)
	address[name[f]] = address[object[f] "/" name[f]] = f
}
$2 == "push" || ($2 ~ /^stm(db|fd)$/ && $3 == "sp!,") { frame[f] += 4 * gsub(/r[0-9]+|lr|ip|fp|sl|pc/, "&") }
$2 ~ /^strd?$/ && /\[sp, #-[0-9]+\]!/ { sub(/.*#-/, ""); frame[f] += $0 + 0 }
$2 == "sub" && $3 == "sp," && $4 == "sp," && $5 ~ /^#/ { frame[f] += substr($5, 2) }
$2 == "sub" && $3 == "sp," && $4 == "sp," && $5 !~ /^#/ { dynamic[f] }
$2 ~ "^bl" condition && $4 ~ /^<[^+]*>$/ { add_call(f, $3) }
$2 ~ "^b" condition && $4 ~ /^<[^+]*>$/ && $3 != f { add_call(f, "=" $3) }
$2 == ".word" { sub(/^0x0*/, "", $3); words[f] = words[f] " " $3 }
$2 ~ /^blx/ || ($2 ~ /^bx/ && $3 != "lr") || ($2 ~ /^ldr/ && $3 == "pc," && $4 !~ /^\[pc/) { by_pointer[f] }

# "=CALLEE" is a tail call
function add_call(caller, callee) {
	if (!((caller, callee) in known)) {
		known[caller, callee]
		calls[caller] = calls[caller] " " callee
	}
}

# Returns the depth of f, which is the levelth function on the path, and sets path. Sets
# cut to the least level that a recursion below f goes back to: only a result that
# does not depend on the functions above is kept.
function depth(f, level,    n, i, d, tail, lowest, best, best_path, callee) {
	cut = level
	if (f in kept) {
		path = kept_path[f]
		return kept[f]
	}
	if (f in active) {
		recursive[f]
		cut = active[f]
		path = ""
		return 0
	}
	active[f] = lowest = level
	seen[f]
	best = weight[f]
	n = name[f] in leaf ? 0 : split(calls[f], callee, " ")
	for (i = 1; i <= n; i++) {
		tail = sub(/^=/, "", callee[i])
		d = depth(callee[i], level + 1) + (tail ? 0 : weight[f])
		if (cut < lowest)
			lowest = cut
		if (d > best) {
			best = d
			best_path = (tail ? " =" : "") path
		}
	}
	delete active[f]
	path = " " f best_path
	cut = lowest
	if (lowest == level) {
		kept[f] = best
		kept_path[f] = path
	}
	return best
}
function measure(f, with_libc,    g) {
	split("", kept)
	split("", seen)
	for (g in name)
		weight[g] = with_libc || g in ours ? frame[g] * (name[g] in repeat ? repeat[name[g]] : 1) : 0
	return depth(f, 1)
}
function print_path(    n, i, step, f) {
	n = split(path, step, " ")
	for (i = 1; i <= n; i++) {
		f = step[i]
		if (f != "=")
			printf "    %6s %s%s%s%s%s\n", step[i + 1] == "=" ? "-" : frame[f] + 0, name[f], f in ours ? "" : " (libc)",
				name[f] in repeat ? ", " repeat[name[f]] " times" : f in recursive ? ", recursive" : "",
				f in dynamic ? ", and a dynamic part" : "", name[f] in leaf ? ", not entered" : ""
	}
}
function print_limits(    f, limit, l) {
	for (f in seen) {
		if (name[f] in leaf)
			limit["not entered:"] = limit["not entered:"] " " name[f]
		if (f in dynamic)
			limit["dynamic:"] = limit["dynamic:"] " " name[f]
		if (f in ours && f in recursive && !(name[f] in repeat))
			limit["recursive:"] = limit["recursive:"] " " name[f]
		if (f in ours && f in by_pointer && !(f in followed) && !(name[f] in leaf))
			limit["unknown callees:"] = limit["unknown callees:"] " " name[f]
	}
	for (l in limit)
		print "    " l limit[l]
}

END {
	n = split(leaves, word, " ")
	for (i = 1; i <= n; i++)
		leaf[word[i]]
	n = split(entry " " excluded, word, " ")
	for (i = 1; i <= n; i++)
		if (!(word[i] in address)) {
			print "stack: there is no function " word[i] >"/dev/stderr"
			exit 1
		}
	n = split(levels, word, " ")
	for (i = 1; i <= n; i++) {
		split(word[i], pair, ":")
		repeat[pair[1]] = pair[2]
	}
	n = split(indirect, word, " ")
	for (i = 1; i <= n; i++) {
		split(word[i], pair, ":")
		if (pair[1] in address && pair[2] in address) {
			add_call(address[pair[1]], address[pair[2]])
			followed[address[pair[1]]]
		}
	}
	for (f in by_pointer) {
		# the constants of libc are numbers that look like addresses
		n = (f in ours) ? split(words[f], word, " ") : 0
		for (i = 1; i <= n; i++)
			if (word[i] in name) {
				add_call(f, word[i])
				followed[f]
			}
	}
	f = address[entry]
	without_libc = measure(f, 0)
	print entry, measure(f, 1), without_libc
	print_path()
	print_limits()
}
