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

	if (*s == '\0')
		return "it is empty";
	if (*s == '/')
		return "it is absolute";
	while (*s) {
		const char *end = strchrnul(s, '/');

		if (*s == '.' && (end - s == 1 || (end - s == 2 && s[1] == '.')))
			return "it has a '.' or '..' component";
		if (*end && end[1] == '/')
			return "it has an empty component";
		s = end + (*end != '\0');
	}
	if (s[-1] == '/')
		return "it ends in a slash";
	if (s - name >= MDEV_NAME_MAX)
		return "it is too long";
	return NULL;
}

/* What most conditions ask for: mdev_conf.c has them point here */
const char mdev_subsystem[] ALIGN1 = "SUBSYSTEM";

/* Value of the event's variable name, or NULL. It points into the event. */
const char* FAST_FUNC mdev_event_var(const struct mdev_event *ev, const char *name)
{
	char **var;
	unsigned len;

	if (name == mdev_subsystem)
		return ev->subsystem;
	len = strlen(name);
	for (var = ev->vars; *var; var++)
		if (**var == *name && strncmp(*var, name, len) == 0 && (*var)[len] == '=')
			return *var + len + 1;
	return NULL;
}

/* Copies template to dst, which ends at end, with %0 to %9 taken from s by off.
 * Returns 0 if it does not fit: then dst has what does */
static int expand(char *dst, char *end, const char *template, const char *s, const regmatch_t *off)
{
	while (*template) {
		const char *from = template;
		const char *next = template + 1;
		unsigned len = 1;
		unsigned i = (unsigned char)template[1] - '0';

		if (ENABLE_MDEV_RULES_REGEXP
		 && *template == '%' && i < MDEV_NGROUPS && off[i].rm_so >= 0
		) {
			from = s + off[i].rm_so;
			len = off[i].rm_eo - off[i].rm_so;
			next++;
		}
		if (len >= (unsigned)(end - dst))
			break;
		dst = (char*)memcpy(dst, from, len) + len;
		template = next;
	}
	*dst = '\0';
	return *template == '\0';
}

/* Makes one slash of several */
static void squeeze(char *s)
{
	char *dst = s;

	do {
		if (s[0] != '/' || s[1] != '/')
			*dst++ = *s;
	} while (*s++);
}

/* Where a rule with PATH puts the node */
static void plan_path(struct mdev_plan *plan, const char *matched, const regmatch_t *off)
{
	const struct mdev_rule *rule = plan->rule;
	const char *name = plan->event->name;
	char *end = plan->buf + sizeof(plan->buf);
	char *s;

	if (!expand(plan->buf, end, rule->path, matched, off)) {
		plan->refused = "it is too long";
		return;
	}
	s = plan->buf + strlen(plan->buf);
	if (s != plan->buf && s[-1] == '/') {
		/* "PATH/": under its own name there */
		if (strlen(name) >= (unsigned)(end - s)) {
			plan->refused = "it is too long";
			return;
		}
		strcpy(s, name);
	}
	squeeze(plan->buf);
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
	if (strchr("*&", *command))
		return 1;
	if (op == MDEV_OP_ADD)
		return strchr("@+", *command) != NULL;
	if (op == MDEV_OP_REMOVE)
		return strchr("$-", *command) != NULL;
	return 0;
}

/* Does the rule apply to a device of these numbers, name and variables?
 * What it matched goes to *matched, and the groups to off if that is not NULL */
static int applies(const struct mdev_rule *rule, const struct mdev_event *ev,
		const char **matched, regmatch_t *off)
{
	unsigned i;

	*matched = ev->name;
	if (!ENABLE_MDEV_RULES_CONF || rule->line == 0) {
		if (off)
			memset(off, -1, sizeof(*off) * MDEV_NGROUPS);
		return 1;
	}
	for (i = 0; i < rule->n_conditions; i++) {
		const struct mdev_condition *c = &rule->conditions[i];
		const char *value = mdev_event_var(ev, c->var);

		if (!value || !mdev_pattern_match(&c->pattern, value, NULL))
			return 0;
	}
	if (!rule->pattern.text) { /* @maj,min */
		if (off) {
			memset(off, -1, sizeof(*off) * MDEV_NGROUPS);
			off[0].rm_so = 0;
			off[0].rm_eo = strlen(ev->name);
		}
		return rule->major == ev->major
			&& (unsigned)ev->minor >= rule->minor0
			&& (unsigned)ev->minor <= rule->minor1;
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
