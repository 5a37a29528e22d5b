/* vi: set sw=4 ts=4: */
/*
 * Performs a plan in the current directory, which is /dev
 *
 * The only file that writes /dev. It may be shared with devtmpfs, which makes
 * nodes under the kernel's names before we hear of them, and with whatever
 * else root runs; it is written by root alone, so that a look before a change
 * is not a race. Callers have a umask of 0.
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdev_rules.h"

static void warn_errno(const struct mdev_plan *plan, const char *what, const char *name)
{
	mdev_warn(plan->event, plan->rule, "can't %s '%s': "STRERROR_FMT, what, name STRERROR_ERRNO);
}

/* Is name the device? Fills st then */
static int is_device(const struct mdev_plan *plan, const char *name, struct stat *st)
{
	if (lstat(name, st) == 0)
		return (st->st_mode & S_IFMT) == plan->event->type && st->st_rdev == plan->event->dev;
	/* Others say that there is no such name */
	if (ENABLE_MDEVD && (errno == EIO || errno == EACCES))
		warn_errno(plan, "find out about", name);
	return 0;
}

/* Does name, a link or behind links, end inside the current directory?
 * Where it ends goes to resolved, PATH_MAX bytes */
static NOINLINE int stays_inside(const char *name, char *resolved)
{
	char cwd[PATH_MAX];
	char *s;

	if (!realpath(name, resolved) || !getcwd(cwd, sizeof(cwd)))
		return 0;
	s = is_prefixed_with(resolved, cwd);
	return s && (*s == '/' || *s == '\0' || cwd[1] == '\0');
}

/* Are name's parent directories there, and none of them a link that leads out
 * of /dev? Makes those that are missing, 0755, if make is 1. Returns 0 if not:
 * has said so, but for one that is missing and not to be made */
static NOINLINE int has_parents(const struct mdev_plan *plan, const char *name, int make)
{
	char path[PATH_MAX], resolved[PATH_MAX];
	struct stat st;
	char *slash;

	/* DEVPATH's last component may be longer than all names that have a '/' */
	if (!strchr(name, '/'))
		return 1;
	safe_strncpy(path, name, PATH_MAX);
	for (slash = path; (slash = strchr(slash, '/')) != NULL; *slash++ = '/') {
		*slash = '\0';
		if (lstat(path, &st) == 0) {
			/* Of what is neither link nor directory, others will complain */
			if (S_ISDIR(st.st_mode) || stays_inside(path, resolved))
				continue;
			errno = EXDEV;
		} else if (make) {
			if (mkdir(path, 0755) == 0 || errno == EEXIST)
				continue;
		} else if (!ENABLE_MDEVD || (errno != EIO && errno != EACCES)) {
			return 0;
		}
		warn_errno(plan, make ? "make directory" : "enter directory", path);
		return 0;
	}
	return 1;
}

/* Gives name, which has st, the rule's mode and owner. Calls only what changes something */
static void set_owner_and_mode(const struct mdev_plan *plan, const char *name, const struct stat *st)
{
	const struct mdev_rule *rule = plan->rule;
	mode_t wrong = (st->st_mode ^ rule->mode) & 07777;
	int err = 0;

	if (st->st_uid != rule->ugid.uid || st->st_gid != rule->ugid.gid) {
		err = lchown(name, rule->ugid.uid, rule->ugid.gid);
		wrong |= rule->mode & (S_ISUID | S_ISGID); /* chown cleared them */
	}
	if (err == 0 && wrong)
		err = chmod(name, rule->mode);
	if (err)
		warn_errno(plan, "set owner and mode of", name);
}

/* If name is the device, gives it mode and owner and returns 1 */
static int adopt(const struct mdev_plan *plan, const char *name)
{
	struct stat st;

	if (!is_device(plan, name, &st))
		return 0;
	set_owner_and_mode(plan, name, &st);
	return 1;
}

