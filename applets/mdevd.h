/* vi: set sw=4 ts=4: */
/*
 * mdevd and mdevd-coldplug: their map
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

	/* The kernel allows an event 64 variables in 2048 bytes (UEVENT_NUM_ENVP, UEVENT_BUFFER_SIZE
	 * in linux/kobject.h), and puts ACTION@DEVPATH before them. Other groups may carry more */
	UEVENT_MAX = 8192,
	UEVENT_NVARS = 64 + 8,
	UEVENT_SPARE = sizeof("MDEV=") + MDEV_NAME_MAX, /* behind the datagram: room to add MDEV */

	/* Where the kernel's own events are (net/core: "1 << 0") */
	UEVENT_GROUP_KERNEL = 1,
};

/* A datagram, and what it says. ev points into buf */
struct mdevd_uevent {
	struct mdev_event ev;
	const char *barrier;	/* value of the barrier's variable, or NULL: an ordinary event */
	unsigned len;		/* of what is in buf, its last NUL included */
	unsigned kernel_len;	/* of what came */
	char *vars[UEVENT_NVARS + 1];
	char buf[UEVENT_MAX + 1 + UEVENT_SPARE];
};

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
int mdevd_netlink_send(int fd, unsigned groups, const char *buf, unsigned len) FAST_FUNC;

/** mdevd_trigger.c: makes the kernel announce what is there **/

struct mdevd_trigger {
	const char *sys;	/* where sysfs is */
	char **subsystems;	/* NULL-ended; NULL or empty: all of them */
	/* Called before each device's uevent file (its path) is opened; 0: skip this one, go on */
	int FAST_FUNC (*before)(struct mdevd_trigger *t, const char *uevent_file);
	unsigned count;		/* out: devices that took the write */
	unsigned skipped;	/* out: those that did not (vanished, read-only) */
};

int mdevd_trigger(struct mdevd_trigger *t) FAST_FUNC;
int mdevd_trigger_write(const char *file, const char *text) FAST_FUNC;

/** mdevd_settle.c: triggers, and waits until mdevd has handled what came of it **/

struct mdevd_settle {
	struct mdevd_trigger t;
	const char *dev;	/* where the nodes are */
	llist_t *nodes;		/* names there to wait for */
	unsigned groups;	/* that mdevd rebroadcasts to; 0: it is not waited for */
	unsigned rcvbuf;	/* bytes, of each socket */
	unsigned timeout;	/* seconds; 0: none */
	unsigned quiet;		/* milliseconds */
};

void mdevd_settle(const struct mdevd_settle *o) FAST_FUNC;

/** mdevd_coldplug.c: the applet **/

void mdevd_coldplug(struct mdevd_trigger *t) FAST_FUNC;

/** mdevd_explain.c: an event as the kernel would send it **/

int mdevd_explain(struct mdevd_uevent *u, const char *sys, const char *path) FAST_FUNC;

/** mdevd_modalias.c: could modprobe do anything? **/

int mdevd_modalias_is_plain(const char *command) FAST_FUNC;
int mdevd_modalias_idle(const char *modalias) FAST_FUNC;

POP_SAVED_FUNCTION_VISIBILITY

#endif
