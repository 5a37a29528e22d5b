/* vi: set sw=4 ts=4: */
/*
 * Runs a device manager with a private network namespace and /dev, and events from the kernel
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 *
 * testsuite/sandbox.sh compiles it on the machine that runs the tests. It needs no hardware,
 * no sleeps and no chroot. Events of the machine's own devices do not get in.
 *
 *	sandbox enter ROOT COMMAND [ARG]...
 *		Runs COMMAND in private network, mount and process namespaces. A tmpfs is
 *		mounted on ROOT (created if need be, removed afterwards) with dev/ sys/ etc/
 *		lib/firmware/ in it; ROOT/etc/passwd and group (empty) take the place of
 *		/etc/passwd and group, and where possible ROOT/lib/modules (not created) the
 *		place of /lib/modules/RELEASE. Environment: SANDBOX_ROOT, SANDBOX_NODES (1 if device
 *		nodes can be made and opened there, which takes root). Exit status: COMMAND's;
 *		128 + N if signal N ended it; 111 if the sandbox cannot be made (reason on stderr).
 *		Processes that COMMAND leaves behind are killed.
 *	sandbox play [OPTIONS] PROGRAM [ARG]... <SCRIPT
 *		Starts the device manager PROGRAM in SANDBOX_ROOT, sends it the events of SCRIPT,
 *		prints the result and ends it. Exit status: 0, 1 after a TIMEOUT, 111.
 *	sandbox send <SCRIPT
 *		Sends the events of SCRIPT (no '.' lines) and returns.
 *	sandbox listen [-t SECS] [-n COUNT] [-u TEXT] [-D FD] MASK
 *		Prints each event of the netlink groups in MASK as one line (MASK 0: mdevd -o's
 *		records from stdin). Ends after COUNT events, or one that contains TEXT (exit
 *		status 0), at the end of stdin (1), or SECS after the last one (1; default 10).
 *		Writes a newline to FD when listening.
 *	sandbox list [DIR]
 *		Lists DIR (default ROOT/dev) as "play" does.
 *
 * Options of play:
 *	-k KIND	how PROGRAM gets its directories:
 *		mdevd (default): PROGRAM -D 3 -o 4 -f ROOT/etc/mdev.conf -s ROOT/sys
 *			-d ROOT/dev -F ROOT/lib/firmware ARG...
 *		mdev: PROGRAM -d -f ARG..., with -H, and SYS/DEVPATH/dev is made for each add
 *		plain: PROGRAM ARG...
 *	-H	"at home": PROGRAM sees ROOT/dev, sys, etc and lib/firmware at /dev, /sys, /etc
 *		and /lib/firmware, and gets no options for them
 *	-c o	an event is done when its record arrives from -o (default for mdevd)
 *	-c fifo	... when a rule that is added at the top writes to a fifo (default for others)
 *	-c queue ... when nothing is queued for the program, and it waits (for a command, maybe): for
 *		a program without -o and rules
 *	-p	with -c fifo or queue: -o 4 all the same (nobody reads it but .records)
 *	-r FILE	the rules; without: no ROOT/etc/mdev.conf
 *	-t SECS	limit of each wait (default 10; of a directive's command, at least 50);
 *		SANDBOX_PATIENCE in the environment overrides it
 *	-u	undo at the end: "remove" for each device that was added, newest first
 *	-m MASK	umask (octal; default 22)
 *	-i	start PROGRAM with SIGCHLD ignored
 *	-b	stdout and stderr block: a full pipe that nobody reads
 *	-T	the same with a terminal
 *	-e NAME=VALUE	for PROGRAM's environment (PATH, OUT=ROOT/out and R=ROOT are there)
 *	-x WORDS	what PROGRAM is run under (valgrind...); split at blanks
 *
 * ROOT is emptied first, except etc/passwd and etc/group.
 *
 * SCRIPT: one item a line. Blanks separate words; "..." and \s \n \t \0 \\ \" \xHH quote.
 *	# COMMENT
 *	[PREFIX...] ACTION DEVPATH [NAME=VALUE]...	an event as the kernel makes it
 *	[PREFIX...] raw BYTES...		a datagram of just these bytes
 * They go through the kernel, which appends SEQNUM=...; PREFIX is any of
 *	bad		the program rejects it: do not wait for it (implied by raw and via)
 *	good		wait for it nevertheless
 *	via KEY=VALUE...	from a process: mask=M multicast to that group, unicast=1 to the
 *			program's own address; uid=U from a process of that user, which takes
 *			root (uid=U alone: it asks the kernel to send the event)
 *	times N		N of them; "%n" is the number, from 0; sent no faster than handled
 *	flood N		... as fast as can be
 *	signal NAME	after each, up to 100 us later (at random), SIGNAME to the program
 * The program starts at the first of these. Directives:
 *	.list [TEXT]	print what the program said, what is in the file OUT, and /dev
 *	.undo		see -u; prints the same under "removed:" if there is anything to print
 *	.sh COMMAND	in ROOT; its output is printed
 *	.start		(again) start the program
 *	.hup, .term	SIGHUP, when it waits; SIGTERM, and print "exit N"
 *	.exit		wait until it is gone; print "exit N" or "killed by N"
 *	.records [TEXT]	print -o's records since the last time (those that contain TEXT): one a
 *			line, blanks between the strings. The SEQNUM that the kernel gave
 *			shows as *
 *	.listen MASK	listen to each group of MASK from now on
 *	.heard MASK N	wait for N events from each group of MASK; print them
 *	.fifo NAME	make the fifo ROOT/NAME
 *	.read NAME	wait for a line from it; print it
 *	.terms N EVENT	N times: start the program, send EVENT, SIGTERM up to 2 ms later (at random),
 *			wait for its end. Print how it ended how often
 *	.until COMMAND	repeat COMMAND until it is true; its output is dropped
 *	.syslog		listen as a syslogd at ROOT/dev/log
 *	.logged		print what was logged, with its priority
 *	.usage		print events, seconds, CPU (its own, its children's: microseconds an
 *			event), private memory and page faults (of all, for an event) since the last .usage
 * All of these first wait until every event sent so far is done. These do not:
 *	.now COMMAND	as .sh
 *	.kill NAME	send SIGNAME (HUP TERM KILL STOP CONT INT QUIT CHLD PIPE ALRM USR1)
 *	.oclose		close the reading end of -o
 *	.gulp NAME	as .read
 *	.drained	wait until nothing is queued for the program
 *
 * /dev is listed as: type (c b d l p s, - for a file), mode, uid:gid, numbers (of a file:
 * its size), name; of a link: l NAME -> TEXT.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/netlink.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>

enum {
	STATUS_NO = 111,
	DATAGRAM_MAX = 128 * 1024,
	WORDS_MAX = 512,
	/* What may be on its way to a program that reports: no pipe or socket buffer overflows */
	WINDOW_EVENTS = 1000,
	WINDOW_BYTES = 512 * 1024,
	/* The same for a program that does not: bytes in its socket's buffer */
	WINDOW_RMEM = 256 * 1024,
	FD_READY = 3,
	FD_O = 4,
	/* Longest run of a directive's command: many events are sent from some */
	SH_SECS = 50,
};

static const char *root;	/* SANDBOX_ROOT */
static int patience = 10;	/* SANDBOX_PATIENCE, or -t */

