/* vi: set sw=4 ts=4: */
/*
 * mdevd - device manager daemon with mdev's configuration file
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 *
 * The life of an event: the kernel multicasts a datagram. mdevd_netlink_recv()
 * takes it if it comes from whom we listen to; mdevd_uevent_parse() judges it
 * as a whole and finds its variables; mdev_sysfs_complete() finds the numbers
 * and the name if the kernel did not say. Then each rule is asked in turn:
 * mdev_match() answers with a plan, mdev_node_add() or _remove() and mdev_exec()
 * carry it out. At last the event is passed on to -o and -O. The next event is
 * not looked at before that.
 *
 * What blocks: the wait for an event, in poll(), and for a command, in sigtimedwait(),
 * which SIGTERM and SIGHUP interrupt. Nothing else does: firmware,
 * which may take a minute, is served by a child with a socket of its own, and
 * coldplug by another one.
 *
 * Signals: SIGTERM ends us at once where we wait, else after the system call
 * that is under way; SIGHUP is a flag and a byte in a pipe which the idle wait
 * listens to (ppoll() is missing in ARM kernels before 2.6.32). No memory is
 * allocated while events are handled.
 */
//applet:IF_MDEVD(APPLET(mdevd, BB_DIR_SBIN, BB_SUID_DROP))

//usage:#define mdevd_trivial_usage
//usage:       "[-CS] [-v N] [-D FD]"
//usage:	IF_FEATURE_MDEVD_RELAY(" [-o FD] [-O MASK] [-I MASK]")
//usage:       " [-b BYTES] [-t SECS]\n"
//usage:       "	[-f CONF] [-s SYS] [-d DEV]"
//usage:	IF_FEATURE_MDEVD_FIRMWARE(" [-F FWDIR]")
//usage:	IF_FEATURE_MDEVD_CHECK(" [-n [SYSPATH...] | -N]")
//usage:#define mdevd_full_usage "\n\n"
//usage:       "Handle the kernel's device events by the rules of mdev.conf\n"
//usage:     "\n	-v N	0: fatal errors, 1: warnings (default), 2: rules, 3: debug"
//usage:     "\n	-S	Log to syslog too"
//usage:     "\n	-D FD	Write a newline to FD when listening"
//usage:	IF_FEATURE_MDEVD_RELAY(
//usage:     "\n	-o FD	Write handled events to FD"
//usage:     "\n	-O MASK	Rebroadcast handled events to netlink groups"
//usage:     "\n	-I MASK	Listen to netlink groups (default 1)"
//usage:	)
//usage:     "\n	-b N	Receive buffer (default "STR(CONFIG_MDEVD_RCVBUF)" bytes)"
//usage:     "\n	-t SECS	Kill commands that run longer"
//usage:     "\n	-f FILE	Rules (default /etc/mdev.conf)"
//usage:     "\n	-s DIR	sysfs (default /sys)"
//usage:     "\n	-d DIR	Where the nodes are (default /dev)"
//usage:	IF_FEATURE_MDEVD_FIRMWARE(
//usage:     "\n	-F DIR	Firmware (default /lib/firmware)"
//usage:	)
//usage:     "\n	-C	Trigger events of existing devices when listening"
//usage:	IF_FEATURE_MDEVD_CHECK(
//usage:     "\n	-n	Only print what would be done (for SYSPATHs: and exit)"
//usage:     "\n	-N	Only check the rules, exit 0 or 2"
//usage:	)

#include "mdevd.h"
#include <sys/prctl.h>
#include <sys/syscall.h>

/* musl's tries SOCK_CLOEXEC and the like: 200 bytes for what is not asked for. (Where there
 * is a socketcall, old kernels have no system call of that name) */
#if defined(__NR_socketpair) && !defined(__NR_socketcall)
# define socketpair(domain, type, protocol, pair) syscall(__NR_socketpair, domain, type, protocol, pair)
#endif

enum {
	/* In the order of the option string */
	OPT_v = 1 << 0,
	OPT_D = 1 << 1,
	OPT_b = 1 << 2,
	OPT_f = 1 << 3,
	OPT_s = 1 << 4,
	OPT_d = 1 << 5,
	OPT_C = 1 << 6,
	OPT_t = 1 << 7,
	OPT_S = 1 << 8,
	OPTBIT_F = 9,
	OPTBIT_n = OPTBIT_F + ENABLE_FEATURE_MDEVD_FIRMWARE,
	OPTBIT_o = OPTBIT_n + 2 * ENABLE_FEATURE_MDEVD_CHECK,
	OPT_n = (1 << OPTBIT_n) * ENABLE_FEATURE_MDEVD_CHECK,
	OPT_N = (2 << OPTBIT_n) * ENABLE_FEATURE_MDEVD_CHECK,
	OPT_o = (1 << OPTBIT_o) * ENABLE_FEATURE_MDEVD_RELAY,

