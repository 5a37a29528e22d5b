/* vi: set sw=4 ts=4: */
/*
 * libFuzzer target for mdev_conf.c, mdev_match.c, mdev_node.c and mdev_firmware.c: rules and
 * events together, in a /dev that others write, too. Nothing outside of /dev changes, no file
 * outside of /lib/firmware is loaded, and unless there was a message, the result is as the
 * plan says
 *
 * Input: mdev.conf, a line "%%", and then one thing a line:
 *	+NAME MAJ MIN [VAR=value]...	add of a char device, ^NAME of a block device
 *	-NAME MAJ MIN [VAR=value]...	remove, _NAME of a block device
 *	=NAME MAJ MIN [VAR=value]...	remove of a char device whose number another one has already
 *	FNAME			firmware of this name is asked for
 *	lNAME TEXT, dNAME, wNAME, fNAME, cNAME MAJ MIN, hNAME TEXT, xNAME	root makes a link, a directory,
 *				one that others can write, a file, a node, a hard link; removes it
 *	gMAJ:MIN		a char device vanishes from SYS/dev, its event is lost
 *	o			from now on the kernel has no SYS/dev
 *
 * It runs as root. To protect the machine from a bug, the process first isolates itself: it gets its own
 * mounts, all read-only except FUZZ_OUT (the directory of the corpus and of inputs that fail), its own
 * network and /dev, and the nodes that it makes cannot be opened. Rules and events are played in a
 * chroot in there.
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include <sched.h>
#include <sys/mount.h>
#include "fuzz.h"
#include "mdev_rules.h"

enum {
	ROOT_DEVICE = 0x0801, /* 8:1 */
	MAX_EVENTS = 40,
};

static const char scratch[] = "/dev/scratch"; /* in the /dev of its own */
static int home = -1, inside;
static unsigned warnings;
static int foreign; /* root has made links or directories: what is asked for may not be possible */
static int has_no_sys_dev;

/* Files that must not change */
static const char *const outside[] = {
	"/", "/file", "/outside", "/outside/file", "/outside/dir", "/outside/dir/node", "/outside/link",
	"/dev2", "/dev2/null", "/etc", "/etc/passwd", "/etc/group", "/lib", "/lib/firmware", "/lib/firmware/blob",
	"/lib/firmware/dir", "/sys", "/sys/dev", "/sys/devices", "/sys/devices/f",
};
static struct stat before[ARRAY_SIZE(outside)];

/** The world **/

static void enter(void)
{
	if (chroot(scratch) != 0 || chdir("/dev") != 0)
		FUZZ_FAIL("chroot");
	inside = 1;
}

static void leave(void)
{
	if (inside && (fchdir(home) != 0 || chroot(".") != 0))
		_exit(1);
	inside = 0;
}

/* The sanitizers call these first: what is to be kept is kept outside */
void __asan_on_error(void);
void __asan_on_error(void)
{
	leave();
}

void __ubsan_on_report(void);
void __ubsan_on_report(void)
{
	leave();
}

static void empty(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	char path[PATH_MAX];

	while (d && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (unlink(path) != 0 && errno == EISDIR) {
			empty(path);
			rmdir(path);
		}
	}
	if (d)
		closedir(d);
}

static void fail(const char *what, const char *name)
{
	leave();
	FUZZ_FAIL("%s '%s'", what, name);
}

static void skip(const char *why)
{
	printf("SKIPPED: fuzz: node (%s)\n", why);
	fflush(stdout);
	_exit(1);
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(name, "w");

	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		fail("cannot make", name);
}

static void make_world(void)
{
	static const char *const dirs[] = { "/dev", "/dev2", "/outside", "/outside/dir", "/etc", "/lib",
		"/lib/firmware", "/lib/firmware/dir", "/sys", "/sys/devices", "/sys/devices/f", "/sys/dev", "/sys/dev/char", "/sys/dev/block" };
	unsigned i;

	if (chdir("/") != 0)
		fail("chdir", "/");
	for (i = 0; i < ARRAY_SIZE(dirs); i++)
		mkdir(dirs[i], 0755);
	put("/file", "secret");
	put("/outside/file", "secret");
	put("/etc/passwd", "root:x:0:0::/:/bin/sh\nuser:x:5:6::/:/bin/sh\n");
	put("/etc/group", "root:x:0:\ndisk:x:7:\n");
	put("/lib/firmware/blob", "blob");
	put("/sys/devices/f/loading", "");
	put("/sys/devices/f/data", "");
	if (mknod("/outside/dir/node", S_IFCHR | 0600, makedev(1, 3)) != 0
	 || mknod("/dev2/null", S_IFCHR | 0600, makedev(1, 3)) != 0
	 || symlink("file", "/outside/link") != 0
	) {
		skip("device nodes take root");
	}
	for (i = 0; i < ARRAY_SIZE(outside); i++)
		lstat(outside[i], &before[i]);
}

