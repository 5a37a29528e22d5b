/* vi: set sw=4 ts=4: */
/*
 * Runs a program as if the kernel were 2.6.26 as far as system calls go, and notes which it makes
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 *
 *	oldcalls [-a] [-l LOG] PROGRAM [ARG]...
 *		A seccomp filter answers ENOSYS to every system call that 2.6.26 did not have (x86-64:
 *		288 and up; ARM EABI: 355 and up, and pselect6, ppoll and epoll_pwait, which ARM got
 *		with 2.6.32), and EINVAL to types of sockets with flags. PROGRAM takes the place of
 *		this process; what it starts is under the filter, too. -a: all are allowed.
 *		-l: what PROGRAM calls is noted in LOG, a file of fixed size that many may share;
 *		so are its children's calls until they execute something else. A separate process
 *		traces PROGRAM for this; signals and blocking calls are not affected.
 *		Exit status: PROGRAM's; 111 if this kernel cannot do it, with the reason on stderr.
 *	oldcalls -r CALL PROGRAM [ARG]...
 *		Answers ENOSYS to CALL only, which is one of the calls that wait.
 *	oldcalls -p LOG
 *		Prints LOG, a call a line: NAME WHO NUMBER WHAT. NAME is the program's, WHO "self" or
 *		"child", WHAT "made", "refused", or "both" (a call with flags that was made without).
 *		Numbers of ARM's own calls have their offset (0xf0000) taken off, and a "+".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/ptrace.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* glibc's sys/ptrace.h and linux/ptrace.h cannot be had at once */
long ptrace(int request, ...);

enum {
	SOCKET_TYPE = 0xf,	/* the rest of socket()'s second argument is flags */
	PRIVATE = 0xf0000,	/* ARM: set_tls and the like */
	CALLS_MAX = 1024,
	PRIVATE_AT = 1000,	/* where those are in the log */
	TRACED_MAX = 256,
	MADE = 1,
	REFUSED = 2,
};

#if defined(__x86_64__)
# define OUR_ARCH AUDIT_ARCH_X86_64
enum { FIRST_NEW = 288 };
static const int missing[] = { -1 };
#elif defined(__arm__) && defined(__ARM_EABI__)
# define OUR_ARCH AUDIT_ARCH_ARM
enum { FIRST_NEW = 355 };
static const int missing[] = { __NR_pselect6, __NR_ppoll, __NR_epoll_pwait, -1 };
#else
# error "which system calls did 2.6.26 have here?"
#endif

static const char *const programs[] = { "mdevd", "mdevd-coldplug", NULL };
static const char *const roles[] = { "self", "child", NULL };

/* The log: what is known of a call */
typedef unsigned char calls_t[2][2][CALLS_MAX];

struct traced {
	pid_t pid;
	int program, role;
};

static void die(const char *what)
{
	fprintf(stderr, "oldcalls: %s: %s\n", what, strerror(errno));
	exit(111);
}

static const struct {
	const char *name;
	int nr;
} waiting[] = {
	{ "poll", __NR_poll }, { "ppoll", __NR_ppoll }, { "wait4", __NR_wait4 }, { "waitid", __NR_waitid },
	{ "recvfrom", __NR_recvfrom }, { "rt_sigtimedwait", __NR_rt_sigtimedwait }, { NULL, 0 }
};

/* The filter of -r */
static void refuse(const char *name)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { sizeof(code) / sizeof(code[0]), code };
	int i;

	for (i = 0; waiting[i].name && strcmp(waiting[i].name, name) != 0; i++)
		continue;
	errno = EINVAL;
	code[1].k = waiting[i].nr;
	if (!waiting[i].name || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		die(name);
}

static int is_missing(unsigned nr)
{
	const int *p;

	for (p = missing; *p >= 0; p++)
		if ((unsigned)*p == nr)
			return 1;
	return nr >= FIRST_NEW && nr < PRIVATE;
}

static int has_flags(unsigned nr, unsigned type)
{
	return (nr == __NR_socket || nr == __NR_socketpair) && (type & ~SOCKET_TYPE);
}

static void install_filter(void)
{
	/* The low half of the second argument */
	unsigned arg1 = offsetof(struct seccomp_data, args[1])
		+ (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0);
	struct sock_filter code[16 + sizeof(missing) / sizeof(missing[0])];
	struct sock_fprog filter = { 0, code };
	struct sock_filter *p = code;
	const int *m;

#define ADD(...) do { struct sock_filter f = __VA_ARGS__; *p++ = f; } while (0)
	/* Another architecture's calls are none of ours (a 32-bit program on x86-64) */
	ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)));
	ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCH, 1, 0));
	ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
	for (m = missing; *m >= 0; m++) {
		ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, *m, 0, 1));
		ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
	}
	ADD(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, PRIVATE, 6, 0));
	ADD(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FIRST_NEW, 6, 0));
	ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_socket, 1, 0));
	ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_socketpair, 0, 3));
	ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, arg1));
	ADD(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, ~SOCKET_TYPE, 0, 1));
	ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL));
	ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
#undef ADD
	filter.len = p - code;
	/* Root does without no_new_privs, which programs would notice */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter)
	 && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
	) {
		die("seccomp");
	}
}

