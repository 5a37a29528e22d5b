# Prints the tables of bench and bench-guest: medians of the rounds.
#
# Reads lines "ROW COMMAND cpu_us=N child_us=N private_kb=N faults=N"; the last three may be missing.
# -v commands="floor mdevd mdev-d ...": the columns
# Licensed under GPLv2, see file LICENSE in this source tree.

# add X to the sorted values of KEY
function add(key, x,   i) {
	for (i = ++count[key]; i > 1 && value[key, i - 1] > x; i--)
		value[key, i] = value[key, i - 1]
	value[key, i] = x
}

# the median; nothing if there is no value
function median(key,   n) {
	n = count[key]
	if (n)
		return n % 2 ? value[key, (n + 1) / 2] : (value[key, n / 2] + value[key, n / 2 + 1]) / 2
}

# the medians of a row
function cells(kind, row,   c, text) {
	for (c = 1; c <= columns; c++)
		text = text " " median(kind " " row " " command[c]) " |"
	return text
}

# the CPU time of mdevd in relation to that of the others. For the floor also the uncertainty: half of its
# range in the rounds
function ratios(row,   c, ours, key, n, text) {
	ours = median("cpu_us " row " mdevd")
	for (c = 1; c <= columns; c++) {
		key = "cpu_us " row " " command[c]
		n = count[key]
		if (command[c] == "mdevd")
			continue
		text = text " "
		if (n)
			text = text sprintf("%.2f", ours / median(key))
		if (n > 1 && command[c] == "floor")
			text = text sprintf(" ± %.2f", (ours / value[key, 1] - ours / value[key, n]) / 2)
		text = text " |"
	}
	return text
}

BEGIN {
	columns = split(commands, command, " ")
	for (c = 1; c <= columns; c++) {
		names = names " " command[c] " |"
		line = line "---|"
		if (command[c] != "mdevd") {
			ratio_names = ratio_names " mdevd / " command[c] " |"
			ratio_line = ratio_line "---|"
		}
	}
	title["three"] = "node, 3 rules"
	title["example"] = "node, examples/mdev.conf"
	title["corpus"] = "node, largest corpus file"
	title["thousand"] = "node, 1,000 rules"
	title["patterns"] = "node, 1,000 rules, none literal"
	title["command"] = "node and one command (floor: a fork)"
	title["commands"] = "node and three commands in a line"
	title["start"] = "start-up"
	title["read-thousand"] = "start-up, 1,000 rules"
	title["coldplug-500"] = "coldplug of 500 devices, for each"
	title["coldplug-5000"] = "coldplug of 5000 devices, for each"
}

{
	split("", used)
	for (i = 3; i <= NF; i++) {
		split($i, pair, "=")
		used[pair[1]] = pair[2]
	}
	used["cpu_us"] += used["child_us"]
	for (kind in used)
		add(kind " " $1 " " $2, used[kind])
	if (!($1 in seen)) {
		seen[$1]
		row[++rows] = $1
	}
}

END {
	print "| CPU, microseconds |" names ratio_names
	print "|---|" line ratio_line
	for (r = 1; r <= rows; r++)
		print "| " title[row[r]] " |" cells("cpu_us", row[r]) ratios(row[r])
	print ""
	print "| private memory (RssAnon), kB |" names
	print "|---|" line
	for (r = 1; r <= rows; r++)
		if (row[r] !~ /^coldplug/)
			print "| " title[row[r]] " |" cells("private_kb", row[r])
	for (r = 1; r <= rows; r++)
		if (row[r] ~ /^command/)
			print "| " title[row[r]] ", page faults |" cells("faults", row[r])
}
