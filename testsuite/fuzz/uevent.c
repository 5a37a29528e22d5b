/* vi: set sw=4 ts=4: */
/*
 * libFuzzer target for mdevd_uevent.c and mdev_sysfs.c: they accept a datagram if and only if a
 * plain model accepts it, with the model's result
 *
 * Input: two bytes for the length of a node's name, then the datagram.
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "fuzz.h"
#include "mdevd.h"

/* The model: the same rules, implemented plainly. Returns the number of variables, or -1 */
static int model(const char *s, size_t size, const char **action, const char **devpath)
{
	const char *end = s + size, *at, *p;
	int n = 0;

	*action = *devpath = NULL;
	if (size == 0 || size > UEVENT_MAX || end[-1] != '\0')
		return -1;
	at = strchr(s, '@');
	if (!at || at == s || at[1] != '/')
		return -1;
	for (p = at + 1; p; p = strchr(p + 1, '/'))
		if (strncmp(p, "/..", 3) == 0 && (p[3] == '/' || p[3] == '\0'))
			return -1;
	for (p = s + strlen(s) + 1; p < end; p += strlen(p) + 1) {
		if (*p == '=' || !strchr(p, '=') || ++n > UEVENT_NVARS)
			return -1;
		/* The first of two counts */
		if (!*action && strncmp(p, "ACTION=", 7) == 0)
			*action = p + 7;
		if (!*devpath && strncmp(p, "DEVPATH=", 8) == 0)
			*devpath = p + 8;
	}
	if (!*action || !*devpath || strcmp(*devpath, at + 1) != 0
	 || strlen(*action) != (size_t)(at - s) || memcmp(s, *action, at - s) != 0
	) {
		return -1;
	}
	return n;
}

static int is_in(const struct mdevd_uevent *u, const char *s)
{
	return s >= u->buf && s < u->buf + u->received_len;
}

static void check_event(const struct mdevd_uevent *u, int n, const char *action, const char *devpath)
{
	const struct mdev_event *ev = &u->ev;
	int i;

	FUZZ_CHECK(strcmp(ev->action, action) == 0 && is_in(u, ev->action));
	FUZZ_CHECK(strcmp(ev->devpath, devpath) == 0 && is_in(u, ev->devpath));
	FUZZ_CHECK(!ev->name || is_in(u, ev->name));
	FUZZ_CHECK(!ev->firmware || is_in(u, ev->firmware));
	FUZZ_CHECK(!ev->subsystem || is_in(u, ev->subsystem));
	FUZZ_CHECK(!u->barrier || is_in(u, u->barrier));
	FUZZ_CHECK(ev->major >= -1 && ev->major <= MDEV_MAJOR_MAX);
	FUZZ_CHECK(ev->major < 0 || (unsigned)ev->minor <= MDEV_MINOR_MAX);
	FUZZ_CHECK((ev->op == MDEV_OP_ADD) == (strcmp(action, "add") == 0));
	FUZZ_CHECK((ev->op == MDEV_OP_REMOVE) == (strcmp(action, "remove") == 0));
	for (i = 0; i < n; i++)
		FUZZ_CHECK(is_in(u, ev->vars[i]) && strchr(ev->vars[i], '=') > ev->vars[i]);
	FUZZ_CHECK(ev->vars[n] == NULL);
}

/* As it is passed on: the datagram, MDEV=name, and for -o one more NUL */
static void check_relay(struct mdevd_uevent *u, unsigned name_len, int n)
{
	static char name[MDEV_NAME_MAX];
	struct mdevd_uevent *again = malloc(sizeof(*again));
	unsigned i, len;

	for (i = 0; i < 2; i++) {
		len = i ? name_len : MDEV_NAME_MAX - 1;
		memset(name, 'n', len);
		name[len] = '\0';
		mdevd_uevent_add_mdev(u, name);
		FUZZ_CHECK(u->len == u->received_len + sizeof("MDEV=") + len && u->len < sizeof(u->buf));
	}
	u->buf[u->len] = '\0';
	if (u->len <= UEVENT_MAX && n < UEVENT_NVARS) {
		memcpy(again->buf, u->buf, u->len);
		FUZZ_CHECK(mdevd_uevent_parse(again, u->len) == NULL);
		FUZZ_CHECK(strcmp(again->ev.vars[n] + 5, name) == 0);
	}
	free(again);
}

int LLVMFuzzerInitialize(int *argc UNUSED_PARAM, char ***argv UNUSED_PARAM)
{
	lbb_prepare("fuzz");
	logmode = LOGMODE_NONE;
	mdev_verbose = 3;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mdevd_uevent *u;
	const char *fault, *action, *devpath;
	char *sysfs;
	unsigned name_len;
	int n;

	if (size < 2 || size > UEVENT_MAX + 3)
		return 0;
	name_len = (data[0] << 8 | data[1]) % MDEV_NAME_MAX;
	data += 2;
	size -= 2;
	u = malloc(sizeof(*u));
	/* What was there before */
	memset(u, 'x', sizeof(*u));
	memcpy(u->buf, data, MIN(size, UEVENT_MAX));

	n = model((const char*)data, size, &action, &devpath);
	fault = mdevd_uevent_parse(u, size);
	if ((n < 0) != (fault != NULL))
		FUZZ_FAIL("taken: %d, but the fault is: %s", n, fault ? fault : "none");
	if (!fault) {
		check_event(u, n, action, devpath);
		check_relay(u, name_len, n);
		/* As mdev does it, in a /sys where there is nothing; mdevd does not ask */
		sysfs = (name_len & 1) ? malloc(MDEV_NAME_MAX + 1) : NULL;
		u->ev.sys = "/dev/null";
		mdev_sysfs_complete(&u->ev, sysfs);
		FUZZ_CHECK(u->ev.name && !(u->ev.major >= 0 && mdev_name_fault(u->ev.name)));
		FUZZ_CHECK(u->ev.type == S_IFBLK || u->ev.type == S_IFCHR);
		free(sysfs);
	}
	free(u);
	return 0;
}
