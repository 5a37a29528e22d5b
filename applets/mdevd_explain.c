/* vi: set sw=4 ts=4: */
/*
 * The event that the kernel would send when a device were added now
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdevd.h"

/* DEVPATH of path, which is that already or lies in sysfs (/sys/class/tty/tty1,
 * links are followed). Returns 0 with errno set if there is no such device;
 * devpath has PATH_MAX bytes */
static int find_devpath(char *devpath, const char *sys, const char *path)
{
	char real_sys[PATH_MAX], real[PATH_MAX], buf[PATH_MAX];
	char *s;

	if (!realpath(sys, real_sys))
		return 0;
	if (!realpath(path, real) || !(s = is_prefixed_with(real, real_sys))) {
		if (snprintf(buf, sizeof(buf), "%s%s", sys, path) >= (int)sizeof(buf)) {
			errno = ENAMETOOLONG;
			return 0;
		}
		if (!realpath(buf, real))
			return 0;
		s = is_prefixed_with(real, real_sys);
	}
	errno = ENODEV;
	if (!s || *s != '/')
		return 0;
	strcpy(devpath, s);
	return 1;
}

/* Writes the `add' event of the device at path, in or below sysfs at sys, to u->buf
 * as the kernel lays it out. Returns its length, for mdevd_uevent_parse(), or -1
 * with errno set if there is no such device. */
int FAST_FUNC mdevd_explain(struct mdevd_uevent *u, const char *sys, const char *path)
{
	char devpath[PATH_MAX], file[PATH_MAX];
	char *s, *link;
	unsigned dir_len;
	int len;

	if (!find_devpath(devpath, sys, path))
		return -1;
	dir_len = snprintf(file, sizeof(file) - sizeof("/subsystem"), "%s%s", sys, devpath);
	if (dir_len >= sizeof(file) - sizeof("/subsystem") || strlen(devpath) > UEVENT_MAX / 4)
		return -1;
	s = u->buf + sprintf(u->buf, "add@%s%cACTION=add%cDEVPATH=%s", devpath, 0, 0, devpath) + 1;
	strcpy(file + dir_len, "/subsystem");
	link = xmalloc_readlink(file);
	if (link) {
		s = stpcpy(stpcpy(s, "SUBSYSTEM="), bb_basename(link)) + 1;
		free(link);
	}
	strcpy(file + dir_len, "/uevent");
	len = open_read_close(file, s, u->buf + UEVENT_MAX - s);
	if (len < 0)
		return -1;
	/* Its lines are the other variables */
	for (; len > 0; len--, s++)
		if (*s == '\n')
			*s = '\0';
	if (s[-1] != '\0')
		*s++ = '\0';
	return s - u->buf;
}
