/* vi: set sw=4 ts=4: */
/*
 * A datagram to checked variables. Pure: no system call, no global
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdevd.h"

/* s as a decimal number of at most max, or -1 */
static int number(const char *s, int max)
{
	int n = 0;

	if (*s == '\0')
		return -1;
	while (*s) {
		unsigned digit = (unsigned char)*s++ - '0';

		if (digit > 9)
			return -1;
		n = n * 10 + digit;
		if (n > max)
			return -1;
	}
	return n;
}

static int has_dot_dot(const char *s)
{
	for (; *s; s++)
		if (s[0] == '/' && s[1] == '.' && s[2] == '.' && (s[3] == '/' || s[3] == '\0'))
			return 1;
	return 0;
}

/* s without name and '=', if that is its name, of len chars with the '=' */
#define value_if(name, s, len) \
	((len) == sizeof(name "=") - 1 && memcmp(s, name "=", sizeof(name "=") - 1) == 0 ? (s) + sizeof(name "=") - 1 : NULL)

/* Takes note of what we know. len: of the name, and the '='. First letter and length
 * decide: this is called for every variable of every event */
static void note_variable(struct mdevd_uevent *u, const char *s, unsigned len)
{
	struct mdev_event *ev = &u->ev;
	const char *value;

	switch (*s) {
	case 'A':
		if ((value = value_if("ACTION", s, len)) != NULL)
			ev->action = value;
		break;
	case 'D':
		if ((value = value_if("DEVPATH", s, len)) != NULL)
			ev->devpath = value;
		else if ((value = value_if("DEVNAME", s, len)) != NULL)
			ev->name = value;
		break;
	case 'F':
		if ((value = value_if("FIRMWARE", s, len)) != NULL)
			ev->firmware = value;
		break;
	case 'M':
		if ((value = value_if("MAJOR", s, len)) != NULL)
			ev->major = number(value, MDEV_MAJOR_MAX);
		else if ((value = value_if("MINOR", s, len)) != NULL)
			ev->minor = number(value, MDEV_MINOR_MAX);
		break;
	case 'S':
		if ((value = value_if("SUBSYSTEM", s, len)) != NULL)
			ev->subsystem = value;
		else if ((value = value_if("SYNTH_ARG_"MDEVD_BARRIER_KEY, s, len)) != NULL)
			u->barrier = value;
		break;
	}
}

static int action_of(const char *action)
{
	if (strcmp(action, "add") == 0)
		return MDEV_OP_ADD;
	if (strcmp(action, "remove") == 0)
		return MDEV_OP_REMOVE;
	return MDEV_OP_OTHER;
}

/* Judges the datagram of len bytes in u->buf and fills the rest of u, which points
 * into it. Returns NULL, or the reason why it is not an event: then u is not to
 * be used. u->ev.name is DEVNAME or NULL; it has not been judged. */
const char* FAST_FUNC mdevd_uevent_parse(struct mdevd_uevent *u, unsigned len)
{
	char *end = u->buf + len;
	char *at, *s;
	unsigned n;

	u->buf[MIN(len, UEVENT_MAX)] = '\0';
	if (len > UEVENT_MAX)
		return "too long";
	if (len == 0 || end[-1] != '\0')
		return "not terminated";
	at = strchr(u->buf, '@');
	if (!at || at == u->buf || at[1] != '/' || has_dot_dot(at))
		return "bad header";

	memset(&u->ev, 0, sizeof(u->ev));
	u->ev.vars = u->vars;
	u->ev.major = -1;
	u->ev.minor = -1; /* too many */
	u->barrier = NULL;
	u->len = u->kernel_len = len;
	n = 0;
	for (s = at + strlen(at) + 1; s < end; s++) {
		char *eq = s;

		while (*eq != '=' && *eq)
			eq++;
		if (eq == s || !*eq)
			return "a variable without a name or value";
		if (n == UEVENT_NVARS)
			return "too many variables";
		u->vars[n++] = s;
		note_variable(u, s, eq + 1 - s);
		s = eq + strlen(eq);
	}
	u->vars[n] = NULL;

	if (!u->ev.action || !u->ev.devpath
	 || strncmp(u->buf, u->ev.action, at - u->buf) != 0 || u->ev.action[at - u->buf] != '\0'
	 || strcmp(at + 1, u->ev.devpath) != 0
	) {
		return "ACTION and DEVPATH do not agree with the header";
	}
	u->ev.op = action_of(u->ev.action);
	if (u->ev.minor > MDEV_MINOR_MAX)
		u->ev.major = -1;
	return NULL;
}

/* Adds MDEV=name to the event as it is relayed; the one that it had from an
 * earlier call is replaced. The event's variables stay what they are. */
void FAST_FUNC mdevd_uevent_add_mdev(struct mdevd_uevent *u, const char *name)
{
	char *s = u->buf + u->kernel_len;

	s = stpcpy(stpcpy(s, "MDEV="), name) + 1;
	u->len = s - u->buf;
}