/* Something has the node's name. Returns 1 if it is the device, which now has mode
 * and owner; 0 if it was removed, so that the node can be made; -1 if it stays */
static NOINLINE int clear_the_way(const struct mdev_plan *plan)
{
	char resolved[PATH_MAX];

	if (adopt(plan, plan->node))
		return 1;
	/* An earlier rule (-sda 0:0 660 >disk/) may have made a link of it */
	if (stays_inside(plan->node, resolved) && adopt(plan, resolved))
		return 1;
	if (unlink(plan->node) == 0 || errno == ENOENT)
		return 0;
	warn_errno(plan, "replace", plan->node); /* a directory: EISDIR */
	return -1;
}

/* Returns 1 if the node is there then */
static int make_node(const struct mdev_plan *plan)
{
	struct stat st;
	int tries = 2;

	if (!has_parents(plan, plan->node, 1))
		return 0;
	while (mknod(plan->node, plan->rule->mode | plan->event->type, plan->event->dev) != 0) {
		int is_there;

		if (errno != EEXIST || --tries < 0) {
			warn_errno(plan, "make node", plan->node);
			return 0;
		}
		is_there = clear_the_way(plan);
		if (is_there)
			return is_there > 0;
	}
	/* Its owner always: a setgid directory gives away its group */
	st.st_uid = ~plan->rule->ugid.uid;
	st.st_mode = plan->rule->mode;
	set_owner_and_mode(plan, plan->node, &st);
	return 1;
}

/* That it is gone already is fine, and that a directory has the name */
static void remove_name(const struct mdev_plan *plan, const char *name)
{
	if (has_parents(plan, name, 0) && unlink(name) != 0 && errno != ENOENT && errno != EISDIR)
		warn_errno(plan, "remove", name);
}

/* Removes name if it is (still) the device; called without numbers (mdev), by the name alone */
static void remove_node(const struct mdev_plan *plan, const char *name)
{
	struct stat st;

	if (plan->event->major < 0 || is_device(plan, name, &st))
		remove_name(plan, name);
}

#if ENABLE_MDEV_RULES_RENAME

/* Text of a link from link to node, both names under /dev, relative to the
 * link's own directory. Returns 0 if buf's PATH_MAX bytes are too few */
static int link_text(char *buf, const char *link, const char *node)
{
	unsigned i, start = 0;
	unsigned len = 0;

	for (i = 0; link[i] && link[i] == node[i]; i++)
		if (link[i] == '/')
			start = i + 1;
	for (link += start; *link; link++)
		len += 3 * (*link == '/');
	node += start;
	if (len + strlen(node) >= PATH_MAX)
		return 0;
	for (i = 0; i < len; i += 3)
		memcpy(buf + i, "../", 3);
	strcpy(buf + len, node);
	return 1;
}

/* Is there a link of that text? Leaves lstat's answer for what is there */
static int is_link_to(const char *link, const char *text)
{
	char buf[PATH_MAX];
	ssize_t len = readlink(link, buf, sizeof(buf) - 1);

	if (len < 0)
		return 0;
	buf[len] = '\0';
	return strcmp(buf, text) == 0;
}

/* Makes link point to text, replacing what is there at once: nobody sees
 * the name missing. A directory stays */
static int replace_by_link(const char *link, const char *text)
{
	char temp[PATH_MAX + sizeof(".mdev.4294967295")];

	strcpy(temp, link);
	sprintf((char*)bb_basename(temp), ".mdev.%u", (unsigned)getpid());
	unlink(temp);
	if (symlink(text, temp) != 0)
		return 0;
	if (rename(temp, link) == 0)
		return 1;
	unlink(temp); /* leaves rename's errno */
	return 0;
}

static NOINLINE void make_link(const struct mdev_plan *plan, const char *link)
{
	char text[PATH_MAX];

	if (!has_parents(plan, link, 1))
		return;
	errno = ENAMETOOLONG;
	if (!link_text(text, link, plan->node)
	 || (symlink(text, link) != 0
	     && (errno != EEXIST || (!is_link_to(link, text) && !replace_by_link(link, text))))
	) {
		warn_errno(plan, "make link", link);
	}
}

