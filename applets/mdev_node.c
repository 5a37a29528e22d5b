/* vi: set sw=4 ts=4: */
/*
 * Carries out a plan in the current directory, which is /dev
 *
 * Of the other sources, mdev_path.c makes directories in /dev, mdev_link.c removes links of "<", and
 * mdevd_probe.c makes a temporary node. devtmpfs makes nodes under the kernel's names before the
 * event arrives, and other programs of root write to /dev, too. Directories that other users
 * can write to are not used: only root can change a name between a check and its use.
 * Callers have a umask of 0.
 *
 * Copyright (C) 2026 mdevd for BusyBox maintainers
 * Derived from util-linux/mdev.c,
 * Copyright 2005 Rob Landley <rob@landley.net>
 * Copyright 2005 Frank Sorenson <frank@tuxrocks.com>
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdev_rules.h"

static void warn_errno(const char *what, const char *name)
{
	mdev_log_errno(MDEV_LOG_WARN, what, name);
}

static int is_node(const struct stat *st)
{
	return S_ISBLK(st->st_mode) || S_ISCHR(st->st_mode);
}

/* Is st that of the device's node? */
static int is_own_node(const struct mdev_plan *plan, const struct stat *st)
{
	return (st->st_mode & S_IFMT) == plan->event->type && (uint32_t)st->st_rdev == plan->event->dev;
}

/* Is name the device's node? Sets st if there is such a name */
static int is_device(const struct mdev_plan *plan, const char *name, struct stat *st)
{
	if (lstat(name, st) == 0)
		return is_own_node(plan, st);
	if (ENABLE_MDEVD && (errno == EIO || errno == EACCES))
		warn_errno("stat", name);
	return 0;
}

/* Sets owner and mode of name, whose lstat() is st, to the plan's. Makes no needless system call */
static void set_owner_and_mode(const struct mdev_plan *plan, const char *name, const struct stat *st)
{
	mode_t wrong = (st->st_mode ^ plan->mode) & 07777;
	int err = 0;

	if (st->st_uid != plan->ugid.uid || st->st_gid != plan->ugid.gid) {
		err = lchown(name, plan->ugid.uid, plan->ugid.gid);
		/* chown cleared them, and another owner than root may have changed the mode since lstat() */
		wrong |= (plan->mode & (S_ISUID | S_ISGID)) | st->st_uid;
	}
	if (err == 0 && wrong)
		err = chmod(name, plan->mode);
	if (err)
		warn_errno("set owner and mode of", name);
}

/* Revokes all access to name, whose lstat() is st, if it is a node: a hard link that a user made to
 * it would give access to the next device with its numbers */
static void revoke_node(const char *name, const struct stat *st)
{
	if (is_node(st)) {
		lchown(name, 0, 0); /* first: the owner might undo chmod() */
		chmod(name, 0);
	}
}

/* Unlinks name, whose lstat() is st. Not an error if it is gone already, or a directory */
static void unlink_name(const char *name, const struct stat *st)
{
	revoke_node(name, st);
	if (unlink(name) != 0 && errno != ENOENT && errno != EISDIR)
		warn_errno("remove", name);
}

/* Follows name, in place, if it is a link. Returns 1 and sets st if it is, or leads to, the device's node */
static int leads_to_device(const struct mdev_plan *plan, char *name, struct stat *st)
{
	unsigned links = 0;

	while (!is_device(plan, name, st))
		if (links++ == MDEV_LINKS_MAX || !mdev_path_follow(name, name + strlen(name)))
			return 0;
	return links == 0 || mdev_path_check_parents(name, 0);
}

/* Is st that of the node of another device that exists? */
static int is_other_node(const struct mdev_plan *plan, const struct stat *st)
{
	return is_node(st) && !is_own_node(plan, st)
		&& mdev_sysfs_exists(plan->event->sys, st->st_mode, st->st_rdev, /*unknown:*/ 1);
}

/* Follows the plan's node into buf, which has MDEV_NAME_MAX bytes. Returns 1 if that is the device's
 * node, -1 if it is the node of another device that exists, else 0. */
