/* vi: set sw=4 ts=4: */
/*
 * The event that the kernel would send if a device were added now
 *
 * Copyright (C) 2026 mdevd for BusyBox maintainers
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdevd.h"

/* Fills u with the "add" event of the device that path names, as the kernel would send it:
 * see mdevd_enter_device(). Returns NULL, or the reason if there is no such event. The
 * device's directory becomes the current one. */
const char* FAST_FUNC mdevd_explain(struct mdevd_uevent *u, const char *sys, const char *path)
{
	char *end = u->buf + UEVENT_MAX;
	char *scratch = end - PATH_MAX;
	const char *devpath = mdevd_enter_device(scratch, sys, path);
	char *s, *line;
	const char *fault;
	int len, has_numbers, major;
	unsigned minor;

	if (!devpath)
		goto fail;
	/* Longer ones do not fit into the kernel's event: UEVENT_BUFFER_SIZE is 2048. Both end before scratch */
	s = u->buf + sprintf(u->buf, "add@%.2000s%cACTION=add%cDEVPATH=%.2000s%cSUBSYSTEM=", devpath, 0, 0, devpath, 0);
	len = readlink("subsystem", scratch, PATH_MAX - 1);
	if (len < 0)
		goto fail;
	scratch[len] = '\0';
	s = stpcpy(s, bb_basename(scratch)) + 1;

	len = open_read_close("dev", s, end - s);
	s[MAX(len, 0)] = '\0';
	has_numbers = (mdev_numbers(s, ':', &major, &minor) != NULL);
	if (has_numbers)
		s += sprintf(s, "MAJOR=%d%cMINOR=%u", major, 0, minor) + 1;

	/* The file "uevent" has the other variables. A value may contain a newline: of variables with one
	 * name the first counts, and numbers from there never do */
	len = open_read_close("uevent", s, end - s);
	if (len < 0)
		goto fail;
	end = s + len;
	*end = '\0';
	for (line = s; line < end; line += len) {
		char *eq;

		*strchrnul(line, '\n') = '\0';
		len = strlen(line) + 1;
		eq = strchr(line, '=');
		if (eq && eq != line) {
			memmove(s, line, len);
			s += len;
		}
	}
	fault = mdevd_uevent_parse(u, s - u->buf);
	if (!has_numbers)
		u->ev.major = -1;
	return fault;
 fail:
	return strerror(errno);
}
