/* vi: set sw=4 ts=4: */
/*
 * The differential test: random cases, and real files with realistic devices
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "diff.h"

/*** random numbers: the same everywhere for the same seed (xorshift64*) ***/

static unsigned long long state;

void rnd_seed(unsigned long long seed, unsigned n)
{
	unsigned i;

	state = (seed + 1) * 0x9e3779b97f4a7c15ULL ^ (n + 1ULL) * 0xd1342543de82ef95ULL;
	if (!state)
		state = 1;
	for (i = 0; i < 8; i++)
		rnd(2);
}

/* 0 to n - 1 */
unsigned rnd(unsigned n)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return ((state * 0x2545f4914f6cdd1dULL) >> 33) % n;
}

static int percent(unsigned n)
{
	return rnd(100) < n;
}

/* Half of the cases are tame: nothing ill-formed, no names that collide; most of these are the
 * same to all programs */
static int tame;

static int odd(unsigned n)
{
	return !tame && percent(n);
}

#define PICK(array) ((array)[rnd(ARRAY_SIZE(array))])

/*** parts of cases ***/

static void add_thing(struct test_case *c, char kind, const char *name, const char *text,
		unsigned major, unsigned minor, unsigned mode)
{
	struct thing *t = &c->things[c->n_things++];
	unsigned i;

	if (c->n_things == ARRAY_SIZE(c->things))
		die("too many things");
	t->kind = kind;
	t->name = xstrdup(name);
	t->text = text ? xstrdup(text) : NULL;
	t->major = major;
	t->minor = minor;
	t->mode = mode;
	/* one of a name, and nothing below what is no directory */
	for (i = 0; i + 1 < c->n_things; i++) {
		const struct thing *o = &c->things[i];
		size_t n = strlen(o->name), k = strlen(name);

		if (strncmp(o->name, name, n < k ? n : k) == 0
		 && (n == k || (n < k ? name[n] == '/' && o->kind != 'd' : o->name[k] == '/'))
		) {
			c->n_things--;
			return;
		}
	}
}

static struct event *add_event(struct test_case *c)
{
	c->events = xrealloc(c->events, (c->n_events + 1) * sizeof(c->events[0]));
	memset(&c->events[c->n_events], 0, sizeof(c->events[0]));
	return &c->events[c->n_events++];
}