static void die(const char *fmt, ...)
{
	va_list ap;
	int e = errno;

	fflush(stdout);
	fprintf(stderr, "sandbox: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, e ? ": %s\n" : "\n", strerror(e));
	exit(STATUS_NO);
}

static void usage(void)
{
	errno = 0;
	die("usage: sandbox enter|play|send|listen|list ... (see the head of sandbox.c)");
}

static void *grow(void *p, size_t n)
{
	p = realloc(p, n);
	if (!p)
		die("out of memory");
	return p;
}

/* root/NAME in one of a few static buffers */
static char *at_root(const char *name)
{
	static char buf[4][PATH_MAX];
	static unsigned i;
	char *s = buf[i++ % 4];

	if (snprintf(s, PATH_MAX, "%s/%s", root, name) >= PATH_MAX)
		die("too long a name: %s", name);
	return s;
}

static long long now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

/* Creates the directories that lead to path. path is restored */
static void make_parents(char *path)
{
	char *p = path;

	while ((p = strchr(p + 1, '/')) != NULL) {
		*p = '\0';
		mkdir(path, 0755);
		*p = '/';
	}
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	size_t len = strlen(text);

	if (fd < 0 || write(fd, text, len) != (ssize_t)len)
		die("%s", path);
	close(fd);
}

/* Of a small file in /proc: the text, or NULL */
static char *read_small(const char *path)
{
	static char buf[8192];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return NULL;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (n < 0)
		return NULL;
	buf[n] = '\0';
	return buf;
}

/*** enter ***/

/* Joins a network namespace that belongs to another user namespace than the machine's:
 * since Linux 4.18 the events of real devices are not sent to those. Root keeps its
 * rights (mknod) because it joins from outside. */
static void enter_net_as_root(void)
{
	char path[64];
	int sync[2];
	pid_t pid;
	int fd;
	char c;

	if (pipe(sync))
		die("pipe");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		c = unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
		if (write(sync[1], &c, 1) == 1)
			pause();
		_exit(0);
	}
	close(sync[1]);
	if (read(sync[0], &c, 1) != 1)
		c = 0;
	close(sync[0]);
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (!c || fd < 0 || setns(fd, CLONE_NEWNET)) {
		fprintf(stderr, "sandbox: no user namespaces: the events of this machine's devices may get in\n");
		if (unshare(CLONE_NEWNET))
			die("no private network namespace");
	}
	close(fd);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* The network namespace is made when the user namespace has its maps: until then it would have
 * no user 0, and the files of its devices in sysfs would be the machine's root's */
static void enter_net_as_user(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	char map[64];

	if (unshare(CLONE_NEWUSER))
		die("no user namespace");
	if (access("/proc/self/setgroups", F_OK) == 0)
		write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", (unsigned)uid);
	write_file("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "0 %u 1", (unsigned)gid);
	write_file("/proc/self/gid_map", map);
	if (unshare(CLONE_NEWNET))
		die("no private network namespace");
}

static void bind_over(const char *from, const char *to)
{
	if (mount(from, to, NULL, MS_BIND, NULL))
		die("cannot bind %s over %s", from, to);
}

/* Makes a directory /lib/modules on an overlay of /lib, if the machine has none and the kernel can */
static void enter_lib(void)
{
	char options[3 * PATH_MAX];

	if (access("/lib/modules", F_OK) == 0 || mount("sandbox", root, "tmpfs", 0, "mode=755"))
		return;
	mkdir(at_root("upper"), 0755);
	mkdir(at_root("upper/modules"), 0755);
	mkdir(at_root("work"), 0755);
	snprintf(options, sizeof(options), "lowerdir=/lib,upperdir=%s,workdir=%s", at_root("upper"), at_root("work"));
	mount("sandbox", "/lib", "overlay", 0, options);
	umount2(root, MNT_DETACH);
}

/* Hides the machine's modules: /lib/modules/RELEASE is a link to ROOT/lib/modules. Not possible
 * everywhere without root */
static void enter_modules(void)
{
	struct utsname uts;
	char link[sizeof("/lib/modules/") + sizeof(uts.release)];

	enter_lib();
	if (uname(&uts) || mount("sandbox", "/lib/modules", "tmpfs", 0, "mode=755"))
		return;
	sprintf(link, "/lib/modules/%s", uts.release);
	if (symlink(at_root("lib/modules"), link))
		die("%s", link);
}

static void enter_mounts(void)
{
	static const char *const dirs[] = {
		"dev", "sys", "sys/dev", "sys/dev/block", "sys/dev/char", "etc", "lib", "lib/firmware"
	};
	unsigned i;
	char *node;
	int fd;

	if (unshare(CLONE_NEWNS)
	 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)
	) {
		die("no private mounts");
	}
	enter_modules();
	if (mount("sandbox", root, "tmpfs", 0, "mode=755"))
		die("no private mounts");
	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (mkdir(at_root(dirs[i]), 0755))
			die("%s", dirs[i]);
	write_file(at_root("etc/passwd"), "");
	write_file(at_root("etc/group"), "");
	bind_over(at_root("etc/passwd"), "/etc/passwd");
	bind_over(at_root("etc/group"), "/etc/group");

	node = at_root("dev/null");
	fd = -1;
	if (mknod(node, S_IFCHR | 0600, makedev(1, 3)) == 0) {
		fd = open(node, O_RDONLY | O_CLOEXEC);
		unlink(node);
	}
	setenv("SANDBOX_NODES", fd >= 0 ? "1" : "0", 1);
	close(fd);
}

static int status_of(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Process 1 of the namespace: everything in it dies with this */
static int enter_init(char **argv)
{
	pid_t pid, gone;
	int status;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	mount("proc", "/proc", "proc", 0, NULL); /* refused in some containers: do without */
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		execvp(argv[0], argv);
		die("%s", argv[0]);
	}
	do {
		gone = wait(&status);
	} while (gone != pid);
	return status_of(status);
}

/* Runs child() in a new process; SIGINT, SIGTERM and SIGHUP to us kill it */
static int in_child(int (*child)(char **argv), char **argv)
{
	static const int sigs[] = { SIGINT, SIGTERM, SIGHUP, SIGCHLD };
	sigset_t set, old;
	unsigned i;
	int sig, status;
	pid_t pid;

	sigemptyset(&set);
	for (i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		sigaddset(&set, sigs[i]);
	sigprocmask(SIG_BLOCK, &set, &old);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		sigprocmask(SIG_SETMASK, &old, NULL);
		exit(child(argv));
	}
	while (waitpid(pid, &status, WNOHANG) != pid) {
		if (sigwait(&set, &sig) == 0 && sig != SIGCHLD) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			status = sig;
			break;
		}
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	return status_of(status);
}

static int enter_inside(char **argv)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (geteuid() == 0)
		enter_net_as_root();
	else
		enter_net_as_user();
	enter_mounts();
	if (unshare(CLONE_NEWPID))
		die("no process namespace");
	return in_child(enter_init, argv);
}

static int enter_main(int argc, char **argv)
{
	static char real[PATH_MAX];
	int status;

	if (argc < 3)
		usage();
	signal(SIGCHLD, SIG_DFL);
	umask(022); /* modes are compared */
	mkdir(argv[1], 0755);
	root = realpath(argv[1], real);
	if (!root)
		die("%s", argv[1]);
	setenv("SANDBOX_ROOT", root, 1);
	status = in_child(enter_inside, argv + 2);
	rmdir(root);
	return status;
}

/*** list ***/

/* As one word of a script */
static void print_word(const char *s, size_t len)
{
	for (; len != 0; s++, len--) {
		unsigned char c = *s;

		if (c == '\\' || c == '"')
			printf("\\%c", c);
		else if (c == ' ')
			fputs("\\s", stdout);
		else if (c == '\n')
			fputs("\\n", stdout);
		else if (c < ' ' || c >= 0x7f)
			printf("\\x%02x", c);
		else
			putchar(c);
	}
}

static void list_entry(const char *dir, const char *name)
{
	char path[PATH_MAX + 256], text[PATH_MAX];
	struct stat st;
	ssize_t n;
	char type;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (lstat(path, &st))
		return;
	if (S_ISLNK(st.st_mode)) {
		n = readlink(path, text, sizeof(text));
		fputs("l ", stdout);
		print_word(name, strlen(name));
		fputs(" -> ", stdout);
		print_word(text, n < 0 ? 0 : n);
		putchar('\n');
		return;
	}
	type = S_ISCHR(st.st_mode) ? 'c' : S_ISBLK(st.st_mode) ? 'b' : S_ISDIR(st.st_mode) ? 'd'
		: S_ISFIFO(st.st_mode) ? 'p' : S_ISSOCK(st.st_mode) ? 's' : '-';
	printf("%c %03o %u:%u ", type, st.st_mode & 07777, (unsigned)st.st_uid, (unsigned)st.st_gid);
	if (type == 'c' || type == 'b')
		printf("%u:%u ", major(st.st_rdev), minor(st.st_rdev));
	if (type == '-')
		printf("%lu ", (unsigned long)st.st_size);
	print_word(name, strlen(name));
	putchar('\n');
}

struct names {
	char **v;
	unsigned n;
};

static void list_collect(struct names *l, const char *dir, const char *prefix)
{
	char path[PATH_MAX], name[PATH_MAX];
	struct dirent *e;
	struct stat st;
	DIR *d;

	snprintf(path, sizeof(path), "%s/%s", dir, prefix);
	d = opendir(path);
	if (!d)
		return;
	while ((e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(name, sizeof(name), "%s%s", prefix, e->d_name);
		l->v = grow(l->v, (l->n + 1) * sizeof(l->v[0]));
		l->v[l->n] = strdup(name);
		if (!l->v[l->n++])
			die("out of memory");
		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode)) {
			strcat(name, "/");
			list_collect(l, dir, name);
		}
	}
	closedir(d);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_dir(const char *dir)
{
	struct names l = { NULL, 0 };
	unsigned i;

	list_collect(&l, dir, "");
	if (l.n)
		qsort(l.v, l.n, sizeof(l.v[0]), compare_names);
	for (i = 0; i < l.n; i++) {
		list_entry(dir, l.v[i]);
		free(l.v[i]);
	}
	free(l.v);
}

/*** netlink ***/

/* Addresses of our sockets that listen */
static unsigned own_portids[40], n_own;

