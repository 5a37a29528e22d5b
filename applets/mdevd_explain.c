/* vi: set sw=4 ts=4: */
/*
 * The event that the kernel would send when a device were added now
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdevd.h"

enum {
	/* It is in the event twice. The kernel's own events are shorter: UEVENT_BUFFER_SIZE */
	CWD_MAX = UEVENT_MAX / 4,
};

/* DEVPATH of the current directory, in cwd, CWD_MAX bytes; NULL with errno set if it
 * is none of a device in sysfs, which really is at sys */
static char *devpath_here(char *cwd, const char *sys)
{
	char *s = getcwd(cwd, CWD_MAX);

	if (s)
		s = is_prefixed_with(s, sys);
	if (s && *s == '/')
		return s;
	errno = ENODEV;
	return NULL;
}

/* Goes to the device at path, which is its DEVPATH or lies in sysfs (/sys/class/tty/tty1,
 * links are followed). Gives DEVPATH as devpath_here() does */
static char *enter_device(char *cwd, const char *sys, const char *path)
{
	char real_sys[CWD_MAX];
	char *s, *below;

	if (chdir(sys) != 0 || !getcwd(real_sys, sizeof(real_sys)))
		return NULL;
	if (chdir(path) == 0) {
		s = devpath_here(cwd, real_sys);
		if (s)
			return s;
	}
	below = concat_path_file(real_sys, path);
	s = (chdir(below) == 0) ? devpath_here(cwd, real_sys) : NULL;
	free(below);
	return s;
}

/* Writes the `add' event of the device at path, in or below sysfs at sys, to u->buf
 * as the kernel lays it out. Returns its length, for mdevd_uevent_parse(), or -1
 * with errno set if there is no such device. Leaves the current directory there. */
int FAST_FUNC mdevd_explain(struct mdevd_uevent *u, const char *sys, const char *path)
{
	char cwd[CWD_MAX];
	char *s, *link;
	const char *devpath;
	int len;

	devpath = enter_device(cwd, sys, path);
	if (!devpath)
		return -1;
	s = u->buf + sprintf(u->buf, "add@%s%cACTION=add%cDEVPATH=%s", devpath, 0, 0, devpath) + 1;
	link = xmalloc_readlink("subsystem");
	if (link) {
		s = stpcpy(stpcpy(s, "SUBSYSTEM="), bb_basename(link)) + 1;
		free(link);
	}
	len = open_read_close("uevent", s, u->buf + UEVENT_MAX - s);
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