static void check_outside(const char *line)
{
	unsigned i;
	struct stat st;

	for (i = 0; i < ARRAY_SIZE(outside); i++) {
		if (lstat(outside[i], &st) != 0)
			fail("gone", outside[i]);
		/* Reading is no change */
		st.st_atim = before[i].st_atim;
		if (memcmp(&st, &before[i], sizeof(st)) != 0) {
			fprintf(stderr, "by: %s\n", line);
			fail("changed", outside[i]);
		}
	}
}

/* A /dev with what libFuzzer and the sanitizers need, and a place to play where no node can be opened */
static int make_dev(void)
{
	static const struct {
		const char *name;
		unsigned minor;
	} nodes[] = { { "/dev/null", 3 }, { "/dev/zero", 5 }, { "/dev/urandom", 9 } };
	unsigned i;

	if (mount("dev", "/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755") != 0)
		return -1;
	for (i = 0; i < ARRAY_SIZE(nodes); i++)
		if (mknod(nodes[i].name, S_IFCHR | 0666, makedev(1, nodes[i].minor)) != 0)
			return -1;
	return mkdir(scratch, 0755);
}

/* What proc(5) writes in octal */
static void unescape(char *s)
{
	char *to = s;
	unsigned c;

	for (; *s; s++) {
		if (*s == '\\' && sscanf(s + 1, "%3o", &c) == 1) {
			*to++ = c;
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

/* Makes all mounts except out read-only for this process. Returns 0 on success */
static int make_read_only(const char *out)
{
	char line[2 * PATH_MAX], path[PATH_MAX];
	FILE *f = fopen("/proc/self/mountinfo", "r");
	int is_bad = !f;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*s %*s %*s %*s %4095s", path) != 1)
			continue;
		unescape(path);
		if (out && strcmp(path, out) == 0)
			continue;
		/* One that another is mounted on cannot be reached anyway */
		if (mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) != 0 && errno != EINVAL && errno != ENOENT)
			is_bad = 1;
	}
	if (f)
		fclose(f);
	return is_bad || open("/fuzz-node", O_WRONLY | O_CREAT, 0600) >= 0 || errno != EROFS
		|| mkdir("/dev/fuzz-node", 0700) == 0 || errno != EROFS;
}

static void contain(void)
{
	char *out = getenv("FUZZ_OUT");

	if (unshare(CLONE_NEWNS | CLONE_NEWNET) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		skip("mounts of its own take root");
	out = out ? realpath(out, NULL) : NULL;
	if (out && mount(out, out, NULL, MS_BIND, NULL) != 0)
		skip("no bind mounts");
	if (make_dev() != 0)
		skip("device nodes take root");
	if (make_read_only(out) != 0)
		skip("what is mounted cannot be made read-only");
	free(out);
	if (mount("scratch", scratch, "tmpfs", MS_NODEV | MS_NOSUID | MS_NOEXEC, "mode=755,size=16m") != 0)
		skip("no scratch directory");
}

int LLVMFuzzerInitialize(int *argc UNUSED_PARAM, char ***argv UNUSED_PARAM)
{
	lbb_prepare("fuzz"); /* its errno */
	contain();
	umask(0);
	logmode = LOGMODE_NONE;
	mdev_verbose = 1;
	home = open("/", O_RDONLY);
	if (home < 0 || chroot(scratch) != 0)
		skip("chroot takes root");
	inside = 1;
	make_world();
	leave();
	return 0;
}

/** What is watched **/

static const char *conf_text;

FILE* FAST_FUNC __wrap_fopen_for_read(const char *path);
FILE* FAST_FUNC __real_fopen_for_read(const char *path);
FILE* FAST_FUNC __wrap_fopen_for_read(const char *path)
{
	if (strcmp(path, "FILE") != 0)
		return __real_fopen_for_read(path);
	return fmemopen((void*)conf_text, strlen(conf_text), "r");
}

void FAST_FUNC __wrap_mdev_log(int level, const char *fmt, ...);
void FAST_FUNC __wrap_mdev_log(int level UNUSED_PARAM, const char *fmt, ...)
{
	char buf[1024];
	va_list p;

	va_start(p, fmt);
	vsnprintf(buf, sizeof(buf), fmt, p);
	va_end(p);
	warnings++;
}

void FAST_FUNC __wrap_mdev_log_errno(int level, const char *verb, const char *object);
void FAST_FUNC __wrap_mdev_log_errno(int level UNUSED_PARAM, const char *verb UNUSED_PARAM, const char *object UNUSED_PARAM)
{
	warnings++;
}

/* The nodes in /dev, each with its name */
struct nodes {
	struct {
		char name[PATH_MAX];
		struct stat st;
	} node[64];
	unsigned n;
};
static struct nodes nodes_before, nodes_after;

static void find_nodes(struct nodes *nodes, const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)) != NULL && nodes->n < ARRAY_SIZE(nodes->node)) {
		char *name = nodes->node[nodes->n].name;
		struct stat *st = &nodes->node[nodes->n].st;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (snprintf(name, PATH_MAX, "%s/%s", dir, e->d_name) >= PATH_MAX || lstat(name, st) != 0)
			continue;
		if (S_ISDIR(st->st_mode)) {
			char path[PATH_MAX];

			find_nodes(nodes, strcpy(path, name));
		} else if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)) {
			nodes->n++;
		}
	}
	if (d)
		closedir(d);
}

