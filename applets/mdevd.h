/* vi: set sw=4 ts=4: */
/*
 * mdevd and mdevd-coldplug: declarations
 *
 * Copyright (C) 2026 mdevd for BusyBox maintainers
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#ifndef MDEVD_H
#define MDEVD_H 1

#include "mdev_rules.h"

PUSH_AND_SET_FUNCTION_VISIBILITY_TO_HIDDEN

enum {
	/* Exit statuses */
	MDEVD_EXIT_INVALID = 1,	/* SIGTERM, and an invalid event was received before */
	MDEVD_EXIT_TIMEOUT = 1,	/* mdevd-coldplug did not settle in time */
	MDEVD_EXIT_SYNTAX = 2,
	MDEVD_EXIT_USAGE = 100,
	MDEVD_EXIT_SYSTEM = 111,

	MDEVD_TIMEOUT_MAX = 1 << 20,	/* seconds: as milliseconds it must fit an int */

	/* An event of the kernel has at most 64 variables in 2048 bytes (UEVENT_NUM_ENVP, UEVENT_BUFFER_SIZE
	 * in linux/kobject.h) after ACTION@DEVPATH. Those of other groups may be longer */
	UEVENT_MAX = 8192,
	UEVENT_NVARS = 64 + 8,
	/* Variables that mdevd_probe() adds. A value, and all of them, in bytes, with their NULs */
	PROBE_NVARS = 4,
	PROBE_VALUE_MAX = 64 + 1,	/* VOLUME_ID_LABEL_SIZE */
	PROBE_MAX = PROBE_NVARS * (sizeof("ID_FS_LABEL=") + PROBE_VALUE_MAX),
	UEVENT_SPARE = PROBE_MAX + sizeof("MDEV=") + MDEV_NAME_MAX + 256, /* space after the datagram */

	/* The kernel's own events (uevent_net_broadcast, lib/kobject_uevent.c) */
	UEVENT_GROUP_KERNEL = 1,
};

/* A datagram and its variables. ev points into buf */
struct mdevd_uevent {
	struct mdev_event ev;
	const char *barrier;	/* value of the barrier's variable; NULL: an ordinary event */
	unsigned len;		/* bytes of buf that -o and -O pass on */
	unsigned received_len;	/* bytes of buf that were received, or added by mdevd_probe() */
	char *vars[UEVENT_NVARS + PROBE_NVARS + 1];
	char buf[UEVENT_MAX + 1 + UEVENT_SPARE];
};

/** mdevd_start.c: once, at start **/

void mdevd_check_fds(int notify_fd, int out_fd) FAST_FUNC;
void mdevd_check_path(const char *s) FAST_FUNC;
void mdevd_enter_dev(const char *dev) FAST_FUNC;
void mdevd_init_stdio(void) FAST_FUNC;
void mdevd_check_helper(const char *sys) FAST_FUNC;
int mdevd_daemonize(char **argv) FAST_FUNC;
void mdevd_discard_output(void) FAST_FUNC;

/** mdevd_signal.c: signals, and the only function in which the daemon waits **/

void mdevd_signal_init(void) FAST_FUNC;
void mdevd_signal_in_child(void) FAST_FUNC;
void mdevd_signal_exit_with(int status) FAST_FUNC;
void mdevd_signal_allow_exit(int allowed) FAST_FUNC;
int mdevd_signal_got_hup(void) FAST_FUNC;
int mdevd_wait(int fd, int ms) FAST_FUNC;

/** mdevd_reload.c: reads the rules, at start and on SIGHUP **/

int mdevd_rules_read(struct mdev_conf *conf, const char *file, const char *dev, int may_be_missing) FAST_FUNC;
void mdevd_rules_reload(struct mdev_conf *conf, struct mdev_conf *fresh, const char *file) FAST_FUNC;

/** mdevd_child.c: commands, and the child that serves firmware **/

struct mdevd_firmware {
	const char *sys;	/* where sysfs is mounted */
	const char *dir;	/* directory of the files */
	unsigned rcvbuf;	/* bytes */
	pid_t pid;		/* 0 or -1: none */
	int sock;		/* the child's, kept for its successor; -1: none */
	smallint is_background;	/* the child does not keep stdout and stderr */
	void (*in_child)(void);	/* closes the daemon's descriptors, resets signals */
};

unsigned mdevd_child_run(const struct mdev_plan *plan, unsigned timeout, void (*in_child)(void)) FAST_FUNC;
void mdevd_firmware_start(struct mdevd_firmware *f, struct mdevd_uevent *u) FAST_FUNC;