static int open_netlink(unsigned mask)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_groups = mask };
	socklen_t len = sizeof(a);
	int size = 64 * 1024 * 1024;
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)))
		die("netlink");
	if (mask && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (getsockname(fd, (struct sockaddr *)&a, &len))
		die("getsockname");
	if (mask && n_own < sizeof(own_portids) / sizeof(own_portids[0]))
		own_portids[n_own++] = a.nl_pid;
	return fd;
}

/* What /proc/net/netlink knows of somebody else's socket that listens to uevents */
struct listener {
	unsigned portid, rmem, drops;
};

static int is_own(unsigned portid)
{
	unsigned i;

	for (i = 0; i < n_own; i++)
		if (own_portids[i] == portid)
			return 1;
	return 0;
}

static int find_listener(struct listener *l)
{
	char line[256];
	unsigned eth, groups;
	int found = 0;
	FILE *f = fopen("/proc/net/netlink", "re");

	if (!f)
		die("/proc/net/netlink");
	while (!found && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*s %u %u %x %u %*u %*d %*u %u", &eth, &l->portid, &groups, &l->rmem, &l->drops) == 5
		 && eth == NETLINK_KOBJECT_UEVENT && groups != 0 && !is_own(l->portid)
		) {
			found = 1;
		}
	}
	fclose(f);
	return found;
}

/*** the script's words and events ***/

struct event {
	char **words;
	unsigned *lens;
	unsigned n;
	char *bytes;		/* the datagram; "%n" still in it */
	unsigned len;
	unsigned count;		/* times or flood N; 1 */
	unsigned mask;		/* via mask=M */
	int signal;		/* signal NAME */
	int uid;		/* via uid=U; -1 */
	char raw, unicast, flood, repeat;
	char expect;		/* wait for it */
	char number;		/* it is one of many: %n */
};

/* A word of a script, unquoted in place. Gives what follows it, NULL at the end */
static char *next_word(char *s, char **word, unsigned *len)
{
	char *out;
	int quoted = 0;
	unsigned x;

	while (*s == ' ' || *s == '\t')
		s++;
	if (*s == '\0')
		return NULL;
	*word = out = s;
	for (; *s != '\0' && (quoted || (*s != ' ' && *s != '\t')); s++) {
		if (*s == '"') {
			quoted = !quoted;
		} else if (*s == '\\' && s[1] != '\0') {
			s++;
			switch (*s) {
			case 's': *out++ = ' '; break;
			case 'n': *out++ = '\n'; break;
			case 't': *out++ = '\t'; break;
			case '0': *out++ = '\0'; break;
			case 'x':
				if (sscanf(s + 1, "%2x", &x) != 1)
					die("bad \\x in script");
				*out++ = x;
				s += isxdigit((unsigned char)s[2]) ? 2 : 1;
				break;
			default: *out++ = *s;
			}
		} else {
			*out++ = *s;
		}
	}
	*len = out - *word;
	if (*s != '\0')
		s++;
	*out = '\0';
	return s;
}

static void event_append(struct event *e, const char *s, unsigned len)
{
	if (e->len + len > DATAGRAM_MAX)
		die("too long an event");
	memcpy(e->bytes + e->len, s, len);
	e->len += len;
}

static void event_set_action(struct event *e, const char *action)
{
	unsigned i;

	e->len = 0;
	event_append(e, action, strlen(action));
	event_append(e, "@", 1);
	event_append(e, e->words[1], e->lens[1] + 1);
	event_append(e, "ACTION=", 7);
	event_append(e, action, strlen(action) + 1);
	event_append(e, "DEVPATH=", 8);
	event_append(e, e->words[1], e->lens[1] + 1);
	for (i = 2; i < e->n; i++)
		event_append(e, e->words[i], e->lens[i] + 1);
}

static void event_via(struct event *e, const char *s)
{
	if (strncmp(s, "mask=", 5) == 0)
		e->mask = strtoul(s + 5, NULL, 0);
	else if (strncmp(s, "uid=", 4) == 0)
		e->uid = atoi(s + 4);
	else if (strcmp(s, "unicast=1") == 0)
		e->unicast = 1;
	else
		die("bad route: %s", s);
}

static int signal_number(const char *name)
{
	static const struct {
		const char *name;
		int sig;
	} sigs[] = {
		{ "HUP", SIGHUP }, { "TERM", SIGTERM }, { "KILL", SIGKILL }, { "STOP", SIGSTOP },
		{ "CONT", SIGCONT }, { "INT", SIGINT }, { "CHLD", SIGCHLD }, { "PIPE", SIGPIPE },
		{ "ALRM", SIGALRM }, { "USR1", SIGUSR1 }, { "QUIT", SIGQUIT },
	};
	unsigned i;

	for (i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		if (strcmp(sigs[i].name, name) == 0)
			return sigs[i].sig;
	errno = 0;
	die("no such signal: %s", name);
	return 0;
}

/* Takes the prefixes off words. Gives their number */
static unsigned event_prefixes(struct event *e, char **words, unsigned n)
{
	unsigned i;
	int good = -1;

	for (i = 0; i + 1 < n; i++) {
		const char *w = words[i];

		if (strcmp(w, "bad") == 0 || strcmp(w, "good") == 0) {
			good = w[0] == 'g';
		} else if (strcmp(w, "via") == 0) {
			while (i + 1 < n && strchr(words[i + 1], '='))
				event_via(e, words[++i]);
			e->expect = 0;
		} else if (strcmp(w, "times") == 0 || strcmp(w, "flood") == 0) {
			e->flood = w[0] == 'f';
			e->number = 1;
			e->count = strtoul(words[++i], NULL, 0);
		} else if (strcmp(w, "signal") == 0) {
			e->signal = signal_number(words[++i]);
		} else if (strcmp(w, "raw") == 0) {
			e->raw = 1;
			e->expect = 0;
		} else {
			break;
		}
	}
	if (good >= 0)
		e->expect = good;
	return i;
}

/* Owns a copy of line */
static struct event *event_parse(const char *line)
{
	static char *words[WORDS_MAX];
	static unsigned lens[WORDS_MAX];
	struct event *e = grow(NULL, sizeof(*e));
	char *s = strdup(line);
	unsigned n = 0, i;

	errno = 0;
	memset(e, 0, sizeof(*e));
	e->count = 1;
	e->uid = -1;
	e->expect = 1;
	while (s && n < WORDS_MAX && (s = next_word(s, &words[n], &lens[n])) != NULL)
		n++;
	if (n == WORDS_MAX)
		die("too many words: %s", line);
	i = event_prefixes(e, words, n);
	e->n = n - i;
	e->words = grow(NULL, (e->n + 1) * sizeof(words[0]));
	e->lens = grow(NULL, (e->n + 1) * sizeof(lens[0]));
	memcpy(e->words, words + i, e->n * sizeof(words[0]));
	memcpy(e->lens, lens + i, e->n * sizeof(lens[0]));
	e->bytes = grow(NULL, DATAGRAM_MAX);
	if (e->raw) {
		for (i = 0; i < e->n; i++)
			event_append(e, e->words[i], e->lens[i]);
	} else {
		if (e->n < 2)
			die("not an event: %s", line);
		event_set_action(e, e->words[0]);
	}
	e->bytes = grow(e->bytes, e->len + 64); /* room for another action */
	return e;
}

/* The n-th of a repeated event. Gives a static buffer */
static char *event_nth(const struct event *e, unsigned n, unsigned *len)
{
	static char buf[DATAGRAM_MAX + 4096];
	const char *s = e->bytes, *end = s + e->len, *p;
	char *out = buf;

	if (!e->number) {
		*len = e->len;
		return e->bytes;
	}
	while ((p = memmem(s, end - s, "%n", 2)) != NULL && out < buf + DATAGRAM_MAX) {
		memcpy(out, s, p - s);
		out += p - s;
		out += sprintf(out, "%u", n);
		s = p + 2;
	}
	memcpy(out, s, end - s);
	out += end - s;
	*len = out - buf;
	return buf;
}

/*** send ***/

static struct {
	int fd;
	unsigned errors;
} sender = { .fd = -1 };

static void sender_open(void)
{
	if (sender.fd < 0)
		sender.fd = open_netlink(0);
}

/* The kernel answers while we are in sendmsg, and only if it refuses */
static void sender_check(void)
{
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		char rest[DATAGRAM_MAX];
	} *m = grow(NULL, sizeof(*m));

	while (recv(sender.fd, m, sizeof(*m), 0) >= (ssize_t)sizeof(m->h) + 4) {
		if (m->h.nlmsg_type == NLMSG_ERROR && m->e.error) {
			sender.errors++;
			printf("not sent: %s\n", strerror(-m->e.error));
		}
	}
	free(m);
}

