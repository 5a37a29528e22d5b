/* vi: set sw=4 ts=4: */
/*
 * Makes each system call of mdevd's children fail once: of the firmware child, and of the children
 * that run commands, until they execute another program
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 *
 * Built and called by check.d/stress/faults, in the sandbox.
 *
 *	childfaults [-a] PROGRAM [ARG]...
 *
 * A run without faults records the calls that the children make. In each further run, one call of one
 * child fails with one errno (-a: with each likely errno). The daemon must be unaffected: it makes all nodes,
 * handles later events, has no additional descriptors and no zombies, and exits with 0 on SIGTERM.
 * If a child did not do its work, there must be a message.
 * Prints one line for each call: "PASS: " or "FAIL: ", and the number of runs with each outcome.
 *
 *	childfaults -t LOG CHILD CALL ERRNO PROGRAM [ARG]...
 *
 * Runs PROGRAM, and makes the CALLth system call of its CHILDth child fail. CHILD 0: writes all calls
 * of all children to LOG. The first form uses this one.
 * Exit status: 0, or 111 if the test cannot be done.
 */
#define main stress_main
#include "stress.c"
#undef main

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>

#ifdef __x86_64__

enum {
	KINDS = 4,		/* of children: in the order in which they are forked */
	CALLS_MAX = 400,	/* of a child */
	PROCESSES = 64,
};
static const char *const kinds[KINDS] = { "firmware", "a command", "a program", "execlineb" };

/* The calls that may fail, and their errnos. Calls that fail only because of a bug (rt_sigaction, umask,
 * getpid...) are omitted */
static const struct {
	const char *call;
	int nr;
	int errnos[3];
} table[] = {
	{ "open", SYS_open, { EACCES, EMFILE } }, { "openat", SYS_openat, { EACCES, EMFILE } },
	{ "read", SYS_read, { EIO, EINTR } }, { "write", SYS_write, { EIO, EINTR, ENODEV } },
	{ "readv", SYS_readv, { EIO } }, { "writev", SYS_writev, { EIO } }, { "close", SYS_close, { EIO, EINTR } },
	{ "fcntl", SYS_fcntl, { EMFILE } }, { "dup2", SYS_dup2, { EMFILE } }, { "pipe", SYS_pipe, { EMFILE } },
	{ "stat", SYS_stat, { EACCES } }, { "lstat", SYS_lstat, { EACCES } }, { "fstat", SYS_fstat, { EIO } },
	{ "access", SYS_access, { EACCES } }, { "getcwd", SYS_getcwd, { ENOENT } }, { "chdir", SYS_chdir, { EACCES } },
	{ "fork", SYS_fork, { EAGAIN, ENOMEM } }, { "vfork", SYS_vfork, { EAGAIN } }, { "clone", SYS_clone, { EAGAIN } },
	{ "wait4", SYS_wait4, { EINTR } }, { "waitid", SYS_waitid, { EINTR } }, { "execve", SYS_execve, { ENOENT, ENOMEM, EACCES } },
	{ "setpgid", SYS_setpgid, { EACCES } },
	{ "recvfrom", SYS_recvfrom, { ENOBUFS, EINTR } },
	{ "sendto", SYS_sendto, { ENOBUFS } }, { "socket", SYS_socket, { EMFILE } }, { "bind", SYS_bind, { ENOMEM } },
	{ "poll", SYS_poll, { EINTR, ENOMEM } }, { "brk", SYS_brk, { ENOMEM } }, { "mmap", SYS_mmap, { ENOMEM } },
};
#define N_TABLE (sizeof(table) / sizeof(table[0]))

/*** the tracer ***/

static struct process {
	pid_t pid;
	int child;	/* the daemon's first child is 1; 0: not known yet, -1: not a child of the daemon */
	int is_held, is_inside, is_failing;
	unsigned calls;
} processes[PROCESSES];

static struct process *process(pid_t p)
{
	struct process *free_one = NULL;
	unsigned i;

	for (i = 0; i < PROCESSES; i++) {
		if (processes[i].pid == p)
			return &processes[i];
		if (!processes[i].pid && !free_one)
			free_one = &processes[i];
	}
	if (!free_one)
		_exit(STATUS_NO);
	memset(free_one, 0, sizeof(*free_one));
	free_one->pid = p;
	return free_one;
}

static void let_go(struct process *q)
{
	q->is_held = 0;
	if (q->child > 0)
		ptrace(PTRACE_SYSCALL, q->pid, NULL, NULL);
	else if (ptrace(PTRACE_DETACH, q->pid, NULL, NULL) == 0)
		q->pid = 0;
}

