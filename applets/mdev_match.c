/* vi: set sw=4 ts=4: */
/*
 * (rule, event) to plan. Pure: no system call, no global, no allocation
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdev_rules.h"

/* The last rule of every file, also of one that is not there */
const struct mdev_rule mdev_rule_implicit = {
	.mode = 0660,
};

/* Why name, which comes from outside, cannot be a name under /dev; NULL: it can. */
const char* FAST_FUNC mdev_name_fault(const char *name)
{
	const char *s = name;

	if (strlen(name) >= MDEV_NAME_MAX)
		return "it is too long";
	do {
		unsigned len = strchrnul(s, '/') - s;

		/* An empty component (so also a slash at either end), '.' or '..' */
		if (len <= 2 && strncmp(s, "..", len) == 0)
			return "it is no plain relative path";
		s += len;
	} while (*s++);
	return NULL;
}

/* What most conditions ask for: mdev_conf.c has them point here */
const char mdev_subsystem[] ALIGN1 = "SUBSYSTEM";

/* The letters that s begins with, max of them at the most. */
uint32_t FAST_FUNC mdev_letters(const char *s, unsigned max)
{
	uint32_t letters = 0;

	while (max-- && *s)
		letters |= (uint32_t)1 << (*s++ & 31);
	return letters;
}

/* Value of the event's variable name, or NULL. It points into the event. */
const char* FAST_FUNC mdev_event_var(const struct mdev_event *ev, const char *name)
{
	char **var;
	unsigned len;

	if (!ENABLE_MDEVD)
		return getenv(name); /* so are mdev's */
	if (name == mdev_subsystem)
		return ev->subsystem;
	len = strlen(name);
	for (var = ev->vars; *var; var++)
		if (**var == *name && strncmp(*var, name, len) == 0 && (*var)[len] == '=')
			return *var + len + 1;
	return NULL;
}

/* Appends len chars to what ends at dst; several slashes in a row become one.
 * What exceeds the buffer's MDEV_NAME_MAX is dropped: it is too long as it is */
static char *append(struct mdev_plan *plan, char *dst, const char *s, unsigned len)
{
	for (; len && dst < plan->buf + MDEV_NAME_MAX; len--, s++)
		if (*s != '/' || dst == plan->buf || dst[-1] != '/')
			*dst++ = *s;
	*dst = '\0';
	return dst;
}

/* Where a rule with PATH puts the node; %0 to %9 are taken from matched by off */
static void plan_path(struct mdev_plan *plan, const char *matched, const regmatch_t *off)
{
	const struct mdev_rule *rule = plan->rule;
	const char *name = plan->event->name;
	const char *s;
	char *dst = append(plan, plan->buf, NULL, 0); /* PATH may be empty */

	for (s = rule->path; *s; s++) {
		unsigned i = (unsigned char)s[1] - '0';

		if (ENABLE_MDEV_RULES_REGEXP
		 && *s == '%' && i < MDEV_NGROUPS && off[i].rm_so >= 0
		) {
			dst = append(plan, dst, matched + off[i].rm_so, off[i].rm_eo - off[i].rm_so);
			s++;
		} else {
			dst = append(plan, dst, s, 1);
		}
	}
	if (dst != plan->buf && dst[-1] == '/') /* "PATH/": under its own name there */
		append(plan, dst, name, strlen(name));
	plan->refused = mdev_name_fault(plan->buf);
	if (plan->refused || strcmp(plan->buf, name) == 0)
		return;
	plan->node = plan->buf;
	if (rule->path_op == '>')
		plan->link = name;
	else
		plan->old = name;
}

/* Is the command one for this action? */
static int is_due(const char *command, int op)
{
	static const char operators[] ALIGN1 = "*&@+$-"; /* two for each MDEV_OP_..., the first two for all */
	int of = (strchr(operators, *command) - operators) / 2;

	return of == MDEV_OP_OTHER || of == op;
}

/* Does the rule apply to a device of these numbers, name and variables?
 * What it matched goes to *matched, and the groups to off if that is not NULL */
static int applies(const struct mdev_rule *rule, const struct mdev_event *ev,
		const char **matched, regmatch_t *off)
{
	unsigned i;

	*matched = ev->name;
	if (!ENABLE_MDEV_RULES_CONF || rule->line == 0)
		return 1;
	for (i = 0; i < rule->n_conditions; i++) {
		const struct mdev_condition *c = mdev_condition(rule, i);
		const char *value = mdev_event_var(ev, c->var);

		if (!value || !mdev_pattern_match(&c->pattern, value, NULL))
			return 0;
	}
	if (rule->major >= 0
	 && (rule->major != ev->major || ev->minor < rule->minor0 || ev->minor > rule->minor1)
	) {
		return 0;
	}
	if (rule->var) {
		*matched = mdev_event_var(ev, rule->var);
		if (!*matched)
			return 0;
	}
	return mdev_pattern_match(&rule->pattern, *matched, off);
}

/* Fills plan and returns 1 if the rule matches the event. The plan points into
 * both and into itself: it may not be copied, nor outlive them. ev->name is set. */
int FAST_FUNC mdev_match(struct mdev_plan *plan, const struct mdev_rule *rule, const struct mdev_event *ev)
{
	regmatch_t off[MDEV_NGROUPS];
	const char *matched;

	if (!applies(rule, ev, &matched, rule->path ? off : NULL))
		return 0;
	plan->event = ev;
	plan->rule = rule;
	plan->node = ev->name;
	plan->link = plan->old = plan->refused = plan->command = NULL;
	plan->has_node = 0;
	if (ENABLE_MDEV_RULES_RENAME && rule->path && rule->path_op)
		plan_path(plan, matched, off);
	if (rule->path_op != '!' && !plan->refused
	 && (ev->major >= 0 || (ev->unnumbered && ev->op == MDEV_OP_REMOVE))
	) {
		plan->has_node = 1;
	}
	if (ENABLE_MDEV_RULES_EXEC && rule->command && is_due(rule->command, ev->op))
		plan->command = rule->command;
	return 1;
}