	/* A command that runs for longer is reported, without -t */
	SLOW_SECS = 10,
	/* Between SIGTERM and SIGKILL */
	GRACE_SECS = 2,
	/* Devices that a coldplug triggers before it waits for us. An event
	 * takes about 1 kB of the receive buffer (skb->truesize) */
	TRIGGER_BATCH = 32,
	TRIGGER_BYTES = 2048,
	/* Before a coldplug; doubled if events are lost again and again */
	MIN_PAUSE_MS = 1000,
	MAX_PAUSE_MS = 64 * 1000,
};

/* Our descriptors, which a child without exec closes */
enum {
	SOCK,
	FIRMWARE_SOCK,	/* the firmware child's, kept for the next one */
	HUP_READ, HUP_WRITE,
	NOTIFY,		/* -D, until that is done */
	OUT, OUT_SOCK,	/* -o, -O */
	TRIGGER,	/* to the coldplug that is under way */
	N_FDS
};

struct globals {
	/* What is small comes first: ARM reaches what lies within 4 kB in one instruction. After a
	 * fork each page that is written to is a fault: all this, and as much of u as most events
	 * need, are one or two */
	int fd[N_FDS];			/* -1: none */
	const char *conf_name, *sys, *dev, *firmware_dir;
	struct mdev_conf conf, fresh;
	dev_t root;
	mode_t umask;
	unsigned timeout;		/* -t, seconds */
	unsigned rcvbuf;
	unsigned out_groups;
	pid_t trigger_pid, firmware_pid;
	unsigned pause;			/* ms without loss before a coldplug makes up for it */
	unsigned recover_at, recovered_at; /* when, by now(): the next, the last one */
	smallint dry_run;
	smallint is_lost;		/* events were lost, no coldplug yet */
	volatile smallint may_exit;	/* SIGTERM needs not wait for anything */
	volatile smallint got_term, got_hup;
	volatile smallint status;	/* to exit with on SIGTERM */
	sigset_t chld;			/* SIGCHLD */
	jmp_buf die_jmp;
	struct mdevd_uevent u;
	struct mdev_plan plan;		/* not on the stack: the shell in a child would pay for more pages */
	char name_buf[MDEV_NAME_MAX + 1];
};
#define G (*ptr_to_globals)
#define INIT_G() do { \
	SET_PTR_TO_GLOBALS(xzalloc(sizeof(G))); \
	memset(G.fd, -1, sizeof(G.fd)); \
} while (0)

/* Milliseconds; only differences say anything */
static unsigned now(void)
{
	return monotonic_ms();
}

/** Signals **/

/* Ends the daemon. A command that is running is left alone. Async-signal-safe */
static void NORETURN leave(void)
{
	if (G.trigger_pid)
		kill(G.trigger_pid, SIGTERM);
	if (ENABLE_FEATURE_MDEVD_FIRMWARE && G.firmware_pid > 0)
		kill(G.firmware_pid, SIGTERM);
	_exit(G.status);
}

static void on_signal(int sig)
{
	int saved_errno = errno;

	if (sig == SIGHUP) {
		G.got_hup = 1;
		/* Non-blocking: if it is full, there is enough in it */
		write(G.fd[HUP_WRITE], "", 1);
	} else {
		G.got_term = 1;
		if (G.may_exit)
			leave();
	}
	errno = saved_errno;
}

/* From here to busy(), SIGTERM ends us on the spot */
static void waiting(void)
{
	G.may_exit = 1;
	if (G.got_term)
		leave();
}

static void busy(void)
{
	G.may_exit = 0;
}

