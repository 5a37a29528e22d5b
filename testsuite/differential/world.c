/* vi: set sw=4 ts=4: */
/*
 * The differential test: a root directory in memory, in which nothing can do harm
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 *
 *	/bin/stock /bin/ours	the two BusyBoxes
 *	/bin/sh, ln, chmod...	applets of the stock one, for the commands of rules
 *	/bin/rec, modprobe...	recorders, which write how they were called to /out/rec
 *	/dev /etc /sys /tmp		emptied before each program plays a case
 *	/out			records, and things that links in /dev lead to
 */
#include "diff.h"

const char *const program_names[N_PROGRAMS] = { "stock mdev", "mdev", "mdevd", "mdev -d" };

void die(const char *fmt, ...)
{
	va_list ap;
	int e = errno;

	fflush(stdout);
	fprintf(stderr, "differential: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, e ? ": %s\n" : "\n", strerror(e));
	exit(STATUS_NO);
}

void *xrealloc(void *p, size_t n)
{
	p = realloc(p, n);
	if (!p)
		die("out of memory");
	return p;
}

char *xstrdup(const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(xrealloc(NULL, n), s, n);
}

/* The text stays NUL-terminated */
void text_add(struct text *t, const char *s, size_t len)
{
	if (t->len + len + 1 > t->size) {
		t->size = 2 * (t->len + len) + 256;
		t->s = xrealloc(t->s, t->size);
	}
	memcpy(t->s + t->len, s, len);
	t->len += len;
	t->s[t->len] = '\0';
}

void text_printf(struct text *t, const char *fmt, ...)
{
	char buf[8192];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(buf))
		n = sizeof(buf) - 1;
	text_add(t, buf, n);
}

void write_file(const char *name, const char *s, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);

	if (fd < 0 || write(fd, s, len) != (ssize_t)len)
		die("%s", name);
	close(fd);
}

static void copy_program(const char *from, const char *to)
{
	static char buf[65536];
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	ssize_t n = 0;

	while (in >= 0 && out >= 0 && (n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, n) != n)
			die("%s", to);
	if (in < 0 || out < 0 || n < 0)
		die("cannot copy %s to %s", from, to);
	close(in);
	close(out);
}

/* Versions of firmware that come before that of /lib/firmware */
static void make_firmware(void)
{
	struct utsname uts;
	char name[512];

	uname(&uts);
	mkdir("/lib/firmware/updates", 0755);
	write_file("/lib/firmware/updates/new.bin", "updated", 7);
	snprintf(name, sizeof(name), "/lib/firmware/%s", uts.release);
	mkdir(name, 0755);
	strcat(name, "/old.bin");
	write_file(name, "for this kernel", 15);
	snprintf(name, sizeof(name), "/lib/firmware/updates/%s", uts.release);
	mkdir(name, 0755);
	strcat(name, "/new.bin");
	write_file(name, "updated for this kernel", 23);
	write_file("/lib/firmware/new.bin", "new", 3);
	write_file("/lib/firmware/old.bin", "old", 3);
	write_file("/lib/firmware/updates/fw2.bin", "firmware 2", 10);
}

/* Without an index of modules, mdevd runs modprobe; without their directory it does not */
static void make_modules(void)
{
	struct utsname uts;
	char name[512];

	uname(&uts);
	snprintf(name, sizeof(name), "/lib/modules/%s", uts.release);
	mkdir("/lib/modules", 0755);
	mkdir(name, 0755);
}

/* Makes the world at dir, which exists (a tmpfs), and enters it: / is dir from now on.
 * What a dynamically linked program needs must be there already */