/* Through the kernel: it takes the header off, appends SEQNUM and sends it to group 1 */
static void send_kernel(char *bytes, unsigned len)
{
	struct nlmsghdr h = {
		.nlmsg_len = NLMSG_HDRLEN + len,
		.nlmsg_type = NLMSG_MIN_TYPE,
		.nlmsg_flags = NLM_F_REQUEST,
	};
	struct sockaddr_nl a = { .nl_family = AF_NETLINK };
	struct iovec iov[2] = { { &h, NLMSG_HDRLEN }, { bytes, len } };
	struct msghdr m = { .msg_name = &a, .msg_namelen = sizeof(a), .msg_iov = iov, .msg_iovlen = 2 };

	if (sendmsg(sender.fd, &m, 0) < 0)
		printf("not sent: %s\n", strerror(errno));
}

/* From this process: to a group, or to the program's own address */
static void send_process(const struct event *e, char *bytes, unsigned len, unsigned portid)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_groups = e->mask };

	if (e->unicast)
		a.nl_pid = portid;
	/* ECONNREFUSED: a multicast that nobody listened to */
	if (sendto(sender.fd, bytes, len, 0, (struct sockaddr *)&a, sizeof(a)) < 0
	 && errno != ECONNREFUSED && errno != ESRCH
	) {
		printf("not sent: %s\n", strerror(errno));
	}
}

/* From a process that has e->uid and no privileges. Waits for its end */
static void send_as_user(const struct event *e, char *bytes, unsigned len, unsigned portid)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		if (setgroups(0, NULL) || setresgid(e->uid, e->uid, e->uid) || setresuid(e->uid, e->uid, e->uid))
			die("cannot become user %d", e->uid);
		/* The kernel asks for the rights of the process that opened the socket, too */
		sender.fd = -1;
		sender_open();
		if (e->mask || e->unicast)
			send_process(e, bytes, len, portid);
		else
			send_kernel(bytes, len);
		sender_check();
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

/* By the way that e asks for; portid is the program's address */
static void send_via(const struct event *e, char *bytes, unsigned len, unsigned portid)
{
	if (e->uid >= 0)
		send_as_user(e, bytes, len, portid);
	else
		send_process(e, bytes, len, portid);
}

static int is_via(const struct event *e)
{
	return e->mask || e->unicast || e->uid >= 0;
}

/*** listen ***/

/* SEQNUM is different in each run: those who compare see a '*' if it is what it must be */
static void print_event(const char *buf, unsigned len, const char *seqnum)
{
	const char *s = buf, *end = buf + len;

	while (s < end) {
		size_t n = strnlen(s, end - s);

		if (s != buf)
			putchar(' ');
		if (seqnum && strncmp(s, "SEQNUM=", 7) == 0
		 && (seqnum[0] == '*' || (n == strlen(seqnum) && memcmp(s, seqnum, n) == 0))
		) {
			fputs("SEQNUM=*", stdout);
		} else if (n == 0) {
			fputs("\"\"", stdout);
		} else {
			print_word(s, n);
		}
		s += n;
		if (s == end)
			fputs(" (no NUL)", stdout);
		s++;
	}
	putchar('\n');
}

/* Where -o's records arrive */
struct records {
	char *buf;
	unsigned len;		/* bytes in buf */
	unsigned start;		/* the record that is not printed yet */
	unsigned scanned;	/* where the record that is not complete begins */
	unsigned count;		/* complete ones so far */
	unsigned hidden;	/* of those: not to be printed */
	int eof;
};

/* Length of the record at s with its last NUL (an empty string ends it), or 0: not complete */
static unsigned record_len(const char *s, unsigned len)
{
	const char *p = s, *end = s + len;

	while (p < end) {
		const char *q = memchr(p, '\0', end - p);

		if (!q)
			return 0;
		if (q == p)
			return q + 1 - s;
		p = q + 1;
	}
	return 0;
}

/* Takes what there is, without waiting. Keeps it if keep */
static unsigned records_take(struct records *r, int fd, int keep)
{
	unsigned before = r->count;
	unsigned n;
	ssize_t got;

	for (;;) {
		if (!keep && r->scanned) {
			memmove(r->buf, r->buf + r->scanned, r->len - r->scanned);
			r->len -= r->scanned;
			r->scanned = r->start = 0;
		}
		r->buf = grow(r->buf, r->len + 65536);
		got = read(fd, r->buf + r->len, 65536);
		if (got <= 0) {
			r->eof |= got == 0;
			return r->count - before;
		}
		r->len += got;
		while ((n = record_len(r->buf + r->scanned, r->len - r->scanned)) != 0) {
			r->scanned += n;
			r->count++;
		}
	}
}

static int listen_matches(const char *buf, unsigned len, const char *text)
{
	return text && memmem(buf, len, text, strlen(text)) != NULL;
}

static int listen_main(int argc, char **argv)
{
	static char buf[DATAGRAM_MAX];
	const char *until = NULL;
	unsigned count = 0, seen = 0, n;
	int ready = -1, opt, fd;
	struct records r = { .buf = NULL };
	struct pollfd pfd = { .events = POLLIN };
	unsigned mask;

	while ((opt = getopt(argc, argv, "+t:n:u:D:")) > 0) {
		switch (opt) {
		case 't': patience = atoi(optarg); break;
		case 'n': count = atoi(optarg); break;
		case 'u': until = optarg; break;
		case 'D': ready = atoi(optarg); break;
		default: usage();
		}
	}
	if (!argv[optind])
		usage();
	mask = strtoul(argv[optind], NULL, 0);
	fd = mask ? open_netlink(mask) : STDIN_FILENO;
	if (!mask)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	if (ready >= 0 && (write(ready, "\n", 1) != 1 || close(ready)))
		die("-D %d", ready);
	pfd.fd = fd;
	while (poll(&pfd, 1, patience * 1000) == 1) {
		if (mask) {
			ssize_t len = recv(fd, buf, sizeof(buf), 0);

			if (len < 0)
				die("recv");
			print_event(buf, len, NULL);
			fflush(stdout);
			if (++seen == count || listen_matches(buf, len, until))
				return 0;
			continue;
		}
		records_take(&r, fd, 1);
		while ((n = record_len(r.buf + r.start, r.len - r.start)) != 0) {
			print_event(r.buf + r.start, n - 1, NULL);
			fflush(stdout);
			r.start += n;
			if (++seen == count || listen_matches(r.buf + r.start - n, n, until))
				return 0;
		}
		if (r.eof)
			return 1;
	}
	return 1;
}

/*** play ***/

enum { KIND_MDEVD, KIND_MDEV, KIND_PLAIN };
enum { DONE_O, DONE_FIFO, DONE_QUEUE };

struct hear {
	struct hear *next;
	unsigned mask;		/* one bit */
	int fd;
};

static struct {
	/* options */
	int kind;
	int at_home;
	int done_by;		/* -c */
	int pass_o;
	int undo;
	int sigchld_ignored;
	int blocked;		/* -b */
	int on_terminal;	/* -T */
	unsigned umask;
	char *rules;
	char *under;
	char **argv;
	/* the program */
	pid_t pid;		/* 0: not running */
	int started;
	int status;		/* of the last one that ended */
	int ended;		/* and it was not told yet */
	int ready_fd, o_fd;
	/* the command of a directive */
	pid_t sh_pid;		/* 0: not running */
	int sh_status;
	/* ours */
	int sig_fd;
	int fifo_fd;		/* ROOT/.done */
	int said_fd;		/* what the program and its commands print */
	int kernel_fd;		/* group 1: to learn SEQNUMs; -1 */
	off_t said_pos;
	struct hear *hears;
	struct records r;
	char **seqnums;		/* SEQNUM=... of the events that were heard */
	unsigned n_seqnums;
	/* progress */
	unsigned sent;		/* events to wait for */
	unsigned on_way_bytes;
	unsigned marker;	/* number of the last marker */
	int unsure;		/* something was sent that is not waited for */
	int dirty;		/* something happened since .list */
	int timed_out;
	struct event **added;
	unsigned n_added;
	unsigned done_before;	/* records of earlier programs, or given up */
	/* .usage */
	long long usage_us, usage_cpu_us, usage_child_us;
	unsigned long usage_faults;
	unsigned usage_events;
	unsigned total;
} p = {
	.umask = 022,
	.ready_fd = -1, .o_fd = -1, .kernel_fd = -1,
};

static void play_failed(const char *what)
{
	p.timed_out = 1;
	printf("TIMEOUT: %s\n", what);
}

static void play_note_end(int status)
{
	p.pid = 0;
	p.ended = 1;
	p.status = status;
}

static void play_reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == p.pid) {
			play_note_end(status);
		} else if (pid == p.sh_pid) {
			p.sh_pid = 0;
			p.sh_status = status;
		}
	}
}

/* Kills whatever descends from us: we are the subreaper, so all of it ends up as our children */
static void play_kill_all(void)
{
	char path[64], *s, *end;
	long pid;
	int any;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	do {
		any = 0;
		s = read_small(path);
		while (s && (pid = strtol(s, &end, 10)) > 0) {
			any = 1;
			kill(pid, SIGKILL);
			s = end;
		}
		if (any)
			waitpid(-1, NULL, 0);
	} while (any);
	p.pid = 0;
}

