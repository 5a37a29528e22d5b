/* vi: set sw=4 ts=4: */
/*
 * Messages of the mdev.conf engine: one line each, with the event and FILE:LINE
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdev_rules.h"
#if ENABLE_MDEVD
# include <sys/socket.h>
# include <syslog.h>
#endif

enum { MSG_MAX = 1024 }; /* bytes, NUL included */

smallint mdev_verbose;
#if ENABLE_MDEVD
int mdev_syslog_fd = -1;

/* syslog(3) waits for a syslogd that does not read. mdevd must not: RFC 3164,
 * section 4.1, to the socket that BusyBox's and libc's syslog(3) use too */
static void log_to_syslog(const char *msg)
{
	static const struct {
		sa_family_t family;
		char path[sizeof("/dev/log")];
	} syslogd = { AF_UNIX, "/dev/log" };
	char buf[512];
	int len;

	len = snprintf(buf, sizeof(buf), "<%d>%s[%u]: %s",
			LOG_DAEMON | LOG_ERR, applet_name, (int)getpid(), msg);
	sendto(mdev_syslog_fd, buf, MIN(len, (int)sizeof(buf) - 1), MSG_DONTWAIT,
			(struct sockaddr*)&syslogd, sizeof(syslogd));
}

/* A stderr that nobody reads any more must not stop the daemon. PIPE_BUF
 * bytes fit where poll() says so (pipe(7)), and a message is shorter */
static int stderr_is_ready(void)
{
	struct pollfd pfd;

	pfd.fd = STDERR_FILENO;
	pfd.events = POLLOUT;
	return poll(&pfd, 1, 0) > 0;
}
#endif

/* "ACTION DEVPATH: FILE:LINE: " and the text, one printable line. Names come
 * from outside: what is not printable is shown as '?' */
static void compose(char *buf, const struct mdev_event *ev,
		const struct mdev_rule *rule, const char *fmt, va_list p)
{
	char *s = buf;
	int e = errno; /* for %m */

	if (ev)
		s += sprintf(s, "%.30s %.200s: ", ev->action, ev->devpath);
	if (rule && rule->line)
		s += sprintf(s, "%.200s:%u: ", rule->file, rule->line);
	else if (rule)
		s = stpcpy(s, "default rule: ");
	errno = e;
	vsnprintf(s, buf + MSG_MAX - s, fmt, p);
	for (s = buf; *s; s++)
		if (!isprint_asciionly(*s))
			*s = '?';
}

static void say(const struct mdev_event *ev, const struct mdev_rule *rule, const char *fmt, va_list p)
{
	char buf[MSG_MAX];
	int e = errno;

	compose(buf, ev, rule, fmt, p);
#if ENABLE_MDEVD
	if (mdev_syslog_fd >= 0)
		log_to_syslog(buf);
	if (stderr_is_ready())
#endif
		bb_simple_error_msg(buf);
	errno = e;
}

/* Prints "applet: ACTION DEVPATH: FILE:LINE: message" to stderr. ev and rule may
 * be NULL. In mdevd it never blocks (a message that does not fit at once is
 * dropped), elsewhere as write(2) does; errno is kept. */
void FAST_FUNC mdev_log(const struct mdev_event *ev, const struct mdev_rule *rule, const char *fmt, ...)
{
	va_list p;

	va_start(p, fmt);
	say(ev, rule, fmt, p);
	va_end(p);
}

/* The same, but not at -v 0. */
void FAST_FUNC mdev_warn(const struct mdev_event *ev, const struct mdev_rule *rule, const char *fmt, ...)
{
	va_list p;

	if (mdev_verbose == 0)
		return;
	va_start(p, fmt);
	say(ev, rule, fmt, p);
	va_end(p);
}

#if ENABLE_FEATURE_MDEVD_CHECK
/* The same line, without the applet, to stdout: what a dry run prints. */
void FAST_FUNC mdev_print(const struct mdev_event *ev, const struct mdev_rule *rule, const char *fmt, ...)
{
	char buf[MSG_MAX];
	va_list p;

	va_start(p, fmt);
	compose(buf, ev, rule, fmt, p);
	va_end(p);
	puts(buf);
}
#endif
