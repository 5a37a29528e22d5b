/* vi: set sw=4 ts=4: */
/*
 * mdevd - device manager daemon with mdev's configuration file
 *
 * Copyright (C) 2026 mdevd for BusyBox maintainers
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 *
 * The life of an event: the kernel multicasts a datagram. mdevd_netlink_recv() receives it, and
 * discards datagrams from other senders; mdevd_uevent_parse() validates it and finds its
 * variables; mdev_sysfs_complete() adds its name and type. mdev_match() compares the event with one
 * rule after the other, and fills in a plan if a rule matches; before the first rule that needs them,
 * mdevd_probe() adds the variables of the device's file system. mdev_node_add() or
 * mdev_node_remove(), mdev_link_make() and mdevd_child_run() carry out the plan. mdev_link_sweep()
 * removes links that are no longer right. Then mdevd_output() passes the event to -o and -O, and
 * mdevd reads the next one.
 *
 * The daemon waits in mdevd_wait() only: for an event, or for a command to end. SIGTERM and SIGHUP
 * interrupt both. A child with its own socket serves firmware, which may take a minute.
 *
 * Lost events and -C are handled by a coldplug in this process: before each device is
 * triggered, all queued events are handled.
 *
 * Handling an event allocates no memory, except in regexec(), for patterns that are not simple,
 * and in opendir(), for modprobe's configuration and the directories of links.
 */
//applet:IF_MDEVD(APPLET(mdevd, BB_DIR_SBIN, BB_SUID_DROP))

//usage:#define mdevd_trivial_usage
//usage:       "[-CS] [-v N] [-D FD]"
//usage:	IF_FEATURE_MDEVD_RELAY(" [-o FD] [-O MASK] [-I MASK]")
//usage:       " [-b BYTES] [-t SECS]\n"
//usage:       "	[-f CONF] [-s SYS] [-d DEV]"
//usage:	IF_FEATURE_MDEVD_FIRMWARE(" [-F FWDIR]")
//usage:	IF_FEATURE_MDEVD_CHECK(" [-n [SYSPATH...] | -N]")
//usage:#define mdevd_full_usage "\n\n"
//usage:       "Handle the kernel's device events by the rules of mdev.conf\n"
//usage:     "\n	-v N	0: fatal errors, 1: warnings (default), 2: rules, 3: debug"
//usage:     "\n	-S	Log to syslog too"
//usage:     "\n	-D FD	Write a newline to FD when listening"
//usage:	IF_FEATURE_MDEVD_RELAY(
//usage:     "\n	-o FD	Write handled events to FD"
//usage:     "\n	-O MASK	Rebroadcast handled events to netlink groups"
//usage:     "\n	-I MASK	Listen to netlink groups (default 1)"
//usage:	)
//usage:     "\n	-b N	Receive buffer (default "STR(CONFIG_MDEVD_RCVBUF)" bytes)"
//usage:     "\n	-t SECS	Kill commands that run longer"
//usage:     "\n	-f FILE	Rules (default /etc/mdev.conf)"
//usage:     "\n	-s DIR	sysfs (default /sys)"
//usage:     "\n	-d DIR	Where the nodes are (default /dev)"
//usage:	IF_FEATURE_MDEVD_FIRMWARE(
//usage:     "\n	-F DIR	Firmware (default /lib/firmware)"
//usage:	)
//usage:     "\n	-C	Trigger events of existing devices when listening"
//usage:	IF_FEATURE_MDEVD_CHECK(
//usage:     "\n	-n	Only print what would be done (for SYSPATHs: and exit)"
//usage:     "\n	-N	Only check the rules, exit 0 or 2"
//usage:	)

#include "mdevd.h"