/** mdevd_probe.c: the variables of a block device's file system **/

struct mdevd_probe {
	unsigned timeout;	/* seconds; 0: 5 */
	void (*in_child)(void);	/* closes the daemon's descriptors, resets signals */
	unsigned n_stuck;	/* children blocked by a device */
};

void mdevd_probe(struct mdevd_probe *p, struct mdevd_uevent *u) FAST_FUNC;

/** mdevd.c **/

void mdevd_warn_errno(const char *verb) FAST_FUNC;
void mdevd_run_as_mdev(char **argv, int foreground, int to_syslog) NORETURN FAST_FUNC;

/** mdevd_uevent.c: a datagram to checked variables **/

/* A barrier is a synthetic event that carries this variable (written as "KEY=VALUE"
 * behind the UUID: Documentation/ABI/testing/sysfs-uevent; alphanumeric only) */
#define MDEVD_BARRIER_KEY "MDEVDBARRIER"

const char *mdevd_uevent_parse(struct mdevd_uevent *u, unsigned len) FAST_FUNC;
void mdevd_uevent_add_mdev(struct mdevd_uevent *u, const char *name) FAST_FUNC;

/** mdevd_netlink.c: the sockets **/

int mdevd_netlink_open(unsigned groups, unsigned rcvbuf) FAST_FUNC;
int xmdevd_netlink_open(unsigned groups, unsigned rcvbuf) FAST_FUNC;
int mdevd_netlink_recv(int fd, char *buf, int size) FAST_FUNC;

/* -o and -O */
struct mdevd_out {
	int fd;			/* -1: none */
	int sock;
	unsigned groups;	/* mask, of sock; 0: none */
	smallint is_refused;	/* a failure of sock has been reported */
	unsigned slowest_ms;	/* of the event's commands */
	const struct mdev_rule *slowest; /* its rule */
};

/* -O adds this variable to an event if a command took this long: "MS ms FILE:LINE" of the slowest */
#define MDEVD_SLOWEST "MDEVD_SLOWEST"
#define MDEVD_SLOWEST_MS 10

void mdevd_output(struct mdevd_out *out, struct mdevd_uevent *u) FAST_FUNC;

/** mdevd_recovery.c: when to coldplug after events were lost **/

struct mdevd_recovery {
	unsigned pause;		/* ms without loss before the coldplug */
	unsigned due_at;	/* monotonic ms */
	unsigned ended_at;	/* monotonic ms: the end of the last coldplug */
	smallint is_due;
};

void mdevd_recovery_schedule(struct mdevd_recovery *r) FAST_FUNC;
int mdevd_recovery_ms(const struct mdevd_recovery *r) FAST_FUNC;

/** mdevd_event.c: handles one event **/

/* The daemon's state. The caller clears it, and sets the members above recovery */
struct mdevd_handler {
	struct mdev_conf conf;
	const char *dev;	/* directory of the nodes, which is the current one */
	void (*in_command)(void); /* runs in the child before a command */
	unsigned timeout;	/* of commands, seconds; 0: none */
	struct mdevd_out out;
	struct mdevd_firmware firmware;
#if ENABLE_FEATURE_MDEVD_PROBE
	struct mdevd_probe probe;
#endif
	struct mdevd_recovery recovery;
	smallint is_coldplugging;
	smallint is_static;	/* the event is not the kernel's: only its node is made */
	/* plan, and u but for the end of u.buf, are in the first 4 kB: fork makes the daemon copy each page that it
	 * writes to, and ARM addresses 4 kB in one instruction */
	struct mdev_plan plan;
	struct mdevd_uevent u;
};

void mdevd_event_handle(struct mdevd_handler *h, unsigned len) FAST_FUNC;
void mdevd_event_apply_rules(struct mdevd_handler *h, int explain) FAST_FUNC;
void mdevd_event_lost(struct mdevd_handler *h, const char *reason) FAST_FUNC;

/** mdevd_static.c: nodes of devices whose modules are not loaded **/

/* Without these, that string is in the configuration, but it is empty */
#if ENABLE_DEPMOD || ENABLE_MODPROBE || ENABLE_MODINFO
# define MODULES_DIR CONFIG_DEFAULT_MODULES_DIR
#else
# define MODULES_DIR "/lib/modules"
#endif

void mdevd_static_nodes(struct mdevd_handler *h) FAST_FUNC;

