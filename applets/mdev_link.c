/* vi: set sw=4 ts=4: */
/*
 * The links of "<": names for a node that stays where it is
 *
 * Nothing is remembered from one event to the next. After an event, links to its node that it did
 * not make are removed from the directories of the rules' links. A link that leads to another device
 * stays while that device exists.
 *
 * Copyright (C) 2026 mdevd for BusyBox maintainers
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdev_rules.h"

static uint32_t hash_name(const char *s)
{
	uint32_t hash = 5381;

	while (*s)
		hash = hash * 33 + (unsigned char)*s++;
	return hash ? hash : 1; /* 0: no name */
}

/* Does the link lead to another device that exists? Logs it */
static NOINLINE int is_claimed(const struct mdev_plan *plan, const char *name)
{
	char node[MDEV_NAME_MAX];

	if (!mdev_node_of_another(plan, name, node))
		return 0;
	mdev_log(mdev_dry_run ? MDEV_LOG_ACTION : MDEV_LOG_WARN, "make no link %s to %s: it leads to %s, which exists",
			name, plan->node, node);
	return 1;
}

/* name is a buffer of MDEV_NAME_MAX + 1 bytes */
static void make_rule_link(const struct mdev_plan *plan, struct mdev_link *link, char *name)
{
	const char *fault;

	if (!mdev_plan_path(plan, link->path, strchr(link->path, '\0'), name)) {
		mdev_log(MDEV_LOG_ACTION, "make no link %s: %s is missing or empty", link->path, name);
		return;
	}
	fault = mdev_name_fault(name);
	if (fault) {
		mdev_log(mdev_dry_run ? MDEV_LOG_ACTION : MDEV_LOG_WARN, "make no link %s: %s", name, fault);
		return;
	}
	if (strcmp(name, plan->node) == 0 || is_claimed(plan, name))
		return;
	link->made = hash_name(name);
	mdev_log(MDEV_LOG_ACTION, "make link %s to %s", name, plan->node);
	if (!mdev_dry_run)
		mdev_node_link(plan, name);
}

/* Removes name if it is a link to the plan's node that the current event does not have */
static NOINLINE void sweep_name(const struct mdev_conf *conf, const struct mdev_plan *plan, const char *name)
{
	const struct mdev_event *ev = plan->event;
	const struct mdev_link *link;
	char target[MDEV_NAME_MAX];

	/* Those of ">" and of the root file system */
	if (strcmp(name, ev->name) == 0
	 || (strcmp(name, "root") == 0 && ev->type == S_IFBLK && ev->dev == ev->root)
	) {
		return;
	}
	strcpy(target, name);
	if (!mdev_path_follow(target, target + strlen(target))
	/* The event's name may be the node of another device, which a "=" has put there */
	 || (strcmp(target, plan->node) != 0
	     && (strcmp(target, ev->name) != 0 || mdev_node_of_another(plan, name, target)))
	) {
		return;
	}
	for (link = conf->links; link; link = link->next)
		if (link->made == hash_name(name))
			return;
	mdev_log(MDEV_LOG_ACTION, "remove link %s", name);
	if (!mdev_dry_run && unlink(name) != 0 && errno != ENOENT)
		mdev_log_errno(MDEV_LOG_WARN, "remove", name);
}

/* Sweeps a directory: the names that begin with prefix. name is the directory with a slash, or "" for
 * /dev, and has MDEV_NAME_MAX + 1 bytes */
static NOINLINE void sweep_directory(const struct mdev_conf *conf, const struct mdev_plan *plan, char *name,
		const char *prefix, unsigned prefix_len)
{
	char *base = strchr(name, '\0');
	const char *path = *name ? name : ".";
	struct dirent *entry;
	DIR *dir;

	if (!mdev_path_check_parents(name, 0))
		return;
	dir = opendir(path);
	if (!dir) {
		mdev_log_errno(MDEV_LOG_WARN, "read", path);
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		if ((entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN)
		 && strncmp(entry->d_name, prefix, prefix_len) == 0
		 && strlen(entry->d_name) < name + MDEV_NAME_MAX - base
		) {
			strcpy(base, entry->d_name);
			sweep_name(conf, plan, name);
		}
	}
	closedir(dir);
}

/* Cuts name behind its last slash. Returns 0 if it is not valid */
static int cut_name(char *name)
{
	if (mdev_name_fault(name))
		return 0;
	*(char*)bb_basename(name) = '\0';
	return 1;
}

