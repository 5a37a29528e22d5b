# Resolves links of Markdown documents, for check-links and install.
# Licensed under GPLv2, see file LICENSE in this source tree.

# the file that the link TO in FILE leads to, without its #fragment: a path from the top of the tree;
# "." is the top, "" is outside
function resolve(file, to,   n, i, part, depth, path, out) {
	sub(/#.*/, "", to)
	if (to == "")
		return file
	sub(/[^\/]*$/, "", file)
	n = split(file to, part, "/")
	depth = 0
	for (i = 1; i <= n; i++) {
		if (part[i] == "" || part[i] == ".")
			continue
		if (part[i] != "..")
			path[++depth] = part[i]
		else if (--depth < 0)
			return ""
	}
	out = depth ? path[1] : "."
	for (i = 2; i <= depth; i++)
		out = out "/" path[i]
	return out
}