void world_build(const char *dir, const char *stock, const char *ours)
{
	static const char *const dirs[] = {
		"bin", "dev", "etc", "sys", "tmp", "out", "lib", "sbin", "usr", "usr/bin", "usr/sbin"
	};
	static const char *const applets[] = {
		"sh", "ln", "chmod", "chown", "chgrp", "cp", "mv", "rm", "mkdir", "rmdir", "mknod", "cat",
		"ls", "test", "[", "true", "false", "touch", "basename", "dirname", "sed", "grep",
		"cut", "readlink", "env", "sleep", "kill",
	};
	static const char *const recorders[] = {
		"rec", "execlineb", "modprobe", "mount", "swapon", "hciattach", "nameif", "logger", "ifup",
		"ifdown", "losetup", "vgscan", "blkid", "importas", "libudev-zero-helper",
	};
	char name[PATH_MAX];
	unsigned i;

	if (chdir(dir))
		die("%s", dir);
	for (i = 0; i < ARRAY_SIZE(dirs); i++)
		if (mkdir(dirs[i], 0755) && errno != EEXIST)
			die("%s", dirs[i]);
	copy_program(stock, "bin/stock");
	copy_program(ours, "bin/ours");
	copy_program("/proc/self/exe", "bin/rec");
	for (i = 0; i < ARRAY_SIZE(applets); i++) {
		snprintf(name, sizeof(name), "bin/%s", applets[i]);
		if (symlink("/bin/stock", name) && errno != EEXIST)
			die("%s", name);
	}
	for (i = 1; i < ARRAY_SIZE(recorders); i++) {
		snprintf(name, sizeof(name), "bin/%s", recorders[i]);
		if (symlink("/bin/rec", name) && errno != EEXIST)
			die("%s", name);
	}
	if (chroot(".") || chdir("/"))
		die("chroot");
	mkdir("/lib/firmware", 0755);
	write_file("/lib/firmware/fw.bin", "firmware", 8);
	write_file("/lib/firmware/empty.bin", "", 0);
	make_firmware();
	make_modules();
	write_file("/lib/other.bin", "other", 5);
}

