# The links of "<" against a small model: random devices, labels and losses.
#
#	awk -f links.awk -v seed=N -v steps=N -v conf=FILE -v what=rules|script|expected
#
# Prints mdev.conf, the script for "sandbox play", or what that is to print. A seed always gives the
# same script. A step is one to three changes in the kernel, in SYS/dev and with an odd seed in
# devtmpfs, and then their events: mdevd is late. Some events are lost; mdevd is restarted at times,
# with a coldplug.
# Licensed under GPLv2, see file LICENSE in this source tree.

function rnd(n) {
	# Park and Miller: exact in a double
	state = state * 16807 % 2147483647
	return int(state / 7 % n)
}

function out(s) {
	if (what == "script")
		print s
}

# What mdevd said is printed at the next directive that prints
function expect_messages(    i) {
	for (i = 1; i <= n_messages; i++)
		expect(messages[i])
	n_messages = 0
}

function expect(s) {
	if (what == "expected")
		print s
}

function setup(    i) {
	n_names = split("sda sdb sdc sdd sde nva nvb", names, " ")
	n_labels = split("- - = one one two xone .. A/B", labels, " ")
	minor["sda"] = 8; minor["sdb"] = 16; minor["sdc"] = 32; minor["sdd"] = 40; minor["sde"] = 64
	# These two are never there at the same time, and have the same number
	minor["nva"] = minor["nvb"] = 48
	for (i = 1; i <= n_names; i++)
		path_of[names[i]] = names[i]
	path_of["sdb"] = "d/sdb"
	path_of["sdc"] = "e/sdc"
	path_of["sdd"] = path_of["sde"] = "same"
}

function rules() {
	print "-sda 0:6 660 <l/%{L}"
	print "ACTION=add;sda 0:6 660 <k/%{M} <top%{M}"
	print "sdb 0:6 660 =d/%0 <l/%{L} <k/%{M}"
	print "sdc 0:6 660 >e/ <l/%{L} <l/x%{M}"
	print "nv. 0:6 660 <l/%{L} <%0.d/%{M}"
	print "sd[de] 0:6 660 =same <l/%{L} <k/%{M}"
	print "s.* 0:6 660 <l/%{L}"
}

### The model

function value(s) {
	if (s == "-" || s == "=")
		return ""
	return s == "A/B" ? "A\\x2fB" : s
}

function devpath(x) {
	return "/devices/" x
}

function warn(x, line, text) {
	messages[++n_messages] = "mdevd: " action " " devpath(x) ": " conf ":" line ": make no link " text
}

# make_link: one "<PATH" of the rule at that line: dir with the value behind it
function make_link(x, line, dir, v,    path, target) {
	if (v == "")
		return
	path = dir v
	if (dir ~ /\/$/ && v == "..") {
		warn(x, line, path ": it is not a plain relative path")
		return
	}
	target = link[path]
	if (target != "" && target != place[x] && (target in node) && node[target] != minor[x] && node[target] in exists) {
		warn(x, line, path " to " place[x] ": it leads to " target ", which exists")
		return
	}
	link[path] = place[x]
	made[path] = 1
}

function make_links(x,    l, m) {
	l = value(L[x])
	m = value(M[x])
	if (x == "sda") {
		make_link(x, 1, "l/", l)
		if (action == "add") {
			make_link(x, 2, "k/", m)
			make_link(x, 2, "top", m)
		} else {
			make_link(x, 7, "l/", l)
		}
	} else if (x == "sdd" || x == "sde") {
		make_link(x, 6, "l/", l)
		make_link(x, 6, "k/", m)
	} else if (x == "sdb") {
		make_link(x, 3, "l/", l)
		make_link(x, 3, "k/", m)
	} else if (x == "sdc") {
		make_link(x, 4, "l/", l)
		make_link(x, 4, "l/x", m)
	} else {
		make_link(x, 5, "l/", l)
		make_link(x, 5, x ".d/", m)
	}
}

# found: is the node of that name x's (1), or that of another device that exists (-1)?
function found(x, name) {
	if (!(name in node))
		return 0
	return node[name] == minor[x] ? 1 : -(node[name] in exists)
}

# locate: set the place of x's node: that of the rule, or x if another device's node is there, or if
# the add was lost
function locate(x,    at) {
	at = found(x, path_of[x])
	if (action == "add" && at < 0)
		messages[++n_messages] = "mdevd: " action " " devpath(x) ": " conf ":6: '" path_of[x] "' is the node of 8:" \
			node[path_of[x]] ", which exists: not replaced by '" x "'"
	if (action != "add" && at == 0 && found(x, x) > 0)
		at = -1
	place[x] = at < 0 ? x : path_of[x]
}