static calls_t *map_log(const char *name, int flags)
{
	int fd = open(name, flags | O_CLOEXEC, 0666);
	void *p;

	if (fd < 0 || (flags != O_RDONLY && ftruncate(fd, sizeof(calls_t))))
		die(name);
	p = mmap(NULL, sizeof(calls_t), PROT_READ | (flags == O_RDONLY ? 0 : PROT_WRITE), MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		die(name);
	close(fd);
	return p;
}

/* Which of our programs is it? -1: none */
static int program_of(pid_t pid)
{
	char name[64];
	FILE *f;
	int i;

	snprintf(name, sizeof(name), "/proc/%d/comm", (int)pid);
	f = fopen(name, "r");
	if (!f || !fgets(name, sizeof(name), f))
		*name = '\0';
	if (f)
		fclose(f);
	name[strcspn(name, "\n")] = '\0';
	for (i = 0; programs[i]; i++)
		if (strcmp(programs[i], name) == 0)
			return i;
	return -1;
}

/* The entry of pid. A new one is a child, and has its parent's name */
static struct traced *find(struct traced *all, pid_t pid)
{
	struct traced *t, *free_one = NULL;

	for (t = all; t < all + TRACED_MAX; t++) {
		if (t->pid == pid)
			return t;
		if (!t->pid)
			free_one = t;
	}
	if (!free_one)
		die("too many processes");
	free_one->pid = pid;
	free_one->program = program_of(pid);
	free_one->role = 1;
	return free_one;
}

static void note(calls_t *log, const struct traced *t, int is_free)
{
	struct ptrace_syscall_info info;
	unsigned nr;
	int what;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, t->pid, sizeof(info), &info) <= 0
	 || info.op != PTRACE_SYSCALL_INFO_ENTRY || t->program < 0
	) {
		return;
	}
	nr = info.entry.nr;
	what = !is_free && (is_missing(nr) || has_flags(nr, info.entry.args[1])) ? REFUSED : MADE;
	if (nr >= PRIVATE)
		nr = nr - PRIVATE + PRIVATE_AT;
	if (nr < CALLS_MAX)
		(*log)[t->program][t->role][nr] |= what;
}

/* The tracer: until everything that it traces has ended, or executed something else */
static void trace(calls_t *log, int is_free)
{
	static struct traced all[TRACED_MAX];
	int status, sig, event;
	struct traced *t;
	pid_t pid;

	while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		if (pid < 0)
			continue;
		t = find(all, pid);
		if (!WIFSTOPPED(status)) {
			t->pid = 0;
			continue;
		}
		sig = WSTOPSIG(status);
		event = status >> 16;
		if (event == PTRACE_EVENT_EXEC) {
			t->program = program_of(pid);
			t->role = 0;
			if (t->program < 0) {
				ptrace(PTRACE_DETACH, pid, 0, 0);
				t->pid = 0;
				continue;
			}
		} else if (event == PTRACE_EVENT_STOP && sig != SIGTRAP) {
			/* It has been stopped, and is to stay so */
			ptrace(PTRACE_LISTEN, pid, 0, 0);
			continue;
		} else if (event == 0 && sig == (SIGTRAP | 0x80)) {
			note(log, t, is_free);
		}
		if (event || sig == (SIGTRAP | 0x80))
			sig = 0;
		/* Before it executes the program it is this one's own code */
		ptrace(t->program < 0 ? PTRACE_CONT : PTRACE_SYSCALL, pid, 0, sig);
	}
	_exit(0);
}

/* Has a grandchild trace us: a child would be one that the program does not know of */
static void start_tracer(calls_t *log, int is_free)
{
	pid_t pid, we = getpid();
	int fds[2], status;
	char c;

	if (pipe(fds))
		die("pipe");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		if (fork())
			_exit(0);
		/* Who waits for the end of our output does not wait for us */
		for (status = 0; status < 256; status++)
			if (status != fds[1])
				close(status);
		setsid();
		if (ptrace(PTRACE_SEIZE, we, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC
				| PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE))
			_exit(111);
		if (write(fds[1], "", 1) != 1)
			_exit(111);
		close(fds[1]);
		trace(log, is_free);
	}
	close(fds[1]);
	waitpid(pid, &status, 0);
	if (read(fds[0], &c, 1) != 1) {
		fprintf(stderr, "oldcalls: cannot be traced\n");
		exit(111);
	}
	close(fds[0]);
}

static int print(const calls_t *log)
{
	static const char *const whats[] = { NULL, "made", "refused", "both" };
	int p, r, i;

	for (p = 0; programs[p]; p++)
		for (r = 0; roles[r]; r++)
			for (i = 0; i < CALLS_MAX; i++)
				if ((*log)[p][r][i])
					printf("%s %s %s%d %s\n", programs[p], roles[r], i < PRIVATE_AT ? "" : "+",
						i < PRIVATE_AT ? i : i - PRIVATE_AT, whats[(*log)[p][r][i]]);
	return 0;
}

int main(int argc, char **argv)
{
	calls_t *log = NULL;
	int c, is_free = 0;

	/* The program's options are its own */
	while ((c = getopt(argc, argv, "+al:p:r:")) != -1) {
		switch (c) {
		case 'a':
			is_free = 1;
			break;
		case 'l':
			log = map_log(optarg, O_RDWR | O_CREAT);
			break;
		case 'r':
			refuse(optarg);
			is_free = 1;
			break;
		case 'p':
			return print(map_log(optarg, O_RDONLY));
		default:
			return 111;
		}
	}
	if (!argv[optind]) {
		fprintf(stderr, "usage: oldcalls [-a] [-l LOG] PROGRAM [ARG]... | -p LOG\n");
		return 111;
	}
	if (log)
		start_tracer(log, is_free);
	if (!is_free)
		install_filter();
	execvp(argv[optind], argv + optind);
	die(argv[optind]);
}
