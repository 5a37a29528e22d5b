/* vi: set sw=4 ts=4: */
/*
 * Signals at random moments, bursts, and lost events: mdevd under load
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 *
 * Built and called by the programs in check.d, inside the sandbox (sandbox.c).
 *
 *	stress [-n COUNT] [-s SEED] MODE PROGRAM [ARG]...
 *
 * Each MODE prints one line "PASS: " or "FAIL: " for each thing it has to show, with
 * figures, and the program's messages after a failure. Exit status: 0, or 111 if
 * the test cannot be done. PROGRAM is started as "PROGRAM -D 3 [-o 4] -f ROOT/etc/mdev.conf
 * -s ROOT/sys -d ROOT/dev ARG...".
 *
 * COUNT times: PROGRAM is started, and gets SIGTERM at a moment that SEED decides. It
 * exits 0 then, at once, no event is half done, and no process of its own is left:
 *	start	while it starts
 *	many	while it starts, with 100,000 rules
 *	burst	while it handles events
 *	command	while it runs commands: they run on to their end
 *	reload	while it reads 100,000 rules again
 * Others:
 *	hups	COUNT events, and SIGHUP at random moments; the file changes, and is
 *		broken now and then. No event is lost, handled twice or out of order
 *	idle	COUNT times SIGHUP as it begins to wait for an event: it must not wait for the event
 *	storm	COUNT commands in a storm of signals, some of them in a storm of SIGALRM
 *	loss	more events than its buffer holds: it coldplugs, and every device is found
 *	losses	the same whenever it coldplugs, for COUNT seconds: it must not spin
 *	dryloss	with -n it never coldplugs
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/netlink.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/wait.h>

enum {
	STATUS_NO = 111,
	PATIENCE_SECS = 20,	/* for anything that must happen */
	BURST = 40,		/* events of a round */
	MANY_RULES = 100000,
	WINDOW = 200,		/* events on their way, of those that are reported back: a pipe holds them */
	DEVICES = 200,		/* that a coldplug finds */
	LINKS = 5,		/* pairs of real network devices */
	LOST = 50000,		/* events while it cannot handle any */
};

static char root[PATH_MAX / 2];
static char **program;
static unsigned count, seed = 1;
static unsigned failures;

/*** talk ***/

static void die(const char *what)
{
	printf("FAIL: stress: %s: %s\n", what, strerror(errno));
	exit(STATUS_NO);
}

static void report(int ok, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf(ok ? "PASS: " : "FAIL: ");
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	failures += !ok;
}

/* root/NAME in one of a few static buffers */
static char *at_root(const char *fmt, ...)
{
	static char buf[4][PATH_MAX];
	static unsigned i;
	char *s = buf[i++ % 4];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s + sprintf(s, "%s/", root), PATH_MAX - sizeof(root), fmt, ap);
	va_end(ap);
	return s;
}

static long long now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

static void pause_us(unsigned us)
{
	struct timespec ts = { us / 1000000, us % 1000000 * 1000 };

	nanosleep(&ts, NULL);
}

/* Different moments, the same ones for the same seed */
static unsigned random_below(unsigned n)
{
	static unsigned long long x;
	static int begun;

	if (!begun) {
		begun = 1;
		x = seed;
	}
	x = x * 6364136223846793005ULL + 1442695040888963407ULL; /* Knuth's MMIX */
	return n ? (unsigned)(x >> 33) % n : 0;
}

/* NAME under root gets this text */
static void write_file(const char *name, const char *fmt, ...)
{
	FILE *f = fopen(at_root("%s", name), "w");
	va_list ap;

	if (!f)
		die(name);
	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	if (fclose(f))
		die(name);
}

/* How often text is in the file NAME under root */
static unsigned count_text(const char *name, const char *text)
{
	FILE *f = fopen(at_root("%s", name), "r");
	char *line = NULL;
	size_t size = 0;
	unsigned n = 0;

	while (f && getline(&line, &size, f) > 0)
		n += strstr(line, text) != NULL;
	if (f)
		fclose(f);
	free(line);
	return n;
}

static void show_said(void)
{
	char line[512];
	FILE *f = fopen(at_root(".said"), "r");
	unsigned n = 0;

	while (f && n++ < 20 && fgets(line, sizeof(line), f))
		printf("  said: %s", line);
	if (f)
		fclose(f);
}

/*** events ***/

static int sender = -1;

