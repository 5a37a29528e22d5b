/* vi: set sw=4 ts=4: */
/*
 * Static nodes: devices of modules that are not loaded. Opening such a node loads its module
 *
 * depmod lists them in modules.devname, one a line: "tun net/tun c10:200".
 *
 * Copyright (C) 2026 mdevd for BusyBox maintainers
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdevd.h"
#include <sys/utsname.h>

/* Fills u with the "add" event of one line's device. It has few variables, and SUBSYSTEM for block devices
 * only. Returns 0 if the line is malformed, or the device exists: its own event has all variables */
static int fill_event(struct mdevd_uevent *u, char **token)
{
	unsigned len;

	if (!token[3])
		return 0;
	len = snprintf(u->buf, UEVENT_MAX, "add@/module/%s%cACTION=add%cDEVPATH=/module/%s%c"
			"DEVNAME=%s%cMAJOR=%s%cMINOR=%s%cSUBSYSTEM=block",
			token[0], 0, 0, token[0], 0, token[1], 0, token[2] + 1, 0, token[3], 0) + 1;
	if (*token[2] == 'c')
		len -= sizeof("SUBSYSTEM=block");
	else if (*token[2] != 'b')
		return 0;
	if (mdevd_uevent_parse(u, len) != NULL)
		return 0;
	mdev_log_about(&u->ev, NULL);
	mdev_sysfs_complete(&u->ev, NULL);
	return u->ev.major >= 0 && !mdev_sysfs_exists(u->ev.sys, u->ev.type, u->ev.dev, /*unknown:*/ 0);
}

/* Applies the rules to an event for each line of modules.devname. Skips malformed lines and devices
 * that exist; a file that cannot be read has no lines. Blocks while the file is read; dies if out of
 * memory. */
void FAST_FUNC mdevd_static_nodes(struct mdevd_handler *h)
{
	struct utsname uts;
	char path[sizeof(MODULES_DIR "//modules.devname") + sizeof(uts.release)];
	char *token[4];
	parser_t *parser;

	uname(&uts);
	sprintf(path, MODULES_DIR "/%s/modules.devname", uts.release);
	parser = config_open2(path, fopen_for_read);
	while (config_read(parser, token, 4, 0, "# \t:", PARSE_NORMAL))
		if (fill_event(&h->u, token))
			mdevd_event_apply_rules(h, /*explain:*/ 0);
	config_close(parser);
}
