/* vi: set sw=4 ts=4: */
/*
 * Messages of the mdev.conf engine: one line each, with the event and FILE:LINE
 *
 * Copyright (C) 2026 mdevd for BusyBox maintainers
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdev_rules.h"
#if ENABLE_MDEVD
# include <sys/socket.h>
# include <syslog.h>
#endif

enum {	/* bytes; their sum is less than PIPE_BUF */
	PREFIX_MAX = 32, /* the applet's name and ": " */
	MSG_MAX = 1024,  /* NUL included */
};

smallint mdev_verbose;
#if ENABLE_FEATURE_MDEVD_CHECK
smallint mdev_dry_run;
#endif

static const struct mdev_event *log_event;
static const struct mdev_rule *log_rule;

#if ENABLE_MDEVD

static int stderr_fd = -1;	/* until mdev_log_init(): libbb writes messages */
static int syslog_fd = -1;

/* Sets up logging that never waits for a reader. A terminal or pipe at stderr is opened a second
 * time, with O_NONBLOCK; if that fails (no /proc, or a socket), stderr itself becomes
 * non-blocking. to_syslog: also opens a socket, because syslog(3) would wait for a syslogd that
 * does not read. Dies if it cannot make that socket. Called again after stderr was replaced: closes
 * the old one, whose reader may be waiting for end-of-file. */
void FAST_FUNC mdev_log_init(int to_syslog)
{
	struct stat st;

	if (stderr_fd > STDERR_FILENO)
		close(stderr_fd);
	stderr_fd = STDERR_FILENO;
	/* Not for a file: we share its offset with commands. Not for the pipe that replaces a closed
	 * stderr: it is read-only */
	if (fstat(STDERR_FILENO, &st) == 0 && !S_ISREG(st.st_mode)
	 && (fcntl(STDERR_FILENO, F_GETFL) & O_ACCMODE) != O_RDONLY
	) {
		stderr_fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY);
		if (stderr_fd < 0) {
			ndelay_on(STDERR_FILENO);
			stderr_fd = STDERR_FILENO;
		}
	}
	if (to_syslog)
		syslog_fd = xsocket(AF_UNIX, SOCK_DGRAM, 0);
}

/* Closes the descriptors that mdev_log_init() opened. */
void FAST_FUNC mdev_log_close(void)
{
	if (stderr_fd != STDERR_FILENO)
		close(stderr_fd);
	close(syslog_fd);
}

/* Sends msg to the socket of syslogd, in the format of RFC 3164, section 4.1 */
static NOINLINE void log_to_syslog(int level, const char *msg)
{
	static const struct {
		sa_family_t family;
		char path[sizeof("/dev/log")];
	} syslogd = { AF_UNIX, "/dev/log" };
	static const uint8_t severity[] ALIGN1 = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
	char buf[512];
	int len;

	len = snprintf(buf, sizeof(buf), "<%d>%s[%u]: %s",
			LOG_DAEMON | severity[level], applet_name, (int)getpid(), msg);
	sendto(syslog_fd, buf, MIN(len, (int)sizeof(buf) - 1), MSG_DONTWAIT,
			(struct sockaddr*)&syslogd, sizeof(syslogd));
}

#endif

/* Sets the event and the rule that messages are about, until the next call. Either may be NULL. */
void FAST_FUNC mdev_log_about(const struct mdev_event *ev, const struct mdev_rule *rule)
{
	log_event = ev;
	log_rule = rule;
}

/* Logs "applet: ACTION DEVPATH: FILE:LINE: message", one printable line, at level
 * (MDEV_LOG_...) to stderr, and to syslog if that is open; mdev_log_about() sets the event and the
 * rule. A dry run prints MDEV_LOG_ACTION to stdout, which may block. In mdevd no other message blocks:
 * one that cannot be written at once is dropped. Keeps errno. */
void FAST_FUNC mdev_log(int level, const char *fmt, ...)
{
	char buf[PREFIX_MAX + MSG_MAX];
	char *msg, *s = buf;
	va_list p;
	int saved_errno = errno;

	if (level == MDEV_LOG_ACTION && !mdev_dry_run)
		level = MDEV_LOG_INFO;
	if (level > mdev_verbose)
		return;
	if (ENABLE_MDEVD)
		s += sprintf(s, "%.30s: ", applet_name);
	msg = s; /* libbb and syslog add the applet themselves */
	if (log_event)
		s += sprintf(s, "%.30s %.200s: ", log_event->action, log_event->devpath);
	if (log_rule && log_rule->line)
		s += sprintf(s, "%.200s:%u: ", log_rule->file, log_rule->line);
	else if (log_rule)
		s = stpcpy(s, "default rule: ");
	errno = saved_errno; /* for %m */
	va_start(p, fmt);
	vsnprintf(s, msg + MSG_MAX - s, fmt, p);
	va_end(p);
	/* Names come from devices */
	for (s = msg; *s; s++)
		if (!isprint_asciionly(*s))
			*s = '?';
#if ENABLE_MDEVD
	if (level == MDEV_LOG_ACTION) {
		puts(msg);
	} else if (stderr_fd >= 0) {
		if (syslog_fd >= 0)
			log_to_syslog(level, msg);
		*s++ = '\n';
		write(stderr_fd, buf, s - buf);
	} else
#endif
		bb_simple_error_msg(msg);
	errno = saved_errno;
}

/* Logs "can't VERB 'OBJECT': " and the error in errno, at level. */
void FAST_FUNC mdev_log_errno(int level, const char *verb, const char *object)
{
	mdev_log(level, "can't %s '%s': "STRERROR_FMT, verb, object STRERROR_ERRNO);
}
