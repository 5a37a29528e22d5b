/* vi: set sw=4 ts=4: */
/*
 * mdevd's children: a rule's command, which is awaited, and the child that serves firmware
 *
 * Copyright (C) 2026 mdevd for BusyBox maintainers
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdevd.h"
#include <sys/prctl.h>

enum {
	/* A command that runs longer than this is reported at -v 1 */
	SLOW_MS = 10 * 1000,
	/* ... and at -v 2 */
	NOTABLE_MS = 100,
	/* Between SIGTERM and SIGKILL */
	GRACE_MS = 2 * 1000,
	/* How long the firmware child leaves events in its queue. Most events have no FIRMWARE, and hundreds
	 * come at once: it would wake up for each */
	FIRMWARE_BATCH_MS = 10,
};

/** Commands **/

/* Signals the command and, if it has one of its own, its process group */
static void kill_command(pid_t pid, int sig)
{
	kill(-pid, sig);
	kill(pid, sig); /* it may have left the group */
}

/* Logs how the command ended. Status 126 or 127 is a warning: the shell could not run it */
static void log_status(const struct mdev_plan *plan, int status, unsigned ms)
{
	int is_signal = WIFSIGNALED(status);

	if (ms > NOTABLE_MS)
		mdev_log(MDEV_LOG_INFO, "took %u ms: %s", ms, plan->command + 1);
	if (status == 0)
		return;
	status = is_signal ? WTERMSIG(status) : WEXITSTATUS(status);
	mdev_log((status == 126 || status == 127) ? MDEV_LOG_WARN : MDEV_LOG_INFO,
			"%s %u: %s", is_signal ? "killed by signal" : "exit status", status, plan->command + 1);
}

static void warn_slow(const struct mdev_plan *plan, const char *what, unsigned ms)
{
	mdev_log(MDEV_LOG_WARN, "%s after %u s: %s", what, ms / 1000, plan->command + 1);
}

/* Is the command a modprobe that would do nothing? */
static int is_needless_modprobe(const struct mdev_plan *plan)
{
	const char *alias;

	if (!ENABLE_FEATURE_MDEVD_MODALIAS || !plan->rule->is_plain_modprobe)
		return 0;
	alias = mdev_event_var(plan->event, "MODALIAS");
	if (!alias || mdevd_modalias_needs_modprobe(alias))
		return 0;
	mdev_log(MDEV_LOG_INFO, "nothing to load for %s, not run", alias);
	return 1;
}

/* Runs the plan's command, unless it is useless, and blocks until it ends. Returns how many
 * milliseconds it took. After timeout seconds (0: never) sends SIGTERM to it and its process group,
 * and later SIGKILL. in_child is that of mdev_exec(). SIGTERM ends the daemon here. */
unsigned FAST_FUNC mdevd_child_run(const struct mdev_plan *plan, unsigned timeout, void (*in_child)(void))
{
	unsigned started = monotonic_ms();
	unsigned kill_at = timeout * 1000;	/* ms after the start; 0: never */
	int sig = SIGTERM;
	int is_reported = 0;
	int status;
	pid_t pid, ended;

	if (is_needless_modprobe(plan))
		return 0;
	pid = mdev_exec(plan, in_child);
	if (pid < 0)
		return 0;
	if (timeout)
		setpgid(pid, pid); /* the child does it too: either may be first */
	for (;;) {
		unsigned ms = monotonic_ms() - started;

		ended = safe_waitpid(pid, &status, WNOHANG);
		if (ended != 0) {
			/* Processes that it left behind. While there is one, the number of the group is not
			 * reused */
			if (sig == SIGKILL)
				kill(-pid, SIGKILL);
			if (ended == pid)
				log_status(plan, status, ms);
			return ms;
		}
		if (kill_at && ms >= kill_at) {
			kill_command(pid, sig);
			if (sig == SIGTERM)
				warn_slow(plan, "killed", ms);
			sig = SIGKILL;
			kill_at = ms + GRACE_MS;
		}
		if (!is_reported && ms >= SLOW_MS && sig == SIGTERM) {
			is_reported = 1;
			warn_slow(plan, "still running", ms);
		}
		mdevd_wait(-1, 1000);
	}
}