/* One poll on everything that may report. Gives 0 when the deadline is over */
static int play_poll(int fd, long long deadline)
{
	struct signalfd_siginfo si;
	struct pollfd pfd[2] = {
		{ .fd = p.sig_fd, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};
	long long left = deadline - now_us();

	if (left <= 0 || poll(pfd, 2, left / 1000 + 1) == 0)
		return 0;
	while (read(p.sig_fd, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo != SIGCHLD) {
			play_kill_all();
			exit(128 + si.ssi_signo);
		}
	}
	play_reap();
	return 1;
}

static long long play_deadline(void)
{
	return now_us() + patience * 1000000LL;
}

/* Takes -o's records */
static unsigned play_take_records(void)
{
	unsigned n;

	if (p.o_fd < 0)
		return 0;
	n = records_take(&p.r, p.o_fd, p.kernel_fd >= 0);
	if (p.r.eof) {
		close(p.o_fd);
		p.o_fd = -1;
	}
	return n;
}

static int play_on_way(void)
{
	return p.sent - p.done_before - p.r.count;
}

/* Waits until at most "left" events are on their way */
static void play_wait_records(int left)
{
	long long deadline = play_deadline();

	play_take_records();
	while (play_on_way() > left && p.pid && p.o_fd >= 0) {
		if (!play_poll(p.o_fd, deadline)) {
			play_failed("not every event came back");
			break;
		}
		if (play_take_records())
			deadline = play_deadline();
	}
	if (play_on_way() < 0)
		play_failed("an event came back that was not sent (-c fifo ignores them)");
	if (left == 0) {
		/* whoever is gone handles nothing any more */
		p.done_before = p.sent - p.r.count;
		p.on_way_bytes = 0;
	}
}

/* Wait for a line in fd (non-blocking, opened for reading and writing). Gives 0 if there
 * is none in time, or if the program is gone and nobody else is to write */
static int play_read_line(int fd, char *buf, unsigned size, int from_program)
{
	long long deadline = play_deadline();
	unsigned n = 0;

	for (;;) {
		while (n < size - 1 && read(fd, buf + n, 1) == 1) {
			if (buf[n] == '\n') {
				buf[n] = '\0';
				return 1;
			}
			n++;
		}
		if ((from_program && !p.pid) || !play_poll(fd, deadline))
			return 0;
	}
}

static void play_learn_seqnums(void)
{
	static char buf[DATAGRAM_MAX + 1];
	ssize_t len;
	char *s, *found;

	if (p.kernel_fd < 0)
		return;
	while ((len = recv(p.kernel_fd, buf, sizeof(buf) - 1, 0)) > 0) {
		buf[len] = '\0';
		found = "";
		for (s = buf; s < buf + len; s += strlen(s) + 1)
			if (strncmp(s, "SEQNUM=", 7) == 0)
				found = s;
		p.seqnums = grow(p.seqnums, (p.n_seqnums + 1) * sizeof(p.seqnums[0]));
		p.seqnums[p.n_seqnums++] = strdup(found);
	}
}

static void play_send_line(const char *line)
{
	struct event *e = event_parse(line);

	send_kernel(e->bytes, e->len);
	play_learn_seqnums();
}

/* An event by which we know that all before it are done. It has no numbers */
static void play_marker(void)
{
	char line[128], want[32], got[256];

	p.unsure = 0;
	snprintf(want, sizeof(want), "done%u", ++p.marker);
	if (p.done_by == DONE_O) {
		play_send_line("change /sandbox SUBSYSTEM=sandbox");
		p.sent++;
		play_wait_records(1);
		p.r.hidden++;
		play_wait_records(0);
		return;
	}
	snprintf(line, sizeof(line), "add /sandbox SUBSYSTEM=sandbox SANDBOX=%s", want);
	play_send_line(line);
	do {
		if (!play_read_line(p.fifo_fd, got, sizeof(got), 1)) {
			if (p.pid)
				play_failed("not every event was handled");
			return;
		}
	} while (strcmp(got, want) != 0);
}

static void play_drained(void)
{
	static const struct timespec pause = { 0, 500 * 1000 };
	long long deadline = play_deadline();
	struct listener l;

	while (p.pid && find_listener(&l) && l.rmem) {
		if (now_us() > deadline) {
			play_failed("events stay in its queue");
			return;
		}
		nanosleep(&pause, NULL);
		play_reap();
	}
}

/* The program waits: it is not between receiving an event, or a look for signals, and what comes after that */
static void play_wait_asleep(void)
{
	static const struct timespec pause = { 0, 500 * 1000 };
	long long deadline = play_deadline();
	char path[64], *s;

	while (p.pid) {
		snprintf(path, sizeof(path), "/proc/%d/stat", (int)p.pid);
		s = read_small(path);
		s = s ? strrchr(s, ')') : NULL;
		if (s && strncmp(s, ") S", 3) == 0)
			return;
		if (now_us() > deadline) {
			play_failed("it is always busy");
			return;
		}
		nanosleep(&pause, NULL);
		play_reap();
	}
}

/* Every event is done */
static void play_settle(void)
{
	fflush(stdout);
	play_reap();
	if (p.pid == 0)
		return;
	sender_check();
	if (p.done_by == DONE_O)
		play_wait_records(0);
	if (p.done_by == DONE_QUEUE) {
		play_drained();
		play_wait_asleep();
	} else if (p.done_by == DONE_FIFO ? p.dirty : p.unsure)
		play_marker();
	sender_check();
}

/* Keeps what is on its way within what buffers can hold */
static void play_pace(unsigned bytes)
{
	static const struct timespec pause = { 0, 200 * 1000 };
	static unsigned turn;
	struct listener l;
	long long deadline;

	p.on_way_bytes += bytes;
	if (p.done_by == DONE_O) {
		if (++turn % 16 == 0)
			play_take_records();
		if (play_on_way() >= WINDOW_EVENTS || p.on_way_bytes >= WINDOW_BYTES) {
			play_wait_records(WINDOW_EVENTS / 2);
			p.on_way_bytes = play_on_way() * 256;
		}
		return;
	}
	if (++turn % 64)
		return;
	deadline = play_deadline();
	while (find_listener(&l) && l.rmem > WINDOW_RMEM) {
		nanosleep(&pause, NULL);
		play_reap();
		if (!p.pid || now_us() > deadline)
			break;
	}
}

/*** play: the program ***/

static void child_fd(int from, int to)
{
	if (from == to)
		fcntl(from, F_SETFD, 0);
	else if (dup2(from, to) < 0)
		die("dup2");
}

static void child_at_home(void)
{
	if (unshare(CLONE_NEWNS))
		die("no private mounts");
	bind_over(at_root("dev"), "/dev");
	bind_over(at_root("sys"), "/sys");
	bind_over(at_root("etc"), "/etc");
	if (access("/lib/firmware", F_OK) == 0)
		bind_over(at_root("lib/firmware"), "/lib/firmware");
}

static void child_argv(char *program)
{
	static char *v[WORDS_MAX];
	unsigned n = 0;
	char *s;

	for (s = p.under ? strtok(p.under, " ") : NULL; s; s = strtok(NULL, " "))
		v[n++] = s;
	v[n++] = program;
	p.argv++;
	if (p.kind == KIND_MDEV) {
		v[n++] = "-d";
		v[n++] = "-f";
	} else if (p.kind == KIND_MDEVD) {
		v[n++] = "-D";
		v[n++] = "3";
		if (p.done_by == DONE_O || p.pass_o) {
			v[n++] = "-o";
			v[n++] = "4";
		}
		if (!p.at_home) {
			v[n++] = "-f";
			v[n++] = at_root("etc/mdev.conf");
			v[n++] = "-s";
			v[n++] = at_root("sys");
			v[n++] = "-d";
			v[n++] = at_root("dev");
			v[n++] = "-F";
			v[n++] = strdup(at_root("lib/firmware"));
		}
	}
	while (*p.argv && n < WORDS_MAX - 1)
		v[n++] = *p.argv++;
	v[n] = NULL;
	execvp(v[0], v);
	die("%s", v[0]);
}

/* The writing end of a full pipe. The reading end stays open in us */
static int full_pipe(void)
{
	static const char zeroes[4096];
	int fds[2];

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK))
		die("pipe");
	while (write(fds[1], zeroes, sizeof(zeroes)) > 0)
		continue;
	while (write(fds[1], zeroes, 1) > 0)
		continue;
	fcntl(fds[1], F_SETFL, 0);
	return fds[1];
}

/* A terminal that has room for a few bytes more. The other end stays open in us */
static int full_terminal(void)
{
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	int unlock = 0, i;
	int slave;

	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock))
		die("/dev/ptmx");
	/* without /dev/pts, too */
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (slave < 0)
		die("terminal");
	while (write(slave, "x", 1) == 1)
		continue;
	fcntl(slave, F_SETFL, 0);
	/* One by one: the kernel moves them to this end when it comes to it */
	for (i = 0; i < 3; i++)
		if (read(master, &unlock, 1) != 1)
			die("terminal");
	return slave;
}