enum {
	/* In the order of the option string */
	OPT_v = 1 << 0,		/* verbosity */
	OPT_D = 1 << 1,		/* descriptor to notify when listening */
	OPT_b = 1 << 2,		/* receive buffer */
	OPT_f = 1 << 3,		/* rules */
	OPT_s = 1 << 4,		/* sysfs */
	OPT_d = 1 << 5,		/* directory of the nodes */
	OPT_C = 1 << 6,		/* coldplug */
	OPT_t = 1 << 7,		/* time limit of commands */
	OPT_S = 1 << 8,		/* syslog */
	OPTBIT_F = 9,		/* firmware */
	OPTBIT_n = OPTBIT_F + ENABLE_FEATURE_MDEVD_FIRMWARE,
	OPT_n = (1 << OPTBIT_n) * ENABLE_FEATURE_MDEVD_CHECK,	/* dry run */
	OPT_N = (2 << OPTBIT_n) * ENABLE_FEATURE_MDEVD_CHECK,	/* check the rules */
	RETRY_MS = 1000, /* after a failed receive */
};

struct globals {
	int sock, notify_fd;		/* uevents; -D, until it is written; -1: none */
	const char *conf_name, *sys;
	struct mdev_conf fresh;
	mode_t umask;			/* of commands */
	unsigned rcvbuf;		/* bytes */
	/* Not on the stack, which would take more pages: a forked child copies each that it writes to */
	struct mdevd_handler h;
	struct mdevd_trigger trigger;
};
#define G (*ptr_to_globals)
#define INIT_G() do { \
	SET_PTR_TO_GLOBALS(xzalloc(sizeof(G))); \
	G.sock = G.notify_fd = G.h.firmware.sock = G.h.out.fd = G.h.out.sock = -1; \
	G.conf_name = "/etc/mdev.conf"; \
	G.sys = "/sys"; \
	G.h.dev = "/dev"; \
	G.h.firmware.dir = "/lib/firmware"; \
	G.rcvbuf = CONFIG_MDEVD_RCVBUF; \
} while (0)

/* Warns with the error in errno. */
void FAST_FUNC mdevd_warn_errno(const char *verb)
{
	mdev_log(MDEV_LOG_WARN, "can't %s: "STRERROR_FMT, verb STRERROR_ERRNO);
}

/* Runs in every child. Writes to no memory: after vfork it is the daemon's */
static void in_child(void)
{
	close(G.sock);
	close(G.notify_fd);
	close(G.h.out.fd);
	close(G.h.out.sock);
	mdevd_signal_in_child();
}

static void in_command(void)
{
	umask(G.umask);
	if (G.h.timeout)
		setpgid(0, 0);
	in_child();
	close(G.h.firmware.sock);
	mdev_log_close();
}

/* Handles the queued events, and SIGHUP. Returns when the queue is empty */
static void handle_queue(void)
{
	for (;;) {
		int len;

		mdevd_signal_allow_exit(1);
		while (mdevd_signal_got_hup())
			mdevd_rules_reload(&G.h.conf, &G.fresh, G.conf_name);
		mdevd_signal_allow_exit(0);
		len = mdevd_netlink_recv(G.sock, G.h.u.buf, UEVENT_MAX);
		if (len > 0) {
			mdevd_event_handle(&G.h, len);
		} else if (len < 0) {
			if (errno == EAGAIN)
				return;
			if (errno == ENOBUFS) {
				mdevd_event_lost(&G.h, "events were lost (a larger -b helps)");
				continue;
			}
			mdevd_warn_errno("receive");
			mdevd_wait(-1, RETRY_MS);
		}
	}
}

/** Coldplug **/

static int FAST_FUNC handle_queue_before(struct mdevd_trigger *t UNUSED_PARAM, const char *uevent_file UNUSED_PARAM)
{
	handle_queue();
	return 1;
}

/* Triggers all devices. Handles the queued events before each one, which keeps the queue short */
static void coldplug(void)
{
	G.trigger.sys = G.sys;
	G.trigger.action = "add";
	G.trigger.before = handle_queue_before;
	G.h.is_coldplugging = 1;
	G.h.recovery.is_due = 0;
	G.trigger.count = G.trigger.skipped = 0;
	mdevd_trigger(&G.trigger);
	if (G.trigger.count == 0 && G.trigger.skipped)
		mdev_log(MDEV_LOG_WARN, "%u devices triggered, %u skipped", G.trigger.count, G.trigger.skipped);
	handle_queue();
	G.h.is_coldplugging = 0;
	G.h.recovery.ended_at = monotonic_ms();
}

