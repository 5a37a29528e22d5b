/* vi: set sw=4 ts=4: */
/*
 * mdevd-coldplug - make the kernel announce the devices that exist, and wait for mdevd
 *
 * Copyright (C) 2026 mdevd for BusyBox maintainers
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
//applet:IF_MDEVD_COLDPLUG(APPLET_ODDNAME(mdevd-coldplug, mdevd_coldplug, BB_DIR_SBIN, BB_SUID_DROP, mdevd_coldplug))

//usage:#define mdevd_coldplug_trivial_usage
//usage:       "[-n] [-a ACTION] [-v N] [-s SYS] [-d DEV] [-O MASK] [-b BYTES]\n"
//usage:       "	[-t SECS] [-q MS] [-w NAME]... [SUBSYSTEM | SYSPATH]..."
//usage:#define mdevd_coldplug_full_usage "\n\n"
//usage:       "Trigger the events of all devices, of SUBSYSTEMs, or of single devices\n"
//usage:     "\n	-n	Trigger nothing, only wait"
//usage:     "\n	-a ACT	Action (default add)"
//usage:     "\n	-v N	0: fatal errors, 1: warnings (default), 2: skipped devices"
//usage:     "\n	-s DIR	sysfs (default /sys)"
//usage:     "\n	-O MASK	Settle: wait until mdevd -O MASK has handled all events and"
//usage:     "\n		those they caused"
//usage:     "\n	-q MS	Wait until nothing has happened for MS milliseconds"
//usage:     "\n	-w NAME	Wait until /dev/NAME exists"
//usage:     "\n	-t SECS	Exit 1 after SECS (default 60, 0: never)"
//usage:     "\n	-d DIR	Where the nodes are (default /dev)"
//usage:     "\n	-b N	Receive buffer (default 1048576 bytes)"
//usage:     "\n"
//usage:     "\nSYSPATH: /sys/class/tty/tty1, its DEVPATH, or a node: /dev/tty1"

#include "mdevd.h"

enum {
	/* In the order of the option string */
	OPT_n = 1 << 0,	/* trigger nothing */
	OPT_a = 1 << 1,
	OPT_v = 1 << 2,
	OPT_s = 1 << 3,
	OPT_d = 1 << 4,
	OPT_O = 1 << 5,	/* groups that mdevd rebroadcasts to */
	OPT_b = 1 << 6,
	OPT_t = 1 << 7,
	OPT_q = 1 << 8,
	OPT_w = 1 << 9,
	OPT_WAIT = OPT_O | OPT_q | OPT_w,

	TIMEOUT_SECS = 60,
	/* A limit, not memory: it is emptied all the time */
	RCVBUF = 1024 * 1024,
};

static void NORETURN die_of_argument(const char *arg, const char *fault)
{
	bb_error_msg_and_die("'%s': %s", arg, fault);
}

/* Makes paths of the names of -w, which may begin with dev */
static void make_paths(llist_t *node, const char *dev)
{
	dev = concat_path_file(dev, ""); /* ends with a slash */
	for (; node; node = node->link) {
		const char *name = is_prefixed_with(node->data, dev);
		const char *fault;

		if (!name)
			name = node->data;
		fault = mdev_name_fault(name);
		if (fault)
			die_of_argument(node->data, fault);
		node->data = concat_path_file(dev, name);
	}
}

static NOINLINE int exists(struct mdevd_trigger *t, const char *dir, const char *name)
{
	snprintf(t->path, sizeof(t->path), "%s/%s/%s", t->sys, dir, name);
	return access(t->path, F_OK) == 0;
}

/* Triggers the one device that path names */
static void trigger_syspath(struct mdevd_trigger *t, const char *path)
{
	if (mdevd_enter_device(t->path, t->sys, path)) {
		strcat(t->path, "/uevent");
		mdevd_trigger_device(t, AT_FDCWD, t->path);
	} else {
		t->skipped++;
		mdev_log(MDEV_LOG_WARN, "skipped '%s': "STRERROR_FMT, path STRERROR_ERRNO);
	}
}

/* Triggers the devices that t->targets selects */
static void trigger(struct mdevd_trigger *t)
{
	char **target = t->targets;
	int is_walk_needed = !*target;
	int failed;

	t->count = t->skipped = 0;
	for (; *target; target++) {
		if (**target == '/')
			trigger_syspath(t, *target);
		else
			is_walk_needed = 1;
	}
	if (is_walk_needed)
		mdevd_trigger(t);
	failed = (t->count == 0 && t->skipped != 0);
	mdev_log(failed ? MDEV_LOG_ERR : MDEV_LOG_INFO, "%u devices triggered, %u skipped",
			t->count, t->skipped);
	if (failed)
		xfunc_die();
}

int mdevd_coldplug_main(int argc, char **argv) MAIN_EXTERNALLY_VISIBLE;
int mdevd_coldplug_main(int argc UNUSED_PARAM, char **argv)
{
	struct mdevd_settle *o = xzalloc(sizeof(*o));
	const char *dev = "/dev";
	const char *s;
	int verbosity = 1;
	unsigned opts;

	o->t.sys = "/sys";
	o->t.action = "add";
	o->rcvbuf = RCVBUF;
	o->timeout = TIMEOUT_SECS;
	xfunc_error_retval = MDEVD_EXIT_USAGE;
	opts = getopt32(argv, "^" "na:v:+s:d:O:+b:+t:+q:+w:*" "\0" "n--a:a--n",
			&o->t.action, &verbosity, &o->t.sys, &dev, &o->groups, &o->rcvbuf,
			&o->timeout, &o->quiet, &o->nodes);
	argv += optind;
	o->t.targets = argv;
	mdev_verbose = MIN(verbosity, MDEV_LOG_DEBUG);
	if (*o->t.sys != '/' || *dev != '/')
		die_of_argument(*dev == '/' ? o->t.sys : dev, "not an absolute path");
	/* Kernels before 4.13 accept anything and send nothing, or "add" */
	for (s = o->t.action; islower(*s); s++)
		continue;
	if (s == o->t.action || *s)
		die_of_argument(o->t.action, "not an action");
	make_paths(o->nodes, dev);
	/* The kernel's own group does not tell what mdevd has handled */
	o->groups &= ~UEVENT_GROUP_KERNEL;
	if ((opts & OPT_O) && o->groups == 0)
		bb_simple_error_msg_and_die("-O: not a group that mdevd sends to");
	if ((opts & OPT_n) && (*argv || !(opts & OPT_WAIT)))
		bb_show_usage();
	o->timeout = MIN(o->timeout, MDEVD_TIMEOUT_MAX);
	xfunc_error_retval = MDEVD_EXIT_SYSTEM;

	for (; *argv; argv++) {
		/* Some kernels have block devices elsewhere */
		if (**argv != '/' && strcmp(*argv, "block") != 0
		 && !exists(&o->t, "class", *argv) && !exists(&o->t, "bus", *argv)
		) {
			mdev_log(MDEV_LOG_WARN, "no subsystem '%s' in '%s'", *argv, o->t.sys);
		}
	}
	if (opts & OPT_WAIT)
		mdevd_settle_start(o);
	do {
		if (!(opts & OPT_n))
			trigger(&o->t);
	} while ((opts & OPT_WAIT) && !mdevd_settle_wait(o));
	return EXIT_SUCCESS;
}
