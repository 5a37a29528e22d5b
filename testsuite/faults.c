/* vi: set sw=4 ts=4: */
/*
 * Makes each system call of mdevd fail once, in a run of 50 events
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 *
 * Built and called by check.d/stress/faults, in the sandbox.
 *
 *	faults [-a] PROGRAM [ARG]...
 *
 * A run without faults records the program's calls, and /dev and its descriptors at the end. In each
 * further run, under strace, one call fails with one errno: some calls of each kind, or with -a all of them
 * with each likely errno. During its start the program must continue, or exit with 111 (100 for -D and -o)
 * and a message. Later it must continue. At the end /dev must be the same, or a message was printed and only
 * one device differs; there are no additional descriptors and no zombies, and SIGTERM ends it with 0.
 * CALL=name: this call alone.
 * Prints one line for each call: "PASS: " or "FAIL: ", and the number of runs with each outcome.
 * Exit status: 0, or 111 if the test cannot be done.
 */
#define main stress_main
#include "stress.c"
#undef main

enum {
	EVENTS = 50,
	LIST_MAX = 256,
	RUN_SECS = 20,
	/* Without -a: so many of each kind, at the start and later */
	FEW = 2,
};

/* The calls that may fail, and their errnos. Calls that fail only because of a bug (rt_sigaction, umask,
 * getpid...), and those of libc before main(), are omitted */
static const struct {
	const char *call, *errnos;
} table[] = {
	{ "open", "EACCES EMFILE EIO" }, { "openat", "EACCES EMFILE EIO" },
	{ "read", "EIO EINTR" }, { "readv", "EIO" }, { "write", "EIO EAGAIN EPIPE ENOSPC" }, { "writev", "EIO EPIPE" },
	{ "pread64", "EIO" }, { "lseek", "ESPIPE" }, { "close", "EIO EINTR" }, { "fcntl", "EMFILE EBADF" }, { "ioctl", "ENOTTY" },
	{ "mknod", "ENOSPC EPERM EROFS" }, { "mknodat", "ENOSPC EPERM EROFS" },
	{ "mkdir", "ENOSPC EACCES" }, { "mkdirat", "ENOSPC EACCES" },
	{ "unlink", "EROFS EBUSY" }, { "unlinkat", "EROFS EBUSY" },
	{ "chown", "EPERM EROFS" }, { "lchown", "EPERM EROFS" }, { "fchownat", "EPERM EROFS" },
	{ "chmod", "EPERM EROFS" }, { "fchmodat", "EPERM EROFS" },
	{ "symlink", "ENOSPC EROFS" }, { "symlinkat", "ENOSPC EROFS" }, { "rename", "EROFS ENOSPC" }, { "renameat", "EROFS" },
	{ "readlink", "EACCES EIO" }, { "readlinkat", "EACCES EIO" }, { "getcwd", "ENOENT" }, { "chdir", "EACCES ENOENT" },
	{ "stat", "EACCES EIO" }, { "lstat", "EACCES EIO" }, { "newfstatat", "EACCES EIO" }, { "fstat", "EIO" },
	{ "access", "EACCES" }, { "faccessat", "EACCES" }, { "getdents64", "EIO" },
	{ "fork", "EAGAIN ENOMEM" }, { "vfork", "EAGAIN ENOMEM" }, { "clone", "EAGAIN ENOMEM" }, { "wait4", "EINTR" },
	{ "waitid", "EINTR ENOSYS" }, { "kill", "ESRCH EPERM" }, { "setpgid", "EACCES ESRCH" },
	{ "socket", "EMFILE EPROTONOSUPPORT" }, { "bind", "EADDRINUSE ENOMEM" },
	{ "setsockopt", "EPERM ENOBUFS" }, { "recvfrom", "ENOBUFS ENOMEM EINTR" }, { "sendto", "ENOBUFS EAGAIN ECONNREFUSED" },
	{ "poll", "EINTR ENOMEM" }, { "pipe", "EMFILE" }, { "pipe2", "EMFILE" }, { "dup2", "EMFILE EINTR" }, { "dup3", "EMFILE" },
	{ "brk", "ENOMEM" }, { "mmap", "ENOMEM" }, { "munmap", "ENOMEM" }, { "mremap", "ENOMEM" },
};