static NOINLINE void remove_link(const struct mdev_plan *plan, const char *link)
{
	char text[PATH_MAX];

	if (link_text(text, link, plan->node) && is_link_to(link, text))
		remove_name(plan, link);
}

#else
# define make_link(plan, link) symlink((plan)->node, link)
# define remove_link(plan, link) ((void)0)
#endif

/* Is this the device that the root file system is on? */
static int is_root(const struct mdev_plan *plan, dev_t root)
{
	return plan->event->type == S_IFBLK && plan->event->dev == root && strcmp(plan->node, "root") != 0;
}

/* The device that the root file system is on; that of a tmpfs has no node. */
dev_t FAST_FUNC mdev_node_root(void)
{
	struct stat st;

	st.st_dev = 0; /* stays, if that fails */
	stat("/", &st);
	return st.st_dev;
}

/* Says why PATH was not used. */
void FAST_FUNC mdev_node_refused(const struct mdev_plan *plan)
{
	mdev_warn(plan->event, plan->rule, "'%s' refused: %s", plan->buf, plan->refused);
}

/* Makes the plan's node and links, replacing what is in the way but directories;
 * the device's own node is kept and gets the mode and owner. What fails is
 * reported; without the node, the device's other name is left as it is.
 * Does not block, allocates nothing. */
void FAST_FUNC mdev_node_add(const struct mdev_plan *plan, dev_t root)
{
	if (!make_node(plan))
		return;
	if (ENABLE_MDEV_RULES_RENAME && plan->link)
		make_link(plan, plan->link);
	if (ENABLE_MDEV_RULES_RENAME && plan->old)
		remove_node(plan, plan->old);
	if (is_root(plan, root))
		make_link(plan, "root");
}

/* Removes the plan's node if it is still the device, and its link if it still
 * points there. What fails is reported. Does not block, allocates nothing. */
void FAST_FUNC mdev_node_remove(const struct mdev_plan *plan)
{
	if (plan->link)
		remove_link(plan, plan->link);
	remove_node(plan, plan->node);
}

#if ENABLE_MDEVD

/* Says through say, mdev_log() or mdev_print(), what mdev_node_add() or mdev_node_remove() and the command
 * would do. always: even if that is nothing. Blocks as say does. */
void FAST_FUNC mdev_node_tell(const struct mdev_plan *plan, dev_t root,
	void FAST_FUNC (*say)(const struct mdev_event *ev, const struct mdev_rule *rule, const char *fmt, ...),
	int always)
{
	const struct mdev_rule *rule = plan->rule;
	const struct mdev_event *ev = plan->event;
	int is_add = (ev->op == MDEV_OP_ADD);

	if (plan->has_node && ev->op != MDEV_OP_OTHER) {
		always = 0;
		say(ev, rule, is_add
			? "make node %s: %s %u:%u, mode %03o, owner %u:%u" : "remove node %s",
			plan->node, ev->type == S_IFBLK ? "block" : "char", ev->major, ev->minor,
			(unsigned)rule->mode, (unsigned)rule->ugid.uid, (unsigned)rule->ugid.gid);
		if (plan->link)
			say(ev, rule, is_add ? "make link %s to %s" : "remove link %s", plan->link, plan->node);
		if (is_add && plan->old)
			say(ev, rule, "remove node %s", plan->old);
		if (is_add && is_root(plan, root))
			say(ev, rule, "make link %s to %s", "root", plan->node);
	}
	if (plan->refused) {
		always = 0;
		say(ev, rule, "make no node %s: %s", plan->buf, plan->refused);
	}
	if (plan->command) {
		always = 0;
		say(ev, rule, "run with MDEV=%s: %s", plan->node, plan->command + 1);
	}
	if (always)
		say(ev, rule, "nothing to do");
}

#endif
