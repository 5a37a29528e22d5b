/* vi: set sw=4 ts=4: */
/*
 * The mdev.conf engine, shared by mdev and mdevd: declarations
 *
 * Copyright (C) 2026 mdevd for BusyBox maintainers
 * Derived from util-linux/mdev.c,
 * Copyright 2005 Rob Landley <rob@landley.net>
 * Copyright 2005 Frank Sorenson <frank@tuxrocks.com>
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#ifndef MDEV_RULES_H
#define MDEV_RULES_H 1

#include "libbb.h"
#include "xregex.h"

PUSH_AND_SET_FUNCTION_VISIBILITY_TO_HIDDEN

/*
 * The path of an event:
 *
 *	event -> for each rule: mdev_match() -> plan -> mdev_node_*(), mdev_exec()
 *
 * Matching decides and fills in a plan; the code that carries it out never looks at
 * the rule's conditions. The engine keeps no state except that of mdev_log.c: the verbosity, the
 * descriptors, whether it is a dry run, and the event and the rule that messages are about.
 */

enum {
	MDEV_OP_OTHER,		/* change, bind, move...: only commands of '*' and '&' */
	MDEV_OP_ADD,
	MDEV_OP_REMOVE,

	/* Bytes of a name under /dev, NUL included. The kernel has 2048 bytes for all variables of
	 * an event (UEVENT_BUFFER_SIZE, linux/kobject.h), and stores the name in DEVPATH and DEVNAME */
	MDEV_NAME_MAX = 1024,
	/* %0 and %1 to %9 of PATH */
	MDEV_NGROUPS = 10,
	/* Widths of major and minor numbers (MINORBITS, linux/kdev_t.h) */
	MDEV_MAJOR_MAX = (1 << 12) - 1,
	MDEV_MINOR_MAX = (1 << 20) - 1,
};

/* A set of chars is a mask of these. Chars that are equal modulo 32 share a bit */
static ALWAYS_INLINE uint32_t mdev_char_bit(char c)
{
	return (uint32_t)1 << (c & 31);
}

/* A uevent. Owns nothing: it points into vars or into the caller's memory */
struct mdev_event {
	char **vars;		/* NULL-ended array of "NAME=value" */
	const char *sys;	/* directory where sysfs is mounted */
	/* As in the kernel, device numbers have 32 bits (linux/kdev_t.h): dev_t would only cost code */
	uint32_t root;		/* of the root file system: mdev_node_root() */
	const char *action;
	const char *devpath;	/* begins with '/', has no '..' */
	const char *subsystem;	/* may be NULL */
	const char *firmware;	/* value of FIRMWARE, or NULL */
	const char *name;	/* DEVNAME: a name under /dev; NULL until it is known */
	int major;		/* -1: the event has no numbers */
	unsigned minor;
	uint32_t dev;		/* major and minor, as stat() has them */
	mode_t type;		/* S_IFBLK or S_IFCHR */
	/* Sets of chars: see mdev_char_bit(). Only mdevd needs them */
	uint32_t first;		/* the first of name */
	uint32_t subsystem_chars; /* those of subsystem */
	smallint op;		/* MDEV_OP_... */
	smallint by_name;	/* a remove without numbers unlinks by name (mdev only) */
};

/* One ERE; private to mdev_pattern.c. Owns re */
struct mdev_pattern {
	const char *text;	/* the ERE, perhaps without its leading '^', or ".+" for a search for "."; belongs
				 * to the rule */
	regex_t *re;		/* compiled; NULL: the text is simple enough to be matched directly */
	/* Sets of chars: see mdev_char_bit(). Only mdevd needs them */
	uint32_t first;		/* a matching string begins with one of these; undefined for a search */
	uint32_t required;	/* a matching string contains all of these */
	bool search;		/* match any part of the string (VAR=regex;), not the whole */
};

/* VAR=regex; */
struct mdev_condition {
	const char *var;
	bool is_subsystem;	/* var is SUBSYSTEM: mdevd need not search for it */
	struct mdev_pattern pattern;
};

/* <PATH of a rule */
struct mdev_link {
	struct mdev_link *next;	/* of all rules */
	const struct mdev_rule *rule;
	const char *path;
	unsigned dir_len;	/* bytes of its directory, with the slash */
	uint32_t made;		/* hash of the link's name if the current event has it, else 0 */
};

