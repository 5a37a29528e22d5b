/* vi: set sw=4 ts=4: */
/*
 * The mdev.conf engine, shared by mdev and mdevd: its map
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#ifndef MDEV_RULES_H
#define MDEV_RULES_H 1

#include "libbb.h"
#include "xregex.h"

PUSH_AND_SET_FUNCTION_VISIBILITY_TO_HIDDEN

/*
 * The way of one event through these rooms:
 *
 *	event -> for each rule: mdev_match() -> plan -> mdev_node_*(), mdev_exec()
 *
 * Matching decides and fills a plan; performing it never looks at a rule's
 * conditions again. The engine holds no state of its own but the verbosity.
 */

enum {
	MDEV_OP_OTHER,		/* change, bind, move...: only commands of '*' and '&' */
	MDEV_OP_ADD,
	MDEV_OP_REMOVE,

	/* A name under /dev, its NUL included: what a system call takes (PATH_MAX, linux/limits.h) */
	MDEV_NAME_MAX = PATH_MAX,
	/* %0 and %1 to %9 of PATH */
	MDEV_NGROUPS = 10,
	/* Widths of dev_t's halves (MINORBITS, linux/kdev_t.h) */
	MDEV_MAJOR_MAX = (1 << 12) - 1,
	MDEV_MINOR_MAX = (1 << 20) - 1,
};

/* What the kernel said of a device. Owns nothing: it points into vars or into its maker's memory */
struct mdev_event {
	char **vars;		/* NULL-ended array of "NAME=value" */
	const char *action;
	const char *devpath;	/* begins with '/', has no '..' */
	const char *subsystem;	/* may be NULL */
	const char *firmware;	/* FIRMWARE's value, or NULL */
	const char *name;	/* DEVNAME: a name under /dev. NULL until it is known */
	int major;		/* -1: the event has no numbers */
	unsigned minor;
	dev_t dev;		/* of these numbers */
	mode_t type;		/* S_IFBLK or S_IFCHR */
	smallint op;		/* MDEV_OP_... */
	smallint unnumbered;	/* remove without numbers unlinks by name (mdev) or does not (mdevd) */
};

/* One ERE and how it is answered: mdev_pattern.c's own affair. Owns re */
struct mdev_pattern {
	const char *text;	/* the ERE; belongs to the rule */
	regex_t *re;		/* compiled, or NULL: the text decides */
	uint8_t prefix;		/* this many literal chars begin the text */
	uint8_t parens;		/* if the text decides: their number in it */
	uint8_t search;		/* match anywhere (VAR=regex;) or the whole string */
};

/* VAR=regex; */
struct mdev_condition {
	const char *var;
	struct mdev_pattern pattern;
};

/* Which letters are somewhere: a bit for each, or for those that are the same modulo 32 */
struct mdev_letters {
	uint32_t subsystem;	/* in SUBSYSTEM */
	uint32_t first;		/* as the first one of the device's name */
};

/* One line of mdev.conf. One allocation: its conditions and strings lie behind it */
struct mdev_rule {
	struct mdev_rule *next;
	const char *file;
	struct mdev_letters letters; /* that an event must have if the rule is to match it */
	unsigned line;		/* 0: the implicit last rule */
	unsigned n_conditions;
	const char *var;	/* $VAR=regex, else NULL */
	struct mdev_pattern pattern; /* of the device's name, or of VAR's value */
	int major;		/* @maj,min-min; -1: any */
	unsigned minor0, minor1;
	mode_t mode;
	struct bb_uidgid_t ugid;
	const char *path;	/* what follows '=' or '>' */
	const char *command;	/* begins with its operator: one of "@$*+-&" */
	char path_op;		/* one of "=>!", or NUL */
	bool keep_matching;	/* leading '-' */
	bool is_plain_modprobe;	/* mdevd_modalias.c may know that command has nothing to do */
};

static ALWAYS_INLINE struct mdev_condition *mdev_condition(const struct mdev_rule *rule, unsigned i)
{
	return (struct mdev_condition *)(rule + 1) + i;
}

/* What a rule does with an event. Filled by mdev_match(), performed by mdev_node.c and mdev_exec.c */
struct mdev_plan {
	const struct mdev_event *event;
	const struct mdev_rule *rule;
	const char *node;	/* its name under /dev: what $MDEV says */
	const char *link;	/* name of the link to node, or NULL */
	const char *old;	/* name that node leaves ('='), or NULL */
	const char *command;	/* begins with its operator; NULL: none for this action */
	const char *refused;	/* reason why PATH cannot be used, or NULL */
	bool has_node;		/* a node is involved: numbers are known, and the rule is none of '!' */
	char buf[MDEV_NAME_MAX + 1];	/* last: ARM reaches what lies within 4 kB in one instruction */
};

/** mdev_conf.c: text to rules **/