/* Everything in dir goes */
static void empty_dir(const char *dir)
{
	char path[PATH_MAX + 256];
	struct dirent *e;
	DIR *d = opendir(dir);

	if (!d)
		return;
	while ((e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (unlinkat(dirfd(d), e->d_name, 0) == 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		empty_dir(path);
		rmdir(path);
	}
	closedir(d);
}

static void make_parents(const char *name)
{
	char path[PATH_MAX];
	char *p = path;

	snprintf(path, sizeof(path), "%s", name);
	while ((p = strchr(p + 1, '/')) != NULL) {
		*p = '\0';
		mkdir(path, 0755);
		*p = '/';
	}
}

static void make_thing(const struct thing *t)
{
	int error = 0;

	make_parents(t->name);
	switch (t->kind) {
	case 'd':
		error = mkdir(t->name, t->mode) && errno != EEXIST;
		break;
	case 'h':
		link(t->text, t->name); /* if it is there */
		break;
	case 'l':
		error = symlink(t->text, t->name);
		break;
	case '-':
	case 's':
		write_file(t->name, t->text, strlen(t->text));
		break;
	default:
		error = mknod(t->name, (t->kind == 'b' ? S_IFBLK : S_IFCHR) | t->mode, makedev(t->major, t->minor));
	}
	if (error)
		die("%s", t->name);
	if (t->kind == 'd')
		chown(t->name, t->major, t->minor);
	if (t->kind == '-' || t->kind == 'd')
		chmod(t->name, t->mode);
}

static void write_users(int world)
{
	static const char *const users[] = {
		"root:0 daemon:1 bin:2 sys:3 sync:4 mail:8 www-data:33 operator:37 nobody:65534",
		"games:5 uucp:10 messagebus:101 ntp:102"
	};
	static const char *const groups[] = {
		"root:0 daemon:1 bin:2 sys:3 adm:4 tty:5 disk:6 lp:7 mail:8 kmem:9 wheel:10 cdrom:11 dialout:18 "
		"floppy:19 video:28 audio:29 tape:32 www-data:33 operator:37 utmp:43 plugdev:46 staff:50 "
		"lock:54 netdev:82 users:100 nobody:65534",
		"uucp:14 input:104 kvm:105 render:106 usb:107 storage:108 optical:109 scanner:110 power:111 "
		"games:60 fuse:112 i2c:113 spi:114 gpio:115 camera:116 network:117 rtc:118"
	};
	struct text u = { NULL, 0, 0 }, g = { NULL, 0, 0 };
	char name[64];
	unsigned id, i;
	int n;

	for (i = 0; world != WORLD_NONE && i < 2u - (world == WORLD_BUILDROOT); i++) {
		const char *s;

		for (s = users[i]; sscanf(s, " %63[^:]:%u%n", name, &id, &n) == 2; s += n)
			text_printf(&u, "%s:x:%u:%u::/:/bin/false\n", name, id, id);
		for (s = groups[i]; sscanf(s, " %63[^:]:%u%n", name, &id, &n) == 2; s += n)
			text_printf(&g, "%s:x:%u:\n", name, id);
	}
	text_add(&u, "", 0);
	text_add(&g, "", 0);
	unlink("/etc/passwd");
	unlink("/etc/group");
	if (world != WORLD_NONE) {
		write_file("/etc/passwd", u.s, u.len);
		write_file("/etc/group", g.s, g.len);
	}
	free(u.s);
	free(g.s);
}

/* Commands with an absolute name are recorders, too */
static void make_recorders(const char *conf)
{
	char name[256];
	const char *s;
	size_t n;

	for (s = conf; *s; s += n ? n : 1) {
		n = 0;
		if (*s != '/' || (s != conf && (isalnum((unsigned char)s[-1]) || strchr("}/._-", s[-1]))))
			continue;
		n = strcspn(s, " \t\n;&|()<>\"'$%*?[]");
		if (n >= sizeof(name) || n < 2)
			continue;
		memcpy(name, s, n);
		name[n] = '\0';
		if (strncmp(name, "/etc/", 5) && strncmp(name, "/lib/", 5) && strncmp(name, "/sbin/", 6)
		 && strncmp(name, "/usr/", 5) && strncmp(name, "/opt/", 5) && strncmp(name, "/bin/", 5)
		) {
			continue;
		}
		if (strstr(name, "..") || name[n - 1] == '/' || strcmp(name, "/etc/mdev.conf") == 0)
			continue;
		make_parents(name);
		symlink("/bin/rec", name); /* what is there stays */
	}
}

/* Everything as it is before the first event */
void world_enter(const struct test_case *c)
{
	static const char *const dirs[] = { "/dev", "/etc", "/sys", "/tmp", "/out" };
	unsigned i;

	umask(022);
	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		empty_dir(dirs[i]);
		if (chown(dirs[i], 0, 0) || chmod(dirs[i], 0755))
			die("%s", dirs[i]);
	}
	unlink("/devices"); /* stock mdev makes it for ">/devices" */
	if (c->sys_dev != SYS_DEV_NONE) {
		mkdir("/sys/dev", 0755);
		mkdir("/sys/dev/block", 0755);
		mkdir("/sys/dev/char", 0755);
	}
	write_users(c->world);
	make_recorders(c->conf.s);
	write_file("/etc/mdev.conf", c->conf.s, c->conf.len);
	write_file("/out/said", "", 0);
	write_file("/out/rec", "", 0);
	chmod("/out/rec", 0666);
	for (i = 0; i < c->n_things; i++)
		make_thing(&c->things[i]);
}

static void make_devtmpfs_node(const struct event *e, const char *path)
{
	make_parents(path);
	mknod(path, (e->type == 'b' ? S_IFBLK : S_IFCHR) | 0600, makedev(e->major, e->minor));
}

/* What devtmpfs has done when the event arrives (drivers/base/devtmpfs.c): its
 * node is there, or, if it is still the device, gone */
static void devtmpfs_before(const struct event *e)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "/dev/%s", e->node);
	if (strcmp(e->action, "add") == 0) {
		make_devtmpfs_node(e, path);
	} else if (strcmp(e->action, "remove") == 0) {
		if (lstat(path, &st) == 0 && (S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode))
		 && st.st_rdev == makedev(e->major, e->minor)
		) {
			unlink(path);
		}
		/* A successor */
		if (e->exists > 0)
			make_devtmpfs_node(e, path);
	}
}

