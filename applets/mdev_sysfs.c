/* vi: set sw=4 ts=4: */
/*
 * Numbers, name and type of a device, and whether a device exists
 *
 * Copyright (C) 2026 mdevd for BusyBox maintainers
 * Derived from util-linux/mdev.c,
 * Copyright 2005 Rob Landley <rob@landley.net>
 * Copyright 2005 Frank Sorenson <frank@tuxrocks.com>
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdev_rules.h"

/* Parses "MAJOR:MINOR", or with another separator. Returns the end of the numbers, or NULL if they are
 * not valid: *major and *minor are undefined then. */
char* FAST_FUNC mdev_numbers(const char *s, char separator, int *major, unsigned *minor)
{
	char *end;

	*major = bb_strtou(s, &end, 10);
	if (*end != separator || (unsigned)*major > MDEV_MAJOR_MAX)
		return NULL;
	*minor = bb_strtou(end + 1, &end, 10);
	return (*minor <= MDEV_MINOR_MAX) ? end : NULL;
}

/* Prints SYS/dev/TYPE/MAJ:MIN into path, which has MDEV_NAME_MAX bytes. Returns 0 if it does not fit */
static int print_path(char *path, const char *sys, mode_t type, uint32_t dev)
{
	return snprintf(path, MDEV_NAME_MAX, "%s/dev/%s/%u:%u", sys, S_ISBLK(type) ? "block" : "char",
			(unsigned)major(dev), (unsigned)minor(dev)) < MDEV_NAME_MAX;
}

/* Does the device of that type and number exist? Returns unknown if the kernel lacks SYS/dev, which
 * was added in 2.6.27. */
int FAST_FUNC mdev_sysfs_exists(const char *sys, mode_t type, uint32_t dev, int unknown)
{
	char path[MDEV_NAME_MAX];

	if (!print_path(path, sys, type, dev))
		return unknown;
	if (access(path, F_OK) == 0)
		return 1;
	*strrchr(path, '/') = '\0'; /* SYS/dev/block */
	return unknown && access(path, F_OK) != 0;
}

/* The event's device has gone. Does a new one have its number and its name in sysfs? */
int FAST_FUNC mdev_sysfs_has_successor(const struct mdev_event *ev)
{
	char path[MDEV_NAME_MAX], text[MDEV_NAME_MAX];
	int len;

	if (!print_path(path, ev->sys, ev->type, ev->dev))
		return 0;
	len = readlink(path, text, sizeof(text) - 1);
	if (len < 0)
		return errno == EINVAL; /* no link: the tests' sysfs */
	text[len] = '\0';
	return strcmp(bb_basename(text), bb_basename(ev->devpath)) == 0;
}

/* Reads SYS/DEVPATH/file into buf, which has MDEV_NAME_MAX bytes, as a string. Returns its length;
 * 0 if that fails: the device may be gone already. */
int FAST_FUNC mdev_sysfs_read(const struct mdev_event *ev, const char *file, char *buf)
{
	int len;

	if (snprintf(buf, MDEV_NAME_MAX, "%s%s/%s", ev->sys, ev->devpath, file) >= MDEV_NAME_MAX)
		len = 0;
	else
		len = open_read_close(buf, buf, MDEV_NAME_MAX - 1);
	len = MAX(len, 0);
	buf[len] = '\0';
	return len;
}

#if ENABLE_MDEV

/* Returns DEVNAME of SYS/DEVPATH/uevent, which kernels have since 2.6.31, or NULL */
static const char *read_name(const struct mdev_event *ev, char *buf)
{
	char *s;

	if (!mdev_sysfs_read(ev, "uevent", buf + 1))
		return NULL;
	*buf = '\n';
	s = strstr(buf, "\nDEVNAME=");
	if (!s)
		return NULL;
	s += sizeof("\nDEVNAME=") - 1;
	*strchrnul(s, '\n') = '\0';
	return s;
}

static void read_sysfs(struct mdev_event *ev, char *buf)
{
	if (ev->major < 0 && ev->op == MDEV_OP_ADD
	 && (!mdev_sysfs_read(ev, "dev", buf) || !mdev_numbers(buf, ':', &ev->major, &ev->minor))
	) {
		ev->major = -1;
	}
	if (!ev->name)
		ev->name = read_name(ev, buf);
}

#else
# define read_sysfs(ev, buf) ((void)0)
#endif

/* Old kernels have block devices below /block/ */
static int is_block(const struct mdev_event *ev)
{
	const char *s = ev->devpath;

	if (ev->subsystem && strcmp(ev->subsystem, "block") == 0)
		return 1;
	/* Not strstr(): musl's is slow to start, and each event gets here */
	for (; (s = strchr(s, 'b')) != NULL; s++)
		if (s[-1] == '/' && is_prefixed_with(s, "block/"))
			return 1;
	return 0;
}

#if ENABLE_MDEVD
/* For mdev_rule_may_match() */
static void set_chars(struct mdev_event *ev)
{
	const char *s = ev->subsystem;

	ev->first = mdev_char_bit(*ev->name);
	ev->subsystem_chars = 0;
	while (s && *s)
		ev->subsystem_chars |= mdev_char_bit(*s++);
}
#else
# define set_chars(ev) ((void)0)
#endif

/* Fills in the name, type and dev of ev. Without DEVNAME, the name is the last component of DEVPATH.
 * If buf is not NULL, first reads missing data from sysfs: on add the numbers (SYS/DEVPATH/dev), and
 * DEVNAME (SYS/DEVPATH/uevent). mdev needs that as a helper of old kernels and for -s; mdevd does
 * not, because since 2.6.26 the kernel's events have all that sysfs has. buf has MDEV_NAME_MAX + 1
 * bytes and must live as long as ev. If the name is not valid below /dev, reports it and removes the
 * numbers: the event then has no node, but rules that match other variables apply. */
void FAST_FUNC mdev_sysfs_complete(struct mdev_event *ev, char *buf)
{
	const char *fault;

	if (buf)
		read_sysfs(ev, buf);
	if (!ev->name)
		ev->name = bb_basename(ev->devpath);
	fault = mdev_name_fault(ev->name);
	if (fault) {
		mdev_log(MDEV_LOG_WARN, "DEVNAME '%s' refused: %s", ev->name, fault);
		ev->name = bb_basename(ev->devpath);
		ev->major = -1;
		ev->by_name = 0;
	}
	set_chars(ev);
	ev->dev = makedev(ev->major, ev->minor);
	ev->type = is_block(ev) ? S_IFBLK : S_IFCHR;
}
