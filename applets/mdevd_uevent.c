/* vi: set sw=4 ts=4: */
/*
 * A datagram to checked variables. Pure: no system call, no global
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdevd.h"

/* s as a decimal number of at most max, or -1; s may be NULL */
static int number(const char *s, int max)
{
	int n = 0;

	if (!s)
		return -1;
	do {
		unsigned digit = (unsigned char)*s++ - '0';

		if (digit > 9) /* also if there is none */
			return -1;
		n = n * 10 + digit;
		if (n > max)
			return -1;
	} while (*s);
	return n;
}

/* Has the path, which begins with a slash, a component ".."? */
static int has_dot_dot(const char *path)
{
	/* Few have a dot at all */
	for (; (path = strchr(path, '.')) != NULL; path++)
		if (path[-1] == '/' && path[1] == '.' && (path[2] == '/' || path[2] == '\0'))
			return 1;
	return 0;
}

/* What we know of, as it begins, in the kernel's order */
enum { ACTION, DEVPATH, SUBSYSTEM, SYNTH_ARG, MAJOR, MINOR, DEVNAME, FIRMWARE, N_KNOWN };
static const char known[N_KNOWN][sizeof("SYNTH_ARG_")] ALIGN1 = {
	"ACTION=", "DEVPATH=", "SUBSYSTEM=", "SYNTH_ARG_", "MAJOR=", "MINOR=", "DEVNAME=", "FIRMWARE="
};

/* The '=' behind the name that s begins with, or the NUL instead of it. Takes note of what
 * we know: called for every variable of every event, so nothing is read twice, and the
 * search goes on where it has ended before, *next */
static char *read_name(const char **values, unsigned *next, char *s)
{
	unsigned i, n;

	for (i = *next, n = N_KNOWN; n; n--, i++) {
		const char *k = known[i %= N_KNOWN];
		char *t = s;

		while (*k && *k == *t)
			k++, t++;
		if (*k == '\0') {
			values[i] = t;
			*next = i + 1;
			s = t - 1;
			break;
		}
	}
	while (*s != '=' && *s)
		s++;
	return s;
}

/* Judges the datagram of len bytes in u->buf and fills the rest of u, which points
 * into it. Returns NULL, or the reason why it is not an event: then u is not to
 * be used. u->ev.name is DEVNAME or NULL; it has not been judged. */
const char* FAST_FUNC mdevd_uevent_parse(struct mdevd_uevent *u, unsigned len)
{
	char *end = u->buf + len;
	const char *values[N_KNOWN];
	unsigned n, next;
	char *at, *s;

	u->buf[MIN(len, UEVENT_MAX)] = '\0';
	if (len > UEVENT_MAX)
		return "too long";
	if (len == 0 || end[-1] != '\0')
		return "not terminated";
	at = strchr(u->buf, '@');
	if (!at || at == u->buf || at[1] != '/' || has_dot_dot(at + 1))
		return "bad header";

	memset(values, 0, sizeof(values));
	n = next = 0;
	for (s = at + strlen(at) + 1; s < end; s++) {
		char *eq = read_name(values, &next, s);

		if (eq == s || !*eq)
			return "a variable without a name or value";
		if (n == UEVENT_NVARS)
			return "too many variables";
		u->vars[n++] = s;
		s = eq + strlen(eq);
	}
	u->vars[n] = NULL;

	if (!values[ACTION] || !values[DEVPATH]
	 || is_prefixed_with(u->buf, values[ACTION]) != at || strcmp(at + 1, values[DEVPATH]) != 0
	) {
		return "ACTION and DEVPATH do not agree with the header";
	}

	u->len = u->kernel_len = len;
	u->barrier = values[SYNTH_ARG] ? is_prefixed_with(values[SYNTH_ARG], MDEVD_BARRIER_KEY "=") : NULL;
	u->ev.vars = u->vars;
	u->ev.action = values[ACTION];
	u->ev.devpath = values[DEVPATH];
	u->ev.subsystem = values[SUBSYSTEM];
	u->ev.firmware = values[FIRMWARE];
	u->ev.name = values[DEVNAME];
	u->ev.minor = number(values[MINOR], MDEV_MINOR_MAX);
	u->ev.major = (int)u->ev.minor < 0 ? -1 : number(values[MAJOR], MDEV_MAJOR_MAX);
	u->ev.unnumbered = 0;
	/* MDEV_OP_... in their order */
	u->ev.op = 1 + index_in_strings("add\0""remove\0", u->ev.action);
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