/* Through the kernel: it takes the header off, appends SEQNUM and sends it to group 1 */
static void send_event(const char *action, const char *devpath, const char *fmt, ...)
{
	char buf[1024];
	struct nlmsghdr h = {
		.nlmsg_type = NLMSG_MIN_TYPE,
		.nlmsg_flags = NLM_F_REQUEST,
	};
	struct sockaddr_nl a = { .nl_family = AF_NETLINK };
	struct iovec iov[2] = { { &h, NLMSG_HDRLEN }, { buf, 0 } };
	struct msghdr m = { .msg_name = &a, .msg_namelen = sizeof(a), .msg_iov = iov, .msg_iovlen = 2 };
	va_list ap;
	char *s, *vars;

	if (sender < 0) {
		sender = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
		if (sender < 0 || bind(sender, (struct sockaddr *)&a, sizeof(a)))
			die("netlink");
	}
	s = buf + sprintf(buf, "%s@%s", action, devpath) + 1;
	s += sprintf(s, "ACTION=%s", action) + 1;
	s += sprintf(s, "DEVPATH=%s", devpath) + 1;
	va_start(ap, fmt);
	vars = s;
	s += vsprintf(s, fmt, ap) + 1;
	va_end(ap);
	for (; *vars; vars++)
		if (*vars == ' ')
			*vars = '\0';
	iov[1].iov_len = s - buf;
	h.nlmsg_len = NLMSG_HDRLEN + (s - buf);
	if (sendmsg(sender, &m, 0) < 0)
		die("cannot send an event");
}

static void send_node(char letter, unsigned n)
{
	char path[64];

	sprintf(path, "/devices/x/%c%u", letter, n);
	send_event("add", path, "SUBSYSTEM=x MAJOR=1 MINOR=%u DEVNAME=%c%u", n, letter, n);
}

/*** the program ***/

static pid_t pid;
static char *const *under;	/* words that it runs under, or NULL */
static int ready_fd, o_fd;
static char records[65536];	/* what came from -o and is not looked at yet */
static unsigned records_len;

/* Before anything is started: argv[first] is PROGRAM, its ARGs follow. Else, or outside of the sandbox, prints the
 * usage and exits */
static void begin(int argc, char **argv, int first, const char *usage)
{
	const char *r = getenv("SANDBOX_ROOT");
	sigset_t set;
	unsigned i;

	if (!r || first >= argc || first < 1) {
		fprintf(stderr, "usage: %s (in the sandbox; see the head of the source)\n", usage);
		exit(STATUS_NO);
	}
	snprintf(root, sizeof(root), "%s", r);
	program = argv + first;
	setvbuf(stdout, NULL, _IOLBF, 4096);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (i = 3; i < 5; i++)
		fcntl(open("/", O_RDONLY), F_SETFD, FD_CLOEXEC); /* 3 and 4 are the program's */
}

/* Starts it, with -o if out. Does not wait */
static void start(int out)
{
	static char *v[64];
	int ready[2], o[2], said, i, first, n = 0;

	if (pipe2(ready, O_CLOEXEC) || pipe2(o, O_CLOEXEC))
		die("pipe");
	for (i = 0; under && under[i]; i++)
		v[n++] = under[i];
	first = n;
	v[n++] = program[0];
	v[n++] = "-D3";
	if (out)
		v[n++] = "-o4";
	v[n++] = "-f";
	v[n++] = strdup(at_root("etc/mdev.conf"));
	v[n++] = "-s";
	v[n++] = strdup(at_root("sys"));
	v[n++] = "-d";
	v[n++] = strdup(at_root("dev"));
	for (i = 1; program[i] && n < 63; i++)
		v[n++] = program[i];
	v[n] = NULL;
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		sigset_t none;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		i = open("/dev/null", O_RDWR);
		said = open(at_root(".said"), O_WRONLY | O_CREAT | O_APPEND, 0600);
		if (i < 0 || said < 0 || ready[1] < 5 || chdir("/"))
			_exit(STATUS_NO);
		dup2(i, 0);
		dup2(said, 1);
		dup2(said, 2);
		dup2(o[1], 4);
		dup2(ready[1], 3);
		for (i = 5; i < 256; i++)
			close(i);
		execvp(v[0], v);
		_exit(STATUS_NO);
	}
	for (i = first + 3 + (out != 0); i < n && v[i]; i += 2)
		if (v[i - 1][0] == '-' && strchr("fsd", v[i - 1][1]) && !v[i - 1][2])
			free(v[i]);
	close(ready[1]);
	close(o[1]);
	ready_fd = ready[0];
	o_fd = o[0];
	records_len = 0;
}

/* -D's newline has come. Waits for it unless it is to look only */
static int is_ready(int only_look)
{
	struct pollfd pfd = { .fd = ready_fd, .events = POLLIN };
	char c;

	return poll(&pfd, 1, only_look ? 0 : PATIENCE_SECS * 1000) == 1 && read(ready_fd, &c, 1) == 1 && c == '\n';
}

static void start_and_wait(int out)
{
	start(out);
	if (!is_ready(0)) {
		show_said();
		die("it does not start");
	}
}

/* Takes the next record of -o: gives N if it is of the device LETTER N, -1 if of another one,
 * -2 if there is none in time */
