/* vi: set sw=4 ts=4: */
/*
 * The differential test: declarations
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 *
 * A case is an mdev.conf, the files in /dev at the start, and events. It is played to
 * the untouched mdev, the patched one and mdevd (play.c), and to a model of each
 * (model.c): the contract in a few hundred lines, and a table of the differences of
 * stock mdev. After every event, /dev and the records of the commands must be those of
 * the model. The programs therefore agree, except in the entries of the table, which
 * are counted.
 */
#ifndef DIFF_H
#define DIFF_H 1

#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <regex.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/netlink.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

enum {
	VARS_MAX = 24,
	STATUS_NO = 111,	/* the test cannot be done */
};

/* A growing string */
struct text {
	char *s;
	size_t len, size;
};

/* A file that exists before the first event */
struct thing {
	char kind;		/* as listed: c b d l -; 's' a file below /sys; 'h' a hard link */
	const char *name;	/* absolute */
	const char *text;	/* of links and files */
	unsigned major, minor, mode; /* of a directory: user, group, mode */
};

struct event {
	const char *action, *devpath;
	char *vars[VARS_MAX + 1];	/* "NAME=value", NULL-ended; ACTION and DEVPATH come first */
	unsigned n;
	const char *node;	/* the node that devtmpfs makes, or NULL */
	char type;		/* b or c */
	unsigned major, minor;
	int exists;		/* in SYS/dev. 1: from this event on, -1: no longer, 0: as before */
};

enum { SYS_DEV_NONE, SYS_DEV_EMPTY, SYS_DEV_KEPT };

enum { WORLD_FULL, WORLD_BUILDROOT, WORLD_NONE };

struct test_case {
	char name[128];
	struct text conf;
	int world;		/* which users and groups there are */
	int devtmpfs;		/* the kernel makes and removes nodes, too */
	int sys_dev;		/* SYS_DEV_...: does it tell which devices exist? */
	mode_t umask;		/* that mdevd is started with */
	int firmware;		/* an event requests it: the drivers' data files are listed, too */
	struct thing things[128];
	unsigned n_things;
	struct event *events;
	unsigned n_events;
};

enum program { STOCK, MDEV, MDEVD, DAEMON, N_PROGRAMS };

/** world.c: what the programs live in **/

extern const char *const program_names[N_PROGRAMS];
void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);
void text_add(struct text *t, const char *s, size_t len);
void text_printf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void world_build(const char *dir, const char *stock, const char *ours);
void world_enter(const struct test_case *c);
void world_before(const struct test_case *c, const struct event *e);
void world_list(const struct test_case *c, struct text *log);
void world_take(struct text *log, const char *heading, const char *file);
void write_file(const char *name, const char *s, size_t len);
int recorder_main(int argc, char **argv);

/** model.c: the contract, and where stock mdev differs **/

struct entry {
	const char *id;
	const char *reason;
};
extern const struct entry entries[];
extern const unsigned n_entries;
extern unsigned long *used;	/* of each entry; shared between processes */
void model_play(enum program p, const struct test_case *c, struct text *log);
char *model_blank_errors(const struct test_case *c);

/** play.c: the programs **/

void play(enum program p, const struct test_case *c, struct text *log, struct text *said);
void storm(unsigned long long seed, unsigned count);

/** cases.c: where cases come from **/

unsigned rnd(unsigned n);
void rnd_seed(unsigned long long seed, unsigned n);
struct test_case *case_random(unsigned long long seed, unsigned n);
struct test_case *case_corpus(const char *file, int world);
void case_free(struct test_case *c);

#endif
