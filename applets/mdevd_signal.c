/* vi: set sw=4 ts=4: */
/*
 * Signals of mdevd, and the only function in which the daemon waits
 *
 * Copyright (C) 2026 mdevd for BusyBox maintainers
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 *
 * SIGTERM ends the daemon at once while it waits, else before the next event. SIGHUP sets a flag.
 * The same handler, also set for SIGCHLD, writes to a pipe that mdevd_wait() polls: a signal
 * that arrives just before poll() still ends the wait. (ARM kernels before 2.6.32 lack ppoll().)
 */
#include "mdevd.h"

static struct {
	int pipe[2];
	uint32_t ignored;		/* signals that were ignored when mdevd was started: 1 << number */
	volatile smallint exit_allowed;	/* nothing is half done */
	volatile smallint got_term;
	volatile smallint got_hup;
	volatile smallint status;	/* exit status on SIGTERM */
} S;

/* Signals whose actions mdevd changes. mdevd_signal_in_child() restores them */
static const uint8_t changed_signals[] ALIGN1 = {
	SIGTERM, SIGHUP, SIGCHLD, SIGPIPE, SIGALRM, SIGXFSZ
};

static void on_signal(int sig)
{
	int saved_errno = errno;

	if (sig == SIGTERM) {
		S.got_term = 1;
		mdevd_signal_allow_exit(S.exit_allowed);
	}
	if (sig == SIGHUP)
		S.got_hup = 1;
	write(S.pipe[1], "", 1); /* does not block */
	errno = saved_errno;
}

/* Installs the handlers. SIGINT and SIGQUIT stay as they are: "mdevd &" in a script ignores
 * them. Dies if it cannot make a pipe. */
void FAST_FUNC mdevd_signal_init(void)
{
	sigset_t none;
	unsigned i;

	xpipe(S.pipe);
	for (i = 0; i < 2; i++)
		ndelay_on(S.pipe[i]);
	for (i = 0; i < ARRAY_SIZE(changed_signals); i++) {
		int sig = changed_signals[i];

		if (signal(sig, i < 3 ? on_signal : SIG_IGN) == SIG_IGN)
			S.ignored |= (uint32_t)1 << sig;
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Runs in a child: restores the signal actions that mdevd was started with, except that SIGCHLD and
 * SIGPIPE get the default one, and empties the mask. Writes to no memory: after vfork it is the
 * daemon's. */
void FAST_FUNC mdevd_signal_in_child(void)
{
	sigset_t none;
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(changed_signals); i++) {
		int sig = changed_signals[i];
		int is_ignored = (S.ignored >> sig) & 1;

		signal(sig, (is_ignored && sig != SIGCHLD && sig != SIGPIPE) ? SIG_IGN : SIG_DFL);
	}
	close(S.pipe[0]);
	close(S.pipe[1]);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Sets the exit status on SIGTERM. */
void FAST_FUNC mdevd_signal_exit_with(int status)
{
	S.status = status;
}

/* Sets whether SIGTERM may end the daemon at once. Ends it if so and SIGTERM was received: a running
 * command is left alone, and the firmware child ends with the daemon. Async-signal-safe. */
void FAST_FUNC mdevd_signal_allow_exit(int allowed)
{
	S.exit_allowed = allowed;
	if (S.got_term && allowed)
		_exit(S.status);
}

/* Returns 1 if SIGHUP was received since the last call. */
int FAST_FUNC mdevd_signal_got_hup(void)
{
	if (!S.got_hup)
		return 0;
	S.got_hup = 0;
	return 1;
}

/* Waits until fd (-1: none) can be read, a signal is received or ms milliseconds have passed (-1: no
 * limit). Returns nonzero if fd can be read. SIGTERM ends the daemon here. */
int FAST_FUNC mdevd_wait(int fd, int ms)
{
	struct pollfd pfd[2];
	char buf[64];
	int allowed = S.exit_allowed; /* 1 in a dry run */
	int n;

	pfd[0].fd = S.pipe[0];
	pfd[1].fd = fd; /* poll() ignores a negative one */
	pfd[0].events = pfd[1].events = POLLIN;
	mdevd_signal_allow_exit(1);
	n = poll(pfd, 2, ms);
	if (n < 0 && errno != EINTR)
		sleep1(); /* whatever the reason, do not spin */
	mdevd_signal_allow_exit(allowed);
	if (n <= 0)
		return 0;
	if (pfd[0].revents)
		read(S.pipe[0], buf, sizeof(buf));
	return pfd[1].revents;
}