static void child(int ready, int o, int said)
{
	sigset_t none;
	char *program = *p.argv;
	char *cwd = getcwd(NULL, 0);
	int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGCHLD, p.sigchld_ignored ? SIG_IGN : SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	umask(p.umask);
	/* out of the way first: 3 and 4 may be anything */
	ready = fcntl(ready, F_DUPFD_CLOEXEC, 10);
	o = fcntl(o, F_DUPFD_CLOEXEC, 10);
	child_fd(in, STDIN_FILENO);
	child_fd(said, STDOUT_FILENO);
	child_fd(said, STDERR_FILENO);
	child_fd(ready, FD_READY);
	child_fd(o, FD_O);
	/* What we inherited ourselves is not the program's */
	for (fd = FD_O + 1; fd < 1024; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (p.at_home)
		child_at_home();
	if (cwd && program[0] != '/' && strchr(program, '/')) {
		program = grow(NULL, strlen(cwd) + strlen(*p.argv) + 2);
		sprintf(program, "%s/%s", cwd, *p.argv);
	}
	if (chdir("/"))
		die("chdir");
	child_argv(program);
}

static void play_wait_ready(void)
{
	static const struct timespec pause = { 0, 500 * 1000 };
	long long deadline = play_deadline();
	struct listener l;
	char c;

	if (p.kind != KIND_MDEVD) {
		while (p.pid && !find_listener(&l) && now_us() < deadline) {
			nanosleep(&pause, NULL);
			play_reap();
		}
		return;
	}
	while (p.pid) {
		ssize_t n = read(p.ready_fd, &c, 1);

		if (n == 1 && c == '\n') {
			while ((n = read(p.ready_fd, &c, 1)) != 0) {
				if (n == 1 || !play_poll(p.ready_fd, deadline)) {
					printf("-D: more than a newline, or not closed\n");
					return;
				}
			}
			return;
		}
		if (n >= 0) {
			/* it closed the descriptor and said nothing: wait for its end, if it ends */
			if (!p.pid || !play_poll(-1, deadline)) {
				play_failed("it closed -D and did not report");
				return;
			}
			continue;
		}
		if (!play_poll(p.ready_fd, deadline)) {
			play_failed("it did not report that it is ready");
			return;
		}
	}
}

static void play_start(void)
{
	int ready[2], o[2], e;
	int said;

	if (p.pid)
		return;
	p.started = 1;
	p.ended = 0;
	p.dirty = 1;
	close(p.ready_fd);
	close(p.o_fd);
	p.r.eof = 0;
	if (pipe2(ready, O_CLOEXEC) || pipe2(o, O_CLOEXEC))
		die("pipe");
	/* The writing end stays blocking: it is the program that has to change that */
	fcntl(ready[0], F_SETFL, O_NONBLOCK);
	fcntl(o[0], F_SETFL, O_NONBLOCK);
	if (p.done_by == DONE_O)
		fcntl(o[0], F_SETPIPE_SZ, 1024 * 1024);
	said = p.blocked ? full_pipe() : p.on_terminal ? full_terminal() : p.said_fd;
	fflush(stdout);
	p.pid = fork();
	if (p.pid < 0)
		die("fork");
	if (p.pid == 0)
		child(ready[1], o[1], said);
	close(ready[1]);
	close(o[1]);
	p.ready_fd = ready[0];
	p.o_fd = o[0];
	play_wait_ready();
	e = play_on_way();
	p.done_before += e;
	p.usage_us = now_us();
	p.usage_cpu_us = p.usage_child_us = p.usage_faults = 0;
}

/* Prints what the program and its commands have said since the last time */
static void play_print_file(int fd, off_t *pos)
{
	char buf[4096];
	struct stat st;
	ssize_t n;

	/* a case may truncate it */
	if (fstat(fd, &st) == 0 && st.st_size < *pos)
		*pos = 0;
	while ((n = pread(fd, buf, sizeof(buf), *pos)) > 0) {
		fwrite(buf, 1, n, stdout);
		*pos += n;
	}
}

static void play_list(const char *heading)
{
	off_t pos = 0;
	int fd;

	p.dirty = 0;
	if (heading && *heading)
		printf("%s:\n", heading);
	play_print_file(p.said_fd, &p.said_pos);
	fd = open(at_root("out"), O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		play_print_file(fd, &pos);
		if (ftruncate(fd, 0))
			die("ftruncate");
		close(fd);
	}
	list_dir(at_root("dev"));
}

static void play_wait_exit(int tell_success)
{
	long long deadline = play_deadline();

	while (p.pid) {
		if (!play_poll(p.o_fd, deadline)) {
			play_failed("it did not end");
			play_kill_all();
			return;
		}
		play_take_records();
	}
	if (!p.ended)
		return;
	p.ended = 0;
	play_print_file(p.said_fd, &p.said_pos);
	if (WIFSIGNALED(p.status)) {
		/* mdev knows no other end than this */
		if (tell_success || p.kind != KIND_MDEV || WTERMSIG(p.status) != SIGTERM)
			printf("killed by %d\n", WTERMSIG(p.status));
	} else if (WEXITSTATUS(p.status) || tell_success) {
		printf("exit %d\n", WEXITSTATUS(p.status));
	}
}

/*** play: events ***/

/* Value of a variable in a datagram, or NULL */
static const char *event_var(const char *bytes, unsigned len, const char *name)
{
	const char *s, *end = bytes + len;
	size_t n = strlen(name);

	for (s = bytes; s < end; s += strnlen(s, end - s) + 1)
		if ((size_t)(end - s) > n && memcmp(s, name, n) == 0 && s[n] == '=')
			return s + n + 1;
	return NULL;
}

/* Makes SYS/DEVPATH/dev, where mdev looks on add. The program may be at an earlier event
 * still: what is right is not written again, and nothing is taken away */
static void play_sysfs(const char *bytes, unsigned len)
{
	const char *maj = event_var(bytes, len, "MAJOR");
	const char *min = event_var(bytes, len, "MINOR");
	const char *devpath = event_var(bytes, len, "DEVPATH");
	char path[PATH_MAX + 8], text[64], *old;

	if (!maj || !min || !devpath || strncmp(bytes, "add@", 4) != 0)
		return;
	snprintf(path, sizeof(path), "%s%s/dev", at_root("sys"), devpath);
	snprintf(text, sizeof(text), "%s:%s\n", maj, min);
	old = read_small(path);
	if (old && strcmp(old, text) == 0)
		return;
	make_parents(path);
	write_file(path, text);
}

/* Remembers what was added and not removed, for .undo */
static void play_remember(struct event *e)
{
	unsigned i;

	if (e->raw || !e->expect || is_via(e))
		return;
	if (strcmp(e->words[0], "add") == 0) {
		p.added = grow(p.added, (p.n_added + 1) * sizeof(p.added[0]));
		p.added[p.n_added++] = e;
	} else if (strcmp(e->words[0], "remove") == 0) {
		for (i = p.n_added; i-- > 0;)
			if (p.added[i] && strcmp(p.added[i]->words[1], e->words[1]) == 0)
				p.added[i] = NULL;
	}
}

/* Different moments, the same ones in every run */
static unsigned random_below(unsigned n)
{
	static unsigned long long x = 1;

	x = x * 6364136223846793005ULL + 1442695040888963407ULL; /* Knuth's MMIX */
	return (unsigned)(x >> 33) % n;
}

static void busy_wait(unsigned us)
{
	long long end = now_us() + us;

	while (now_us() < end)
		continue;
}

static void play_event(struct event *e)
{
	struct listener l = { 0, 0, 0 };
	unsigned i, len;
	char *bytes;

	if (!p.started)
		play_start();
	p.dirty = 1;
	if (e->unicast && !find_listener(&l))
		printf("not sent: nobody listens\n");
	for (i = 0; i < e->count && !p.timed_out; i++) {
		bytes = event_nth(e, i, &len);
		if (p.kind == KIND_MDEV && !e->raw)
			play_sysfs(bytes, len);
		if (is_via(e))
			send_via(e, bytes, len, l.portid);
		else
			send_kernel(bytes, len);
		play_learn_seqnums();
		if (e->signal && p.pid) {
			busy_wait(random_below(100));
			kill(p.pid, e->signal);
		}
		p.total++;
		if (!e->expect) {
			p.unsure = 1;
			continue;
		}
		p.sent++;
		p.unsure = 0; /* what came before this is done when this is */
		if (!e->flood)
			play_pace(len + 64);
		else if (p.done_by == DONE_O)
			play_take_records();
		if (!p.pid)
			break;
	}
}

/* Each device that was added goes, newest first */
static void play_undo(void)
{
	struct event *e;
	unsigned any = 0;
	off_t pos = 0;
	int real, fd;

	if (p.pid == 0)
		return;
	while (p.n_added > 0) {
		e = p.added[--p.n_added];
		if (!e)
			continue;
		event_set_action(e, "remove");
		e->words[0] = "remove";
		play_event(e);
		any = 1;
	}
	if (!any)
		return;
	play_settle();
	/* musl's stdout is no variable: what it writes to is exchanged */
	fflush(stdout);
	real = dup(STDOUT_FILENO);
	fd = open(at_root(".undo"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (real < 0 || fd < 0 || dup2(fd, STDOUT_FILENO) < 0)
		die(".undo");
	play_list(NULL);
	fflush(stdout);
	dup2(real, STDOUT_FILENO);
	close(real);
	if (lseek(fd, 0, SEEK_END) > 0) {
		printf("removed:\n");
		play_print_file(fd, &pos);
	}
	close(fd);
	unlink(at_root(".undo"));
}

/*** play: directives ***/

/* Runs command in root, for SH_SECS or "patience" at most. Returns its wait status */
static int play_sh(const char *command)
{
	int secs = patience < SH_SECS && !getenv("SANDBOX_PATIENCE") ? SH_SECS : patience;
	long long deadline = now_us() + secs * 1000000LL;

	p.dirty = 1;
	fflush(stdout);
	p.sh_pid = fork();
	if (p.sh_pid < 0)
		die("fork");
	if (p.sh_pid == 0) {
		sigset_t none;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		if (chdir(root))
			die("%s", root);
		dup2(STDOUT_FILENO, STDERR_FILENO);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		die("/bin/sh");
	}
	while (p.sh_pid) {
		if (!play_poll(-1, deadline)) {
			play_failed(command);
			p.sh_pid = 0;
			return SIGKILL; /* play_main() kills all that is left */
		}
	}
	return p.sh_status;
}

static void play_until(const char *command)
{
	static const struct timespec pause = { 0, 5 * 1000 * 1000 };
	long long deadline = play_deadline();
	char *quiet = grow(NULL, strlen(command) + 32);

	sprintf(quiet, "{ %s\n} >/dev/null 2>&1", command);
	while (play_sh(quiet) != 0 && !p.timed_out) {
		if (now_us() > deadline) {
			play_failed(command);
			break;
		}
		nanosleep(&pause, NULL);
	}
	free(quiet);
}

/* log: 0 makes the socket, 1 prints what arrived, without the process number */
static void play_syslog(int log)
{
	static int fd = -1;
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	char buf[4096], *s, *e;
	ssize_t n;

	if (!log) {
		/* too long a path for a socket, maybe: its directory is not */
		if (chdir(at_root("dev")))
			die("dev");
		strcpy(sun.sun_path, "log");
		fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (fd < 0 || bind(fd, (struct sockaddr *)&sun, sizeof(sun)))
			die("dev/log");
		return;
	}
	while ((n = recv(fd, buf, sizeof(buf) - 1, 0)) >= 0) {
		buf[n] = '\0';
		s = strchr(buf, '>');
		s = s ? s + 1 : buf;
		e = strchr(s, '[');
		printf("log %.*s: %.*s%s\n", (int)(s - buf), buf, e ? (int)(e - s) : 0, s, e ? strchrnul(e, ':') : s);
	}
}

static void play_fifo(const char *name)
{
	if (mkfifo(at_root(name), 0666))
		die("%s", name);
}

static void play_read(const char *name)
{
	int fd = open(at_root(name), O_RDWR | O_NONBLOCK | O_CLOEXEC);
	char line[4096];

	if (fd < 0)
		die("%s", name);
	if (play_read_line(fd, line, sizeof(line), 0))
		printf("%s\n", line);
	else
		play_failed(name);
	close(fd);
}

static void play_records(const char *text)
{
	unsigned n, i = 0;
	static unsigned printed;

	play_take_records();
	while ((n = record_len(p.r.buf + p.r.start, p.r.len - p.r.start)) != 0) {
		const char *s = p.r.buf + p.r.start;

		p.r.start += n;
		i = printed++;
		if (listen_matches(s, n, "@/sandbox") || (*text && !listen_matches(s, n, text)))
			continue;
		print_event(s, n - 1, i < p.n_seqnums ? p.seqnums[i] : NULL);
	}
	if (p.r.start < p.r.len) {
		printf("unfinished: ");
		print_event(p.r.buf + p.r.start, p.r.len - p.r.start, NULL);
	}
}

static void play_listen(unsigned mask)
{
	unsigned bit;

	for (bit = 1; bit != 0; bit <<= 1) {
		struct hear *h;

		if (!(mask & bit))
			continue;
		h = grow(NULL, sizeof(*h));
		h->mask = bit;
		h->fd = open_netlink(bit);
		h->next = p.hears;
		p.hears = h;
	}
}

static void play_heard(unsigned mask, unsigned count)
{
	static char buf[DATAGRAM_MAX];
	long long deadline = play_deadline();
	struct hear *h;
	unsigned bit, n;
	ssize_t len;

	for (bit = 1; bit != 0; bit <<= 1) {
		for (h = p.hears; h && h->mask != bit; h = h->next)
			continue;
		if (!(mask & bit) || !h)
			continue;
		for (n = 0;;) {
			len = recv(h->fd, buf, sizeof(buf), 0);
			if (len >= 0) {
				n++;
				if (listen_matches(buf, len, "@/sandbox"))
					continue;
				printf("%u: ", bit);
				print_event(buf, len, "*");
			} else if (n >= count) {
				break;
			} else if (!play_poll(h->fd, deadline)) {
				play_failed("nothing more to hear");
				break;
			}
		}
	}
}

/* What the program has for itself: its anonymous memory, proc(5). RssAnon in
 * "status" would be the same, but is a sum that the kernel only estimates */
static long private_kb(void)
{
	char path[64], *s;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)p.pid);
	s = read_small(path);
	s = s ? strstr(s, "\nAnonymous:") : NULL;
	return s ? atol(s + sizeof("\nAnonymous:") - 1) : -1;
}

static void play_usage(void)
{
	char path[64], *s;
	unsigned long cu = 0, cs = 0, own_faults = 0, child_faults = 0;
	long long us = now_us() - p.usage_us, cpu, child_us;
	unsigned n = p.total - p.usage_events;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)p.pid);
	s = read_small(path);
	cpu = s ? atoll(s) / 1000 : 0;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)p.pid);
	s = read_small(path);
	s = s ? strrchr(s, ')') : NULL;
	if (s)
		sscanf(s + 2, "%*c %*d %*d %*d %*d %*d %*u %lu %lu %*u %*u %*u %*u %lu %lu",
			&own_faults, &child_faults, &cu, &cs);
	own_faults += child_faults;
	child_us = (cu + cs) * (1000000LL / sysconf(_SC_CLK_TCK));
	printf("usage: events=%u seconds=%.6f cpu_us=%.3f child_us=%.3f private_kb=%ld faults=%.1f\n",
		n, us / 1e6,
		(double)(cpu - p.usage_cpu_us) / (n ? n : 1),
		(double)(child_us - p.usage_child_us) / (n ? n : 1),
		private_kb(),
		(double)(own_faults - p.usage_faults) / (n ? n : 1));
	p.usage_us = now_us();
	p.usage_faults = own_faults;
	p.usage_cpu_us = cpu;
	p.usage_child_us = child_us;
	p.usage_events = p.total;
}