/* Outcomes of a run */
enum { REFUSED, SAME, SAID, N_OUTCOMES, WRONG = N_OUTCOMES };

static char *want[LIST_MAX];
static unsigned n_want, want_fds;

/*** the run ***/

static void fault_world(void)
{
	static const char *const dirs[] = {
		"sys/class/firmware", "sys/devices/x/f", "sys/devices/x/e1", "sys/dev/char", "sys/dev/block"
	};
	unsigned i;

	run("rm -rf %s/dev/* %s/sys/* %s/.said %s/trace; mkdir -p %s/etc/mdev.conf.d", root, root, root, root, root);
	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		run("mkdir -p %s/%s", root, dirs[i]);
	write_file("sys/devices/x/e1/dev", "1:1\n");
	write_file("sys/devices/x/f/loading", "");
	write_file("sys/devices/x/f/data", "");
	write_file("lib/firmware/blob", "blob");
	write_file("etc/mdev.conf.d/z.conf", "e[0-9] 19:20 604\n");
	write_file("sys/devices/x/e1/uevent", "MAJOR=1\nMINOR=1\nDEVNAME=e1\n");
	/* What devtmpfs or somebody else has made */
	run("cd %s/dev; mknod -m 600 k0 c 1 0; mknod k1 c 1 9; echo >k2; ln -s nowhere k3; mkdir mnt; "
		"mknod c40 c 1 40; mknod -m 600 b41 c 1 41", root);
	write_file("etc/mdev.conf", "%sk[0-9] 17:18 620\n"
		"x[0-9]+ 21:22 606 @[ \"$MDEV\" ] && exit 3\n"
		"y[0-9]+ 23:24 602 >y/%%0 *:\n", round_rules);
}