/* One line of mdev.conf. One allocation, which includes the conditions, links and strings */
struct mdev_rule {
	struct mdev_rule *next;
	const char *file;
	unsigned line;		/* 0: the implicit last rule */
	unsigned n_conditions;
#if ENABLE_FEATURE_MDEVD_CHECK
	const char *match;	/* the first field without '-'; '=' and ';' of conditions are NUL */
	unsigned match_len;	/* its bytes */
	struct mdev_rule *same_hash; /* private to mdev_check.c */
#endif
	const char *var;	/* $VAR=regex, else NULL */
	struct mdev_pattern pattern; /* matches the device's name, or VAR's value */
	/* Sets of chars, with which mdevd skips most rules of a large file: see mdev_char_bit() */
	uint32_t first;		/* a matching name begins with one of these */
	uint32_t subsystem;	/* a matching SUBSYSTEM contains all of these */
	int major;		/* @maj,min-min; -1: any */
	unsigned minor0, minor1;
	mode_t mode;
	struct bb_uidgid_t ugid;
	const char *path;	/* PATH of "=PATH" or ">PATH" */
#if ENABLE_FEATURE_MDEV_LINKS
	struct mdev_link *links; /* those of this rule, in one piece; NULL: none */
	unsigned n_links;
#endif
	const char *command;	/* begins with its operator: one of "@$*+-&" */
	char path_op;		/* one of "=>!", or NUL */
	bool keep_matching;	/* leading '-' */
	bool needs_probe;	/* names ID_FS_ or PARTUUID */
	bool is_plain_modprobe;	/* command is modprobe with $MODALIAS and nothing else */
};

static ALWAYS_INLINE struct mdev_condition *mdev_condition(const struct mdev_rule *rule, unsigned i)
{
	return (struct mdev_condition *)(rule + 1) + i;
}

/* Can the rule match the event? 0: it cannot */
static ALWAYS_INLINE int mdev_rule_may_match(const struct mdev_rule *rule, const struct mdev_event *ev)
{
	return !ENABLE_MDEVD || ((rule->first & ev->first) && !(rule->subsystem & ~ev->subsystem_chars));
}

#if ENABLE_FEATURE_MDEV_LINKS
# define MDEV_RULE_LINKS(rule) ((rule)->n_links)
#else
# define MDEV_RULE_LINKS(rule) 0
#endif

/* The effect of a rule on an event. Filled in by mdev_match(), carried out by mdev_node.c and mdev_exec.c */
struct mdev_plan {
	const struct mdev_event *event;
	const struct mdev_rule *rule;
	const char *node;	/* name of the node under /dev: $MDEV */
	const char *command;	/* begins with its operator; NULL: none for this action */
	const char *refused;	/* reason why PATH cannot be used, or NULL */
	mode_t mode;
	struct bb_uidgid_t ugid;
	char path_op;		/* '=' or '>' if node is not the event's name, else NUL */
	bool has_node;		/* the numbers are known, and the rule is not "!" */
	const char *matched;	/* the string that the rule's last regex was compared with */
	regmatch_t off[MDEV_NGROUPS]; /* its groups */
	char buf[MDEV_NAME_MAX + 1];	/* last: ARM addresses the first 4 kB in one instruction */
};

/** mdev_conf.c: text to rules **/

struct mdev_conf {
	struct mdev_rule *first;
	struct mdev_rule *last;
	llist_t *files;		/* names of the files read, the last one first */
	parser_t *parser;	/* NULL: no file is open */
	const char *dev;	/* directory that PATH may begin with: "/dev" */
#if ENABLE_FEATURE_MDEV_LINKS
	struct mdev_link *links; /* of all rules */
#endif
	unsigned errors;	/* syntax errors */
	smallint failed;	/* a file or the user database could not be read */
};

void mdev_conf_init(struct mdev_conf *conf, const char *dev) FAST_FUNC;
int mdev_conf_open(struct mdev_conf *conf, const char *file) FAST_FUNC;
struct mdev_rule *mdev_conf_next(struct mdev_conf *conf, struct mdev_rule *prev) FAST_FUNC;
void mdev_conf_free(struct mdev_conf *conf) FAST_FUNC;

/** mdev_pattern.c: one ERE **/

extern const char mdev_ere_special[] ALIGN1;
char *mdev_pattern_init(struct mdev_pattern *p, const char *text, int search) FAST_FUNC;
int mdev_pattern_match(const struct mdev_pattern *p, const char *s, regmatch_t *off) FAST_FUNC;
void mdev_pattern_free(struct mdev_pattern *p) FAST_FUNC;

/** mdev_chars.c: chars that a string needs to match an ERE **/

void mdev_chars_init(struct mdev_pattern *p) FAST_FUNC;

/** mdev_match.c: (rule, event) to plan **/

