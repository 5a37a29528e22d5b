/* vi: set sw=4 ts=4: */
/*
 * A datagram to validated variables. Pure: no system call, no global
 *
 * Copyright (C) 2026 mdevd for BusyBox maintainers
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdevd.h"

/* Does the path, which begins with a slash, have a component ".."? */
static int has_dot_dot(const char *path)
{
	for (; (path = strchr(path, '.')) != NULL; path++)
		if (path[-1] == '/' && path[1] == '.' && (path[2] == '/' || path[2] == '\0'))
			return 1;
	return 0;
}

/* Validates the datagram of len bytes in u->buf and fills in the rest of u, which points
 * into it. Returns NULL, or the reason why it is not an event: u is undefined
 * then. u->ev.name is DEVNAME or NULL; it is not validated. u->ev.sys is not changed. */
const char* FAST_FUNC mdevd_uevent_parse(struct mdevd_uevent *u, unsigned len)
{
	struct mdev_event *ev = &u->ev;
	char *end = u->buf + len;
	unsigned n = 0;
	char *at, *s;

	u->buf[MIN(len, UEVENT_MAX)] = '\0';
	if (len > UEVENT_MAX)
		return "too long";
	if (len == 0 || end[-1] != '\0')
		return "not terminated";
	at = strchr(u->buf, '@');
	if (!at || at == u->buf || at[1] != '/' || has_dot_dot(at + 1))
		return "bad header";

	for (s = at + strlen(at) + 1; s < end; s += strlen(s) + 1) {
		u->vars[n++] = s;
		if (n > UEVENT_NVARS)
			return "too many variables";
		/* Not strchr(): names are short */
		while (*s && *s != '=')
			s++;
		if (*s == '\0' || s == u->vars[n - 1])
			return "a variable without a name or value";
	}
	u->vars[n] = NULL;
	ev->vars = u->vars;

	ev->action = mdev_event_var(ev, "ACTION");
	ev->devpath = mdev_event_var(ev, "DEVPATH");
	if (!ev->action || !ev->devpath
	 || is_prefixed_with(u->buf, ev->action) != at || strcmp(at + 1, ev->devpath) != 0
	) {
		return "ACTION and DEVPATH do not agree with the header";
	}
	ev->subsystem = mdev_event_var(ev, "SUBSYSTEM");
	ev->firmware = mdev_event_var(ev, "FIRMWARE");
	ev->name = mdev_event_var(ev, "DEVNAME");
	ev->minor = mdev_event_number(ev, "MINOR", 10, -1);
	ev->major = mdev_event_number(ev, "MAJOR", 10, -1);
	if (ev->minor > MDEV_MINOR_MAX || (unsigned)ev->major > MDEV_MAJOR_MAX)
		ev->major = -1;
	/* MDEV_OP_... in their order */
	ev->op = 1 + index_in_strings("add\0""remove\0", ev->action);
	ev->by_name = 0;
	u->barrier = mdev_event_var(ev, "SYNTH_ARG_" MDEVD_BARRIER_KEY);
	u->len = u->received_len = len;
	return NULL;
}

/* Adds MDEV=name to the datagram that -o and -O pass on, and replaces the one that an
 * earlier call added. Does not change u->vars. */
void FAST_FUNC mdevd_uevent_add_mdev(struct mdevd_uevent *u, const char *name)
{
	char *s = u->buf + u->received_len;

	s = stpcpy(stpcpy(s, "MDEV="), name) + 1;
	u->len = s - u->buf;
}
