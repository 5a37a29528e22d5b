/* vi: set sw=4 ts=4: */
/*
 * mdevd-coldplug - have the kernel announce the devices that are there
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
//applet:IF_MDEVD_COLDPLUG(APPLET_ODDNAME(mdevd-coldplug, mdevd_coldplug, BB_DIR_SBIN, BB_SUID_DROP, mdevd_coldplug))

//usage:#define mdevd_coldplug_trivial_usage
//usage:       "[-v N] [-s SYS] [-d DEV] [-O MASK] [-b BYTES]\n"
//usage:       "	[-t SECS] [-q MS] [-w NAME]... [SUBSYSTEM]..."
//usage:#define mdevd_coldplug_full_usage "\n\n"
//usage:       "Trigger the events of the devices that are there (of SUBSYSTEMs)\n"
//usage:     "\n	-v N	0: fatal errors, 1: warnings (default), 2: what is skipped"
//usage:     "\n	-s DIR	sysfs (default /sys)"
//usage:     "\n	-O MASK	Settle: wait until mdevd -O MASK has handled them and"
//usage:     "\n		what they brought"
//usage:     "\n	-q MS	Wait until nothing has happened for MS milliseconds"
//usage:     "\n	-w NAME	Wait until /dev/NAME is there"
//usage:     "\n	-t SECS	Stop waiting and exit 1 after SECS (default 60, 0: never)"
//usage:     "\n	-d DIR	Where the nodes are (default /dev)"
//usage:     "\n	-b N	Receive buffer (default 1048576 bytes)"

#include "mdevd.h"

enum {
	/* In the order of the option string */
	OPT_v = 1 << 0,
	OPT_s = 1 << 1,
	OPT_d = 1 << 2,
	OPT_O = 1 << 3,	/* groups that mdevd rebroadcasts to */
	OPT_b = 1 << 4,
	OPT_t = 1 << 5,
	OPT_q = 1 << 6,
	OPT_w = 1 << 7,

	TIMEOUT_SECS = 60,
	/* It is emptied all the time: a limit, not memory */
	RCVBUF = 1024 * 1024,
};

/* -w: a name under /dev, given with or without that */
static void parse_nodes(llist_t *node, const char *dev)
{
	for (; node; node = node->link) {
		const char *name = is_prefixed_with(node->data, dev);
		const char *fault;

		if (name && *name == '/')
			node->data = (char*)name + 1;
		fault = mdev_name_fault(node->data);
		if (fault)
			bb_error_msg_and_die("-w '%s': %s", node->data, fault);
	}
}

/* Triggers what t says; a warning if nothing took it. Dies if there is no sysfs. */
void FAST_FUNC mdevd_coldplug(struct mdevd_trigger *t)
{
	if (!mdevd_trigger(t))
		bb_perror_msg_and_die("can't read '%s'", t->sys);
	if (t->count == 0 && t->skipped != 0)
		mdev_warn(NULL, NULL, "none of %u devices could be triggered (-v 2 says why)", t->skipped);
}

int mdevd_coldplug_main(int argc, char **argv) MAIN_EXTERNALLY_VISIBLE;
int mdevd_coldplug_main(int argc UNUSED_PARAM, char **argv)
{
	struct mdevd_settle o;
	int verbosity = 1;
	unsigned opts;

	memset(&o, 0, sizeof(o));
	o.t.sys = "/sys";
	o.dev = "/dev";
	o.rcvbuf = RCVBUF;
	o.timeout = TIMEOUT_SECS;
	xfunc_error_retval = MDEVD_EXIT_USAGE;
	opts = getopt32(argv, "v:+s:d:O:+b:+t:+q:+w:*",
			&verbosity, &o.t.sys, &o.dev, &o.groups, &o.rcvbuf, &o.timeout, &o.quiet, &o.nodes);
	o.t.subsystems = argv + optind;
	mdev_verbose = MIN(verbosity, 100);
	if (*o.t.sys != '/' || *o.dev != '/')
		bb_simple_error_msg_and_die("-s and -d take absolute paths");
	parse_nodes(o.nodes, o.dev);
	/* The kernel's own group does not tell what mdevd has handled */
	o.groups &= ~UEVENT_GROUP_KERNEL;
	if ((opts & OPT_O) && o.groups == 0)
		bb_simple_error_msg_and_die("-O: not a group that mdevd rebroadcasts to");
	/* As milliseconds it must fit an int */
	o.timeout = MIN(o.timeout, INT_MAX / 1000);
	xfunc_error_retval = MDEVD_EXIT_SYSTEM;

	if (opts & (OPT_O | OPT_q | OPT_w))
		mdevd_settle(&o);
	else
		mdevd_coldplug(&o.t);
	return EXIT_SUCCESS;
}