/** Firmware **/

#if ENABLE_FEATURE_MDEVD_FIRMWARE && BB_MMU

/* Runs in the child: serves the add events that have FIRMWARE, and ignores all others. u holds the
 * event that the child was started for, if any. The socket also has this event, unless the
 * socket is new or events were lost */
static void NORETURN serve_firmware(const struct mdevd_firmware *f, struct mdevd_uevent *u, int is_new)
{
	struct pollfd pfd;
	int is_due = is_new;

	pfd.fd = f->sock;
	pfd.events = POLLIN;
	for (;;) {
		int len;

		if (is_due) {
			if (u->ev.firmware && u->ev.op == MDEV_OP_ADD) {
				mdev_log_about(&u->ev, NULL);
				mdev_firmware(&u->ev, f->dir);
			}
			u->ev.firmware = NULL;
		}
		mdev_log_about(NULL, NULL);
		is_due = 1;
		len = mdevd_netlink_recv(f->sock, u->buf, UEVENT_MAX);
		if (len < 0 && errno == ENOBUFS)
			continue; /* the event in u may be among those that were lost */
		if (len <= 0 || mdevd_uevent_parse(u, len) != NULL)
			u->ev.firmware = NULL;
		if (len < 0) {
			if (poll(&pfd, 1, -1) < 0 && errno != EINTR)
				sleep1(); /* whatever the reason, do not spin */
			poll(NULL, 0, FIRMWARE_BATCH_MS);
		}
	}
}

/* Does the kernel have an interface for loading firmware? Kernels before 3.7 always use it, but lack
 * the directory until firmware_class is loaded */
static int has_interface(const struct mdevd_firmware *f)
{
	char path[MDEV_NAME_MAX];

	snprintf(path, sizeof(path), "%s/class/firmware", f->sys);
	return access(path, F_OK) == 0 || get_linux_version_code() < KERNEL_VERSION(3,7,0);
}

/* Starts the child that serves firmware, if the kernel needs it and it is not running. Called at
 * start, and for each event with FIRMWARE, which is in u. A separate process is needed because a
 * modprobe that the daemon waits for may wait for firmware. It uses u as its buffer and ends
 * with the daemon. The daemon keeps the socket for the next child. Does not block. */
void FAST_FUNC mdevd_firmware_start(struct mdevd_firmware *f, struct mdevd_uevent *u)
{
	pid_t daemon = getpid();
	int is_new = 0;

	if (f->pid > 0 && waitpid(f->pid, NULL, WNOHANG) == 0)
		return;
	f->pid = 0;
	if (!has_interface(f))
		return;
	if (f->sock < 0) {
		is_new = 1;
		f->sock = mdevd_netlink_open(UEVENT_GROUP_KERNEL, f->rcvbuf);
	}
	if (f->sock >= 0)
		f->pid = fork();
	if (f->sock < 0 || f->pid < 0) {
		mdev_log(MDEV_LOG_WARN, "can't serve firmware: "STRERROR_FMT STRERROR_ERRNO);
		return;
	}
	if (f->pid == 0) {
		f->in_child();
		/* Linux 2.1.57 */
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != daemon)
			_exit(EXIT_SUCCESS);
		if (ENABLE_FEATURE_MDEV_DAEMON && f->is_background) {
			mdevd_discard_output();
			mdev_log_init(/*to_syslog: it is open already*/ 0);
		}
		/* "killall -HUP mdevd" is for the daemon */
		signal(SIGHUP, SIG_IGN);
		signal(SIGPIPE, SIG_IGN);
		serve_firmware(f, u, is_new);
	}
}

#endif