/** mdevd_trigger.c: makes the kernel announce devices that exist already **/

/* The caller clears it, and sets the members above count */
struct mdevd_trigger {
	const char *sys;	/* where sysfs is */
	const char *action;	/* to write to the uevent files */
	char **targets;		/* subsystems, NULL-ended; NULL or empty: all devices. Others match nothing */
	/* Called before each device, whose uevent file is given; returns 0 to skip it, and may set is_over */
	int FAST_FUNC (*before)(struct mdevd_trigger *t, const char *uevent_file);
	unsigned count;		/* incremented for each device triggered */
	unsigned skipped;	/* ... for each device or directory that failed (vanished, read-only) */
	smallint is_incomplete;	/* descriptors or memory were missing: this has been reported */
	smallint is_over;	/* ends the walk */
	char path[PATH_MAX + 1024]; /* scratch: a path, a name, and behind it the text of a link */
};

void mdevd_trigger(struct mdevd_trigger *t) FAST_FUNC;
void mdevd_trigger_device(struct mdevd_trigger *t, int dir, const char *file) FAST_FUNC;
int mdevd_trigger_write(int dir, const char *file, const char *text) FAST_FUNC;
const char *mdevd_enter_device(char *buf, const char *sys, const char *path) FAST_FUNC;

/** mdevd_pending.c: events announced and not yet handled **/

/* A sum of hashes, not a list. The lower half of the 64-bit SEQNUM is enough to order them */
struct mdevd_pending {
	uint32_t start;		/* the SEQNUM before the first event: those up to it are ignored */
	uint32_t newest;	/* the highest announced; 0: none */
	uint32_t last;		/* hash of the last one announced; 0: it was handled */
	uint32_t sum;		/* of the hashes of announced events, minus those of handled ones */
	int count;		/* announced minus handled */
};

int mdevd_pending_add(struct mdevd_pending *p, uint32_t seqnum, uint32_t hash) FAST_FUNC;
int mdevd_pending_remove(struct mdevd_pending *p, uint32_t seqnum, uint32_t hash) FAST_FUNC;
uint32_t mdevd_uevent_hash(const struct mdevd_uevent *u, uint32_t *seqnum) FAST_FUNC;

/** mdevd_settle.c: waits until mdevd has handled all events **/

/* The caller clears it, and sets the members above pfd, and t */
struct mdevd_settle {
	llist_t *nodes;		/* paths of nodes to wait for */
	unsigned groups;	/* those that mdevd rebroadcasts to; 0: do not wait for mdevd */
	unsigned rcvbuf;	/* bytes, of each socket */
	unsigned timeout;	/* seconds; 0: none */
	unsigned quiet;		/* milliseconds */
	/* The rest is private to mdevd_settle.c, except t */
	struct pollfd pfd[2];
	struct mdevd_pending pending;
	char slowest[3][256];	/* commands: "MS ms FILE:LINE (DEVICE)" */
	unsigned start;		/* milliseconds */
	unsigned n_handled;
	uint32_t barrier;	/* hash of the event that serves as barrier */
	uint32_t last_handled;	/* hash */
	const char *missing_node; /* the first of nodes that does not exist */
	unsigned method;	/* of sending barriers */
	smallint can_mark;	/* the kernel has announced a marked event */
	smallint is_answered;	/* the kernel has announced an event since the barrier was written */
	smallint is_back;	/* mdevd has handled the barrier */
	smallint is_lost;	/* a socket overflowed */
	smallint is_active;	/* the kernel has announced an event that is no barrier */
	struct mdevd_uevent u;	/* the last event received */
	struct mdevd_trigger t;	/* the caller triggers with it */
	struct mdevd_trigger search; /* for another target */
	char target[MDEV_NAME_MAX]; /* uevent file to which barriers are written */
};

void mdevd_settle_start(struct mdevd_settle *s) FAST_FUNC;
int mdevd_settle_wait(struct mdevd_settle *s) FAST_FUNC;

/** mdevd_explain.c: an event as the kernel would send it **/

const char *mdevd_explain(struct mdevd_uevent *u, const char *sys, const char *path) FAST_FUNC;

/** mdevd_modalias.c: decides whether modprobe could do anything for an alias **/

int mdevd_modalias_accept_command(const char *command) FAST_FUNC;
int mdevd_modalias_needs_modprobe(const char *alias) FAST_FUNC;

POP_SAVED_FUNCTION_VISIBILITY

#endif