static int is_the_device(const struct stat *st, const struct mdev_event *ev)
{
	return (st->st_mode & S_IFMT) == ev->type && st->st_rdev == makedev(ev->major, ev->minor);
}

static int exists(mode_t type, dev_t dev)
{
	char path[64];

	sprintf(path, "/sys/dev/%s/%u:%u", type == S_IFBLK ? "block" : "char", (unsigned)major(dev), (unsigned)minor(dev));
	return has_no_sys_dev || access(path, F_OK) == 0;
}

/* Nodes of other devices that exist stay as they are. Other names of a node that was removed give no access */
static void check_nodes(const struct mdev_event *ev)
{
	unsigned i, k;

	nodes_after.n = 0;
	find_nodes(&nodes_after, "/dev");
	for (i = 0; i < nodes_before.n; i++) {
		const struct stat *old = &nodes_before.node[i].st;
		const char *name = nodes_before.node[i].name;
		struct stat st;
		int is_there = lstat(name, &st) == 0 && st.st_ino == old->st_ino;

		if (!is_the_device(old, ev) && exists(old->st_mode & S_IFMT, old->st_rdev)
		 && (!is_there || st.st_mode != old->st_mode || st.st_uid != old->st_uid || st.st_gid != old->st_gid)
		) {
			fail("another device's node has changed:", name);
		}
		for (k = 0; !is_there && k < nodes_after.n; k++) {
			const struct stat *now = &nodes_after.node[k].st;

			if (now->st_ino == old->st_ino && now->st_rdev == old->st_rdev
			 && ((now->st_mode & 07777) || now->st_uid || now->st_gid)
			) {
				fail("gives access to the next device of its number:", nodes_after.node[k].name);
			}
		}
	}
}

/* All directories that lead to the node are root's alone, and in /dev */
static void check_parents_of(const char *node)
{
	char path[PATH_MAX], resolved[PATH_MAX];
	struct stat st;
	char *slash;

	strcpy(path, node);
	while ((slash = strrchr(path, '/')) != NULL) {
		*slash = '\0';
		if (!realpath(path, resolved) || (!is_prefixed_with(resolved, "/dev/") && strcmp(resolved, "/dev") != 0))
			fail("not in /dev:", path);
		if (stat(path, &st) != 0 || !mdev_path_is_safe(&st))
			fail("others can write:", path);
	}
}