static int next_record(char letter)
{
	struct pollfd pfd = { .fd = o_fd, .events = POLLIN };
	char *end;
	int n;

	while ((end = memmem(records, records_len, "\0\0", 2)) == NULL) {
		if (records_len == sizeof(records) || poll(&pfd, 1, PATIENCE_SECS * 1000) != 1)
			return -2;
		n = read(o_fd, records + records_len, sizeof(records) - records_len);
		if (n <= 0)
			return -2;
		records_len += n;
	}
	end += 2;
	if (sscanf(records, "add@/devices/x/%*c%d", &n) != 1 || !memchr(records, letter, 20))
		n = -1;
	records_len -= end - records;
	memmove(records, end, records_len);
	return n;
}

/* Waits for the end of process which (0: of any one). Gives 0 if there is none in time */
static int reap(pid_t which, int *status)
{
	struct timespec left = { .tv_sec = PATIENCE_SECS };
	sigset_t set;
	pid_t got;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	while ((got = waitpid(which ? which : -1, status, WNOHANG)) == 0)
		if (sigtimedwait(&set, NULL, &left) < 0 && errno == EAGAIN)
			return 0;
	return got > 0;
}

/* Waits for all descendants, which become our children (we are the subreaper). Returns 0 if one remains */
static int reap_all(void)
{
	int status;

	while (reap(0, &status))
		continue;
	return errno == ECHILD;
}

static int stop(void)
{
	int status = -1;

	kill(pid, SIGTERM);
	if (!reap(pid, &status)) {
		kill(pid, SIGKILL);
		reap(pid, &status);
		status = -1;
	}
	close(ready_fd);
	close(o_fd);
	return status;
}

