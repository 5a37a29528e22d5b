/* vi: set sw=4 ts=4: */
/*
 * Warnings about mdev.conf: rules without a syntax error that cannot work
 *
 * Copyright (C) 2026 mdevd for BusyBox maintainers
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdev_rules.h"

/* Does the command contain %0 to %9, as in "mount /mnt/%1"? "printf %2d", "$((x%2))" and "${x%2}" do
 * not count */
static int has_group(const char *s)
{
	/* "$((x%2 == 1))" */
	if (strstr(s, "(("))
		return 0;
	while ((s = strchr(s, '%')) != NULL) {
		s++;
		if (isdigit(*s) && strchr(" \t/;&|<>\"'-:,", s[1]))
			return 1;
	}
	return 0;
}

static int has_empty_link(const struct mdev_rule *rule IF_NOT_FEATURE_MDEV_LINKS(UNUSED_PARAM))
{
#if ENABLE_FEATURE_MDEV_LINKS
	unsigned i;

	for (i = 0; i < rule->n_links; i++)
		if (!*rule->links[i].path)
			return 1;
#endif
	return 0;
}

/* Returns the first fault of the rule itself, or NULL */
static NOINLINE const char *find_fault(const struct mdev_rule *rule)
{
	const char *text = rule->pattern.text;
	const char *command = rule->command;

	if (!*text)
		return "empty regex";
	if (!rule->var && is_prefixed_with(text + (*text == '^'), "/dev/"))
		return "device names do not begin with /dev/";
	if (rule->var && !*rule->var)
		return "empty variable name";
	if (rule->minor0 > rule->minor1)
		return "empty range of minors";
	if (rule->path_op && rule->path && !*rule->path)
		return "empty PATH";
	if (has_empty_link(rule))
		return "empty PATH";
	if (!command)
		return NULL;
	if (!command[1])
		return "empty command";
	if (last_char_is(command, '\r'))
		return "CR at the end of the command";
	return has_group(command) ? "%0 to %9 are not expanded in commands" : NULL;
}

/* Rules before the first one that matches everything, by a hash of their match: a file may have
 * 100,000 of them */
struct earlier {
	const struct mdev_rule *all;
	struct mdev_rule *by_hash[256];
};

/* Warns if an earlier rule matches all that rule does; else remembers rule */
static void check_reached(struct earlier *e, struct mdev_rule *rule)
{
	const struct mdev_rule *earlier = e->all;
	struct mdev_rule **p;
	unsigned i, hash = 0;

	for (i = 0; i < rule->match_len; i++)
		hash = hash * 33 + (unsigned char)rule->match[i];
	for (p = &e->by_hash[hash % ARRAY_SIZE(e->by_hash)]; *p; p = &(*p)->same_hash) {
		if (rule->match_len == (*p)->match_len && memcmp(rule->match, (*p)->match, rule->match_len) == 0) {
			earlier = *p;
			break;
		}
	}
	if (earlier)
		mdev_log(MDEV_LOG_WARN, "warning: never reached: %s:%u %s", earlier->file, earlier->line,
				*p ? "has the same match" : "matches everything");
	else if (rule->keep_matching)
		return;
	else if (index_in_strings(".*\0" ".+\0" "(.*)\0", rule->match) >= 0)
		e->all = rule;
	else
		*p = rule;
}

/* mdevd -N: warns about rules in conf that cannot match, are never reached, or do not do what they
 * say, and about byte order marks in its files, which are opened again. */
void FAST_FUNC mdev_check(const struct mdev_conf *conf)
{
	struct mdev_rule *rule;
	struct earlier *earlier = xzalloc(sizeof(*earlier));
	const llist_t *file;

	for (file = conf->files; file; file = file->link) {
		char begin[3];

		if (open_read_close(file->data, begin, 3) == 3 && memcmp(begin, "\xef\xbb\xbf", 3) == 0)
			mdev_log(MDEV_LOG_WARN, "%s:1: warning: byte order mark", file->data);
	}
	for (rule = conf->first; rule; rule = rule->next) {
		const char *fault = find_fault(rule);

		mdev_log_about(NULL, rule);
		if (fault)
			mdev_log(MDEV_LOG_WARN, "warning: %s", fault);
		check_reached(earlier, rule);
	}
	free(earlier);
}