static void __attribute__((format(printf, 2, 3))) add_var(struct event *e, const char *fmt, ...)
{
	char buf[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	if (e->n == VARS_MAX)
		die("too many variables");
	e->vars[e->n++] = xstrdup(buf);
}

/* Also sets where the event came from */
static void begin_event(struct event *e, const char *action, const char *devpath)
{
	e->action = xstrdup(action);
	e->devpath = xstrdup(devpath);
	add_var(e, "ACTION=%s", action);
	add_var(e, "DEVPATH=%s", devpath);
}

/* Frees little: the process that made it ends soon */
void case_free(struct test_case *c)
{
	free(c->conf.s);
	free(c->events);
	free(c);
}

static struct test_case *case_new(void)
{
	struct test_case *c = xrealloc(NULL, sizeof(*c));

	memset(c, 0, sizeof(*c));
	text_add(&c->conf, "", 0);
	return c;
}

/*** random cases ***/

static const char *const names[] = {
	"sda", "sda1", "sdb", "null", "zero", "tty", "tty1", "tty10", "ttyS0", "snd/timer", "snd/pcm/x",
	"ram", "ram0", "loop0", "cciss!c0d0", "input/event3", "net/tun", "disk", "x", "a-b_c", "root",
};

/* How the device is known. What kernels did, but for the last two */
enum {
	MODERN,		/* event: numbers and name, sysfs too */
	NO_NAME,	/* 2.6.30 and before: no DEVNAME anywhere */
	SYSFS_ONLY,	/* long before: the numbers are in sysfs only */
	NO_NUMBERS,	/* not a device with a node */
	GONE,		/* nothing in sysfs any more */
	NAME_IN_SYSFS,
	ODD_NAME,	/* a DEVNAME that no kernel sends */
};

static const struct device {
	char name[64], devpath[128];
	const char *subsystem;
	char type;
	unsigned major, minor, how;
} *devices;
static unsigned n_devices;

static void random_device(struct device *v, unsigned i)
{
	static const char *const odd_names[] = { "", "/tmp/x", "../tmp/x", "a/../b", "./x", "x/", "a//b", "..", "." };
	static const char *const chars[] = { "tty", "mem", "sound", "input", "misc" };
	const char *dir = "c";
	char *s;

	v->how = percent(80) ? MODERN : NO_NAME + rnd(tame ? 3 : 6);
	snprintf(v->name, sizeof(v->name), "%s", v->how == ODD_NAME ? PICK(odd_names)
		: tame ? names[(i + rnd(3)) * ARRAY_SIZE(names) / 8] : PICK(names));
	v->type = percent(35) ? 'b' : 'c';
	v->subsystem = odd(8) ? "blocks" : PICK(chars);
	if (v->type == 'b') {
		unsigned k = rnd(3);

		v->subsystem = k == 0 ? "scsi" : "block";
		dir = k == 1 ? "c" : "block";
	}
	/* few numbers, so that names and numbers change places */
	v->major = percent(90) ? 1 + rnd(3) : 200 + rnd(4);
	v->minor = tame ? i : rnd(5);
	snprintf(v->devpath, sizeof(v->devpath), "/devices/%s/d%u/%s", dir, i, v->how == ODD_NAME ? "odd" : v->name);
	/* the name's own slashes are "!" there */
	s = v->devpath + strlen(v->devpath) - strlen(v->how == ODD_NAME ? "odd" : v->name);
	while ((s = strchr(s, '/')) != NULL)
		*s = '!';
}

static void device_in_sysfs(struct test_case *c, const struct device *v)
{
	char file[256], text[256];

	if (v->how == NO_NUMBERS && percent(50)) {
		snprintf(file, sizeof(file), "/sys%s/loading", v->devpath);
		add_thing(c, 's', file, "", 0, 0, 0);
		snprintf(file, sizeof(file), "/sys%s/data", v->devpath);
		add_thing(c, 's', file, "", 0, 0, 0);
	}
	if (v->how == NO_NUMBERS || v->how == GONE)
		return;
	snprintf(file, sizeof(file), "/sys%s/dev", v->devpath);
	snprintf(text, sizeof(text), "%u:%u\n", v->major, v->minor);
	add_thing(c, 's', file, text, 0, 0, 0);
	if (v->how == NO_NAME || v->how == SYSFS_ONLY)
		return;
	snprintf(file, sizeof(file), "/sys%s/uevent", v->devpath);
	snprintf(text, sizeof(text), "MAJOR=%u\nMINOR=%u\nDEVNAME=%s\nOTHER=1\n", v->major, v->minor, v->name);
	add_thing(c, 's', file, text, 0, 0, 0);
}

static const char *const modaliases[] = { "usb:v1D6Bp0002", "pci:v00008086d00001237sv*", "acpi:PNP0A03:" };

static void random_event(struct test_case *c)
{
	static const char *const actions[] = { "change", "bind", "move", "online", "adding", "removed" };
	const struct device *v = &devices[rnd(n_devices)];
	struct event *e = add_event(c);

	begin_event(e, percent(55) ? "add" : percent(70) ? "remove" : PICK(actions), v->devpath);
	if (percent(95))
		add_var(e, "SUBSYSTEM=%s", v->subsystem);
	if (v->how != SYSFS_ONLY && v->how != NO_NUMBERS) {
		add_var(e, "MAJOR=%u", v->major);
		add_var(e, "MINOR=%u", v->minor);
	}
	if (v->how == MODERN || v->how == GONE || v->how == ODD_NAME)
		add_var(e, "DEVNAME=%s", v->name);
	if (percent(30))
		add_var(e, "DEVTYPE=%s", percent(50) ? "disk" : "partition");
	if (percent(20))
		add_var(e, "MODALIAS=%s", PICK(modaliases));
	if (percent(10))
		add_var(e, "PRODUCT=a b'c\"d$HOME;\\e");
	if (odd(20)) {
		static const char *const modes[] = { "0666", "0666", "0440", "04755", "0", "x", "", "0778", "177777777777" };

		add_var(e, "DEVMODE=%s", PICK(modes));
		if (percent(30))
			add_var(e, "DEVUID=%s", percent(80) ? "7" : "-1");
		if (percent(30))
			add_var(e, "DEVGID=%s", percent(80) ? "9" : "9x");
	}
	if (odd(5))
		add_var(e, percent(50) ? "DEVTYPE=disk" : "SUBSYSTEM=mem");
	if (c->firmware && (v->how == NO_NUMBERS || percent(10))) {
		static const char *const files[] = { "fw.bin", "new.bin", "old.bin", "fw2.bin", "empty.bin", "no-such.bin",
			"../other.bin", "" };

		/* A driver whose device has no loading would be waited for */
		if (strcmp(e->action, "add") != 0 || v->how == NO_NUMBERS || v->how == GONE)
			add_var(e, "FIRMWARE=%s", PICK(files));
	}
	if (v->how == MODERN || v->how == GONE)
		e->node = v->name;
	if (v->how != NO_NUMBERS) {
		e->type = v->type;
		e->major = v->major;
		e->minor = v->minor;
		if (strcmp(e->action, "add") == 0)
			e->exists = v->how == GONE ? -1 : 1;
		else if (strcmp(e->action, "remove") == 0)
			e->exists = odd(15) ? 1 : -1; /* a successor */
	}
}

/* Of s: the text as it is, or another that matches it in its way, or nearly */
static void random_regex(struct text *t, const char *s)
{
	size_t len = strlen(s), i, k;
	unsigned how = rnd(20);

	if (odd(3)) {
		static const char *const bad[] = { "[a", "(a", "a(", "sd[[:foo:]]", "[b-a]", "a{2,1}", "x\\" };

		text_printf(t, "%s", PICK(bad));
		return;
	}
	switch (how) {
	case 0: case 1: case 2: case 3:
		text_printf(t, "%s", s);
		break;
	case 4: case 5:
		text_printf(t, "%.*s.*", (int)rnd(len + 1), s);
		break;
	case 6:
		text_printf(t, percent(50) ? ".*" : "(.*)");
		break;
	case 7: case 8:
		i = rnd(len + 1);
		text_printf(t, "(%.*s)(%s)", (int)i, s, percent(50) ? s + i : ".*");
		break;
	case 9: case 10: case 11:
		/* digits at the end as a group, perhaps an empty one */
		for (i = len; i > 0 && isdigit((unsigned char)s[i - 1]); i--)
			continue;
		text_printf(t, "%.*s%s", (int)i, s, percent(30) ? "[0-9]*" : percent(50) ? "([0-9]*)" : "([0-9]+)");
		break;
	case 12:
		for (i = 0, k = rnd(len + 1); i < len; i++)
			text_printf(t, i == k ? percent(50) ? "." : "[^/]" : "%c", s[i]);
		break;
	case 13:
		text_printf(t, "(%s|%s)", s, PICK(names));
		break;
	case 14:
		text_printf(t, "%s|%s", PICK(names), s);
		break;
	case 15:
		text_printf(t, "%s(y)?", s);
		break;
	case 16:
		text_printf(t, "(%s)(x*)", s);
		break;
	case 17:
		text_printf(t, "^%s$", s);
		break;
	case 18:
		text_printf(t, "%s%s", s, percent(50) ? "{1}" : "{0,1}");
		break;
	default:
		/* a part of it: no match but in a search */
		i = rnd(len + 1);
		text_printf(t, "%.*s", (int)rnd(len + 1 - i), s + i);
		break;
	}
}

static void random_match(struct text *t)
{
	static const char *const numbers[] = {
		"@1,3x", "@1", "@1,", "@,3", "@-1,3", "@1,-3", "@1,2-", "@1,2-3-4", "@99999,1", "@1,9999999",
		"@1,3 ", "@+1,2", "@1,0x2", "@4294967297,1", "@"
	};
	const struct device *v = &devices[rnd(n_devices)];
	unsigned how;

	if (percent(30))
		text_printf(t, "-");
	while (percent(15)) {
		how = rnd(6);
		text_printf(t, "%s=", how < 2 ? "SUBSYSTEM" : how == 2 ? "ACTION" : how == 3 ? "DEVTYPE"
			: how == 4 ? "DEVPATH" : odd(30) ? "" : "NO_SUCH");
		random_regex(t, how < 2 ? v->subsystem : how == 2 ? "add" : how == 3 ? "disk" : "devices");
		text_printf(t, ";");
	}
	if (odd(2))
		text_printf(t, "=a;");
	how = rnd(100);
	if (how < 4 && !tame)
		text_printf(t, "%s", PICK(numbers));
	else if (how < 15)
		text_printf(t, percent(50) ? "@%u,%u" : "@%u,%u-%u", v->major, v->minor ? v->minor - rnd(2) : 0, v->minor + rnd(3));
	else if (how < 25) {
		static const char *const vars[] = { "SUBSYSTEM", "DEVTYPE", "MODALIAS", "ACTION", "DEVNAME", "NO_SUCH" };
		unsigned k = rnd(ARRAY_SIZE(vars));

		text_printf(t, "$%s", vars[k]);
		if (!odd(3))
			text_printf(t, "=");
		random_regex(t, k == 0 ? v->subsystem : k == 1 ? "disk" : k == 2 ? "usb" : k == 3 ? "add" : v->name);
	} else {
		random_regex(t, v->name);
	}
}

static void random_path(struct text *t)
{
	static const char *const paths[] = {
		"disk/", "disk/%0", "grp/", "grp/sub/", "grp/%1", "%1", "%1/", "x%1y", "rd/%1", "%0.%1.%2", "%2%1",
		"n", "new/name", "new",
		/* odd ones */
		"a%b%", "%9", "grp//", "grp//x", "", "/dev/", "/dev/x", "/dev/grp/", "/dev//n",
		"/tmp/x", "/dev", "/devices", "../tmp/x", "a/../b", "./x", "grp/.", "%1/../x", "%0/%0",
	};

	if (odd(30))
		text_printf(t, "%s", PICK(names)); /* somebody else's, maybe its own */
	else
		text_printf(t, "%s", paths[rnd(tame ? 14 : ARRAY_SIZE(paths))]);
}

static void random_command(struct text *t, unsigned i)
{
	static const char ops[] = "@$***+-&";
	char op = ops[odd(10) ? 5 + rnd(3) : rnd(5)];

	text_printf(t, "%c", op);
	switch (rnd(13)) {
	case 0: case 1: case 2: case 3:
		text_printf(t, "echo %u $ACTION $MDEV $DEVTYPE >>/out/rec", i);
		break;
	case 4: case 5:
		text_printf(t, "rec %u \"$MDEV\" $PRODUCT", i);
		break;
	case 6:
		text_printf(t, "ln -sf $MDEV link%u", i);
		break;
	case 11:
		text_printf(t, odd(50) ? "ln -f $MDEV hard%u" : "rec %u $DEVTYPE", i);
		break;
	case 7:
		text_printf(t, "chmod 0604 $MDEV; echo \"%u # $DEVNAME\" >>/out/rec", i);
		break;
	case 8:
		text_printf(t, "echo %%1 %%0 >f%u; cd /; echo $PWD >>/out/rec", i);
		break;
	case 9:
		text_printf(t, "rm -f $MDEV && (echo 'gone %u' >>/out/rec)", i);
		break;
	case 10:
		text_printf(t, "[ -e $MDEV ] && echo there >>/out/rec || echo not there >>/out/rec; exit 3");
		break;
	default:
		text_printf(t, percent(50) ? "no-such-command $MDEV" : "kill -9 $$");
		break;
	}
}

static void random_blank(struct text *t)
{
	static const char *const blanks[] = { " ", " ", " ", " ", "  ", "\t", " \t ", " \\\n", "\\\n\t" };

	text_printf(t, "%s", PICK(blanks));
}

static void random_rule(struct text *t, unsigned i)
{
	static const char *const owners[] = {
		"0:0", "0:0", "root:root", "root:tty", "0:5", "7:9", "daemon:disk", "12", "daemon", "root",
		"root:audio", "nobody:0", "5:root", "no-such:0", "0:no-such", "root:", ":5", "4294967295:0"
	};
	static const char *const modes[] = {
		"660", "660", "600", "666", "0644", "640", "1777", "0", "u=rw,g=r,o=", "a+r", "o+rw",
		"g-w", "=", "+x", "u=rwx,go=",
		/* odd ones */
		"4660", "2750", "u+s,g=u"
	};
	static const char *const bad_modes[] = { "888", "66x", "rw", "10000", "u", "660,", "-rw-" };
	static const char *const wrong[] = { "echo wrong", "%1", "\"=x\"", "=x y", "! y", "~", "| cat" };
	unsigned how = rnd(100);

	if (percent(6))
		random_blank(t);
	random_match(t);
	random_blank(t);
	if (odd(1)) {
		text_printf(t, "0:0\n");
		return;
	}
	text_printf(t, "%s", PICK(owners));
	random_blank(t);
	if (odd(3))
		text_printf(t, "%s", PICK(bad_modes));
	else
		text_printf(t, "%s", modes[rnd(tame ? ARRAY_SIZE(modes) - 3 : ARRAY_SIZE(modes))]);
	if (how < 40) {
		random_blank(t);
		if (how < 5)
			text_printf(t, "!");
		else {
			text_printf(t, how < 20 ? "=" : ">");
			random_path(t);
		}
	}
	if (percent(45)) {
		random_blank(t);
		random_command(t, i);
	} else if (odd(2)) {
		random_blank(t);
		text_printf(t, "%s", PICK(wrong));
	} else if (percent(4)) {
		text_printf(t, " # a comment");
	} else if (percent(4)) {
		random_blank(t);
	}
	text_printf(t, odd(1) ? "\r\n" : "\n");
}

static void random_conf(struct text *t)
{
	static const char *const others[] = {
		"# a comment\n", "\n", " \t \n", "#\\\nnull 0:0 600\n", "\\\n", "  # null 7:7 600\n",
		/* odd ones */
		"x\n", "\r\n"
	};
	unsigned n = percent(3) ? 0 : 1 + rnd(7), i;

	for (i = 0; i < n; i++) {
		while (percent(12))
			text_printf(t, "%s", others[rnd(tame ? 6 : ARRAY_SIZE(others))]);
		random_rule(t, i);
	}
	if (n && percent(5))
		t->s[--t->len] = '\0'; /* no newline at the end */
}

/* A device that exists before the first event */
static void add_existing(struct test_case *c, char type, unsigned major, unsigned minor)
{
	char name[64];

	snprintf(name, sizeof(name), "/sys/dev/%s/%u:%u", type == 'b' ? "block" : "char", major, minor);
	add_thing(c, 's', name, "", 0, 0, 0);
}

/* What else is in /dev, and what links there lead to */
static void random_things(struct test_case *c)
{
	static const char *const targets[] = {
		"/out/file", "/out/dir", "no-such", "x", "disk", "/dev/null", "/out/sda", ".", "./x", "../dev/x", "../x",
		"disk/../sda", "/dev/disk", "rd", "new/sub",
	};
	unsigned n = odd(60) ? 1 + rnd(4) : 0, i;

	add_thing(c, '-', "/out/file", "text\n", 0, 0, 0604);
	add_thing(c, 'd', "/out/dir", NULL, 0, 0, 0705);
	add_thing(c, 'b', "/out/sda", NULL, 1, 1, 0604);
	for (i = 0; i < n; i++) {
		static const char *const dirs[] = { "grp", "disk", "snd", "rd", "new", "net" };
		static const unsigned modes[] = { 0755, 0755, 0755, 0700, 0777, 01777, 0775 };
		unsigned major = 1 + rnd(3), minor = rnd(5);
		char name[128];
		char type = percent(50) ? 'b' : 'c';

		snprintf(name, sizeof(name), "/dev/%s", percent(40) ? PICK(dirs) : PICK(names));
		switch (rnd(5)) {
		case 0:
			add_thing(c, 'd', name, NULL, percent(10) ? 7 : 0, percent(20) ? 9 : 0, PICK(modes));
			break;
		case 1: case 2:
			add_thing(c, 'l', name, PICK(targets), 0, 0, 0);
			break;
		case 3:
			add_thing(c, '-', name, "a file\n", 0, 0, 0644);
			break;
		default:
			add_thing(c, type, name, NULL, major, minor, 0600);
			if (c->sys_dev == SYS_DEV_KEPT && percent(50))
				add_existing(c, type, major, minor);
			if (percent(20))
				add_thing(c, 'h', "/dev/hard", name, 0, 0, 0);
		}
	}
	for (i = 0; i < n_devices; i++)
		if (c->sys_dev == SYS_DEV_KEPT && devices[i].how != NO_NUMBERS && odd(30))
			add_existing(c, devices[i].type, devices[i].major, devices[i].minor);
}

/* The n-th case of a seed */
struct test_case *case_random(unsigned long long seed, unsigned n)
{
	struct test_case *c = case_new();
	struct device *v;
	unsigned i, count;

	rnd_seed(seed, n);
	snprintf(c->name, sizeof(c->name), "case %u of seed %llu", n, seed);
	tame = n & 1;
	c->world = odd(25) ? WORLD_NONE : WORLD_BUILDROOT;
	c->devtmpfs = odd(60);
	c->sys_dev = odd(15) ? SYS_DEV_NONE : odd(15) ? SYS_DEV_EMPTY : SYS_DEV_KEPT;
	c->umask = tame ? 0 : 027;
	c->firmware = odd(20);
	n_devices = 2 + rnd(4);
	devices = v = xrealloc(NULL, n_devices * sizeof(*v));
	for (i = 0; i < n_devices; i++)
		random_device(&v[i], i);
	random_conf(&c->conf);
	random_things(c);
	for (i = 0; i < n_devices; i++)
		device_in_sysfs(c, &devices[i]);
	count = 5 + rnd(10);
	for (i = 0; i < count; i++)
		random_event(c);
	return c;
}

/*** real files ***/

/* What there is on boards and computers: DEVPATH, SUBSYSTEM, DEVNAME (with b: or c:) and numbers
 * ("-": none), other variables */
static const char *const real_devices[][5] = {
	{ "/devices/virtual/mem/null", "mem", "c:null", "1:3", "DEVMODE=0666" },
	{ "/devices/virtual/mem/zero", "mem", "c:zero", "1:5", "DEVMODE=0666" },
	{ "/devices/virtual/mem/full", "mem", "c:full", "1:7", "" },
	{ "/devices/virtual/mem/random", "mem", "c:random", "1:8", "" },
	{ "/devices/virtual/mem/urandom", "mem", "c:urandom", "1:9", "" },
	{ "/devices/virtual/mem/mem", "mem", "c:mem", "1:1", "" },
	{ "/devices/virtual/mem/kmsg", "mem", "c:kmsg", "1:11", "" },
	{ "/devices/virtual/mem/port", "mem", "c:port", "1:4", "" },
	{ "/devices/virtual/tty/tty", "tty", "c:tty", "5:0", "DEVMODE=0666" },
	{ "/devices/virtual/tty/tty0", "tty", "c:tty0", "4:0", "" },
	{ "/devices/virtual/tty/tty1", "tty", "c:tty1", "4:1", "" },
	{ "/devices/virtual/tty/tty63", "tty", "c:tty63", "4:63", "" },
	{ "/devices/virtual/tty/console", "tty", "c:console", "5:1", "" },
	{ "/devices/virtual/tty/ptmx", "tty", "c:ptmx", "5:2", "DEVMODE=0666" },
	{ "/devices/virtual/tty/ptyp0", "tty", "c:ptyp0", "2:0", "" },
	{ "/devices/virtual/vc/vcs1", "vc", "c:vcs1", "7:1", "" },
	{ "/devices/virtual/vc/vcsa1", "vc", "c:vcsa1", "7:129", "" },
	{ "/devices/platform/serial8250/tty/ttyS0", "tty", "c:ttyS0", "4:64", "" },
	{ "/devices/platform/soc/20201000.serial/tty/ttyAMA0", "tty", "c:ttyAMA0", "204:64", "" },
	{ "/devices/pci0000:00/0000:00:1d.0/usb2/2-1/2-1:1.0/ttyUSB0/tty/ttyUSB0", "tty", "c:ttyUSB0", "188:0", "" },
	{ "/devices/pci0000:00/0000:00:1d.0/usb2/2-2/2-2:1.0/tty/ttyACM0", "tty", "c:ttyACM0", "166:0", "" },
	{ "/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda", "block", "b:sda", "8:0",
		"DEVTYPE=disk" },
	{ "/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda/sda1", "block", "b:sda1", "8:1",
		"DEVTYPE=partition PARTN=1" },
	{ "/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda/sda15", "block", "b:sda15",
		"8:15", "DEVTYPE=partition PARTN=15" },
	{ "/devices/pci0000:00/0000:00:1d.7/usb1/1-5/1-5:1.0/host11/target11:0:0/11:0:0:0/block/sdb", "block", "b:sdb",
		"8:16", "DEVTYPE=disk DISK_MEDIA_CHANGE=1" },
	{ "/devices/pci0000:00/0000:00:1f.1/ide0/0.0/block/hda", "block", "b:hda", "3:0", "DEVTYPE=disk" },
	{ "/devices/pci0000:00/0000:00:1f.2/ata2/host1/target1:0:0/1:0:0:0/block/sr0", "block", "b:sr0", "11:0",
		"DEVTYPE=disk" },
	{ "/devices/platform/soc/3f202000.mmc/mmc_host/mmc0/mmc0:0001/block/mmcblk0", "block", "b:mmcblk0", "179:0",
		"DEVTYPE=disk" },
	{ "/devices/platform/soc/3f202000.mmc/mmc_host/mmc0/mmc0:0001/block/mmcblk0/mmcblk0p1", "block",
		"b:mmcblk0p1", "179:1", "DEVTYPE=partition PARTN=1" },
	{ "/devices/pci0000:00/0000:00:04.0/virtio1/block/vda", "block", "b:vda", "254:0", "DEVTYPE=disk" },
	{ "/devices/pci0000:00/0000:01:00.0/nvme/nvme0/nvme0n1/nvme0n1p2", "block", "b:nvme0n1p2", "259:2",
		"DEVTYPE=partition" },
	{ "/devices/pci0000:00/0000:03:01.0/cciss0/c0d0/block/cciss!c0d0", "block", "b:cciss!c0d0", "104:0",
		"DEVTYPE=disk" },
	{ "/devices/virtual/block/loop0", "block", "b:loop0", "7:0", "DEVTYPE=disk" },
	{ "/devices/virtual/block/ram0", "block", "b:ram0", "1:0", "DEVTYPE=disk" },
	{ "/devices/virtual/block/md0", "block", "b:md0", "9:0", "DEVTYPE=disk" },
	{ "/devices/virtual/block/dm-0", "block", "b:dm-0", "253:0", "DEVTYPE=disk" },
	{ "/devices/platform/floppy.0/block/fd0", "block", "b:fd0", "2:0", "DEVTYPE=disk" },
	{ "/devices/platform/pxa2xx-nand/mtd/mtd0", "mtd", "c:mtd0", "90:0", "DEVTYPE=mtd" },
	{ "/devices/pci0000:00/0000:00:1b.0/sound/card0", "sound", "-", "-", "" },
	{ "/devices/pci0000:00/0000:00:1b.0/sound/card0/controlC0", "sound", "c:snd/controlC0", "116:0", "" },
	{ "/devices/pci0000:00/0000:00:1b.0/sound/card0/pcmC0D0p", "sound", "c:snd/pcmC0D0p", "116:16", "" },
	{ "/devices/virtual/sound/timer", "sound", "c:snd/timer", "116:33", "" },
	{ "/devices/virtual/sound/seq", "sound", "c:snd/seq", "116:1", "" },
	{ "/devices/pci0000:00/0000:00:1b.0/sound/card0/dsp", "sound", "c:dsp", "14:3", "" },
	{ "/devices/virtual/input/mice", "input", "c:input/mice", "13:63", "" },
	{ "/devices/pci0000:00/0000:00:1a.0/usb3/3-1/3-1:1.0/0003:046D:C52B.0001/input/input4/event4", "input",
		"c:input/event4", "13:68", "" },
	{ "/devices/pci0000:00/0000:00:1a.0/usb3/3-1/3-1:1.0/0003:046D:C52B.0001/input/input4/mouse0", "input",
		"c:input/mouse0", "13:32", "" },
	{ "/devices/pci0000:00/0000:00:1a.0/usb3/3-1/3-1:1.0/0003:046D:C52B.0001/input/input4", "input", "-", "-",
		"PRODUCT=3/46d/c52b/111 NAME=\"Logitech\"" },
	{ "/devices/pci0000:00/0000:00:02.0/drm/card0", "drm", "c:dri/card0", "226:0", "DEVTYPE=drm_minor" },
	{ "/devices/pci0000:00/0000:00:02.0/drm/renderD128", "drm", "c:dri/renderD128", "226:128", "DEVTYPE=drm_minor" },
	{ "/devices/pci0000:00/0000:00:02.0/graphics/fb0", "graphics", "c:fb0", "29:0", "" },
	{ "/devices/platform/soc/soc:isp/video4linux/video0", "video4linux", "c:video0", "81:0", "" },
	{ "/devices/platform/rtc_cmos/rtc/rtc0", "rtc", "c:rtc0", "254:0", "" },
	{ "/devices/virtual/misc/fuse", "misc", "c:fuse", "10:229", "" },
	{ "/devices/virtual/misc/kvm", "misc", "c:kvm", "10:232", "" },
	{ "/devices/virtual/misc/tun", "misc", "c:net/tun", "10:200", "" },
	{ "/devices/virtual/misc/hw_random", "misc", "c:hwrng", "10:183", "" },
	{ "/devices/virtual/misc/watchdog", "misc", "c:watchdog", "10:130", "" },
	{ "/devices/platform/soc/20804000.i2c/i2c-1/i2c-dev/i2c-1", "i2c-dev", "c:i2c-1", "89:1", "" },
	{ "/devices/system/cpu/cpu0/cpuid/cpu0", "cpuid", "c:cpu/0/cpuid", "203:0", "" },
	{ "/devices/pci0000:00/0000:00:1d.7/usb1/1-5", "usb", "c:bus/usb/001/002", "189:1",
		"DEVTYPE=usb_device PRODUCT=46d/c52b/1200 BUSNUM=001 DEVNUM=002" },
	{ "/devices/pci0000:00/0000:00:1d.7/usb1/1-5/1-5:1.0", "usb", "-", "-",
		"DEVTYPE=usb_interface MODALIAS=usb:v046DpC52Bd1200dc00dsc00dp00ic03isc01ip01in00" },
	{ "/devices/pci0000:00/0000:00:1d.7/usb1/1-5/1-5:1.0/host11/target11:0:0/11:0:0:0", "scsi", "-", "-",
		"DEVTYPE=scsi_device MODALIAS=scsi:t-0x00" },
	{ "/devices/pci0000:00/0000:00:1d.7/usb1/1-5/1-5:1.0/host11/target11:0:0/11:0:0:0/bsg/11:0:0:0", "bsg",
		"c:bsg/11:0:0:0", "253:1", "" },
	{ "/devices/pci0000:00/0000:00:19.0", "pci", "-", "-",
		"PCI_CLASS=20000 MODALIAS=pci:v00008086d00001502sv000017AAsd000021F3bc02sc00i00" },
	{ "/devices/pci0000:00/0000:00:19.0/net/eth0", "net", "-", "-", "INTERFACE=eth0 IFINDEX=2" },
	{ "/devices/pci0000:00/0000:03:00.0/net/wlan0", "net", "-", "-", "INTERFACE=wlan0 IFINDEX=3 DEVTYPE=wlan" },
	{ "/devices/virtual/bdi/8:16", "bdi", "-", "-", "" },
	{ "/devices/platform/regulatory.0", "platform", "-", "-", "COUNTRY=DE MODALIAS=platform:regulatory" },
	{ "/devices/pci0000:00/0000:00:05.0/virtio2/virtio-ports/vport2p1", "virtio-ports", "c:vport2p1", "249:1", "" },
};

static void real_event(struct test_case *c, const char *action, unsigned i)
{
	const char *const *v = real_devices[i];
	struct event *e = add_event(c);
	const char *s;
	int n;

	begin_event(e, action, v[0]);
	add_var(e, "SUBSYSTEM=%s", v[1]);
	for (s = v[4]; *s; s += n + (s[n] != '\0')) {
		n = strcspn(s, " ");
		add_var(e, "%.*s", n, s);
	}
	if (v[2][1] != ':')
		return;
	e->node = v[2] + 2;
	e->type = v[2][0];
	sscanf(v[3], "%u:%u", &e->major, &e->minor);
	e->exists = strcmp(action, "remove") == 0 ? -1 : 1;
	add_var(e, "MAJOR=%u", e->major);
	add_var(e, "MINOR=%u", e->minor);
	add_var(e, "DEVNAME=%s", e->node);
}

enum { GROUP = 12 };

/* The file, played an add and a change of each device, and a remove in the other order. Group
 * by group, so that there is not too much to list after each */
struct test_case *case_corpus(const char *file, int world)
{
	struct test_case *c = case_new();
	const char *base = strrchr(file, '/');
	char buf[65536], text[64];
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	unsigned i, k;
	ssize_t n;

	if (fd < 0)
		die("%s", file);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		text_add(&c->conf, buf, n);
	close(fd);
	snprintf(c->name, sizeof(c->name), "%s", base ? base + 1 : file);
	c->world = world;
	c->devtmpfs = 1;
	c->sys_dev = SYS_DEV_KEPT;
	for (i = 0; i < ARRAY_SIZE(real_devices); i++) {
		const char *const *v = real_devices[i];

		if (v[3][0] != '-') {
			snprintf(buf, sizeof(buf), "/sys%s/dev", v[0]);
			snprintf(text, sizeof(text), "%s\n", v[3]);
			add_thing(c, 's', buf, text, 0, 0, 0);
		}
		real_event(c, "add", i);
		real_event(c, "change", i);
		if (i % GROUP == GROUP - 1 || i == ARRAY_SIZE(real_devices) - 1)
			for (k = 0; k <= i % GROUP; k++)
				real_event(c, "remove", i - k);
	}
	return c;
}