/* What the kernel has done when the event arrives */
void world_before(const struct test_case *c, const struct event *e)
{
	char path[64];

	if (c->devtmpfs && e->node)
		devtmpfs_before(e);
	if (c->sys_dev != SYS_DEV_KEPT || e->exists == 0)
		return;
	snprintf(path, sizeof(path), "/sys/dev/%s/%u:%u", e->type == 'b' ? "block" : "char", e->major, e->minor);
	if (e->exists > 0)
		write_file(path, "", 0);
	else
		unlink(path);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int no_dots(const struct dirent *e)
{
	return strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
}

/* path, and what is in it if it is a directory */
static void list(struct text *log, const char *path)
{
	char link[PATH_MAX], name[PATH_MAX + 256];
	struct dirent **v;
	struct stat st;
	ssize_t len;
	int i, n;

	if (lstat(path, &st))
		return;
	text_printf(log, "%c %03o %u:%u ", S_ISDIR(st.st_mode) ? 'd' : S_ISCHR(st.st_mode) ? 'c'
		: S_ISBLK(st.st_mode) ? 'b' : S_ISLNK(st.st_mode) ? 'l' : '-',
		st.st_mode & 07777, (unsigned)st.st_uid, (unsigned)st.st_gid);
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
		text_printf(log, "%u:%u ", major(st.st_rdev), minor(st.st_rdev));
	text_printf(log, "%s", path);
	if (S_ISLNK(st.st_mode) && (len = readlink(path, link, sizeof(link) - 1)) >= 0) {
		link[len] = '\0';
		text_printf(log, " -> %s", link);
	}
	text_add(log, "\n", 1);
	if (!S_ISDIR(st.st_mode))
		return;
	n = scandir(path, &v, no_dots, by_name);
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s/%s", path, v[i]->d_name);
		free(v[i]);
		list(log, name);
	}
	if (n >= 0)
		free(v);
}

/* What drivers were told, and given */
static void list_firmware(const struct test_case *c, struct text *log)
{
	unsigned i;

	for (i = 0; i < c->n_things; i++) {
		const char *name = c->things[i].name;
		const char *base = strrchr(name, '/') + 1;
		char buf[256];
		ssize_t n;
		int fd;

		if (strcmp(base, "loading") != 0 && strcmp(base, "data") != 0)
			continue;
		fd = open(name, O_RDONLY | O_CLOEXEC);
		n = read(fd, buf, sizeof(buf));
		close(fd);
		text_printf(log, "%s '%.*s'\n", name, n < 0 ? 0 : (int)n, buf);
	}
}

/* /dev, and what else may have been touched */
void world_list(const struct test_case *c, struct text *log)
{
	if (c->firmware)
		list_firmware(c, log);
	list(log, "/dev");
	list(log, "/tmp");
	list(log, "/out");
	list(log, "/devices");
}

/* What was written to file since the last time; it is emptied */
void world_take(struct text *log, const char *heading, const char *file)
{
	char buf[4096];
	int fd = open(file, O_RDWR | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return;
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		if (heading)
			text_printf(log, "%s\n", heading);
		heading = NULL;
		text_add(log, buf, n);
	}
	if (ftruncate(fd, 0))
		die("%s", file);
	close(fd);
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* rec and its other names: one line with the arguments, where and how it runs, and the environment
 * (sorted; but for what a shell or the kernel adds) */
int recorder_main(int argc, char **argv)
{
	extern char **environ;
	static const char *const not[] = { "SEQNUM=", "PWD=", "OLDPWD=", "SHLVL=", "_=" };
	struct text t = { NULL, 0, 0 };
	char cwd[PATH_MAX], c;
	const char *name = strrchr(argv[0], '/');
	struct sigaction sa;
	sigset_t mask;
	mode_t um = umask(0);
	unsigned n = 0, k;
	int i, fd;

	umask(um);
	text_printf(&t, "%s", name ? name + 1 : argv[0]);
	for (i = 1; i < argc; i++)
		text_printf(&t, " <%s>", argv[i]);
	text_printf(&t, " in %s", getcwd(cwd, sizeof(cwd)) ? cwd : "?");
	text_printf(&t, ", umask %03o, stdin %s, signals", um, read(0, &c, 1) == 0 ? "empty" : "not empty");
	sigprocmask(SIG_BLOCK, NULL, &mask);
	for (i = 1; i < 32; i++)
		if (sigismember(&mask, i) || (sigaction(i, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN))
			text_printf(&t, " %d", i);
	while (environ[n])
		n++;
	qsort(environ, n, sizeof(environ[0]), compare_strings);
	for (n = 0; environ[n]; n++) {
		for (k = 0; k < ARRAY_SIZE(not); k++)
			if (strncmp(environ[n], not[k], strlen(not[k])) == 0)
				break;
		if (k == ARRAY_SIZE(not))
			text_printf(&t, ", %s", environ[n]);
	}
	text_add(&t, "\n", 1);
	fd = open("/out/rec", O_WRONLY | O_APPEND);
	if (fd < 0 || write(fd, t.s, t.len) != (ssize_t)t.len)
		return 111;
	return 0;
}