/* Lines "NAME MODE OWNER WHAT" of root/DIR and below, sorted later */
static void list_dir(const char *dir, char **lines, unsigned *n)
{
	DIR *d = opendir(at_root("dev/%s", dir));
	struct dirent *e;
	struct stat st;
	char name[PATH_MAX], text[PATH_MAX];
	ssize_t len;

	while (d && (e = readdir(d)) != NULL && *n < LIST_MAX) {
		/* m...: markers */
		if (e->d_name[0] == '.' || (e->d_name[0] == 'm' && e->d_name[1] != 'n'))
			continue;
		snprintf(name, sizeof(name), "%s%s", dir, e->d_name);
		if (lstat(at_root("dev/%s", name), &st))
			continue;
		len = S_ISLNK(st.st_mode) ? readlink(at_root("dev/%s", name), text, sizeof(text) - 1) : 0;
		text[len < 0 ? 0 : len] = '\0';
		if (asprintf(&lines[(*n)++], "%s %o %u:%u %u:%u %s", name, (unsigned)st.st_mode, (unsigned)st.st_uid,
			(unsigned)st.st_gid, major(st.st_rdev), minor(st.st_rdev), text) < 0)
			die("memory");
		if (S_ISDIR(st.st_mode)) {
			strcat(name, "/");
			list_dir(name, lines, n);
		}
	}
	if (d)
		closedir(d);
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static unsigned list(char **lines)
{
	unsigned n = 0;

	list_dir("", lines, &n);
	qsort(lines, n, sizeof(*lines), compare_lines);
	return n;
}

/* The device that a line is about: its number; -1: a directory, which is about none */
static int number_of(const char *line)
{
	const char *s = line;
	unsigned mode;

	if (sscanf(line, "%*s %o", &mode) == 1 && S_ISDIR(mode))
		return -1;
	s += strcspn(s, " ");
	while (s > line && (unsigned)(s[-1] - '0') <= 9)
		s--;
	/* k and e have numbers of their own: kept apart */
	return atoi(s) + (s > line && strchr("ke", s[-1]) ? 1000 : 0);
}

/* Counts the lines that are in one list only. Returns 0 if they are about more than one device */
static int is_one_device(char **got, unsigned n, unsigned *differences)
{
	unsigned i = 0, k = 0;
	int device = -1, d;

	*differences = 0;
	while (i < n || k < n_want) {
		int c = i == n ? 1 : k == n_want ? -1 : strcmp(got[i], want[k]);

		if (c == 0) {
			i++;
			k++;
			continue;
		}
		d = number_of(c < 0 ? got[i++] : want[k++]);
		++*differences;
		if (d >= 0 && device >= 0 && d != device)
			return 0;
		if (d >= 0)
			device = d;
	}
	return 1;
}

static void send_all(void)
{
	unsigned i;

	for (i = 0; i < 4; i++)
		send_event("add", "/devices/x/k", "SUBSYSTEM=x MAJOR=1 MINOR=%u DEVNAME=k%u", i, i);
	send_event("add", "/devices/x/e1", "SUBSYSTEM=x");
	send_event("change", "/devices/x/y2", "SUBSYSTEM=x MAJOR=1 MINOR=2 DEVNAME=y2");
	send_event("add", "/devices/x/f", "SUBSYSTEM=firmware FIRMWARE=blob");
	for (i = 0; i < EVENTS - 11; i++) {
		send_node("abcxy"[i % 5], i);
		if (i == EVENTS / 2)
			kill(pid, SIGHUP);
	}
	send_node('c', 40);
	send_node('b', 41);
	for (i = 10; i < 12; i++)
		send_event("remove", "/devices/x/r", "SUBSYSTEM=x MAJOR=1 MINOR=%u DEVNAME=%c%u", i, "abcxy"[i % 5], i);
}

static int has_ended(void)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

/* Sends markers until one of them, and therefore all events before it, is handled. Returns 0 after a timeout */
static int wait_for_marker(void)
{
	static unsigned marker;
	long long began = now_us(), sent = 0;

	while (now_us() - began < RUN_SECS * 1000000LL) {
		if (now_us() - sent >= 200000) {
			send_node('m', ++marker);
			sent = now_us();
		}
		pause_us(1000);
		if (access(at_root("dev/m%u", marker), F_OK) == 0 || (marker > 1 && access(at_root("dev/m%u", marker - 1), F_OK) == 0))
			return 1;
		if (has_ended())
			return 0;
	}
	return 0;
}

/* Plays one run under strace with these words. Returns the outcome; if it is WRONG, *why is the reason */
static int play(char *const *strace, int is_reference, int is_close, const char **why)
{
	char *got[LIST_MAX];
	unsigned n, i, differences, fds, zombies;
	int status, is_one;

	*why = "";
	fault_world();
	under = strace;
	start(1);
	if (!is_ready(0)) {
		/* mdevd continues if it cannot write to -D */
		if (has_ended()) {
			reap(pid, &status);
			close(ready_fd);
			close(o_fd);
			reap_all();
			/* 100: -D and -o are asked for with fcntl() */
			if (WIFEXITED(status) && count_text(".said", "mdevd: ")
			 && (WEXITSTATUS(status) == STATUS_NO || WEXITSTATUS(status) == 100)
			) {
				return REFUSED;
			}
			*why = WIFSIGNALED(status) ? "killed by a signal" : "not 111 or 100, or without a word";
			return WRONG;
		}
	}
	send_all();
	if (!wait_for_marker()) {
		*why = "it does not go on";
		kill(pid, SIGKILL);
		stop();
		reap_all();
		return WRONG;
	}
	fds = count_fds();
	if (!is_reference && fds > want_fds + is_close)
		run("ls -l /proc/%d/fd | sed -n 's/.* \\([0-9]* ->\\)/	\\1/p'", (int)pid);
	zombies = count_zombies();
	n = list(got);
	if (is_reference) {
		memcpy(want, got, sizeof(want));
		n_want = n;
		want_fds = fds;
	}
	is_one = is_one_device(got, n, &differences);
	for (i = 0; i < n && !is_reference; i++)
		free(got[i]);
	status = stop();
	reap_all();
	if (status != 0)
		*why = "SIGTERM does not end it with 0";
	else if (fds > want_fds + is_close)
		*why = "a descriptor is left open";
	else if (zombies)
		*why = "a child was not waited for";
	else if (!is_one)
		*why = "more than one device is not as it should be";
	else if (differences && !count_text(".said", "mdevd: "))
		*why = "a device is not as it should be, and nothing was said";
	else
		return differences || count_text(".said", "mdevd: ") ? SAID : SAME;
	return WRONG;
}

/*** which calls ***/

/* Reads what strace wrote of a run without faults */
static void count_calls(unsigned (*n)[2])
{
	FILE *f = fopen(at_root("trace"), "r");
	char line[1024], name[64];
	unsigned i;
	int is_started = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%60[a-z0-9_](", name) != 1)
			continue;
		for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
			if (strcmp(table[i].call, name) == 0)
				n[i][is_started]++;
		is_started |= strncmp(line, "write(3,", 8) == 0;
	}
	if (f)
		fclose(f);
}

/* The i'th word of s; NULL: there is none */
static char *word(const char *s, unsigned i)
{
	static char buf[32];

	while (i-- && s) {
		s = strchr(s, ' ');
		s += s != NULL;
	}
	if (!s || sscanf(s, "%31s", buf) != 1)
		return NULL;
	return buf;
}

static void play_call(unsigned kind, const unsigned *n, int all, unsigned *runs)
{
	static const char *const names[] = { "exit 111 or 100", "as if nothing had happened", "said, and went on" };
	char inject[128], trace[PATH_MAX];
	char *const strace[] = { "strace", "-D", "-q", "-o", trace, "-e", inject, NULL };
	unsigned outcome[2][N_OUTCOMES] = { { 0 } }, when, e, o, phase, wrong = 0, step, first, end;
	const char *why, *name;

	strcpy(trace, "/dev/null");
	for (phase = 0; phase < 2; phase++) {
		first = phase ? n[0] : 0;
		end = phase ? n[0] + n[1] : n[0];
		step = all || end - first <= FEW ? 1 : (end - first) / FEW;
		for (when = first; when < end; when += step) {
			for (e = all ? 0 : (when / step) % 4; (name = word(table[kind].errnos, e)) != NULL || !all; e++) {
				if (!name)
					name = word(table[kind].errnos, 0);
				snprintf(inject, sizeof(inject), "inject=%s:error=%s:when=%u", table[kind].call, name, when + 1);
				o = play(strace, 0, strcmp(table[kind].call, "close") == 0, &why);
				++*runs;
				if (o == REFUSED && phase) {
					o = WRONG;
					why = "it was running, and exited 111";
				}
				if (o == WRONG) {
					wrong++;
					printf("FAIL: faults: %s: %s\n", inject, why);
					show_said();
				} else {
					outcome[phase][o]++;
				}
				if (!all)
					break;
			}
		}
	}
	if (wrong)
		return;
	printf("PASS: faults: %s", table[kind].call);
	for (phase = 0; phase < 2; phase++) {
		const char *comma = phase ? "; running: " : ": starting: ";

		for (o = 0; o < N_OUTCOMES; o++) {
			if (outcome[phase][o]) {
				printf("%s%u %s", comma, outcome[phase][o], names[o]);
				comma = ", ";
			}
		}
	}
	putchar('\n');
}

int main(int argc, char **argv)
{
	static unsigned n[sizeof(table) / sizeof(table[0])][2];
	char trace[PATH_MAX];
	char *const strace[] = { "strace", "-D", "-q", "-o", trace, NULL };
	const char *why;
	int all = argc > 1 && strcmp(argv[1], "-a") == 0;
	unsigned i, runs = 0;

	begin(argc, argv, 1 + all, "faults [-a] PROGRAM [ARG]...");
	snprintf(trace, sizeof(trace), "%s", at_root("trace"));
	i = play(strace, 1, 0, &why);
	if (i != SAME) {
		printf("FAIL: faults: a run without any: %s\n", why);
		show_said();
		return STATUS_NO;
	}
	count_calls(n);
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (n[i][0] + n[i][1] && (!getenv("CALL") || strcmp(getenv("CALL"), table[i].call) == 0))
			play_call(i, n[i], all, &runs);
	printf("%s: faults: %u runs of %u events\n", runs ? "PASS" : "FAIL", runs, EVENTS);
	return 0;
}