static void check_added(const struct mdev_plan *plan)
{
	const char *name = plan->event->name;
	struct stat st;

	check_parents_of(plan->node);
	/* Where root has made a link to the directory itself, ">PATH" names the node twice */
	if (foreign && plan->path_op)
		return;
	if (stat(plan->node, &st) != 0 || !is_the_device(&st, plan->event))
		fail("not made:", plan->node);
	if ((st.st_mode & 07777) != plan->mode || st.st_uid != plan->ugid.uid || st.st_gid != plan->ugid.gid)
		fail("wrong owner or mode:", plan->node);
	if (foreign)
		return;
	if (plan->path_op == '>' && (stat(name, &st) != 0 || !is_the_device(&st, plan->event)
	 || lstat(name, &st) != 0 || !S_ISLNK(st.st_mode))
	) {
		fail("no link:", name);
	}
	if (plan->path_op == '=' && lstat(name, &st) == 0 && is_the_device(&st, plan->event))
		fail("still there:", name);
}

static void check_removed(const struct mdev_plan *plan)
{
	const char *names[] = { plan->node, plan->event->name };
	struct stat st;
	unsigned i;

	/* It has a successor, or nothing can be known of that */
	if (!has_no_sys_dev && exists(plan->event->type, plan->event->dev))
		return;
	for (i = 0; i < 2; i++) {
		/* A rule that keeps the node's own name has no other */
		if (i && !plan->path_op)
			continue;
		if (lstat(names[i], &st) == 0 && is_the_device(&st, plan->event))
			fail("still there:", names[i]);
		/* A link of root's may lead there by a way that is not followed */
		if (!foreign && stat(names[i], &st) == 0 && is_the_device(&st, plan->event))
			fail("link still there:", names[i]);
	}
}

/** What happens **/

/* As mdevd does it */
static void play_event(struct mdev_conf *conf, struct mdev_event *ev)
{
	static struct mdev_plan plan;
	const struct mdev_rule *rule = conf->first;

	/* Other members of the plan are undefined, or those of an earlier event */
	memset(&plan, 'p', sizeof(plan));
	strcpy(plan.buf, "earlier");
	for (;;) {
		if (!rule)
			rule = &mdev_rule_implicit;
		if (mdev_match(&plan, rule, ev) > 0) {
			warnings = 0;
			nodes_before.n = 0;
			find_nodes(&nodes_before, "/dev");
			if (plan.has_node && rule->path && rule->path_op && !*rule->path)
				fail("a node without a PATH:", plan.node);
			if (plan.has_node && ev->op == MDEV_OP_ADD) {
				mdev_node_add(&plan);
				if (!warnings)
					check_added(&plan);
			}
			if (plan.has_node && ev->op == MDEV_OP_REMOVE) {
				mdev_node_remove(&plan);
				if (!warnings)
					check_removed(&plan);
			}
			check_nodes(ev);
			if (!rule->keep_matching)
				break;
		}
		rule = rule->next;
	}
}

/* The kernel's part */
static void set_exists(mode_t type, dev_t dev, int is_there)
{
	char path[64];

	sprintf(path, "/sys/dev/%s/%u:%u", type == S_IFBLK ? "block" : "char", (unsigned)major(dev), (unsigned)minor(dev));
	if (is_there)
		mknod(path, S_IFREG | 0644, 0);
	else
		unlink(path);
}

static void play_firmware(char *name)
{
	static char *vars[] = { NULL };
	struct mdev_event ev;
	char data[32];
	ssize_t n;

	memset(&ev, 0, sizeof(ev));
	ev.vars = vars;
	ev.action = "add";
	ev.sys = "/sys";
	ev.root = ROOT_DEVICE;
	ev.devpath = "/devices/f";
	ev.firmware = name;
	truncate("/sys/devices/f/loading", 0);
	truncate("/sys/devices/f/data", 0);
	mdev_firmware(&ev, "/lib/firmware");
	if (chdir("/dev") != 0)
		fail("gone", "/dev");
	n = open_read_close("/sys/devices/f/data", data, sizeof(data));
	if (n != 0 && (n != 4 || memcmp(data, "blob", 4) != 0))
		fail("given away:", name);
}