/* Rules that are asked again and again stand in a row: most are passed over by their letters */
struct mdev_entry {
	struct mdev_letters letters;
	const struct mdev_rule *rule;
};

struct mdev_conf {
	struct mdev_rule *first;
	struct mdev_rule *last;
	struct mdev_entry *table; /* mdevd: the rules in their order, the implicit one last */
	unsigned count;		/* entries there */
	llist_t *files;		/* names of the files read, the last one first */
	parser_t *parser;	/* NULL: no file is open */
	const char *dev;	/* the directory that PATH may begin with: "/dev" */
	unsigned errors;	/* syntax errors so far */
	smallint failed;	/* a file could not be read to its end */
};

void mdev_conf_init(struct mdev_conf *conf, const char *dev) FAST_FUNC;
int mdev_conf_open(struct mdev_conf *conf, const char *file) FAST_FUNC;
struct mdev_rule *mdev_conf_next(struct mdev_conf *conf, struct mdev_rule *prev) FAST_FUNC;
void mdev_conf_free(struct mdev_conf *conf) FAST_FUNC;

/** mdev_pattern.c: one ERE **/

char *mdev_pattern_init(struct mdev_pattern *p, const char *text, int search) FAST_FUNC;
int mdev_pattern_match(const struct mdev_pattern *p, const char *s, regmatch_t *off) FAST_FUNC;
void mdev_pattern_free(struct mdev_pattern *p) FAST_FUNC;

/** mdev_match.c: (rule, event) to plan **/

extern const struct mdev_rule mdev_rule_implicit;
extern const char mdev_subsystem[] ALIGN1;
const char *mdev_name_fault(const char *name) FAST_FUNC;
const char *mdev_event_var(const struct mdev_event *ev, const char *name) FAST_FUNC;
uint32_t mdev_letters(const char *s, unsigned max) FAST_FUNC;
/* Those that an event, whose name is known, has not */
static ALWAYS_INLINE struct mdev_letters mdev_letters_not_of(const struct mdev_event *ev)
{
	struct mdev_letters lacks;

	lacks.subsystem = ev->subsystem ? ~mdev_letters(ev->subsystem, UINT_MAX) : ~(uint32_t)0;
	lacks.first = ~mdev_letters(ev->name, 1);
	return lacks;
}
/* Is the rule surely not for an event that lacks these letters? This is asked 1,000 times
 * for an event where there are as many rules */
static ALWAYS_INLINE int mdev_is_other(const struct mdev_letters *rule, struct mdev_letters lacks)
{
	return ((rule->subsystem & lacks.subsystem) | (rule->first & lacks.first)) != 0;
}
int mdev_match(struct mdev_plan *plan, const struct mdev_rule *rule, const struct mdev_event *ev) FAST_FUNC;

/** mdev_node.c: performs a plan in the current directory **/

dev_t mdev_node_root(void) FAST_FUNC;
void mdev_node_add(const struct mdev_plan *plan, dev_t root) FAST_FUNC;
void mdev_node_remove(const struct mdev_plan *plan) FAST_FUNC;
void mdev_node_refused(const struct mdev_plan *plan) FAST_FUNC;
void mdev_node_tell(const struct mdev_plan *plan, dev_t root,
	void FAST_FUNC (*say)(const struct mdev_event *ev, const struct mdev_rule *rule, const char *fmt, ...),
	int always) FAST_FUNC;

/** mdev_exec.c: runs a plan's command **/

pid_t mdev_exec(const struct mdev_plan *plan, void (*in_child)(void)) FAST_FUNC;

/** mdev_sysfs.c: what the event lacks **/

char *mdev_numbers(const char *s, char between, int *major, unsigned *minor) FAST_FUNC;
void mdev_sysfs_complete(struct mdev_event *ev, const char *sys, char *buf) FAST_FUNC;

/** mdev_firmware.c: the loading/data protocol **/

void mdev_firmware(const struct mdev_event *ev, const char *sys, const char *dir) FAST_FUNC;

/** mdev_log.c: one line a message **/

extern smallint mdev_verbose;	/* 0 fatal only, 1 warnings, 2 what each rule did, 3 all */
extern int mdev_syslog_fd;	/* mdevd -S: a datagram socket, else -1 */
void mdev_log(const struct mdev_event *ev, const struct mdev_rule *rule, const char *fmt, ...)
	__attribute__((format(printf, 3, 4))) FAST_FUNC;
void mdev_warn(const struct mdev_event *ev, const struct mdev_rule *rule, const char *fmt, ...)
	__attribute__((format(printf, 3, 4))) FAST_FUNC;
void mdev_print(const struct mdev_event *ev, const struct mdev_rule *rule, const char *fmt, ...)
	__attribute__((format(printf, 3, 4))) FAST_FUNC;
#define mdev_log_at(level, ...) do { if (mdev_verbose >= (level)) mdev_log(__VA_ARGS__); } while (0)

POP_SAVED_FUNCTION_VISIBILITY

#endif