static void NORETURN serve(void)
{
	for (;;) {
		int ms;

		handle_queue();
		ms = mdev_dry_run ? -1 : mdevd_recovery_ms(&G.h.recovery);
		if (ms == 0)
			coldplug();
		else
			mdevd_wait(G.sock, ms);
	}
}

/** Start **/

/* Makes nodes of devices whose modules are not loaded. Called when the sockets are open, because opening
 * such a node causes events */
static void add_static_nodes(void)
{
	mdevd_signal_allow_exit(mdev_dry_run);
	G.h.is_static = 1;
	mdevd_static_nodes(&G.h);
	mdev_log_about(NULL, NULL);
	G.h.is_static = 0;
	if (mdev_dry_run)
		fflush_all();
	mdevd_signal_allow_exit(1);
}

#if ENABLE_FEATURE_MDEVD_CHECK
/* mdevd -n SYSPATH... Returns the exit status */
static int explain(char **paths)
{
	int status = EXIT_SUCCESS;

	for (; *paths; paths++) {
		const char *fault = mdevd_explain(&G.h.u, G.sys, *paths);
		if (fault) {
			bb_error_msg("'%s': %s", *paths, fault);
			status = MDEVD_EXIT_SYSTEM;
			continue;
		}
		xchdir(G.h.dev); /* mdevd_explain() left it */
		mdevd_event_apply_rules(&G.h, /*explain:*/ 1);
	}
	/* With musl, fflush() does not report the failure of an earlier write */
	die_if_ferror_stdout();
	fflush_stdout_and_exit(status);
}
#endif

static void notify_ready(void)
{
	if (G.notify_fd < 0)
		return;
	if (write(G.notify_fd, "\n", 1) != 1)
		mdevd_warn_errno("notify");
	close(G.notify_fd);
	G.notify_fd = -1;
}

/* Opens the sockets, after which no event is missed */
static void listen_to_events(unsigned groups)
{
	if (G.h.out.fd >= 0) {
		ndelay_on(G.h.out.fd);
		close_on_exec_on(G.h.out.fd);
	}
	if (G.h.out.groups)
		G.h.out.sock = xmdevd_netlink_open(0, 0);
#if ENABLE_FEATURE_MDEVD_FIRMWARE && BB_MMU
	/* Before our own socket: the child must not miss an event that we receive */
	G.h.firmware.sys = G.sys;
	G.h.firmware.rcvbuf = G.rcvbuf;
	G.h.firmware.in_child = in_child;
	if (!mdev_dry_run)
		mdevd_firmware_start(&G.h.firmware, &G.h.u);
#endif
	G.sock = xmdevd_netlink_open(groups, G.rcvbuf);
	mdevd_check_helper(G.sys);
}

/* Sets up stdio, signals, logging and rules. may_skip: lines with errors are skipped */
static void init(int to_syslog, int may_skip)
{
	int status;

	xfunc_error_retval = MDEVD_EXIT_SYSTEM;
	mdevd_init_stdio();
	mdevd_signal_init();
	mdevd_signal_allow_exit(1);
	mdev_log_init(to_syslog);
	G.h.in_command = in_command;
	G.h.u.ev.sys = G.sys;
#if ENABLE_FEATURE_MDEVD_PROBE
	G.h.probe.timeout = G.h.timeout;
	G.h.probe.in_child = in_command;
#endif
	status = mdevd_rules_read(&G.h.conf, G.conf_name, G.h.dev, /*may_be_missing:*/ 1);
	if (G.h.conf.failed || (status != 0 && !may_skip))
		exit(status);
	mdevd_enter_dev(G.h.dev);
	G.h.u.ev.root = mdev_node_root();
}