extern const struct mdev_rule mdev_rule_implicit;
const char *mdev_name_fault(const char *name) FAST_FUNC;
char **mdev_find_var(char **vars, const char *name, unsigned len) FAST_FUNC;
const char *mdev_event_var(const struct mdev_event *ev, const char *name) FAST_FUNC;
unsigned mdev_event_number(const struct mdev_event *ev, const char *var, int base, unsigned other) FAST_FUNC;
int mdev_plan_path(const struct mdev_plan *plan, const char *path, const char *end, char *buf) FAST_FUNC;
int mdev_match(struct mdev_plan *plan, const struct mdev_rule *rule, const struct mdev_event *ev) FAST_FUNC;

/** mdev_value.c: attributes, and values as parts of names **/

int mdev_value_is_transient(const char *name) FAST_FUNC;
const char *mdev_value_check(const char *path, unsigned *dir_len) FAST_FUNC;
const char *mdev_value_attribute(const struct mdev_event *ev, const char *attribute, unsigned len,
		char *buf, unsigned size) FAST_FUNC;
char *mdev_value_copy(char *dst, char *end, const char *value, int is_attribute) FAST_FUNC;

/** mdev_path.c: links and parent directories of a name under /dev **/

enum { MDEV_LINKS_MAX = 8 }; /* links followed in one name */

int mdev_path_is_safe(const struct stat *st) FAST_FUNC;
int mdev_path_follow(char *path, char *end) FAST_FUNC;
int mdev_path_check_parents(const char *name, int make) FAST_FUNC;

/** mdev_node.c: carries out a plan in the current directory **/

uint32_t mdev_node_root(void) FAST_FUNC;
void mdev_node_add(struct mdev_plan *plan) FAST_FUNC;
void mdev_node_locate(struct mdev_plan *plan) FAST_FUNC;
int mdev_node_remove(struct mdev_plan *plan) FAST_FUNC;
void mdev_node_link(const struct mdev_plan *plan, const char *link) FAST_FUNC;
int mdev_node_find(const struct mdev_plan *plan, char *buf) FAST_FUNC;
int mdev_node_of_another(const struct mdev_plan *plan, const char *name, char *node) FAST_FUNC;
void mdev_node_log(const struct mdev_plan *plan, int always) FAST_FUNC;

/** mdev_link.c: the links of "<" **/

void mdev_link_make(const struct mdev_conf *conf, const struct mdev_plan *plan) FAST_FUNC;
void mdev_link_forget(const struct mdev_conf *conf) FAST_FUNC;
void mdev_link_sweep(const struct mdev_conf *conf, struct mdev_plan *plan) FAST_FUNC;

/** mdev_exec.c: runs a plan's command **/

pid_t mdev_exec(const struct mdev_plan *plan, void (*in_child)(void)) FAST_FUNC;

/** mdev_sysfs.c: what an event lacks, and whether a device exists **/

char *mdev_numbers(const char *s, char separator, int *major, unsigned *minor) FAST_FUNC;
int mdev_sysfs_read(const struct mdev_event *ev, const char *file, char *buf) FAST_FUNC;
void mdev_sysfs_complete(struct mdev_event *ev, char *buf) FAST_FUNC;
int mdev_sysfs_has_successor(const struct mdev_event *ev) FAST_FUNC;
int mdev_sysfs_exists(const char *sys, mode_t type, uint32_t dev, int unknown) FAST_FUNC;

/** mdev_firmware.c: the loading/data protocol **/

void mdev_firmware(const struct mdev_event *ev, const char *dir) FAST_FUNC;

/** mdev_check.c: rules that cannot work **/

void mdev_check(const struct mdev_conf *conf) FAST_FUNC;

/** mdev_log.c: one line a message **/

enum {
	MDEV_LOG_ACTION = -1,	/* what a rule does: -v 2, or printed by a dry run */
	MDEV_LOG_ERR,		/* always logged */
	MDEV_LOG_WARN,		/* -v 1 */
	MDEV_LOG_INFO,		/* -v 2 */
	MDEV_LOG_DEBUG,		/* -v 3 */
};

extern smallint mdev_verbose;	/* the highest level that is logged */
#if ENABLE_FEATURE_MDEVD_CHECK
extern smallint mdev_dry_run;	/* actions are printed to stdout and not performed */
#else
# define mdev_dry_run 0
#endif
void mdev_log_about(const struct mdev_event *ev, const struct mdev_rule *rule) FAST_FUNC;
void mdev_log(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3))) FAST_FUNC;
void mdev_log_errno(int level, const char *verb, const char *object) FAST_FUNC;
void mdev_log_init(int to_syslog) FAST_FUNC;
void mdev_log_close(void) FAST_FUNC;

POP_SAVED_FUNCTION_VISIBILITY

#endif