# What leads to the device, and this event did not make
function sweep(x,    path) {
	for (path in link)
		if ((link[path] == place[x] || link[path] == x) && path != x && !(path in made) && found(x, place[x]) >= 0)
			delete link[path]
	for (path in made)
		delete made[path]
}

function remove(x) {
	# The number is in use again, and the name may be
	if ((minor[x] in exists) && found(x, place[x]) > 0)
		return
	if (!(minor[x] in exists)) {
		if (found(x, place[x]) > 0)
			delete node[place[x]]
		delete node[x]
		if (link[x] == place[x])
			delete link[x]
	}
	sweep(x)
}

function handle(x) {
	locate(x)
	if (action == "remove") {
		remove(x)
		return
	}
	if (action == "add") {
		node[place[x]] = minor[x]
		if (x == "sdc")
			link[x] = path_of[x]
		if (x != place[x])
			delete node[x]
	}
	if (found(x, place[x]) > 0)
		make_links(x)
	sweep(x)
}

### What happens

# listed: a name as "sandbox list" prints it
function listed(s) {
	gsub(/\\/, "&&", s)
	return s
}

function event(x, act) {
	action = act
	out(act " " devpath(x) " SUBSYSTEM=block MAJOR=8 MINOR=" minor[x] " DEVNAME=" x \
		(act == "remove" || L[x] == "-" ? "" : " L=" (L[x] == "=" ? "" : L[x])) \
		(act == "remove" || M[x] == "-" ? "" : " M=" (M[x] == "=" ? "" : M[x])))
	handle(x)
}

function label(x) {
	L[x] = labels[1 + rnd(n_labels)]
	M[x] = labels[1 + rnd(n_labels)]
}

# kernel: one thing happens there. Its event is queued
function kernel(    x, act) {
	x = names[1 + rnd(n_names)]
	if (x in alive) {
		act = rnd(2) ? "change" : "remove"
	} else {
		if ((x == "nva" && "nvb" in alive) || (x == "nvb" && "nva" in alive))
			return
		act = "add"
	}
	if (act == "remove") {
		delete alive[x]
		delete exists[minor[x]]
		shell = shell "rmdir sys/dev/block/8:" minor[x] "; "
		if (devtmpfs && (x in node)) {
			delete node[x]
			shell = shell "rm dev/" x "; "
		}
	} else if (act == "add") {
		alive[x] = exists[minor[x]] = 1
		shell = shell "mkdir sys/dev/block/8:" minor[x] "; "
		if (devtmpfs && !(x in node) && link[x] == "") {
			node[x] = minor[x]
			shell = shell "mknod -m 660 dev/" x " b 8 " minor[x] "; chgrp 6 dev/" x "; "
		}
	}
	if (act != "remove")
		label(x)
	n_queued++
	queued[n_queued] = x
	queued_action[n_queued] = act
	queued_L[n_queued] = L[x]
	queued_M[n_queued] = M[x]
}

function coldplug(    i) {
	for (i = 1; i <= n_names; i++)
		if (names[i] in alive)
			event(names[i], "add")
}

function step(n,    i, lost, x, l, m) {
	shell = ""
	n_queued = 0
	for (i = rnd(3); i >= 0; i--)
		kernel()
	if (shell != "")
		out(".sh " shell)
	lost = rnd(12) ? 0 : 1 + rnd(3)
	for (i = 1; i <= n_queued; i++) {
		x = queued[i]
		# The labels are those of the moment
		l = L[x]; m = M[x]
		L[x] = queued_L[i]; M[x] = queued_M[i]
		if (i >= lost + (lost == 0))
			event(x, queued_action[i])
		L[x] = l; M[x] = m
	}
	if (lost || !rnd(20)) {
		out(".term")
		out(".start")
		expect_messages()
		expect("exit 0")
		coldplug()
	}
	out(".list == " n)
	expect("== " n ":")
	expect_messages()
	for (x in node)
		expect("b 660 0:6 8:" node[x] " " x)
	for (x in link)
		if (link[x] == "")
			delete link[x]
		else
			expect("l " listed(x) " -> " (x ~ /\// ? "../" : "") link[x])
}

BEGIN {
	state = seed * 48271 % 2147483647 + 1
	setup()
	if (what == "rules")
		rules()
	devtmpfs = seed % 2
	out(".sh mkdir -p sys/dev/block")
	out(".start")
	for (i = 1; i <= steps; i++)
		step(i)
}