static void play_kill(const char *name)
{
	int sig = signal_number(name);

	if (p.pid)
		kill(p.pid, sig);
}

static void play_terms(char *arg)
{
	unsigned count = strtoul(arg, &arg, 0), i, n;
	unsigned ends[256 + NSIG];
	struct event *e = event_parse(arg);

	memset(ends, 0, sizeof(ends));
	e->flood = 1;
	for (i = 0; i < count && !p.timed_out; i++) {
		play_start();
		play_event(e);
		usleep(random_below(2000));
		play_kill("TERM");
		while (p.pid && play_poll(p.o_fd, play_deadline()))
			play_take_records();
		if (p.pid) {
			play_failed("it did not end");
			break;
		}
		p.ended = 0;
		ends[WIFSIGNALED(p.status) ? 256 + WTERMSIG(p.status) : WEXITSTATUS(p.status)]++;
		p.done_before = p.sent - p.r.count;
	}
	for (n = 0; n < 256 + NSIG; n++)
		if (ends[n])
			printf(n < 256 ? "%u times exit %u\n" : "%u times killed by %u\n", ends[n], n & 255);
}

/* Gives 0 if it is no directive of this group */
static int play_at_once(const char *name, char *arg)
{
	if (strcmp(name, ".now") == 0)
		play_sh(arg);
	else if (strcmp(name, ".kill") == 0)
		play_kill(arg);
	else if (strcmp(name, ".gulp") == 0)
		play_read(arg);
	else if (strcmp(name, ".drained") == 0)
		play_drained();
	else if (strcmp(name, ".exit") == 0)
		play_wait_exit(1);
	else if (strcmp(name, ".oclose") == 0) {
		close(p.o_fd);
		p.o_fd = -1;
	} else {
		return 0;
	}
	return 1;
}

