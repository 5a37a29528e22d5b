/* vi: set sw=4 ts=4: */
/*
 * (rule, event) to plan. Pure: no system call except for attributes, no global; only regexec() may
 * allocate memory
 *
 * Copyright (C) 2026 mdevd for BusyBox maintainers
 * Derived from util-linux/mdev.c,
 * Copyright 2005 Rob Landley <rob@landley.net>
 * Copyright 2005 Frank Sorenson <frank@tuxrocks.com>
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdev_rules.h"

/* Applies after all rules of the files, or alone if there are none */
const struct mdev_rule mdev_rule_implicit = {
	.mode = 0660,
	.first = ~(uint32_t)0,
};

/* Returns the reason why name, which is not trusted, is not valid below /dev; NULL: it is valid. */
const char* FAST_FUNC mdev_name_fault(const char *name)
{
	const char *s = name;

	if (strlen(name) >= MDEV_NAME_MAX)
		return "it is too long";
	do {
		unsigned len = strchrnul(s, '/') - s;

		/* An empty component (also: a slash at either end), '.' or '..' */
		if (len <= 2 && strncmp(s, "..", len) == 0)
			return "it is not a plain relative path";
		s += len;
	} while (*s++);
	return NULL;
}

/* Returns the position in vars of the variable whose name has len chars, or of the NULL at its end. */
char** FAST_FUNC mdev_find_var(char **vars, const char *name, unsigned len)
{
	while (*vars && (strncmp(*vars, name, len) != 0 || (*vars)[len] != '='))
		vars++;
	return vars;
}

/* Returns the value of the event's variable, the first one if there are several, or NULL.
 * It points into the event. */
const char* FAST_FUNC mdev_event_var(const struct mdev_event *ev, const char *name)
{
	char **var;

	for (var = ev->vars; *var; var++) {
		/* Compares the first char before the call: this runs ten times per event, and few match */
		const char *s = (**var == *name) ? is_prefixed_with(*var, name) : NULL;

		if (s && *s == '=')
			return s + 1;
	}
	return NULL;
}

/* Returns the event's variable as a number, or other if it is missing or not a number. */
unsigned FAST_FUNC mdev_event_number(const struct mdev_event *ev, const char *var, int base, unsigned other)
{
	const char *s = mdev_event_var(ev, var);
	unsigned n = s ? bb_strtou(s, NULL, base) : 0;

	return (s && errno == 0) ? n : other;
}

/* The value that a rule's regex is compared with. An attribute is read into plan->buf */
static const char *find_value(struct mdev_plan *plan, const char *name)
{
	if (ENABLE_FEATURE_MDEV_LINKS && *name == '/')
		return mdev_value_attribute(plan->event, name, strlen(name), plan->buf, sizeof(plan->buf));
	return mdev_event_var(plan->event, name);
}

/* Appends len chars to the string in buf that ends at dst, and replaces several slashes in a row by one.
 * Drops what exceeds the buffer, which then holds a name that is too long */
static char *append(char *buf, char *dst, const char *s, unsigned len)
{
	for (; len && dst < buf + MDEV_NAME_MAX; len--, s++)
		if (*s != '/' || dst == buf || dst[-1] != '/')
			*dst++ = *s;
	*dst = '\0';
	return dst;
}

#if ENABLE_FEATURE_MDEV_LINKS
/* Appends the value of NAME or /ATTR, which has len chars. Returns NULL if it is missing or empty */
static char *append_value(const struct mdev_event *ev, char *buf, char *dst, const char *name, unsigned len)
{
	char *end = buf + MDEV_NAME_MAX + 1;
	const char *value, *start = dst;
	int is_attribute = (*name == '/');

	if (is_attribute) {
		value = mdev_value_attribute(ev, name, len, dst, end - dst);
	} else {
		value = *mdev_find_var(ev->vars, name, len);
		if (value)
			value += len + 1;
	}
	if (!value)
		return NULL;
	dst = mdev_value_copy(dst, end, value, is_attribute);
	return dst != start ? dst : NULL;
}
#endif

/* Expands a PATH of the plan's rule, up to end, into buf, which has MDEV_NAME_MAX + 1 bytes: %0 to %9
 * are groups of the string that the rule matched, %{NAME} is a variable and %{/ATTR} an attribute. If
 * end is the end of PATH, and PATH ends with a slash, appends the event's name. The result is not
 * validated. Returns 0, with the name of the variable or attribute in buf, if one is missing or empty. */