/* Open descriptors of the program */
static __attribute__((unused)) unsigned count_fds(void)
{
	char name[64];
	DIR *d;
	unsigned n = 0;

	sprintf(name, "/proc/%d/fd", (int)pid);
	d = opendir(name);
	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

/* Children of the program that nobody has waited for */
static __attribute__((unused)) unsigned count_zombies(void)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	char buf[512], *p;
	unsigned n = 0;
	int parent;
	char state;
	FILE *f;

	while (d && (e = readdir(d)) != NULL) {
		snprintf(buf, sizeof(buf), "/proc/%.20s/stat", e->d_name);
		f = (unsigned)(e->d_name[0] - '0') <= 9 ? fopen(buf, "r") : NULL;
		if (f && fgets(buf, sizeof(buf), f) && (p = strrchr(buf, ')')) != NULL
		 && sscanf(p + 2, "%c %d", &state, &parent) == 2
		) {
			n += state == 'Z' && parent == pid;
		}
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
	return n;
}

/*** /dev ***/

/* The nodes that the rules of the rounds make:
 *	aN	11:12 600
 *	bN	13:14 640, at sub/bN
 *	cN	15:16 604, at grp/cN, and a link at cN
 */
static const char round_rules[] =
	"a[0-9]+ 11:12 600\n"
	"b[0-9]+ 13:14 640 =sub/\n"
	"c[0-9]+ 15:16 604 >grp/\n";

static int is_right(const char *dir, const char *name, const struct stat *st)
{
	static const struct {
		const char *dir;
		unsigned uid, gid, mode;
	} want[3] = { { "", 11, 12, 0600 }, { "sub/", 13, 14, 0640 }, { "grp/", 15, 16, 0604 } };
	unsigned i = name[0] - 'a';
	char text[PATH_MAX], full[NAME_MAX + sizeof("grp/")];
	ssize_t n;

	if (i > 2)
		return 0;
	if (S_ISLNK(st->st_mode)) {
		n = readlink(at_root("dev/%s%s", dir, name), text, sizeof(text) - 1);
		text[n < 0 ? 0 : n] = '\0';
		snprintf(full, sizeof(full), "grp/%s", name);
		return i == 2 && !*dir && strcmp(text, full) == 0 && access(at_root("dev/%s", full), F_OK) == 0;
	}
	return S_ISCHR(st->st_mode)
		&& strcmp(dir, want[i].dir) == 0
		&& st->st_uid == want[i].uid && st->st_gid == want[i].gid
		&& (st->st_mode & 07777) == want[i].mode
		&& st->st_rdev == makedev(1, atoi(name + 1))
		/* the link is part of the same event */
		&& (i != 2 || access(at_root("dev/%s", name), F_OK) == 0);
}

/* Looks at each node in /dev/DIR, and removes it in a second pass. Gives how many are not right */
static unsigned check_dir(const char *dir, unsigned *nodes, int remove)
{
	DIR *d = opendir(at_root("dev/%s", dir));
	struct dirent *e;
	struct stat st;
	unsigned wrong = 0;

	while (d && (e = readdir(d)) != NULL) {
		char *path = at_root("dev/%s%s", dir, e->d_name);

		if (e->d_name[0] == '.' && (!e->d_name[1] || e->d_name[1] == '.'))
			continue;
		if (lstat(path, &st) || S_ISDIR(st.st_mode))
			continue;
		if (remove) {
			unlink(path);
		} else {
			++*nodes;
			if (!is_right(dir, e->d_name, &st)) {
				printf("half done: %s%s %o %u:%u\n", dir, e->d_name,
					(unsigned)st.st_mode, (unsigned)st.st_uid, (unsigned)st.st_gid);
				wrong++;
			}
		}
	}
	if (d)
		closedir(d);
	return wrong;
}

static unsigned check_nodes(unsigned *nodes)
{
	static const char *const dirs[] = { "", "sub/", "grp/" };
	unsigned i, wrong = 0;

	for (i = 0; i < 3; i++)
		wrong += check_dir(dirs[i], nodes, 0);
	for (i = 0; i < 3; i++)
		check_dir(dirs[i], nodes, 1);
	return wrong;
}

/*** SIGTERM ***/

static void many_rules(const char *name)
{
	FILE *f = fopen(at_root("%s", name), "w");
	unsigned i;

	if (!f)
		die(name);
	for (i = 0; i < MANY_RULES; i++)
		fprintf(f, "SUBSYSTEM=s%u;many%u 0:0 600 @echo %u\n", i, i, i);
	fputs(round_rules, f);
	if (fclose(f))
		die(name);
}

/* The file is replaced at once */
static void use_rules(const char *name)
{
	unlink(at_root("etc/next"));
	if (link(at_root("%s", name), at_root("etc/next"))
	 || rename(at_root("etc/next"), at_root("etc/mdev.conf"))
	) {
		die("etc/mdev.conf");
	}
}

static int compare_numbers(const void *a, const void *b)
{
	long long d = *(const long long *)a - *(const long long *)b;

	return d < 0 ? -1 : d > 0;
}

enum { START, MANY, BURSTS, COMMAND, RELOAD };

/* Microseconds that it takes to read the many rules again */
static long long reload_time(void)
{
	long long t;

	use_rules("etc/few");
	start_and_wait(1);
	use_rules("etc/many");
	t = now_us();
	kill(pid, SIGHUP);
	send_node('a', 1);
	if (next_record('a') != 1)
		die("no event after SIGHUP");
	t = now_us() - t;
	stop();
	return t;
}

/* Microseconds that it takes to start: the median */
static long long start_time(void)
{
	long long took[15];
	unsigned i, n = sizeof(took) / sizeof(took[0]);

	use_rules("etc/few");
	for (i = 0; i < n; i++) {
		took[i] = now_us();
		start_and_wait(0);
		took[i] = now_us() - took[i];
		stop();
		reap_all();
	}
	qsort(took, n, sizeof(*took), compare_numbers);
	return took[n / 2];
}

/* One round: until just before SIGTERM */
static void terms_round(int mode, unsigned i, unsigned span)
{
	unsigned n, until = BURST;

	use_rules(mode == MANY ? "etc/many" : "etc/few");
	if (mode == START || mode == MANY) {
		start(0);
	} else {
		start_and_wait(0);
		if (mode == RELOAD) {
			use_rules("etc/many");
			kill(pid, SIGHUP);
		}
		if (mode == COMMAND)
			until = 3;
		/* SIGTERM comes while they are sent, or afterwards */
		if (i % 3 == 0)
			until = random_below(until);
		for (n = 0; n < until; n++)
			send_node(mode == COMMAND ? 'k' : 'a' + n % 3, n);
		if (i % 3 == 0)
			return;
		/* Reading may take longer this time than it did before: some rounds surely come to their events */
		if (mode == RELOAD && i % 8 == 1) {
			for (n = 0; n < PATIENCE_SECS * 10000 && access(at_root("dev/a0"), F_OK) != 0; n++)
				pause_us(100);
			return;
		}
	}
	pause_us(random_below(span));
}

static void terms(int mode, const char *name)
{
	static const unsigned spans[] = { 0, 0, 1500, 1500, 0 };
	unsigned i, nodes = 0, wrong = 0, early = 0, early_before = 0, bad = 0, left = 0, cut = 0;
	long long *took = calloc(count + 1, sizeof(*took)), span = spans[mode];

	write_file("etc/few", "%sk[0-9]+ 0:0 600 ! @echo begun >>%s; :; echo ended >>%s\n", round_rules,
		at_root("log"), at_root("log"));
	if (mode == MANY || mode == RELOAD) {
		many_rules("etc/many");
		span = reload_time();
		printf("%u rules are read in %lld ms\n", MANY_RULES, span / 1000);
		check_nodes(&nodes);
		nodes = 0;
	}
	if (mode == START) {
		span = start_time();
		printf("it starts in %lld us\n", span);
		/* A few rounds are to end before its main(), the others around that time */
		span *= 4;
	}
	for (i = 0; i < count; i++) {
		int status, ready;

		terms_round(mode, i, mode == RELOAD ? 2 * span : span);
		ready = mode != START && mode != MANY ? 1 : is_ready(1);
		took[i] = now_us();
		status = stop();
		took[i] = now_us() - took[i];
		if (status == 0)
			;
		else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM && !ready)
			early++; /* it had not come to main() yet */
		else
			bad++;
		if (!reap_all())
			left++;
		wrong += check_nodes(&nodes);
		if (mode == COMMAND && count_text("log", "begun") != count_text("log", "ended"))
			cut++;
		unlink(at_root("log"));
		if (mode == START && i % 32 == 31) {
			/* The machine has become slower */
			if (early - early_before > 32 / 4)
				span += span / 2;
			early_before = early;
		}
		if (bad > 3)
			count = i + 1; /* each may have taken all the patience */
	}
	qsort(took, count, sizeof(*took), compare_numbers);
	report(bad == 0 && early <= count / 2,
		"mdevd SIGTERM: %s: exit 0 in %u of %u rounds (seed %u), %u before its main()", name,
		count - early - bad, count, seed, early);
	report(took[count / 2] < 200000 && took[count - 1] < 5000000 && (mode < RELOAD || took[count / 2] < span / 4),
		"mdevd SIGTERM: %s: at once (median %lld us, at most %lld us)", name, took[count / 2], took[count - 1]);
	if (mode == BURSTS || mode == RELOAD)
		report(wrong == 0 && nodes != 0,
			"mdevd SIGTERM: %s: no event is half done (%u nodes seen)", name, nodes);
	if (mode == COMMAND)
		report(cut == 0, "mdevd SIGTERM: %s: a command runs on to its end", name);
	report(left == 0, "mdevd SIGTERM: %s: no process of its own is left", name);
	free(took);
}

