# Prints the mutations of a C file in BusyBox's style: FILE, line, column, length and the text that
# replaces so many chars, separated by tabs. Used by scripts/check-mutants.
# Only function bodies count, without declarations, local tables, comments, strings and unit tests.
# Licensed under GPLv2, see file LICENSE in this source tree.
#
#	awk -f mutants.awk FILE.c...

BEGIN {
	n = split("<= < >= > == != != == && || || && ++ -- -- ++ += -= -= += |= &= &= |= << >> >> <<", pair)
	for (i = 1; i < n; i += 2)
		other[pair[i]] = pair[i + 1]
	# these need blanks at both sides
	n = split("< <= > >= + - - + * / / * & | | & ^ |", pair)
	for (i = 1; i < n; i += 2)
		other1[pair[i]] = pair[i + 1]
}

FNR == 1 {
	name = FILENAME
	sub(/.*\//, "", name)
	in_comment = in_body = in_macro = in_table = is_over = 0
}
/^#if ENABLE_UNIT_TEST/ { is_over = 1 }
is_over { next }
/^#/ || in_macro { in_macro = /\\$/; next }
{ line = blank($0) }
/^\{/ { in_body = 1; before = ";"; next }
/^\}/ { in_body = 0 }
!in_body || line ~ /^[ \t]*$/ { next }
in_table { in_table = line !~ /^\t*\}/; next }
line ~ /^\t+(static|enum|struct|IF_)/ && line !~ / = [^{]*;/ {
	in_table = line ~ /\{ *$/ && line !~ /\}/
	next
}
{
	first = 1
	match(line, /^\t*/)
	start = RLENGTH + 1
	rest = substr(line, start)
	if (rest ~ /^[a-z_][a-z_0-9]* [a-z_* 0-9]*[a-z_0-9]+(\[[^=]*\])?( =|[,;])/ && rest !~ /^(return|goto|else|case)[ ;]/) {
		# a declaration: its value only
		first = index(line, " = ")
		if (!first)
			next
		first += 3
	} else if (before ~ /[;{}:)]$|else$|do$/)
		statement()
	before = line
	sub(/[ \t]+$/, "", before)
	operators()
}

# blank(TEXT): its comments, strings and chars as blanks
function blank(text,    i, c, quote, out) {
	out = ""
	for (i = 1; i <= length(text); i++) {
		c = substr(text, i, 1)
		if (in_comment) {
			if (substr(text, i, 2) == "*/") {
				in_comment = 0
				i++
				out = out " "
			}
			c = " "
		} else if (quote != "") {
			if (c == "\\") {
				i++
				out = out " "
			} else if (c == quote)
				quote = ""
			c = " "
		} else if (c == "\"" || c == "'") {
			quote = c
			c = " "
		} else if (substr(text, i, 2) == "/*") {
			in_comment = 1
			i++
			out = out " "
			c = " "
		} else if (substr(text, i, 2) == "//")
			return out
		out = out c
	}
	return out
}

function found(at, len, text) {
	if (at >= first)
		printf "%s\t%d\t%d\t%d\t%s\n", name, FNR, at, len, text
}

# Calls and assignments are not done, jumps not taken, conditions negated
function statement(    s) {
	if (rest ~ /^(break|continue|return);/) {
		found(start, index(rest, ";") - 1, "")
		return
	}
	if (match(rest, /^(\} else )?(if|while) \(/)) {
		s = substr(line, start + RLENGTH)
		# one comparison is negated by its operator
		if (s !~ /^!?[a-z_]*\)/ && (s ~ /&&|\|\|/ || s !~ /[=!]=| [<>]/) && match(s, /\)( \{)?[ \t]*$/))
			found(start + length(rest) - length(s), RSTART - 1, "!(" substr($0, start + length(rest) - length(s), RSTART - 1) ")")
		else if (s ~ /^[a-z_]*\)/)
			found(start + length(rest) - length(s), 0, "!")
		return
	}
	if (rest ~ /^[a-z_][a-z_0-9]*\(/ && rest !~ /^(for|switch|sizeof|setjmp)/ || rest ~ /^\*?[a-z_][][a-z_0-9>.*+-]* [-+|&*^]?= /)
		found(start, 0, "while (0) ")
}

function operators(    i, two, one, s) {
	for (i = start; i <= length(line); i++) {
		two = substr(line, i, 2)
		one = substr(line, i, 1)
		if (two == "->" || two == "<<" && substr(line, i + 2, 1) == "=") {
			i++
		} else if (two in other) {
			found(i, 2, other[two])
			i++
		} else if (one in other1 && substr(line, i - 1, 1) substr(line, i + 1, 1) == "  ") {
			found(i, 1, other1[one])
		} else if (one == "!") {
			found(i, 1, "")
		} else if (one ~ /[A-Za-z_0-9.]/) {
			match(substr(line, i), /^[A-Za-z_0-9.]+/)
			s = substr(line, i, RLENGTH)
			if (s == "0" || s == "1")
				found(i, 1, 1 - s)
			else if (s ~ /^[1-9][0-9]*$/)
				found(i, RLENGTH, s + 1)
			else if (s ~ /^0[0-7x][0-9a-f]*$/)
				found(i, RLENGTH, "(" s " ^ 1)")
			else if (s == "true" || s == "false")
				found(i, RLENGTH, s == "true" ? "false" : "true")
			i += RLENGTH - 1
		}
	}
}