int FAST_FUNC mdev_node_find(const struct mdev_plan *plan, char *buf)
{
	struct stat st;

	st.st_mode = 0; /* if there is no such name */
	strcpy(buf, plan->node);
	if (leads_to_device(plan, buf, &st))
		return 1;
	return -is_other_node(plan, &st);
}

#if ENABLE_FEATURE_MDEV_LINKS

/* Is name the node of another device that exists, or a link to it? node gets its name, and has
 * MDEV_NAME_MAX bytes. */
int FAST_FUNC mdev_node_of_another(const struct mdev_plan *plan, const char *name, char *node)
{
	unsigned links = 0;
	struct stat st;

	strcpy(node, name);
	while (mdev_path_follow(node, node + strlen(node)) && links < MDEV_LINKS_MAX) {
		if (strcmp(node, plan->node) == 0)
			return 0;
		links++;
	}
	return lstat(node, &st) == 0 && is_other_node(plan, &st);
}

#endif

/* name, whose lstat() is st, is the node of another device that exists */
static void warn_taken(const struct mdev_plan *plan, const char *name, const struct stat *st)
{
	mdev_log(MDEV_LOG_WARN, "'%s' is the node of %u:%u, which exists: not replaced by '%s'",
			name, (unsigned)major(st->st_rdev), (unsigned)minor(st->st_rdev), plan->event->name);
}

enum { MADE, TAKEN, FAILED };

/* Makes the node. If its name exists: gives the device's own node owner and mode; leaves a directory,
 * and the node of another device that exists (TAKEN); replaces everything else */
static int make_node(const struct mdev_plan *plan)
{
	const char *name = plan->node;
	char path[MDEV_NAME_MAX];
	struct stat st;
	int tries = 2;

	if (!mdev_path_check_parents(name, 1))
		return FAILED;
	while (mknod(name, plan->mode | plan->event->type, plan->event->dev) != 0) {
		if (errno != EEXIST || --tries < 0) {
			warn_errno("make node", name);
			return FAILED;
		}
		strcpy(path, name);
		/* An earlier rule (-sda 0:0 660 >disk/) may have replaced it with a link */
		if (leads_to_device(plan, path, &st)
		/* "=" and ">" are about to remove or replace the node under the event's name */
		 && !(plan->path_op && strcmp(path, plan->event->name) == 0)
		) {
			set_owner_and_mode(plan, path, &st);
			return MADE;
		}
		if (lstat(name, &st) != 0)
			continue;
		if (is_other_node(plan, &st)) {
			warn_taken(plan, name, &st);
			return TAKEN;
		}
		revoke_node(name, &st);
		if (unlink(name) != 0 && errno != ENOENT) {
			warn_errno("replace", name); /* a directory: EISDIR */
			return FAILED;
		}
	}
	/* Always sets the owner: a node in a setgid directory gets the directory's group */
	st.st_uid = 0;
	st.st_gid = ~plan->ugid.gid;
	st.st_mode = plan->mode;
	set_owner_and_mode(plan, name, &st);
	return MADE;
}

/* Makes the text of a link from link to node, both names under /dev, relative to the
 * link's own directory. Returns 0 if the MDEV_NAME_MAX bytes of buf are not enough */
static int make_link_text(char *buf, const char *link, const char *node)
{
	unsigned i, start = 0;
	unsigned len = 0;

	for (i = 0; link[i] && link[i] == node[i]; i++)
		if (link[i] == '/')
			start = i + 1;
	for (link += start; *link; link++)
		len += 3 * (*link == '/');
	node += start;
	if (len + strlen(node) >= MDEV_NAME_MAX)
		return 0;
	for (i = 0; i < len; i += 3)
		memcpy(buf + i, "../", 3);
	strcpy(buf + len, node);
	return 1;
}

/* Makes the link to the plan's node. Replaces anything else of that name, except a directory and the
 * node of another device that exists (TAKEN: st is set), in one step: the name is never missing. Fails if
 * the device's node is there, and plan->node only a link to it: an earlier rule has moved the node */