int FAST_FUNC mdev_plan_path(const struct mdev_plan *plan, const char *path, const char *end, char *buf)
{
	const char *name = plan->event->name;
	const regmatch_t *off = plan->off;
	char *dst = buf;
	const char *s;

	*buf = '\0'; /* PATH may be empty */
	for (s = path; s < end; s++) {
		unsigned i = (unsigned char)s[1] - '0';

		if (ENABLE_MDEV_RULES_REGEXP
		 && *s == '%' && i < MDEV_NGROUPS && off[i].rm_so >= 0
		) {
			dst = append(buf, dst, plan->matched + off[i].rm_so, off[i].rm_eo - off[i].rm_so);
			s++;
#if ENABLE_FEATURE_MDEV_LINKS
		} else if (*s == '%' && s[1] == '{') {
			const char *value = s + 2;

			s = strchr(value, '}');
			dst = append_value(plan->event, buf, dst, value, s - value);
			if (!dst) {
				safe_strncpy(buf, value, MIN(s - value, MDEV_NAME_MAX) + 1);
				return 0;
			}
#endif
		} else {
			dst = append(buf, dst, s, 1);
		}
	}
	if (*s == '\0' && dst != buf && dst[-1] == '/') /* "PATH/" */
		append(buf, dst, name, strlen(name));
	return 1;
}

/* Sets the plan's node to the rule's PATH */
static void plan_node(struct mdev_plan *plan)
{
	if (!mdev_plan_path(plan, plan->rule->path, strchr(plan->rule->path, '\0'), plan->buf))
		return;
	plan->refused = mdev_name_fault(plan->buf);
	if (plan->refused || strcmp(plan->buf, plan->event->name) == 0)
		return;
	plan->node = plan->buf;
	plan->path_op = plan->rule->path_op;
}

/* Does the command's operator ask for this action? */
static int is_for_action(const char *command, int op)
{
	switch (*command) {
	case '@':
	case '+':
		return op == MDEV_OP_ADD;
	case '$':
	case '-':
		return op == MDEV_OP_REMOVE;
	}
	return 1;
}

/* Returns 1 if the plan's rule matches its event, 0 if not, -1 if regexec() failed for lack of memory.
 * Sets plan->matched, and plan->off if the rule has a PATH */
static int matches(struct mdev_plan *plan)
{
	const struct mdev_rule *rule = plan->rule;
	const struct mdev_event *ev = plan->event;
	unsigned i;

	plan->matched = ev->name;
	if (!ENABLE_MDEV_RULES_CONF || rule->line == 0)
		return 1;
	for (i = 0; i < rule->n_conditions; i++) {
		const struct mdev_condition *c = mdev_condition(rule, i);
		const char *value = c->is_subsystem ? ev->subsystem : find_value(plan, c->var);
		int result = value ? mdev_pattern_match(&c->pattern, value, NULL) : 0;

		if (result <= 0)
			return result;
	}
	if (rule->major >= 0
	 && (rule->major != ev->major || ev->minor < rule->minor0 || ev->minor > rule->minor1)
	) {
		return 0;
	}
	if (rule->var) {
		plan->matched = find_value(plan, rule->var);
		if (!plan->matched)
			return 0;
	}
	return mdev_pattern_match(&rule->pattern, plan->matched, (rule->path || MDEV_RULE_LINKS(rule)) ? plan->off : NULL);
}

#if ENABLE_MDEVD
/* Takes the mode (since 2.6.32) and owner (since 3.10) from the event: device_get_devnode() in
 * drivers/base/core.c */
static void plan_implicit(struct mdev_plan *plan)
{
	plan->mode = mdev_event_number(plan->event, "DEVMODE", 8, plan->mode) & 07777;
	plan->ugid.uid = mdev_event_number(plan->event, "DEVUID", 10, 0);
	plan->ugid.gid = mdev_event_number(plan->event, "DEVGID", 10, 0);
}
#else
# define plan_implicit(plan) ((void)0)
#endif

/* Returns 1 and fills in plan if the rule matches the event, 0 if it does not, -1 if regexec()
 * failed for lack of memory. The plan points into the rule, the event and itself: it must
 * not be copied, nor outlive them. The caller has set ev->name. Does not block or die. */
int FAST_FUNC mdev_match(struct mdev_plan *plan, const struct mdev_rule *rule, const struct mdev_event *ev)
{
	int result;

	plan->event = ev;
	plan->rule = rule;
	result = matches(plan);
	if (result <= 0)
		return result;
	plan->node = ev->name;
	plan->refused = plan->command = NULL;
	plan->mode = rule->mode;
	plan->ugid = rule->ugid;
	plan->path_op = '\0';
	if (rule->line == 0)
		plan_implicit(plan);
	if (ENABLE_MDEV_RULES_RENAME && rule->path)
		plan_node(plan);
	plan->has_node = rule->path_op != '!' && !plan->refused
		&& (ev->major >= 0 || (ev->by_name && ev->op == MDEV_OP_REMOVE));
	if (ENABLE_MDEV_RULES_EXEC && rule->command && is_for_action(rule->command, ev->op))
		plan->command = rule->command;
	return 1;
}