#if ENABLE_FEATURE_MDEV_DAEMON
/* mdev -d: mdevd -C, which goes to the background when the coldplug is handled, unless foreground is
 * set. A line with an error is skipped, as mdev does. Does not return. */
void FAST_FUNC mdevd_run_as_mdev(char **argv, int foreground, int to_syslog)
{
	INIT_G();
	if (!foreground)
		G.notify_fd = mdevd_daemonize(argv);
	init(to_syslog, /*may_skip:*/ 1);
	G.h.firmware.is_background = !foreground;
	listen_to_events(UEVENT_GROUP_KERNEL);
	add_static_nodes();
	coldplug();
	if (!foreground) {
		mdevd_discard_output();
		mdev_log_init(/*to_syslog: it is open already*/ 0);
		notify_ready();
	}
	serve();
}
#endif

int mdevd_main(int argc, char **argv) MAIN_EXTERNALLY_VISIBLE;
int mdevd_main(int argc UNUSED_PARAM, char **argv)
{
	int verbosity = 1;
	unsigned groups = UEVENT_GROUP_KERNEL;
	unsigned opts;

	xfunc_error_retval = MDEVD_EXIT_SYSTEM;
	INIT_G();
	xfunc_error_retval = MDEVD_EXIT_USAGE;
	opts = getopt32(argv, "^"
		"v:+D:+b:+f:s:d:Ct:+S"
		IF_FEATURE_MDEVD_FIRMWARE("F:")
		IF_FEATURE_MDEVD_CHECK("nN")
		IF_FEATURE_MDEVD_RELAY("o:+O:+I:+")
		"\0" IF_FEATURE_MDEVD_CHECK("n--N:N--n"),
		&verbosity, &G.notify_fd, &G.rcvbuf, &G.conf_name, &G.sys, &G.h.dev, &G.h.timeout
		IF_FEATURE_MDEVD_FIRMWARE(, &G.h.firmware.dir)
		IF_FEATURE_MDEVD_RELAY(, &G.h.out.fd, &G.h.out.groups, &groups)
	);
	argv += optind;
	mdev_verbose = MIN(verbosity, MDEV_LOG_DEBUG);
	G.h.timeout = MIN(G.h.timeout, MDEVD_TIMEOUT_MAX);
	if (argv[0] && !(opts & OPT_n))
		bb_show_usage();
	mdevd_check_path(G.conf_name);
	mdevd_check_path(G.sys);
	mdevd_check_path(G.h.dev);
	mdevd_check_path(G.h.firmware.dir);
	mdevd_check_fds(G.notify_fd, G.h.out.fd);
	if (groups == 0)
		bb_simple_error_msg_and_die("-I 0: no group to listen to");
	if (G.h.out.groups & (groups | UEVENT_GROUP_KERNEL)) {
		mdev_log(MDEV_LOG_WARN, "-O %u: no rebroadcast to groups that are listened to", G.h.out.groups);
		G.h.out.groups &= ~(groups | UEVENT_GROUP_KERNEL);
	}

	G.umask = umask(0);
#if ENABLE_FEATURE_MDEVD_CHECK
	mdev_dry_run = (opts & (OPT_n | OPT_N)) != 0;
	if (opts & OPT_N) {
		int status;

		xfunc_error_retval = MDEVD_EXIT_SYSTEM;
		status = mdevd_rules_read(&G.h.conf, G.conf_name, G.h.dev, /*may_be_missing:*/ 0);
		mdev_check(&G.h.conf);
		return status;
	}
#endif
	init(opts & OPT_S, /*may_skip:*/ 0);
#if ENABLE_FEATURE_MDEVD_CHECK
	if (argv[0])
		return explain(argv);
#endif
	listen_to_events(groups);
	add_static_nodes();
	notify_ready();
	if ((opts & OPT_C) && !mdev_dry_run)
		coldplug();
	serve();
}