static NOINLINE int make_link(const struct mdev_plan *plan, const char *link, struct stat *st)
{
	char text[MDEV_NAME_MAX], temp[MDEV_NAME_MAX + sizeof(".mdev.4294967295")];
	ssize_t len;
	int is_moved;

	errno = ENAMETOOLONG;
	if (!make_link_text(text, link, plan->node))
		return FAILED;
	if (symlink(text, link) == 0)
		return MADE;
	if (errno != EEXIST)
		return FAILED;
	len = readlink(link, temp, MDEV_NAME_MAX);
	if (len == (ssize_t)strlen(text) && memcmp(temp, text, len) == 0)
		return MADE;
	/* Not is_device(), which logs */
	is_moved = lstat(plan->node, st) != 0 || !is_own_node(plan, st);
	st->st_mode = 0;
	lstat(link, st);
	if (is_other_node(plan, st))
		return TAKEN;
	errno = EEXIST;
	if (is_moved && is_own_node(plan, st))
		return FAILED;
	strcpy(temp, link);
	sprintf((char*)bb_basename(temp), ".mdev.%u", (unsigned)getpid());
	unlink(temp);
	if (symlink(text, temp) != 0)
		return FAILED;
	/* Whoever has opened it could open it again, through /proc/self/fd */
	if (st->st_uid | st->st_gid)
		lchown(link, 0, 0);
	/* Only if need be: chmod() follows a link that another mdevd has just made */
	if (st->st_nlink > 1)
		revoke_node(link, st);
	if (rename(temp, link) == 0)
		return MADE;
	unlink(temp); /* keeps errno */
	return FAILED;
}

/* Makes link, a name under /dev, a link to the plan's node, with its directories. Replaces anything
 * else of that name, except a directory and the node of another device that exists. Reports
 * failures. */
void FAST_FUNC mdev_node_link(const struct mdev_plan *plan, const char *link)
{
	struct stat st;
	int result;

	if (!mdev_path_check_parents(link, 1))
		return;
	/* It has large buffers, and so does logging */
	result = make_link(plan, link, &st);
	if (result == TAKEN)
		warn_taken(plan, link, &st);
	else if (result == FAILED)
		warn_errno("make link", link);
}

/* Is this the device of the root file system? */
static int is_root(const struct mdev_plan *plan)
{
	const struct mdev_event *ev = plan->event;

	return ev->type == S_IFBLK && ev->dev == ev->root && strcmp(plan->node, "root") != 0;
}

/* Returns the device of the root file system. (No event has the number of a tmpfs.) */
uint32_t FAST_FUNC mdev_node_root(void)
{
	struct stat st;

	st.st_dev = 0; /* if stat() fails */
	stat("/", &st);
	return st.st_dev;
}

/* Makes the plan's node and its links, and sets plan->node and path_op to what was made: if
 * another device that exists has the node's name, the node gets the event's name instead. Reports
 * failures. Does not block, allocates nothing. */
void FAST_FUNC mdev_node_add(struct mdev_plan *plan)
{
	const char *name = plan->event->name;
	int result = make_node(plan);

	if (result == TAKEN && plan->path_op) {
		plan->node = name;
		plan->path_op = '\0';
		result = make_node(plan);
	}
	if (result != MADE)
		return;
	if (plan->path_op == '>') {
		mdev_node_link(plan, name);
	} else if (plan->path_op == '=') {
		struct stat st;

		if (is_device(plan, name, &st) && mdev_path_check_parents(name, 0))
			unlink_name(name, &st);
	}
	if (is_root(plan))
		mdev_node_link(plan, "root");
}

/* For actions other than add: sets plan->node and path_op to what mdev_node_add() made, if that was not
 * the rule's PATH, or PATH has changed since. In a dry run also for add. */
void FAST_FUNC mdev_node_locate(struct mdev_plan *plan)
{
	const char *name = plan->event->name;
	char buf[MDEV_NAME_MAX];
	struct stat st;
	int found;

	if (!plan->path_op || plan->event->major < 0)
		return;
	found = mdev_node_find(plan, buf);
	/* A dry run has not moved it to PATH */
	if (found < 0 || (found == 0 && !mdev_dry_run && leads_to_device(plan, strcpy(buf, name), &st))) {
		plan->node = name;
		plan->path_op = '\0';
	}
}

