/* vi: set sw=4 ts=4: */
/*
 * Numbers and name of a device when the event lacks them
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdev_rules.h"

/* Reads sys/DEVPATH/file into buf, which has MDEV_NAME_MAX bytes, and ends it
 * with a NUL. Returns 0 if there is nothing: the device may be gone already */
static int read_attribute(const struct mdev_event *ev, const char *sys, const char *file, char *buf)
{
	int len;

	if (snprintf(buf, MDEV_NAME_MAX, "%s%s/%s", sys, ev->devpath, file) >= MDEV_NAME_MAX)
		return 0;
	len = open_read_close(buf, buf, MDEV_NAME_MAX - 1);
	if (len <= 0) {
		if (ENABLE_MDEVD && len < 0 && errno != ENOENT && errno != ENODEV)
			mdev_warn(ev, NULL, "can't read %s: "STRERROR_FMT, file STRERROR_ERRNO);
		return 0;
	}
	buf[len] = '\0';
	return 1;
}

/* Reads "MAJOR:MINOR", or with another char between them. Returns what
 * follows, or NULL if these are no numbers of a device: *major is anything then. */
char* FAST_FUNC mdev_numbers(const char *s, char between, int *major, unsigned *minor)
{
	char *end;

	*major = bb_strtou(s, &end, 10);
	if (*end != between || (unsigned)*major > MDEV_MAJOR_MAX)
		return NULL;
	*minor = bb_strtou(end + 1, &end, 10);
	return (*minor <= MDEV_MINOR_MAX) ? end : NULL;
}

/* DEVNAME of SYS/DEVPATH/uevent, which kernels have since 2.6.31 */
static const char *read_name(const struct mdev_event *ev, const char *sys, char *buf)
{
	char *s;

	if (!read_attribute(ev, sys, "uevent", buf + 1))
		return NULL;
	*buf = '\n';
	s = strstr(buf, "\nDEVNAME=");
	if (!s)
		return NULL;
	s += sizeof("\nDEVNAME=") - 1;
	*strchrnul(s, '\n') = '\0';
	return s;
}

/* Only block devices are under block; "/block/" is where old kernels have them.
 * Not strstr(): this is asked for every event, and libc's prepares for long texts */
static int is_block(const struct mdev_event *ev)
{
	const char *s = ev->devpath;

	if (ev->subsystem && strcmp(ev->subsystem, "block") == 0)
		return 1;
	for (; (s = strchr(s, 'b')) != NULL; s++)
		if (s[-1] == '/' && is_prefixed_with(s, "block/"))
			return 1;
	return 0;
}

/* Fills what ev lacks: on add its numbers (and dev) from SYS/DEVPATH/dev, its name from
 * SYS/DEVPATH/uevent or else DEVPATH's last component, and its type. sys is
 * where sysfs is, buf has MDEV_NAME_MAX + 1 bytes and must live as long as ev.
 * A name that would lead out of /dev is reported, and the device then has no
 * numbers: no node is made, but rules that look at other variables apply. */
void FAST_FUNC mdev_sysfs_complete(struct mdev_event *ev, const char *sys, char *buf)
{
	const char *fault;

	ev->type = is_block(ev) ? S_IFBLK : S_IFCHR;
	if (ev->major < 0 && ev->op == MDEV_OP_ADD
	 && read_attribute(ev, sys, "dev", buf)
	 && !mdev_numbers(buf, ':', &ev->major, &ev->minor)
	) {
		ev->major = -1;
	}
	fault = NULL;
	if (ev->name) {
		fault = mdev_name_fault(ev->name);
	} else if (ev->major >= 0 || ev->unnumbered) {
		/* A device without numbers has no DEVNAME either */
		ev->name = read_name(ev, sys, buf);
		if (ev->name)
			fault = mdev_name_fault(ev->name);
	}
	if (fault) {
		mdev_warn(ev, NULL, "DEVNAME '%s' refused: %s", ev->name, fault);
		ev->name = NULL;
		ev->major = -1;
		ev->unnumbered = 0;
	}
	if (!ev->name)
		ev->name = bb_basename(ev->devpath);
	ev->dev = makedev(ev->major, ev->minor);
}