static void play_directive(char *line)
{
	char *arg = strpbrk(line, " \t");
	unsigned mask;

	if (arg) {
		*arg++ = '\0';
		arg += strspn(arg, " \t");
	} else {
		arg = line + strlen(line);
	}
	errno = 0;
	if (play_at_once(line, arg))
		return;
	if (p.started)
		play_settle();
	if (strcmp(line, ".list") == 0)
		play_list(arg);
	else if (strcmp(line, ".undo") == 0)
		play_undo();
	else if (strcmp(line, ".sh") == 0)
		play_sh(arg);
	else if (strcmp(line, ".start") == 0)
		play_start();
	else if (strcmp(line, ".hup") == 0) {
		play_wait_asleep();
		play_kill("HUP");
	} else if (strcmp(line, ".term") == 0) {
		play_kill("TERM");
		play_wait_exit(1);
	} else if (strcmp(line, ".records") == 0)
		play_records(arg);
	else if (strcmp(line, ".listen") == 0)
		play_listen(strtoul(arg, NULL, 0));
	else if (strcmp(line, ".heard") == 0) {
		mask = strtoul(arg, &arg, 0);
		play_heard(mask, strtoul(arg, NULL, 0));
	} else if (strcmp(line, ".fifo") == 0)
		play_fifo(arg);
	else if (strcmp(line, ".read") == 0)
		play_read(arg);
	else if (strcmp(line, ".terms") == 0)
		play_terms(arg);
	else if (strcmp(line, ".until") == 0)
		play_until(arg);
	else if (strcmp(line, ".syslog") == 0)
		play_syslog(0);
	else if (strcmp(line, ".logged") == 0)
		play_syslog(1);
	else if (strcmp(line, ".usage") == 0)
		play_usage();
	else
		die("no such directive: %s", line);
}

/*** play: before and after ***/

static void remove_below(const char *dir, int depth)
{
	char path[PATH_MAX + 256];
	struct dirent *e;
	DIR *d = opendir(dir);

	if (!d)
		return;
	while ((e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (depth == 1 && strcmp(dir, at_root("etc")) == 0
		 && (strcmp(e->d_name, "passwd") == 0 || strcmp(e->d_name, "group") == 0)
		) {
			continue;
		}
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (unlink(path)) {
			if (errno != EISDIR && errno != EPERM)
				umount2(path, MNT_DETACH);
			remove_below(path, depth + 1);
			if (rmdir(path) && errno == EBUSY) {
				umount2(path, MNT_DETACH);
				rmdir(path);
			}
		}
	}
	closedir(d);
}

/* The rules, with the one that tells us when an event is done before them */
static void play_rules(void)
{
	char buf[65536];
	ssize_t n;
	int in, out;

	if (!p.rules)
		return;
	in = open(p.rules, O_RDONLY | O_CLOEXEC);
	out = open(at_root("etc/mdev.conf"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (in < 0 || out < 0)
		die("%s", p.rules);
	if (p.done_by == DONE_FIFO)
		dprintf(out, "SANDBOX=.;.* 0:0 660 ! *echo $SANDBOX >%s\n", at_root(".done"));
	while ((n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, n) != n)
			die("etc/mdev.conf");
	close(in);
	close(out);
}

static void play_prepare(void)
{
	static const char *const dirs[] = {
		"dev", "sys", "sys/dev", "sys/dev/block", "sys/dev/char", "etc", "lib", "lib/firmware"
	};
	sigset_t set;
	unsigned i;

	remove_below(root, 0);
	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		mkdir(at_root(dirs[i]), 0755);
	if (p.kind == KIND_MDEV)
		mkdir(at_root("sys/dev"), 0755);
	play_rules();
	p.said_fd = open(at_root(".said"), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	play_fifo(".done");
	p.fifo_fd = open(at_root(".done"), O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (p.said_fd < 0 || p.fifo_fd < 0)
		die("%s", root);
	sender_open();
	if (p.kernel_fd == -2)
		p.kernel_fd = open_netlink(1);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	p.sig_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	setenv("R", root, 1);
	setenv("OUT", at_root("out"), 1);
}

/* Gives the whole of stdin */
static char *read_script(void)
{
	char *s = NULL;
	size_t len = 0;
	ssize_t n;

	do {
		s = grow(s, len + 65536);
		n = read(STDIN_FILENO, s + len, 65535);
		len += n > 0 ? n : 0;
	} while (n > 0);
	s[len] = '\0';
	return s;
}

static void play_script(char *s)
{
	char *end;

	for (; s && *s; s = end) {
		end = strchr(s, '\n');
		if (end)
			*end++ = '\0';
		s += strspn(s, " \t");
		if (*s == '\0' || *s == '#')
			continue;
		if (*s == '.') {
			play_directive(s);
		} else {
			struct event *e = event_parse(s);

			play_event(e);
			play_remember(e);
		}
		if (p.timed_out)
			break;
	}
}

static void play_options(int argc, char **argv)
{
	static const char *const kinds[] = { "mdevd", "mdev", "plain" };
	int opt, i;

	p.done_by = -1;
	while ((opt = getopt(argc, argv, "+k:Hc:pr:t:um:ibTe:x:")) > 0) {
		switch (opt) {
		case 'k':
			for (i = 0; i < 3 && strcmp(kinds[i], optarg) != 0; i++)
				continue;
			if (i == 3)
				usage();
			p.kind = i;
			break;
		case 'H': p.at_home = 1; break;
		case 'c':
			p.done_by = strcmp(optarg, "fifo") == 0 ? DONE_FIFO
				: strcmp(optarg, "queue") == 0 ? DONE_QUEUE : DONE_O;
			break;
		case 'p': p.pass_o = 1; break;
		case 'r': p.rules = optarg; break;
		case 't':
			if (!getenv("SANDBOX_PATIENCE"))
				patience = atoi(optarg);
			break;
		case 'u': p.undo = 1; break;
		case 'm': p.umask = strtoul(optarg, NULL, 8); break;
		case 'i': p.sigchld_ignored = 1; break;
		case 'b': p.blocked = 1; break;
		case 'T': p.on_terminal = 1; break;
		case 'e': putenv(optarg); break;
		case 'x': p.under = strdup(optarg); break;
		default: usage();
		}
	}
	p.argv = argv + optind;
	if (!*p.argv)
		usage();
	if (p.done_by < 0)
		p.done_by = p.kind == KIND_MDEVD ? DONE_O : DONE_FIFO;
	if (p.kind == KIND_MDEV)
		p.at_home = 1;
}

static int play_main(int argc, char **argv)
{
	char *script;

	setvbuf(stdout, NULL, _IOFBF, 65536);
	play_options(argc, argv);
	script = read_script();
	if (strstr(script, ".records"))
		p.kernel_fd = -2;
	play_prepare();
	play_script(script);
	if (!p.started)
		play_start();
	if (!p.timed_out)
		play_settle();
	if (p.dirty || p.timed_out)
		play_list(NULL);
	if (p.undo && !p.timed_out)
		play_undo();
	if (p.pid) {
		kill(p.pid, SIGCONT);
		kill(p.pid, SIGTERM);
	}
	play_wait_exit(0);
	play_kill_all();
	fflush(stdout);
	return p.timed_out;
}

/*** send ***/

static int send_main(void)
{
	char *s = read_script(), *end;
	struct listener l = { 0, 0, 0 };
	unsigned i, len;
	char *bytes;

	sender_open();
	for (; s && *s; s = end) {
		struct event *e;

		end = strchr(s, '\n');
		if (end)
			*end++ = '\0';
		s += strspn(s, " \t");
		if (*s == '\0' || *s == '#')
			continue;
		e = event_parse(s);
		if (e->unicast)
			find_listener(&l);
		for (i = 0; i < e->count; i++) {
			bytes = event_nth(e, i, &len);
			if (is_via(e))
				send_via(e, bytes, len, l.portid);
			else
				send_kernel(bytes, len);
		}
	}
	sender_check();
	return sender.errors != 0;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		usage();
	argc--;
	argv++;
	if (strcmp(argv[0], "enter") == 0)
		return enter_main(argc, argv);
	root = getenv("SANDBOX_ROOT");
	if (getenv("SANDBOX_PATIENCE"))
		patience = atoi(getenv("SANDBOX_PATIENCE"));
	errno = 0;
	if (!root)
		die("SANDBOX_ROOT is not set: sandbox enter does that");
	if (strcmp(argv[0], "play") == 0)
		return play_main(argc, argv);
	if (strcmp(argv[0], "send") == 0)
		return send_main();
	if (strcmp(argv[0], "listen") == 0)
		return listen_main(argc, argv);
	if (strcmp(argv[0], "list") == 0) {
		list_dir(argv[1] ? argv[1] : at_root("dev"));
		return 0;
	}
	usage();
	return STATUS_NO;
}