/* Root does that: not through links out of here */
static void play_other(char op, const char *name, const char *rest)
{
	char resolved[PATH_MAX];
	char *slash = strrchr(name, '/');
	const char *dir;

	if (mdev_name_fault(name))
		return;
	if (slash) {
		*slash = '\0';
		dir = realpath(name, resolved);
		*slash = '/';
		if (!dir || !is_prefixed_with(resolved, "/dev/"))
			return;
	}
	foreign = 1;
	switch (op) {
	case 'l':
		symlink(rest, name);
		break;
	case 'd':
		mkdir(name, 0755);
		break;
	case 'w':
		mkdir(name, 0777);
		break;
	case 'h':
		if (!mdev_name_fault(rest))
			link(rest, name);
		break;
	case 'f':
		mknod(name, S_IFREG | 0644, 0);
		break;
	case 'c':
		mknod(name, S_IFCHR | 0600, makedev(atoi(rest) & 0xff, 1));
		break;
	case 'x':
		remove(name);
		break;
	}
}

static void play_line(struct mdev_conf *conf, char *line)
{
	char *vars[20];
	char *rest;
	struct mdev_event ev;
	unsigned n = 0;
	char op = *line;

	if (!op || !strchr("+^-_=Fldwfchxgo", op))
		return;
	rest = strchrnul(++line, ' ');
	if (*rest)
		*rest++ = '\0';
	if (op == 'F') {
		play_firmware(line);
		return;
	}
	if (strchr("ldwfchx", op)) {
		play_other(op, line, rest);
		return;
	}
	if (op == 'o')
		has_no_sys_dev = 1;
	if (op == 'g')
		set_exists(S_IFCHR, makedev(strtoul(line, &line, 10) & MDEV_MAJOR_MAX,
				strtoul(line + !!*line, NULL, 10) & MDEV_MINOR_MAX), 0);
	if (strchr("og", op))
		return;
	memset(&ev, 0, sizeof(ev));
	ev.op = strchr("+^", op) ? MDEV_OP_ADD : MDEV_OP_REMOVE;
	ev.action = ev.op == MDEV_OP_ADD ? "add" : "remove";
	ev.type = strchr("^_", op) ? S_IFBLK : S_IFCHR;
	ev.devpath = "/devices/x";
	ev.name = line;
	ev.major = strtoul(rest, &rest, 10) & MDEV_MAJOR_MAX;
	ev.minor = strtoul(rest, &rest, 10) & MDEV_MINOR_MAX;
	ev.dev = makedev(ev.major, ev.minor);
	while (n < 19 && *(rest = skip_whitespace(rest))) {
		vars[n++] = rest;
		rest = skip_non_whitespace(rest);
		if (*rest)
			*rest++ = '\0';
	}
	vars[n] = NULL;
	ev.vars = vars;
	/* Refuses what is no name, as in mdevd */
	ev.subsystem = mdev_event_var(&ev, "SUBSYSTEM");
	if (mdev_name_fault(ev.name))
		return;
	ev.sys = has_no_sys_dev ? "/old" : "/sys";
	ev.root = ROOT_DEVICE;
	set_exists(ev.type, ev.dev, ev.op == MDEV_OP_ADD || op == '=');
	play_event(conf, &ev);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mdev_conf conf;
	struct mdev_rule *rule = NULL;
	char *text, *line, *next, *copy; /* a copy: the sanitizers see where it ends */
	unsigned n = 0;

	if (!fuzz_is_harmless((const char*)data, size))
		return 0;
	text = malloc(size + 1);
	memcpy(text, data, size);
	text[size] = '\0';
	line = strstr(text, "%%\n");
	if (!line) {
		free(text);
		return 0;
	}
	*line = '\0';
	line += 3;
	foreign = has_no_sys_dev = 0;
	enter();
	conf_text = *text ? text : "\n";
	mdev_conf_init(&conf, "/dev");
	mdev_conf_open(&conf, "FILE");
	while ((rule = mdev_conf_next(&conf, rule)) != NULL)
		continue;
	for (; line && n < MAX_EVENTS; line = next, n++) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		copy = strdup(line);
		play_line(&conf, copy);
		free(copy);
		check_outside(line);
	}
	mdev_conf_free(&conf);
	empty("/dev");
	empty("/sys/dev/char");
	empty("/sys/dev/block");
	leave();
	free(text);
	return 0;
}