/* Removes name if it is the device's node or a link to the plan's node. If it is a link to the
 * device's node under another name, removes that node too and, if the rule has no PATH, sets plan->node to it */
static NOINLINE void remove_name(struct mdev_plan *plan, const char *name)
{
	char path[MDEV_NAME_MAX];
	struct stat st;

	st.st_mode = 0;
	if (!mdev_path_check_parents(name, 0))
		return;
	if (!is_device(plan, name, &st) && plan->event->major >= 0) {
		safe_strncpy(path, name, sizeof(path));
		if (!mdev_path_follow(path, path + strlen(path)))
			return;
		if (strcmp(path, plan->node) != 0) {
			if (!leads_to_device(plan, path, &st) || !mdev_path_check_parents(path, 0))
				return;
			unlink_name(path, &st);
			/* The rule's ">" has been changed: links of "<" lead there */
			if (!plan->path_op)
				plan->node = strcpy(plan->buf, path);
		}
		st.st_mode = 0;
	}
	unlink_name(name, &st);
}

/* Removes the plan's node if it still is the device's. If the plan has a PATH, also removes the event's
 * name if it is the device's node or a link to it. Without numbers, removes the node and the link of ">"
 * by name. If a new device has the same numbers and name: removes nothing, and returns 0 unless
 * the plan's node is gone. Without a node removes nothing, and returns 1 if the rule is the last one.
 * Reports failures. Does not block, allocates nothing. */
int FAST_FUNC mdev_node_remove(struct mdev_plan *plan)
{
	const struct mdev_event *ev = plan->event;
	IF_FEATURE_MDEV_LINKS(char buf[MDEV_NAME_MAX];)

	if (ev->major >= 0 && mdev_sysfs_has_successor(ev))
		return IF_FEATURE_MDEV_LINKS(mdev_node_find(plan, buf) <= 0) IF_NOT_FEATURE_MDEV_LINKS(0);
	/* "!": if the rule is not the last one, a later rule may have a command for the links */
	if (!plan->has_node)
		return ev->major >= 0 && !plan->rule->keep_matching;
	if (plan->path_op == '>' || (plan->path_op && ev->major >= 0))
		remove_name(plan, ev->name);
	remove_name(plan, plan->node);
	return 1;
}

#if ENABLE_MDEVD

/* Logs what mdev_node_add() or mdev_node_remove() and the command would do; always: even if that is
 * nothing. */
void FAST_FUNC mdev_node_log(const struct mdev_plan *plan, int always)
{
	const struct mdev_event *ev = plan->event;
	int is_add = (ev->op == MDEV_OP_ADD);

	if (plan->has_node && ev->op != MDEV_OP_OTHER) {
		always = 0;
		mdev_log(MDEV_LOG_ACTION, is_add
			? "make node %s: %s %u:%u, mode %03o, owner %u:%u" : "remove node %s",
			plan->node, ev->type == S_IFBLK ? "block" : "char", ev->major, ev->minor,
			(unsigned)plan->mode, (unsigned)plan->ugid.uid, (unsigned)plan->ugid.gid);
		if (plan->path_op == '>')
			mdev_log(MDEV_LOG_ACTION, is_add ? "make link %s to %s" : "remove link %s", ev->name, plan->node);
		if (is_add && plan->path_op == '=')
			mdev_log(MDEV_LOG_ACTION, "remove node %s", ev->name);
		if (is_add && is_root(plan))
			mdev_log(MDEV_LOG_ACTION, "make link root to %s", plan->node);
	}
	if (plan->refused) {
		always = 0;
		mdev_log(MDEV_LOG_ACTION, "make no node %s: %s", plan->buf, plan->refused);
	}
	if (plan->command) {
		always = 0;
		mdev_log(MDEV_LOG_ACTION, "run with MDEV=%s: %s", plan->node, plan->command + 1);
	}
	if (always)
		mdev_log(MDEV_LOG_ACTION, "nothing to do");
}

#endif