/* Sweeps directories of the rule's links that depend on the device: only the plan can expand them.
 * name is a buffer of MDEV_NAME_MAX + 2 bytes */
static void sweep_own_directories(const struct mdev_conf *conf, const struct mdev_plan *plan, char *name)
{
	unsigned i;

	for (i = 0; i < plan->rule->n_links; i++) {
		const struct mdev_link *link = &plan->rule->links[i];
		const char *path = link->path;
		const char *end = strstr(path + link->dir_len, "%{");

		/* Values have no slash */
		if (!mdev_plan_path(plan, path, end ? end : strchr(path, '\0'), name))
			continue;
		if (end)
			strcat(name, "x"); /* for cut_name(), which drops the last component */
		if (cut_name(name) && (strlen(name) != link->dir_len || memcmp(name, path, link->dir_len) != 0))
			sweep_directory(conf, plan, name, "", 0);
	}
}

/* Makes the links of the plan's rule, if the node exists, and logs them; a dry run only logs them. A
 * link is not made if a value in its name is missing. A link that leads to another device that exists
 * is kept, with a warning. */
void FAST_FUNC mdev_link_make(const struct mdev_conf *conf, const struct mdev_plan *plan)
{
	char name[MDEV_NAME_MAX + 2];
	unsigned i;

	if (plan->rule->n_links == 0 || (!mdev_dry_run && mdev_node_find(plan, name) <= 0))
		return;
	for (i = 0; i < plan->rule->n_links; i++)
		make_rule_link(plan, &plan->rule->links[i], name);
	sweep_own_directories(conf, plan, name);
}

/* Was the link's directory swept for an earlier one? */
static int is_swept(const struct mdev_conf *conf, const struct mdev_event *ev, const struct mdev_link *link)
{
	unsigned len = link->dir_len;
	const struct mdev_link *earlier;

	for (earlier = conf->links; len && earlier != link; earlier = earlier->next)
		if (earlier->dir_len == len && memcmp(earlier->path, link->path, len) == 0
		 && mdev_rule_may_match(earlier->rule, ev)
		) {
			return 1;
		}
	return 0;
}

/* Sweeps the directories of all rules' links that the event's device may have. name is a buffer of
 * MDEV_NAME_MAX + 2 bytes */
static void sweep_common_directories(const struct mdev_conf *conf, const struct mdev_plan *plan, char *name)
{
	const struct mdev_link *link;

	for (link = conf->links; link; link = link->next) {
		const char *percent = strchrnul(link->path, '%');
		unsigned len = link->dir_len;

		/* The other directories are those of sweep_own_directories() */
		if (percent < link->path + len
		 || !mdev_rule_may_match(link->rule, plan->event) || is_swept(conf, plan->event, link)
		) {
			continue;
		}
		mdev_log_about(plan->event, link->rule);
		snprintf(name, MDEV_NAME_MAX + 2, "%.*sx", len, link->path); /* x: for cut_name() */
		if (!cut_name(name))
			continue;
		/* In /dev are links of others, too: only names that this one can have */
		if (len)
			sweep_directory(conf, plan, name, "", 0);
		else
			sweep_directory(conf, plan, name, link->path, percent - link->path + !*percent);
	}
}

/* Forgets which links the event has. To be called at the end of each event: mdev_link_sweep() does so. */
void FAST_FUNC mdev_link_forget(const struct mdev_conf *conf)
{
	struct mdev_link *link;

	for (link = conf->links; link; link = link->next)
		link->made = 0;
}

/* After all rules of an event: removes, from the directories of the links that the event's device may
 * have had, those that lead to its node and were not made for this event. Logs them; a dry run
 * only logs them. If plan->node is a link to the node, sets it to the node's name. */
void FAST_FUNC mdev_link_sweep(const struct mdev_conf *conf, struct mdev_plan *plan)
{
	char name[MDEV_NAME_MAX + 2];
	struct mdev_link *link = conf->links;
	int found;

	while (link && !mdev_rule_may_match(link->rule, plan->event))
		link = link->next;
	if (!link)
		return;
	found = mdev_node_find(plan, name);
	if (found > 0)
		plan->node = strcpy(plan->buf, name); /* an earlier rule's ">" moved it */
	/* If it is another device's node, so are the links to it */
	if (found >= 0) {
		sweep_common_directories(conf, plan, name);
		if (plan->event->op == MDEV_OP_REMOVE) {
			mdev_log_about(plan->event, plan->rule);
			sweep_own_directories(conf, plan, name);
		}
	}
	mdev_link_forget(conf);
}