/* Handles the beginning or the end of a call. Returns 0 if the process has executed another program */
static int trace_call(struct process *q, FILE *log, int child, unsigned call, int number)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, q->pid, NULL, &regs) != 0)
		return 1;
	q->is_inside = !q->is_inside;
	if (!q->is_inside) {
		if (q->is_failing) {
			q->is_failing = 0;
			regs.rax = -number;
			ptrace(PTRACE_SETREGS, q->pid, NULL, &regs);
		}
		return regs.orig_rax != SYS_execve || regs.rax != 0;
	}
	q->calls++;
	if (child == 0) {
		fprintf(log, "%d %u %d\n", q->child, q->calls, (int)regs.orig_rax);
		fflush(log);
	} else if (q->child == child && q->calls == call) {
		q->is_failing = 1;
		regs.orig_rax = -1;
		ptrace(PTRACE_SETREGS, q->pid, NULL, &regs);
	}
	return 1;
}

static void trace(pid_t daemon, FILE *log, int child, unsigned call, int number)
{
	int status, children = 0;
	pid_t p;

	while ((p = waitpid(-1, &status, __WALL)) > 0) {
		struct process *q = p == daemon ? NULL : process(p);
		int event = status >> 16, sig = WSTOPSIG(status);

		if (!WIFSTOPPED(status)) {
			if (q)
				q->pid = 0;
		} else if (event == PTRACE_EVENT_STOP && sig != SIGTRAP) {
			ptrace(PTRACE_LISTEN, p, NULL, NULL);
		} else if (event == PTRACE_EVENT_STOP && q && !q->child) {
			q->is_held = 1; /* until the event of its parent arrives */
		} else if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE) {
			unsigned long born = 0;
			struct process *b;

			ptrace(PTRACE_GETEVENTMSG, p, NULL, &born);
			b = process(born);
			b->child = q ? -1 : ++children;
			if (b->is_held)
				let_go(b);
			ptrace(q ? PTRACE_SYSCALL : PTRACE_CONT, p, NULL, NULL);
		} else if (event == PTRACE_EVENT_STOP) {
			if (q)
				let_go(q);
			else
				ptrace(PTRACE_CONT, p, NULL, NULL);
		} else if (sig == (SIGTRAP | 0x80) && q) {
			if (!trace_call(q, log, child, call, number))
				q->child = -1;
			let_go(q);
		} else {
			ptrace(q ? PTRACE_SYSCALL : PTRACE_CONT, p, NULL, (long)sig);
		}
	}
}

static int trace_main(char **argv)
{
	pid_t daemon = getpid(), p;
	int fds[2], fd;
	FILE *log;
	char c;

	if (pipe2(fds, O_CLOEXEC) || (p = fork()) < 0)
		return STATUS_NO;
	if (p == 0) {
		/* The tracer must not be a child of the program */
		if (fork() != 0)
			_exit(0);
		log = fopen(argv[0], "w");
		if (log && ptrace(PTRACE_SEIZE, daemon, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK
				| PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE) == 0
		 && write(fds[1], "", 1) == 1
		) {
			for (fd = 0; fd < 256; fd++)
				if (fd != fileno(log))
					close(fd);
			trace(daemon, log, atoi(argv[1]), atoi(argv[2]), atoi(argv[3]));
		}
		_exit(0);
	}
	waitpid(p, NULL, 0);
	close(fds[1]);
	if (read(fds[0], &c, 1) != 1)
		return STATUS_NO;
	execvp(argv[4], argv + 4);
	return STATUS_NO;
}

/*** the run ***/

static unsigned want_fds;
static int is_execline;

static void child_world(void)
{
	unsigned i;

	run("rm -rf %s/dev/* %s/sys/* %s/.said %s/did; mkdir -p %s/did %s/sys/class/firmware", root, root, root, root, root, root);
	for (i = 0; i < 2; i++) {
		run("mkdir -p %s/sys/devices/x/f%u", root, i);
		write_file(i ? "sys/devices/x/f1/loading" : "sys/devices/x/f0/loading", "");
		write_file(i ? "sys/devices/x/f1/data" : "sys/devices/x/f0/data", "");
	}
	write_file("lib/firmware/blob", "blob");
	write_file("etc/mdev.conf", "n[0-9]+ 11:12 640 @echo $MDEV >%s/did/$MDEV\n"
		"p[0-9]+ 11:12 640 @/bin/touch %s/did/$MDEV\n"
		"e[0-9]+ 11:12 640 +importas m MDEV touch %s/did/${m}\n"
		".* 11:12 640\n",
		root, root, root);
}

static int did(const char *what, unsigned i)
{
	struct stat st;

	if (*what == 'f')
		return stat(at_root("sys/devices/x/f%u/data", i), &st) == 0 && st.st_size == 4;
	return access(at_root("did/%s%u", what, i), F_OK) == 0;
}

/* Waits until the node of a marker, sent again and again, is there */
static int goes_on(void)
{
	static unsigned marker;
	long long began = now_us(), sent = 0;

	while (now_us() - began < PATIENCE_SECS * 1000000LL) {
		if (now_us() - sent >= 500000) {
			send_node('m', ++marker);
			sent = now_us();
		}
		if (access(at_root("dev/m%u", marker), F_OK) == 0)
			return 1;
		pause_us(500);
	}
	return 0;
}

static int has_said(void)
{
	struct stat st;

	return stat(at_root(".said"), &st) == 0 && st.st_size != 0;
}

/* Plays one run. Returns 0 if the fault had no effect, 1 if there was a message, or -1 after a failure: *why
 * is the reason */
