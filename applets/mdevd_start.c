/* vi: set sw=4 ts=4: */
/*
 * Checks and setup at the start of mdevd
 *
 * Copyright (C) 2026 mdevd for BusyBox maintainers
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdevd.h"

static void check_fd(int fd)
{
	if (fd != -1 && (fd < 3 || fcntl(fd, F_GETFD) < 0))
		bb_error_msg_and_die("%d: not an open descriptor above 2", fd);
}

/* Dies unless the descriptors of -D and -o are open, above stderr, and different; -1: not given. */
void FAST_FUNC mdevd_check_fds(int notify_fd, int out_fd)
{
	check_fd(notify_fd);
	check_fd(out_fd);
	if (notify_fd == out_fd && out_fd != -1)
		bb_error_msg_and_die("-o %d: used by -D", out_fd);
}

/* Dies unless s is an absolute path. */
void FAST_FUNC mdevd_check_path(const char *s)
{
	if (*s != '/')
		bb_error_msg_and_die("'%s': not an absolute path", s);
}

/* Makes dev the current directory, and warns if others can write it. Dies if it cannot. */
void FAST_FUNC mdevd_enter_dev(const char *dev)
{
	struct stat st;

	xchdir(dev);
	if (stat(".", &st) == 0 && !mdev_path_is_safe(&st))
		mdev_log(MDEV_LOG_WARN, "non-root users can write '%s'", dev);
}

/* Makes stdin an empty pipe, because /dev/null may not exist yet. A closed stdout or stderr becomes
 * the same pipe: no other file may get descriptor 1 or 2. Dies on failure. */
void FAST_FUNC mdevd_init_stdio(void)
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

/* Warns if the kernel also runs a helper for every event. */
void FAST_FUNC mdevd_check_helper(const char *sys)
{
	struct mdev_event kernel;
	char buf[MDEV_NAME_MAX];

	kernel.sys = sys;
	kernel.devpath = "/kernel";
	mdev_sysfs_read(&kernel, "uevent_helper", buf);
	*strchrnul(buf, '\n') = '\0';
	if (buf[0])
		mdev_log(MDEV_LOG_WARN, "the kernel also runs '%s' for every event: "
			"echo >%s/kernel/uevent_helper", buf, sys);
}

#if ENABLE_FEATURE_MDEV_DAEMON
/* Goes to the background and returns a descriptor. The parent exits with 0 when a byte is written to
 * the descriptor, or with the child's status if the child exits first. Without fork (NOMMU) the
 * parent exits at once, and -1 is returned. */
int FAST_FUNC mdevd_daemonize(char **argv UNUSED_PARAM)
{
	int fds[2];
	char c;
	pid_t pid;

	if (!BB_MMU) {
		bb_daemonize_or_rexec(0, argv);
		return -1;
	}
	xpipe(fds);
	pid = xfork();
	if (pid != 0) {
		close(fds[1]);
		_exit(safe_read(fds[0], &c, 1) == 1 ? EXIT_SUCCESS : wait4pid(pid));
	}
	close(fds[0]);
	setsid();
	return fds[1];
}

/* Connects stdout and stderr to /dev/null or, if that is missing, to stdin: writing fails then, and does
 * not block. (bb_daemonize_or_rexec() cannot leave stdin alone before BusyBox 1.37) */
void FAST_FUNC mdevd_discard_output(void)
{
	int fd = open(bb_dev_null, O_WRONLY);
	int source = MAX(fd, STDIN_FILENO);

	dup2(source, STDOUT_FILENO);
	dup2(source, STDERR_FILENO);
	close(fd);
}
#endif