/*** SIGHUP ***/

/* Sends SIGHUPs and changes the file until it is killed */
static pid_t start_hups(void)
{
	static const char *const files[] = { "etc/A", "etc/B", "etc/broken" };
	pid_t child = fork();
	unsigned n = 0;

	if (child != 0)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		use_rules(files[random_below(3)]);
		kill(pid, SIGHUP);
		n++;
		if (n % 16 == 0)
			write_file("hups", "%u\n", n);
		/* now and then two at once */
		pause_us(random_below(4) ? random_below(1000) : 0);
	}
}

static unsigned count_hups(void)
{
	FILE *f = fopen(at_root("hups"), "r");
	unsigned n = 0;

	if (f && fscanf(f, "%u", &n) != 1)
		n = 0;
	if (f)
		fclose(f);
	return n;
}

static void hups(void)
{
	unsigned sent = 0, i, out_of_order = 0, a = 0, b = 0, other = 0;
	struct stat st;
	pid_t child;
	int n = 0;

	write_file("etc/A", "n[0-9]+ 21:21 621\n");
	write_file("etc/B", "x 0:0 600\nn[0-9]+ 22:22 622\n");
	write_file("etc/broken", "n[0-9]+ 23:23 623\nbroken\n");
	use_rules("etc/A");
	start_and_wait(1);
	child = start_hups();
	for (i = 0; i < count; i++) {
		while (sent < count && sent - i < WINDOW)
			send_node('n', sent++);
		n = next_record('n');
		if (n == -2)
			break;
		out_of_order += n != (int)i;
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	report(n != -2 && out_of_order == 0,
		"mdevd SIGHUP: %u of %u events are handled, once and in order (seed %u, %u SIGHUPs)",
		i, count, seed, count_hups());
	for (i = 0; i < count; i++) {
		if (stat(at_root("dev/n%u", i), &st) != 0 || st.st_rdev != makedev(1, i))
			other++;
		else if (st.st_uid == 21 && st.st_gid == 21 && (st.st_mode & 07777) == 0621)
			a++;
		else if (st.st_uid == 22 && st.st_gid == 22 && (st.st_mode & 07777) == 0622)
			b++;
		else
			other++;
	}
	report(other == 0 && a && b,
		"mdevd SIGHUP: every node is there: %u by the first rules, %u by the others, %u by neither", a, b, other);
	n = count_text(".said", "the old rules stay");
	report(n > 0 && count_text(".said", "etc/mdev.conf:2: fewer than 3 fields") == (unsigned)n,
		"mdevd SIGHUP: the old rules stayed %d times, and what was wrong was said", n);

	use_rules("etc/broken");
	kill(pid, SIGHUP);
	use_rules("etc/B");
	kill(pid, SIGHUP);
	send_node('n', count);
	next_record('n');
	report(stat(at_root("dev/n%u", count), &st) == 0 && st.st_uid == 22,
		"mdevd SIGHUP: an event that comes after it has the new rules");
	report(stop() == 0, "mdevd SIGHUP: exit 0 after all that");
}

/* Reads the program's messages until a line contains text. Returns 0 after a timeout */
static int wait_until_said(FILE *f, const char *text)
{
	long long end = now_us() + PATIENCE_SECS * 1000000LL;
	char line[512];

	while (now_us() < end) {
		while (fgets(line, sizeof(line), f))
			if (strstr(line, text))
				return 1;
		clearerr(f);
		pause_us(100);
	}
	return 0;
}

static void idle(void)
{
	static const char *const files[] = { "etc/good", "etc/broken" };
	static const char *const words[] = { "rules read", "the old rules stay" };
	unsigned i;
	FILE *said;

	write_file("etc/good", "j[0-9]+ 0:0 600 !\n");
	write_file("etc/broken", "broken\n");
	use_rules("etc/good");
	start_and_wait(0);
	said = fopen(at_root(".said"), "r");
	if (!said)
		die(".said");
	for (i = 0; i < count; i++) {
		use_rules(files[i % 2]);
		send_node('j', i);
		pause_us(random_below(60));
		kill(pid, SIGHUP);
		if (!wait_until_said(said, words[i % 2]))
			break;
	}
	fclose(said);
	report(i == count, "mdevd SIGHUP: as it begins to wait: %u of %u were acted upon without an event (seed %u)",
		i, count, seed);
	report(stop() == 0, "mdevd SIGHUP: as it begins to wait: exit 0 after that");
}

/*** a storm ***/

static pid_t start_storm(const int *sigs, unsigned n)
{
	pid_t child = fork();
	unsigned sent = 0;

	if (child != 0)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		kill(pid, sigs[random_below(n)]);
		if (++sent % 16 == 0)
			write_file("hups", "%u\n", sent);
		pause_us(random_below(150));
	}
}