static void init_signals(void)
{
	int sig;

	/* Whoever started us may have ignored or blocked some, SIGCHLD even */
	for (sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	xpipe(&G.fd[HUP_READ]);
	for (sig = HUP_READ; sig <= HUP_WRITE; sig++) {
		ndelay_on(G.fd[sig]);
		close_on_exec_on(G.fd[sig]);
	}
	bb_signals((1 << SIGPIPE) | (1 << SIGALRM), SIG_IGN);
	bb_signals((1 << SIGTERM) | (1 << SIGHUP), on_signal);
	/* Blocked, it stays until wait_for_command() asks for it */
	sigemptyset(&G.chld);
	sigaddset(&G.chld, SIGCHLD);
	sigprocmask(SIG_SETMASK, &G.chld, NULL);
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* A child without exec owns nothing of ours. Runs with all signals blocked,
 * and may share our memory (vfork): it writes nothing there */
static void in_any_child(void)
{
	sigset_t none;
	int i;

	bb_signals((1 << SIGTERM) | (1 << SIGHUP) | (1 << SIGPIPE) | (1 << SIGALRM), SIG_DFL);
	for (i = 0; i < N_FDS; i++)
		close_fd(G.fd[i]);
	sigemptyset(&none);
	sigprocmask2(SIG_SETMASK, &none);
}

static void in_command(void)
{
	umask(G.umask);
	if (G.timeout)
		setpgid(0, 0);
	close_fd(mdev_syslog_fd);
	in_any_child();
}

/** Rules **/

/* The rules in a row, as apply_rules() goes through them */
static void add_to_table(struct mdev_conf *conf, const struct mdev_rule *rule)
{
	struct mdev_entry *entry;

	conf->table = xrealloc_vector(conf->table, 5, conf->count);
	entry = &conf->table[conf->count++];
	entry->letters = rule->letters;
	entry->rule = rule;
}

/* Reads one file to its end. Returns 0 with errno set if it cannot be opened */
static int read_file(struct mdev_conf *conf, const char *file)
{
	struct mdev_rule *rule;

	if (!mdev_conf_open(conf, file))
		return 0;
	while ((rule = mdev_conf_next(conf, conf->last)) != NULL) {
		if (ENABLE_FEATURE_MDEVD_MODALIAS && rule->command)
			rule->is_plain_modprobe = mdevd_modalias_is_plain(rule->command);
		add_to_table(conf, rule);
	}
	return 1;
}

/* errno says why */
static void unread(const char *what, const char *file)
{
	G.fresh.failed = 1;
	mdev_log(NULL, NULL, "can't %s '%s': "STRERROR_FMT, what, file STRERROR_ERRNO);
}

#if ENABLE_FEATURE_MDEVD_CONF_D
/* CONF.d/ *.conf, in the order of their names */
static void read_conf_d(void)
{
	char *dir = xasprintf("%s.d", G.conf_name);
	llist_t *names = NULL;
	struct dirent *entry;
	DIR *d = opendir(dir);

	if (!d) {
		if (errno != ENOENT)
			unread("open", dir);
		goto out;
	}
	while (errno = 0, (entry = readdir(d)) != NULL) {
		const char *dot = strrchr(entry->d_name, '.');

		if (dot && dot != entry->d_name && strcmp(dot, ".conf") == 0) {
			char *name = concat_path_file(dir, entry->d_name);
			llist_t **next = &names;

			while (*next && strcmp((*next)->data, name) < 0)
				next = &(*next)->link;
			llist_add_to(next, name);
		}
	}
	if (errno)
		unread("read", dir);
	closedir(d);
	while (names) {
		char *name = llist_pop(&names);

		if (!read_file(&G.fresh, name))
			unread("open", name);
		free(name);
	}
 out:
	free(dir);
}
#else
# define read_conf_d() ((void)0)
#endif

/* Reads all rules into G.fresh, and if nothing is wrong takes them into use. Returns 0, or
 * the exit status of a daemon that is starting; what is wrong has been printed */
static int read_rules(int may_be_missing)
{
	struct mdev_conf *conf = &G.fresh;

	mdev_conf_init(conf, G.dev);
	read_conf_d();
	if (!read_file(conf, G.conf_name)) {
		if (may_be_missing && errno == ENOENT)
			mdev_warn(NULL, NULL, "no '%s': nodes get owner 0:0 and mode 660", G.conf_name);
		else
			unread("open", G.conf_name);
	}
	add_to_table(conf, &mdev_rule_implicit);
	if (conf->failed)
		return MDEVD_EXIT_SYSTEM;
	if (conf->errors)
		return MDEVD_EXIT_SYNTAX;
	mdev_conf_free(&G.conf);
	G.conf = G.fresh;
	return 0;
}

static void jump(void)
{
	longjmp(G.die_jmp, 1);
}

/* SIGHUP. If anything is wrong, the old rules stay; so they do if libbb
 * dies for want of memory */
static void reload(void)
{
	/* Where a file of rules and the user database will be open: the lowest that are free.
	 * Who dies does not close them */
	int fds[2];

	fds[0] = dup(STDIN_FILENO);
	fds[1] = dup(STDIN_FILENO);
	close_fd(fds[0]);
	close_fd(fds[1]);
	G.got_hup = 0;
	waiting();
	die_func = jump;
	if (setjmp(G.die_jmp) != 0 || read_rules(/*may_be_missing:*/ 0) != 0) {
		mdev_log(NULL, NULL, "the old rules stay");
		close_fd(fds[0]);
		close_fd(fds[1]);
		mdev_conf_free(&G.fresh);
	} else {
		mdev_log_at(2, NULL, NULL, "rules read");
	}
	die_func = NULL;
	busy();
}

/** Commands **/

/* The command has run for so many seconds: called once for each of them */
static void check_time(const struct mdev_plan *plan, pid_t pid, unsigned secs)
{
	int sig = 0;

	if (G.timeout && secs == G.timeout)
		sig = SIGTERM;
	if (G.timeout && secs == G.timeout + GRACE_SECS)
		sig = SIGKILL;
	if (sig)
		kill(-pid, sig);
	if (sig ? sig == SIGTERM : secs == SLOW_SECS)
		mdev_warn(plan->event, plan->rule, sig ? "killed after %u s: %s" : "still running after %u s: %s",
				secs, plan->command + 1);
}

/* For a second, or until a child ends or a signal comes. musl's sigtimedwait() begins anew after a
 * SIGHUP; its struct timespec is not that of the kernel, which is made of longs, where time_t is larger */
static void wait_a_second(void)
{
#if defined(__NR_rt_sigtimedwait) && !(defined(__x86_64__) && defined(__ILP32__))
	static const long second[] = { 1, 0 };

	syscall(__NR_rt_sigtimedwait, &G.chld, NULL, second, _NSIG / 8);
#else
	static const struct timespec second = { 1, 0 };

	sigtimedwait(&G.chld, NULL, &second);
#endif
}

static void wait_for_command(const struct mdev_plan *plan, pid_t pid)
{
	unsigned started = now();
	unsigned checked = 0;
	int status;
	pid_t ended;

	for (;;) {
		waiting();
		/* One that came before the command ended, or from anybody, does no harm */
		wait_a_second();
		busy();
		ended = safe_waitpid(pid, &status, WNOHANG);
		if (ended != 0)
			break;
		while (checked < (now() - started) / 1000)
			check_time(plan, pid, ++checked);
	}
	/* What the command left behind in its group goes with it */
	if (G.timeout && checked >= G.timeout)
		kill(-pid, SIGKILL);
	if (ended == pid && status != 0)
		mdev_log_at(2, plan->event, plan->rule, WIFSIGNALED(status) ? "killed by signal %u" : "exit status %u",
				WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static void run_command(const struct mdev_plan *plan)
{
	pid_t pid;

	if (ENABLE_FEATURE_MDEVD_MODALIAS && plan->rule->is_plain_modprobe) {
		const char *alias = mdev_event_var(plan->event, "MODALIAS");

		if (alias && mdevd_modalias_idle(alias)) {
			mdev_log_at(2, plan->event, plan->rule, "no module for %s, not run", alias);
			return;
		}
	}
	pid = mdev_exec(plan, in_command);
	if (pid < 0)
		return;
	if (G.timeout)
		setpgid(pid, pid); /* whoever is first: the child does it too */
	wait_for_command(plan, pid);
}

/** Children **/

static void cannot(const char *what)
{
	mdev_warn(NULL, NULL, "can't %s: "STRERROR_FMT, what STRERROR_ERRNO);
}

/* In a child that lives as long as the daemon: also when that is killed */
static void in_helper(pid_t daemon)
{
	/* Linux 2.1.57 */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != daemon)
		_exit(EXIT_SUCCESS);
	in_any_child();
	/* killall -HUP mdevd means the daemon; who reads what we write may go away */
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

#if ENABLE_FEATURE_MDEVD_FIRMWARE && BB_MMU
/* Serves firmware, and does nothing else */
static void NORETURN firmware_main(int sock)
{
	struct pollfd pfd;

	pfd.fd = sock;
	pfd.events = POLLIN;
	for (;;) {
		int len = mdevd_netlink_recv(sock, G.u.buf, UEVENT_MAX);

		if (len > 0) {
			if (mdevd_uevent_parse(&G.u, len) != NULL)
				G.u.ev.firmware = NULL;
		} else if (len == 0) {
			continue;
		} else if (errno != ENOBUFS) {
			G.u.ev.firmware = NULL;
			poll(&pfd, 1, -1);
			continue;
		}
		/* ENOBUFS: events were lost. The first time, what the daemon started us
		 * for may be among them: it is still in G.u */
		if (G.u.ev.firmware && G.u.ev.op == MDEV_OP_ADD)
			mdev_firmware(&G.u.ev, G.sys, G.firmware_dir);
		G.u.ev.firmware = NULL;
	}
}

/* Starts the child, or starts it again if it is gone: what it has not read
 * is still in its socket, which is ours too. Kernels that load firmware by
 * themselves have no SYS/class/firmware */
static void keep_firmware_child(void)
{
	pid_t daemon = getpid();
	int sock = G.fd[FIRMWARE_SOCK];

	if (G.dry_run || (G.firmware_pid > 0 && waitpid(G.firmware_pid, NULL, WNOHANG) == 0))
		return;
	if (G.firmware_pid == 0) {
		char *dir = xasprintf("%s/class/firmware", G.sys);

		if (access(dir, F_OK) != 0)
			G.firmware_pid = -1; /* never */
		free(dir);
	}
	if (G.firmware_pid < 0)
		return;
	if (sock < 0)
		sock = mdevd_netlink_open(UEVENT_GROUP_KERNEL, G.rcvbuf);
	G.firmware_pid = sock < 0 ? -1 : fork();
	if (G.firmware_pid == 0) {
		G.fd[FIRMWARE_SOCK] = -1;
		in_helper(daemon);
		firmware_main(sock);
	}
	G.fd[FIRMWARE_SOCK] = sock;
	if (G.firmware_pid < 0) {
		/* The next event that asks for firmware tries again */
		cannot("serve firmware");
		G.firmware_pid = 0;
	}
}
#else
# define keep_firmware_child() ((void)0)
#endif

struct paced_trigger {
	struct mdevd_trigger t;
	int fd;
	unsigned left;		/* devices before we ask the daemon again */
	unsigned batch;
};

/* In the coldplug child: go on only when the daemon has nothing left to do */
static int FAST_FUNC pace(struct mdevd_trigger *t, const char *uevent_file UNUSED_PARAM)
{
	struct paced_trigger *p = (void*)t;
	char c;

	if (p->left == 0) {
		if (full_write(p->fd, "", 1) != 1 || safe_read(p->fd, &c, 1) != 1)
			_exit(EXIT_FAILURE); /* the daemon is gone */
		p->left = p->batch;
	}
	p->left--;
	return 1;
}

static void NORETURN trigger_main(int fd)
{
	struct paced_trigger p;

	memset(&p, 0, sizeof(p));
	p.t.sys = G.sys;
	p.t.before = pace;
	p.fd = fd;
	p.batch = G.rcvbuf / TRIGGER_BYTES;
	if (p.batch > TRIGGER_BATCH)
		p.batch = TRIGGER_BATCH;
	if (p.batch == 0)
		p.batch = 1;
	mdevd_trigger(&p.t);
	_exit(EXIT_SUCCESS);
}

static void forget_trigger(void)
{
	close(G.fd[TRIGGER]);
	G.fd[TRIGGER] = -1;
	G.trigger_pid = 0;
}

/* Coldplugs in a child */
static void start_trigger(void)
{
	pid_t pid, daemon = getpid();
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		goto error;
	close_on_exec_on(pair[0]);
	G.fd[TRIGGER] = pair[0];
	pid = BB_MMU ? fork() : vfork();
	if (pid == 0) {
		if (BB_MMU) {
			in_helper(daemon);
			trigger_main(pair[1]);
		}
		/* Without fork it is the applet, which does not wait for us */
		in_any_child();
		execl(bb_busybox_exec_path, "mdevd-coldplug", "-s", G.sys, NULL);
		_exit(127);
	}
	close(pair[1]);
	if (pid > 0) {
		G.trigger_pid = pid;
		return;
	}
	forget_trigger();
 error:
	cannot("coldplug");
}

/* The coldplug asks whether to go on, or has ended */
static void answer_trigger(void)
{
	char c;

	if (safe_read(G.fd[TRIGGER], &c, 1) == 1 && full_write(G.fd[TRIGGER], "", 1) == 1)
		return;
	safe_waitpid(G.trigger_pid, NULL, 0);
	forget_trigger();
	G.recovered_at = now();
}

/** Event loss **/

/* ENOBUFS: the queue was full. What is in it is handled first; then, when
 * nothing was lost for a while, everything that is there is announced again */
static void events_lost(void)
{
	if (!G.is_lost) {
		if (G.pause == 0 || now() - G.recovered_at > 2 * MAX_PAUSE_MS)
			G.pause = MIN_PAUSE_MS;
		else if (G.pause < MAX_PAUSE_MS)
			G.pause *= 2;
		mdev_warn(NULL, NULL, "events were lost%s; a larger -b (now %u) would help",
				G.dry_run ? "" : ", a coldplug will make up for it", G.rcvbuf);
	}
	G.is_lost = 1;
	G.recover_at = now() + G.pause;
}

/* Milliseconds until the coldplug is due, or -1 */
static int recover(void)
{
	int wait;

	if (!G.is_lost || G.fd[TRIGGER] >= 0)
		return -1;
	wait = G.recover_at - now();
	if (wait > 0)
		return wait;
	G.is_lost = 0;
	if (G.dry_run)
		return -1;
	start_trigger();
	if (G.fd[TRIGGER] >= 0)
		return -1;
	/* Out of memory or processes: again later */
	G.is_lost = 1;
	G.recover_at = now() + MAX_PAUSE_MS;
	return MAX_PAUSE_MS;
}

/** Events **/

static void perform(const struct mdev_plan *plan)
{
	if (mdev_verbose >= 2)
		mdev_node_tell(plan, G.root, mdev_log, /*always:*/ 1);
	if (plan->refused)
		mdev_node_refused(plan);
	if (plan->has_node && plan->event->op == MDEV_OP_ADD)
		mdev_node_add(plan, G.root);
	if (plan->command)
		run_command(plan);
	if (plan->has_node && plan->event->op == MDEV_OP_REMOVE)
		mdev_node_remove(plan);
}

static void apply_rules(int explain)
{
	struct mdev_event *ev = &G.u.ev;
	const struct mdev_entry *entry = G.conf.table;
	const struct mdev_rule *rule;
	struct mdev_letters lacks;
	struct mdev_plan *plan = &G.plan;

	mdev_sysfs_complete(ev, G.sys, G.name_buf);
	lacks = mdev_letters_not_of(ev);
	do {
		/* The last one, the implicit rule, is for all */
		while (mdev_is_other(&entry->letters, lacks))
			entry++;
		rule = (entry++)->rule;
		if (mdev_match(plan, rule, ev)) {
			if (ENABLE_FEATURE_MDEVD_CHECK && G.dry_run)
				mdev_node_tell(plan, G.root, mdev_print, explain);
			else
				perform(plan);
			if (ENABLE_FEATURE_MDEVD_RELAY && plan->has_node)
				mdevd_uevent_add_mdev(&G.u, plan->node);
			if (!rule->keep_matching)
				break;
		}
	} while (1);
}

/* -o and -O */
static void relay(void)
{
	if (G.fd[OUT] >= 0) {
		int len = G.u.len;

		/* One more NUL ends the event */
		G.u.buf[len++] = '\0';
		if (write(G.fd[OUT], G.u.buf, len) != len) {
			cannot("write events any more");
			close(G.fd[OUT]);
			G.fd[OUT] = -1;
		}
	}
	if (G.fd[OUT_SOCK] >= 0 && !mdevd_netlink_send(G.fd[OUT_SOCK], G.out_groups, G.u.buf, G.u.len))
		mdev_log_at(3, &G.u.ev, NULL, "can't rebroadcast: "STRERROR_FMT STRERROR_ERRNO);
}

static void handle_event(unsigned len)
{
	const char *fault = mdevd_uevent_parse(&G.u, len);

	if (fault) {
		G.status = MDEVD_EXIT_INVALID;
		mdev_warn(NULL, NULL, "invalid event dropped: %s: '%.100s'", fault, G.u.buf);
		return;
	}
	mdev_log_at(3, &G.u.ev, NULL, "received, %u bytes", len);
	/* Whoever is to read what we print may not */
	if (ENABLE_FEATURE_MDEVD_CHECK && G.dry_run)
		waiting();
	if (ENABLE_FEATURE_MDEVD_FIRMWARE && G.u.ev.firmware)
		keep_firmware_child();
	if (!G.u.barrier)
		apply_rules(/*explain:*/ 0);
	/* Without fork there is nobody else to wait for the driver */
	if (ENABLE_FEATURE_MDEVD_FIRMWARE && !BB_MMU && !G.dry_run
	 && G.u.ev.firmware && G.u.ev.op == MDEV_OP_ADD
	) {
		int dev = open(".", O_RDONLY);

		if (dev >= 0) {
			mdev_firmware(&G.u.ev, G.sys, G.firmware_dir);
			fchdir(dev);
			close(dev);
		}
	}
	if (ENABLE_FEATURE_MDEVD_CHECK && G.dry_run)
		fflush_all();
	/* A barrier that comes back says that nothing is left to do: not while we have
	 * a coldplug to make or under way. It will be sent again */
	if (ENABLE_FEATURE_MDEVD_RELAY && !(G.u.barrier && (G.is_lost || G.fd[TRIGGER] >= 0)))
		relay();
}

/* Nothing is queued: waits for an event or a signal */
static void wait_for_event(void)
{
	struct pollfd pfd[3];
	char buf[64];
	int timeout = recover();

	pfd[0].fd = G.fd[SOCK];
	pfd[1].fd = G.fd[HUP_READ];
	pfd[2].fd = G.fd[TRIGGER]; /* poll() passes over negative ones */
	pfd[0].events = pfd[1].events = pfd[2].events = POLLIN;
	pfd[1].revents = pfd[2].revents = 0;
	waiting();
	if (poll(pfd, 3, timeout) <= 0)
		pfd[0].revents = pfd[1].revents = pfd[2].revents = 0;
	busy();
	if (pfd[1].revents)
		read(G.fd[HUP_READ], buf, sizeof(buf));
	/* A coldplug goes on only while there is nothing else to do */
	if (pfd[2].revents && !pfd[0].revents)
		answer_trigger();
}

static void NORETURN serve(void)
{
	for (;;) {
		int len;

		waiting();
		busy();
		if (G.got_hup)
			reload();
		len = mdevd_netlink_recv(G.fd[SOCK], G.u.buf, UEVENT_MAX);
		if (len > 0) {
			handle_event(len);
		} else if (len < 0) {
			if (errno == ENOBUFS) {
				events_lost();
			} else {
				if (errno != EAGAIN)
					cannot("receive");
				wait_for_event();
			}
		}
	}
}

/** Start **/

#if ENABLE_FEATURE_MDEVD_CHECK
/* mdevd -n SYSPATH... Returns the exit status */
static int explain(char **paths)
{
	int status = EXIT_SUCCESS;

	for (; *paths; paths++) {
		const char *fault;
		int len = mdevd_explain(&G.u, G.sys, *paths);

		fault = len < 0 ? strerror(errno) : mdevd_uevent_parse(&G.u, len);
		if (fault) {
			bb_error_msg("'%s': %s", *paths, fault);
			status = MDEVD_EXIT_SYSTEM;
			continue;
		}
		apply_rules(/*explain:*/ 1);
	}
	fflush_stdout_and_exit(status);
}
#endif

/* Is it a descriptor that -D or -o may name? */
static void check_fd(int fd)
{
	if (fd != -1 && (fd < 3 || fcntl(fd, F_GETFD) < 0))
		bb_error_msg_and_die("%d: not an open descriptor of 3 or more", fd);
}

static void check_path(const char *s)
{
	if (*s != '/')
		bb_error_msg_and_die("'%s': not an absolute path", s);
}

/* Our stdin, which commands inherit, is empty: the end of a pipe, for /dev/null may
 * be for us to make. Where stdout or stderr are closed it takes their place, so that
 * nothing else does: writes fail as they would have */
static void init_stdio(void)
{
	int fds[2];
	int fd;

	xpipe(fds);
	close(fds[1]);
	xdup2(fds[0], STDIN_FILENO);
	for (fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			xdup2(fds[0], fd);
	if (fds[0] > STDERR_FILENO)
		close(fds[0]);
}

/* Would the kernel run a helper for every event, too? */
static void check_helper(void)
{
	char buf[256];
	int len;

	snprintf(buf, sizeof(buf), "%s/kernel/uevent_helper", G.sys);
	len = open_read_close(buf, buf, sizeof(buf) - 1);
	if (len <= 0)
		return;
	buf[len] = '\0';
	*strchrnul(buf, '\n') = '\0';
	if (buf[0])
		mdev_warn(NULL, NULL, "the kernel also runs '%s' for every event: "
			"echo >%s/kernel/uevent_helper", buf, G.sys);
}

static void notify_ready(void)
{
	if (write(G.fd[NOTIFY], "\n", 1) != 1)
		cannot("notify");
	close(G.fd[NOTIFY]);
	G.fd[NOTIFY] = -1;
}

int mdevd_main(int argc, char **argv) MAIN_EXTERNALLY_VISIBLE;
int mdevd_main(int argc UNUSED_PARAM, char **argv)
{
	int verbosity = 1;
	unsigned groups = UEVENT_GROUP_KERNEL;
	unsigned opts;
	int status;

	xfunc_error_retval = MDEVD_EXIT_SYSTEM;
	INIT_G();
	xfunc_error_retval = MDEVD_EXIT_USAGE;
	G.conf_name = "/etc/mdev.conf";
	G.sys = "/sys";
	G.dev = "/dev";
	G.firmware_dir = "/lib/firmware";
	G.rcvbuf = CONFIG_MDEVD_RCVBUF;
	opts = getopt32(argv, "^"
		"v:+D:+b:+f:s:d:Ct:+S"
		IF_FEATURE_MDEVD_FIRMWARE("F:")
		IF_FEATURE_MDEVD_CHECK("nN")
		IF_FEATURE_MDEVD_RELAY("o:+O:+I:+")
		"\0" IF_FEATURE_MDEVD_CHECK("n--N:N--n"),
		&verbosity, &G.fd[NOTIFY], &G.rcvbuf, &G.conf_name, &G.sys, &G.dev, &G.timeout
		IF_FEATURE_MDEVD_FIRMWARE(, &G.firmware_dir)
		IF_FEATURE_MDEVD_RELAY(, &G.fd[OUT], &G.out_groups, &groups)
	);
	argv += optind;
	mdev_verbose = MIN(verbosity, 100);
	if (argv[0] && !(opts & OPT_n))
		bb_show_usage();
	check_path(G.conf_name);
	check_path(G.sys);
	check_path(G.dev);
	check_path(G.firmware_dir);
	check_fd(G.fd[NOTIFY]);
	check_fd(G.fd[OUT]);
	if ((opts & OPT_o) && G.fd[NOTIFY] == G.fd[OUT])
		bb_error_msg_and_die("-o %d: is -D's", G.fd[OUT]);
	if (groups == 0)
		bb_simple_error_msg_and_die("-I 0: no group to listen to");
	if (G.out_groups & (groups | UEVENT_GROUP_KERNEL)) {
		mdev_warn(NULL, NULL, "-O %u: no rebroadcast to groups that are listened to", G.out_groups);
		G.out_groups &= ~(groups | UEVENT_GROUP_KERNEL);
	}
	xfunc_error_retval = MDEVD_EXIT_SYSTEM;

	G.umask = umask(0);
	G.dry_run = (opts & (OPT_n | OPT_N)) != 0;
	if (opts & OPT_N)
		return read_rules(/*may_be_missing:*/ 0);
	init_stdio();
	init_signals();
	waiting();
	if (opts & OPT_S)
		mdev_syslog_fd = xsocket(AF_UNIX, SOCK_DGRAM, 0);
	close_on_exec_on(mdev_syslog_fd);
	status = read_rules(/*may_be_missing:*/ 1);
	if (status != 0)
		return status;
	xchdir(G.dev);
	G.root = mdev_node_root();
#if ENABLE_FEATURE_MDEVD_CHECK
	if (argv[0])
		return explain(argv);
#endif
	if (G.fd[OUT] >= 0) {
		ndelay_on(G.fd[OUT]);
		close_on_exec_on(G.fd[OUT]);
	}
	if (G.out_groups)
		G.fd[OUT_SOCK] = xmdevd_netlink_open(0, 0);
	/* Its socket first: what we hear of, it hears of */
	keep_firmware_child();
	G.fd[SOCK] = xmdevd_netlink_open(groups, G.rcvbuf);
	check_helper();
	if (G.fd[NOTIFY] >= 0)
		notify_ready();
	if ((opts & OPT_C) && !G.dry_run)
		start_trigger();
	serve();
}