static int play(char *const *words, int is_reference, int is_firmware, const char **why)
{
	static const char *const things[KINDS] = { "f", "n", "p", "e" };
	unsigned i, k, missing = 0, wrong = 0, fds, zombies;
	long long began;
	struct stat st;
	int said, status;

	*why = "";
	child_world();
	under = words;
	start_and_wait(0);
	for (i = 0; i < 2; i++) {
		for (k = 1; k < KINDS - !is_execline; k++)
			send_node(*things[k], i);
		send_event("add", i ? "/devices/x/f1" : "/devices/x/f0", "SUBSYSTEM=firmware FIRMWARE=blob");
	}
	if (!goes_on()) {
		*why = "it does not go on";
		kill(pid, SIGKILL);
		stop();
		reap_all();
		return -1;
	}
	/* No event waits for firmware: wait until both files are loaded, or one is and a message says so */
	began = now_us();
	while (did("f", 0) + did("f", 1) + (is_firmware && has_said()) < 2 && now_us() - began < 5000000)
		pause_us(1000);
	fds = count_fds();
	zombies = count_zombies();
	if (is_reference)
		want_fds = fds;
	for (k = 0; k < KINDS - !is_execline; k++) {
		for (i = 0; i < 2; i++) {
			missing += !did(things[k], i);
			if (k)
				wrong += lstat(at_root("dev/%s%u", things[k], i), &st) != 0 || !S_ISCHR(st.st_mode)
					|| (st.st_mode & 07777) != 0640 || st.st_uid != 11 || st.st_gid != 12;
		}
	}
	status = stop();
	reap_all();
	said = has_said();
	if (status != 0)
		*why = "SIGTERM does not end it with 0";
	else if (wrong)
		*why = "a node is not as it should be";
	else if (fds > want_fds)
		*why = "a descriptor is left open";
	else if (zombies)
		*why = "a child was not waited for";
	else if (missing > 1)
		*why = "more than one thing was not done";
	else if (missing && !said)
		*why = "something was not done, and nothing was said";
	else
		return said;
	return -1;
}

int main(int argc, char **argv)
{
	static int nrs[KINDS][CALLS_MAX];
	char log[PATH_MAX], words[3][16];
	char *const tracer[] = { "childfaults", "-t", log, words[0], words[1], words[2], NULL };
	unsigned i, k, n, e, runs = 0;
	int all = argc > 1 && strcmp(argv[1], "-a") == 0, child, nr, result;
	const char *why;
	FILE *f;

	if (argc > 6 && strcmp(argv[1], "-t") == 0)
		return trace_main(argv + 2);
	begin(argc, argv, 1 + all, "childfaults [-a] PROGRAM [ARG]...");
	is_execline = run("command -v execlineb >/dev/null") == 0;
	snprintf(log, sizeof(log), "%s", at_root("trace"));
	strcpy(words[0], "0");
	strcpy(words[1], "0");
	strcpy(words[2], "0");
	if (play(tracer, 1, 0, &why) != 0) {
		printf("FAIL: faults in children: a run without any: %s\n", why);
		show_said();
		return STATUS_NO;
	}
	f = fopen(log, "r");
	while (f && fscanf(f, "%d %u %d", &child, &n, &nr) == 3)
		if (child >= 1 && child <= KINDS && n < CALLS_MAX)
			nrs[child - 1][n] = nr + 1; /* 0: no call */
	if (f)
		fclose(f);
	strcpy(log, "/dev/null");
	for (i = 0; i < N_TABLE; i++) {
		unsigned outcome[KINDS][2] = { { 0 } }, wrong = 0, any = 0;

		for (k = 0; k < KINDS; k++) {
			for (n = 1; n < CALLS_MAX; n++) {
				if (nrs[k][n] != table[i].nr + 1)
					continue;
				for (e = 0; e < (all ? 3 : 1) && table[i].errnos[e]; e++) {
					sprintf(words[0], "%u", k + 1);
					sprintf(words[1], "%u", n);
					sprintf(words[2], "%d", table[i].errnos[e]);
					result = play(tracer, 0, k == 0, &why);
					runs++;
					any++;
					if (result < 0) {
						wrong++;
						printf("FAIL: faults in children: %s: call %u, %s: %s: %s\n", kinds[k], n,
							table[i].call, strerror(table[i].errnos[e]), why);
						show_said();
					} else {
						outcome[k][result]++;
					}
				}
			}
		}
		if (!any || wrong)
			continue;
		printf("PASS: faults in children: %s", table[i].call);
		for (k = 0; k < KINDS; k++)
			if (outcome[k][0] + outcome[k][1])
				printf("; %s: %u as if nothing had happened, %u said", kinds[k], outcome[k][0], outcome[k][1]);
		putchar('\n');
	}
	printf("%s: faults in children: %u runs\n", runs ? "PASS" : "FAIL", runs);
	return 0;
}

#else

int main(void)
{
	printf("SKIPPED: faults in children (it knows the registers of x86_64 only)\n");
	return 0;
}

#endif