static unsigned end_storm(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return count_hups();
}

/* In order, all of them */
static int log_is_right(void)
{
	FILE *f = fopen(at_root("log"), "r");
	unsigned i, n;

	for (i = 0; f && i < count; i++)
		if (fscanf(f, "n%u\n", &n) != 1 || n != i)
			break;
	if (f)
		fclose(f);
	return f && i == count;
}

static void storm(void)
{
	static const int all[] = { SIGHUP, SIGALRM, SIGCHLD, SIGPIPE, SIGWINCH, SIGCONT, SIGURG };
	static const int alarms[] = { SIGALRM };
	unsigned i, n;
	pid_t child;
	int ok = 1;

	write_file("etc/mdev.conf", "n[0-9]+ 0:0 600 ! @echo $DEVNAME >>%s\n"
		"slow[0-9]+ 0:0 600 ! @sleep 1; echo slept >>%s\n", at_root("log"), at_root("slept"));
	start_and_wait(1);
	child = start_storm(all, 7);
	for (i = 0; i < count; i++)
		send_node('n', i);
	for (i = 0; i < count && ok; i++)
		ok = next_record('n') == (int)i;
	n = end_storm(child);
	report(ok && log_is_right(),
		"mdevd SIGHUP, SIGALRM, SIGCHLD, SIGPIPE: %u commands in a storm of %u signals: each once, in order",
		count, n);

	child = start_storm(alarms, 1);
	send_event("add", "/devices/x/slow1", "MAJOR=1 MINOR=1 DEVNAME=slow1");
	ok = next_record('s') != -2;
	n = end_storm(child);
	report(ok && count_text("slept", "slept") == 1
		&& !count_text(".said", "still running") && !count_text(".said", "killed"),
		"mdevd SIGALRM: %u from outside: no second passes faster for a command", n);
	report(stop() == 0, "mdevd SIGHUP, SIGALRM, SIGCHLD, SIGPIPE: exit 0 after a storm");
}

/*** loss ***/

static unsigned links;		/* pairs that could be made */

static int run(const char *fmt, ...)
{
	char command[PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	return system(command);
}

/* SYS/devices/virtual/x/dN with a fifo in the place of uevent, and what the kernel
 * has in SYS/devices/virtual/net */
static void make_sys(void)
{
	unsigned i;

	run("mkdir -p %s/sys/class/x %s/sys/devices/virtual/x %s/sys/devices/virtual/net %s/real", root, root, root, root);
	for (i = 0; i < DEVICES; i++) {
		mkdir(at_root("sys/devices/virtual/x/d%u", i), 0755);
		if (symlink("../../../../class/x", at_root("sys/devices/virtual/x/d%u/subsystem", i))
		 || mkfifo(at_root("sys/devices/virtual/x/d%u/uevent", i), 0600)
		) {
			die("sys");
		}
	}
	if (mount("sysfs", at_root("real"), "sysfs", 0, NULL)
	 || mount(at_root("real/devices/virtual/net"), at_root("sys/devices/virtual/net"), NULL, MS_BIND, NULL)
	) {
		printf("no real network devices here: %s\n", strerror(errno));
	}
}

/* The devices, in the order in which they are found */
static unsigned walk_order(unsigned *order)
{
	DIR *d = opendir(at_root("sys/devices/virtual/x"));
	struct dirent *e;
	unsigned n = 0;

	while (d && (e = readdir(d)) != NULL)
		if (e->d_name[0] == 'd' && n < DEVICES)
			order[n++] = atoi(e->d_name + 1);
	if (d)
		closedir(d);
	return n;
}

/* Answers for the kernel until it is killed: each device that is triggered is added. Opening
 * a fifo waits for whoever writes it, so we are never behind by more than one device.
 * ROOT/coldplugs gets a byte for each first device; then flood events are sent */
static pid_t start_kernel(unsigned flood)
{
	unsigned order[DEVICES], n, i, k;
	pid_t child = fork();
	char buf[16];

	if (child != 0)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	n = walk_order(order);
	for (i = 0;; i = (i + 1) % n) {
		int fd = open(at_root("sys/devices/virtual/x/d%u/uevent", order[i]), O_RDONLY);

		if (fd < 0)
			_exit(1);
		if (i == 0) {
			int log = open(at_root("coldplugs"), O_WRONLY | O_APPEND | O_CREAT, 0600);

			if (log < 0 || write(log, "x", 1) != 1)
				_exit(1);
			close(log);
			if (flood)
				kill(pid, SIGSTOP);
			for (k = 0; k < flood; k++)
				send_node('j', k);
			if (flood)
				kill(pid, SIGCONT);
		}
		send_node('d', order[i]);
		while (read(fd, buf, sizeof(buf)) > 0)
			continue;
		close(fd);
	}
}

static unsigned coldplugs(void)
{
	struct stat st;

	return stat(at_root("coldplugs"), &st) == 0 ? st.st_size : 0;
}

/* How many of the devices have been handled */
static unsigned devices_found(void)
{
	unsigned i, n = 0;

	for (i = 0; i < DEVICES; i++)
		n += access(at_root("dev/d%u", i), F_OK) == 0;
	return n;
}

static unsigned links_found(void)
{
	unsigned i, n = 0;
	char name[32];

	for (i = 0; i < links; i++) {
		sprintf(name, "left%u.", i);
		n += count_text("log", name) != 0;
		sprintf(name, "right%u.", i);
		n += count_text("log", name) != 0;
	}
	return n;
}

/* Its CPU time so far, and its children's: microseconds */
static long long cpu_us(void)
{
	unsigned long u = 0, s = 0, cu = 0, cs = 0;
	char buf[1024], *p;
	FILE *f;

	sprintf(buf, "/proc/%d/stat", (int)pid);
	f = fopen(buf, "r");
	if (f && fgets(buf, sizeof(buf), f) && (p = strrchr(buf, ')')) != NULL)
		sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %lu %lu", &u, &s, &cu, &cs);
	if (f)
		fclose(f);
	return (u + s + cu + cs) * (1000000LL / sysconf(_SC_CLK_TCK));
}

static void loss_rules(void)
{
	write_file("etc/mdev.conf",
		"d[0-9]+ 11:12 640\n"
		"j[0-9]+ 0:0 600 !\n"
		"SUBSYSTEM=net;.* 0:0 600 ! @echo $INTERFACE. >>%s\n"
		"slow 0:0 600 ! @echo >%s; read x <%s\n",
		at_root("log"), at_root("started"), at_root("go"));
	if (mkfifo(at_root("started"), 0600) || mkfifo(at_root("go"), 0600))
		die("fifo");
}

/* A slow command, and more events than the buffer holds; real devices appear meanwhile */
static void lose_events(unsigned n)
{
	unsigned i;
	char c;
	int started = open(at_root("started"), O_RDWR), go = open(at_root("go"), O_RDWR);

	send_event("add", "/devices/x/slow", "MAJOR=1 MINOR=1 DEVNAME=slow");
	if (started < 0 || go < 0 || read(started, &c, 1) != 1)
		die("fifo");
	for (i = 0; i < n / 2; i++)
		send_node('j', i);
	for (links = 0; links < LINKS; links++)
		if (run("ip link add left%u type veth peer name right%u 2>/dev/null", links, links))
			break;
	for (; i < n; i++)
		send_node('j', i);
	if (write(go, "\n", 1) != 1)
		die("fifo");
	close(started);
	close(go);
}

static void loss(void)
{
	long long began, cpu;
	pid_t kernel;
	struct stat st;
	unsigned i, n, wrong = 0;

	make_sys();
	loss_rules();
	start_and_wait(0);
	kernel = start_kernel(0);
	lose_events(LOST);
	began = now_us();
	while ((devices_found() < DEVICES || links_found() < 2 * links) && now_us() - began < PATIENCE_SECS * 1000000LL)
		pause_us(20000);
	n = devices_found();
	for (i = 0; i < DEVICES; i++)
		if (stat(at_root("dev/d%u", i), &st) || st.st_uid != 11 || (st.st_mode & 07777) != 0640 || st.st_rdev != makedev(1, i))
			wrong++;
	report(n == DEVICES && wrong == 0,
		"mdevd: event loss: %u events around a slow command: %u of %u devices have their node, after %lld ms",
		LOST, n, DEVICES, (now_us() - began) / 1000);
	if (links == 0)
		printf("SKIPPED: mdevd: event loss: real network devices (the kernel makes no veth here)\n");
	else
		report(links_found() == 2 * links, "mdevd: event loss: %u of %u real network devices were handled",
			links_found(), 2 * links);
	report(count_text(".said", "events were lost") == 1, "mdevd: event loss: one warning (%u)",
		count_text(".said", "events were lost"));
	report(coldplugs() == 1, "mdevd: event loss: one coldplug (%u)", coldplugs());
	cpu = cpu_us();
	kill(kernel, SIGKILL);
	report(stop() == 0 && reap_all(), "mdevd: event loss: exit 0 afterwards (%lld ms of CPU)", cpu / 1000);
}

static void losses(void)
{
	/* Pauses of 1, 2, 4, 8... seconds: so many coldplugs at most */
	unsigned most = 1, sum = 1, n, i;
	long long began, cpu;
	pid_t kernel;
	int ok;

	for (i = 2; sum + i <= count; i *= 2) {
		sum += i;
		most++;
	}
	make_sys();
	loss_rules();
	start_and_wait(0);
	kernel = start_kernel(2000);
	lose_events(2000);
	began = now_us();
	while (now_us() - began < count * 1000000LL)
		pause_us(50000);
	cpu = cpu_us();
	/* No coldplug begins between the two counts */
	kill(kernel, SIGSTOP);
	n = coldplugs();
	i = count_text(".said", "events were lost");
	kill(kernel, SIGCONT);
	report(n >= 2 && n <= most + 1, "mdevd: event loss: repeated for %u s: %u coldplugs (%u would do)", count, n, most);
	report(cpu < count * 1000000LL / 10, "mdevd: event loss: repeated for %u s: %lld ms of CPU", count, cpu / 1000);
	report(i >= n && i <= n + 1, "mdevd: event loss: repeated: %u warnings for %u coldplugs", i, n);
	/* Before the kernel's process, which stops it for a moment, and for which it may wait at a fifo */
	ok = stop() == 0;
	kill(kernel, SIGKILL);
	report(ok && reap_all(), "mdevd: event loss: repeated: exit 0 afterwards");
}

static void dryloss(void)
{
	long long began;
	pid_t kernel;
	unsigned i;

	make_sys();
	loss_rules();
	start_and_wait(0);
	kernel = start_kernel(0);
	kill(pid, SIGSTOP);
	for (i = 0; i < LOST / 10; i++)
		send_node('j', i);
	kill(pid, SIGCONT);
	began = now_us();
	while (!count_text(".said", "events were lost") && now_us() - began < PATIENCE_SECS * 1000000LL)
		pause_us(20000);
	report(count_text(".said", "events were lost (a larger -b helps)\n") == 1, "mdevd -n: event loss: one warning");
	/* the pause before a coldplug is 1 s */
	pause_us(2500000);
	report(coldplugs() == 0, "mdevd -n: event loss: no coldplug (%u)", coldplugs());
	kill(kernel, SIGKILL);
	report(stop() == 0 && reap_all(), "mdevd -n: event loss: exit 0 afterwards");
}

/*** what others have, too ***/

struct mode {
	const char *name;
	void (*play)(void);
};

/* Begins with "[-n COUNT] [-s SEED] [-m] MODE PROGRAM [ARG]...", -m if m is there: it is set then. Returns MODE */
static const char *begin_mode(int argc, char **argv, int *m, const char *usage)
{
	int opt;

	while ((opt = getopt(argc, argv, m ? "+n:s:m" : "+n:s:")) > 0) {
		if (opt == 'n')
			count = atoi(optarg);
		else if (opt == 's')
			seed = atoi(optarg);
		else if (opt == 'm')
			*m = 1;
		else
			exit(STATUS_NO);
	}
	begin(argc, argv, count ? optind + 1 : 0, usage);
	return argv[optind];
}

/* Does what the mode of that name does, if there is one */
static void play_mode(const char *name, const struct mode *modes, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (strcmp(modes[i].name, name) == 0)
			modes[i].play();
	if (failures)
		show_said();
}

int main(int argc, char **argv)
{
	static const struct {
		const char *mode, *name;
	} modes[] = {
		{ "start", "while it starts" },
		{ "many", "while it starts with 100,000 rules" },
		{ "burst", "in a burst of events" },
		{ "command", "while a command runs" },
		{ "reload", "while it reads 100,000 rules again" },
	};
	static const struct mode others[] = {
		{ "hups", hups }, { "idle", idle }, { "storm", storm }, { "loss", loss }, { "losses", losses }, { "dryloss", dryloss },
	};
	const char *mode;
	unsigned i;

	count = 100;
	mode = begin_mode(argc, argv, NULL, "stress [-n COUNT] [-s SEED] MODE PROGRAM [ARG]...");
	for (i = 0; i < 5; i++)
		if (strcmp(modes[i].mode, mode) == 0)
			terms(i, modes[i].name);
	play_mode(mode, others, sizeof(others) / sizeof(others[0]));
	return 0;
}
