/* vi: set sw=4 ts=4: */
/*
 * The differential test: a model of each program
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 *
 * The contract, written a second time, as simply as possible: it acts on a real
 * /dev (of the world, see world.c). Each difference of the untouched mdev has an
 * entry in the table below. differs() returns whether the modelled program
 * has the difference, and counts it; the condition beside the entry states exactly
 * when. The table is complete, because otherwise a program would differ from its
 * model, and it has no entry that is not true.
 */
#include "diff.h"

enum {
	/* Stock mdev: the list in the message of the patch to mdev.c */
	BAD_REGEX_DIES, BAD_MODE_NO_NODE, ROOT_UNKNOWN, AT_ONLY_ON_ADD, AT_GARBAGE, AT_GROUPS_EMPTY,
	BANG_STICKS, EMPTY_GROUP_CRASHES, EMPTY_GROUP_PERCENT, IN_THE_WAY_STAYS, LIVING_NODE_CHANGED, NODE_ELSEWHERE, DIR_GETS_MODE,
	LINK_LEFT_OUT, LINK_NO_DIR, LINK_NOT_RELATIVE, LINK_WITHOUT_NODE, OLD_NODE_STAYS, PARENT_OUTSIDE,
	PARENT_UNSAFE, PARENT_DANGLING, REMOVE_BY_NAME, SUCCESSOR_REMOVED, LINKED_NODE_STAYS, ACCESS_KEPT,
	NAME_ANYTHING, PATH_ANYTHING, PATH_OUTSIDE, PATH_KEEPS_DEV, PATH_SLASHES, MKDIR_ALWAYS,
	NUMBERS_OF_SYSFS, KERNEL_MODE_IGNORED, VARIABLE_TWICE,
	NO_EXECLINE, EMPTY_VARIABLE, BLOCK_PREFIX, SETUID_LOST, NAME_CUT,
	FIRMWARE_GONE, FIRMWARE_NAME, FIRMWARE_UPDATES,
	/* mdev, patched or not, unlike mdevd */
	MDEV_SKIPS_LINES, MDEV_REMOVES_UNNUMBERED, MDEV_UMASK_0, MDEV_FIRMWARE, MDEV_FIRMWARE_REMOVE,
	MDEV_ASKS_SYSFS,
	N_ENTRIES
};

const struct entry entries[] = {
	[BAD_REGEX_DIES] = { "bad-regex-dies",
		"a bad regex ends mdev, and later rules are never read; now its line is skipped" },
	[BAD_MODE_NO_NODE] = { "bad-mode-no-node",
		"a rule with a bad mode makes no node, and gives an existing one mode 7777; now its line is skipped" },
	[ROOT_UNKNOWN] = { "root-unknown",
		"without /etc/passwd and /etc/group, rules that name root are skipped; now root is 0" },
	[AT_ONLY_ON_ADD] = { "at-only-on-add",
		"@MAJ,MIN matches on add only; now it matches whenever the event has the numbers" },
	[AT_GARBAGE] = { "at-garbage",
		"text after the numbers of @MAJ,MIN is ignored; now it is a syntax error" },
	[AT_GROUPS_EMPTY] = { "at-groups-empty",
		"in @MAJ,MIN rules %0 to %9 are empty; now %0 is the name, and the others are literal" },
	[BANG_STICKS] = { "bang-sticks",
		"`!' in a rule with `-' affects all later rules; now it affects its own rule" },
	[EMPTY_GROUP_CRASHES] = { "empty-group-crashes",
		"an empty group before other text crashes 64-bit mdev; now it expands to nothing" },
	[EMPTY_GROUP_PERCENT] = { "empty-group-percent",
		"an empty group at the end of PATH leaves a `%'; now it expands to nothing" },
	[IN_THE_WAY_STAYS] = { "in-the-way-stays",
		"a file, a link or the node of a device that is gone keeps the node's name, and it or the link's "
		"target gets mode and owner; now it is replaced" },
	[LIVING_NODE_CHANGED] = { "living-node-changed",
		"the node of another device that exists gets the rule's mode and owner; now it is left alone, and "
		"the new device's node gets DEVNAME instead of PATH" },
	[NODE_ELSEWHERE] = { "node-elsewhere",
		"on actions other than add, MDEV is PATH even if another device's node is there or if DEVNAME is the "
		"device's node; now it is DEVNAME then" },
	[DIR_GETS_MODE] = { "dir-gets-mode",
		"a directory with the node's name gets the node's mode and owner; now it is left alone" },
	[LINK_LEFT_OUT] = { "link-left-out",
		"with `>', no link is made if DEVNAME exists (the node of devtmpfs); now the link replaces it" },
	[LINK_NO_DIR] = { "link-no-dir",
		"with `>', no link is made if its directory is missing; now the directory is made" },
	[LINK_NOT_RELATIVE] = { "link-not-relative",
		"the text of the link is PATH, even if the link is in a directory; now it leads to the node" },
	[LINK_WITHOUT_NODE] = { "link-without-node",
		"with `>', the link is made even if the node is not; now neither is" },
	[OLD_NODE_STAYS] = { "old-node-stays",
		"with `=', the device keeps its node DEVNAME (of devtmpfs); now it is removed" },
	[PARENT_OUTSIDE] = { "parent-outside",
		"directories that are absolute links, or links that leave /dev, are followed; now they are refused" },
	[PARENT_UNSAFE] = { "parent-unsafe",
		"directories that are not root's, or that others can write, are used; now they are refused" },
	[PARENT_DANGLING] = { "parent-dangling",
		"no node is made below a link to a missing directory of /dev; now that directory is made" },
	[REMOVE_BY_NAME] = { "remove-by-name",
		"remove unlinks any file with the name; now only the device's node and links to it" },
	[SUCCESSOR_REMOVED] = { "successor-removed",
		"remove unlinks the node of a new device with the same numbers; now nothing is removed if the device exists" },
	[LINKED_NODE_STAYS] = { "linked-node-stays",
		"if another rule matches on remove, only the link of `>' is removed; now the node it leads to is removed too" },
	[ACCESS_KEPT] = { "access-kept",
		"a hard link to a removed node keeps its mode and owner; now they are 0 and 0:0" },
	[NAME_ANYTHING] = { "name-anything",
		"a DEVNAME that is absolute, empty or contains `.' or `..' is used; now it is refused" },
	[PATH_ANYTHING] = { "path-anything",
		"a PATH that expands to an empty or absolute name, or to one with `.' or `..', is used; now it is refused" },
	[PATH_OUTSIDE] = { "path-outside",
		"a PATH outside /dev is used; now it is a syntax error" },
	[PATH_KEEPS_DEV] = { "path-keeps-dev",
		"if PATH begins with /dev/, so do MDEV and the link; now they are relative to /dev" },
	[PATH_SLASHES] = { "path-slashes",
		"several slashes in a row in PATH stay so in MDEV and the link; now they are one" },
	[MKDIR_ALWAYS] = { "mkdir-always",
		"the directories of PATH are made for every action; now they are made with the node" },
	[NUMBERS_OF_SYSFS] = { "numbers-of-sysfs",
		"no node is made if sysfs has no `dev' (the device may be gone); now MAJOR and MINOR are used" },
	[KERNEL_MODE_IGNORED] = { "kernel-mode-ignored",
		"a device without a rule gets mode 660 and owner 0:0; now DEVMODE, DEVUID and DEVGID are used" },
	[VARIABLE_TWICE] = { "variable-twice",
		"if the event has a variable twice, conditions see the first and commands the last; now both see the first" },
	[NO_EXECLINE] = { "no-execline",
		"rules with +, - and & commands are skipped; now execlineb runs these" },
	[EMPTY_VARIABLE] = { "empty-variable",
		"`=X;...' is a condition on a variable without a name and never matches; now it is a device regex" },
	[BLOCK_PREFIX] = { "block-prefix",
		"any SUBSYSTEM that begins with `block' makes block devices; now only `block' does" },
	[SETUID_LOST] = { "setuid-lost",
		"chown clears setuid and setgid; now the mode is set after the owner" },
	[NAME_CUT] = { "name-cut",
		"if a directory cannot be made, MDEV and DEVNAME end there; now they stay whole" },
	[FIRMWARE_GONE] = { "firmware-gone",
		"mdev dies if the device that wants firmware is gone; now it warns" },
	[FIRMWARE_NAME] = { "firmware-name",
		"a FIRMWARE outside /lib/firmware is loaded; now it is refused" },
	[FIRMWARE_UPDATES] = { "firmware-updates",
		"firmware is loaded from /lib/firmware only; now updates/RELEASE, updates and RELEASE come first" },
	[MDEV_SKIPS_LINES] = { "mdev-skips-lines",
		"mdevd exits with 2 on a syntax error; mdev skips the line (mdevd is then played without it)" },
	[MDEV_REMOVES_UNNUMBERED] = { "mdev-removes-unnumbered",
		"without MAJOR and MINOR, mdev removes by name; mdevd removes nothing" },
	[MDEV_UMASK_0] = { "mdev-umask-0",
		"commands of mdev (-d too) have umask 0; those of mdevd have the umask that it was started with" },
	[MDEV_FIRMWARE] = { "mdev-firmware",
		"mdev loads firmware itself; mdevd has a child for it, where the kernel has class/firmware" },
	[MDEV_FIRMWARE_REMOVE] = { "mdev-firmware-remove",
		"mdev applies no rule on remove with FIRMWARE; mdevd does, and ignores FIRMWARE" },
	[MDEV_ASKS_SYSFS] = { "mdev-asks-sysfs",
		"mdev takes missing numbers and names from sysfs; mdevd does not" },
};
const unsigned n_entries = ARRAY_SIZE(entries);
unsigned long *used;

enum { BY_NAME, BY_VARIABLE, BY_NUMBERS };

struct rule {
	unsigned line0, line1;	/* the first and the last one */
	const char *error;	/* syntax error, or NULL */
	int unknown;		/* its owner is */
	int dies;		/* stock mdev dies when it reads this rule */
	int keep;
	struct {
		char *var;
		regex_t re;
	} conditions[8];
	unsigned n_conditions;
	int by;
	char *var;
	regex_t re;
	int major, minor0, minor1;
	int mode;		/* -1: stock mdev read a bad one */
	unsigned uid, gid;
	char path_op;
	char *path;
	char *command;
};

static struct {
	enum program p;
	const struct test_case *c;
	const struct event *e;
	int add, remove;
	int status;		/* stock mdev died of this event: an exit status or 128 + signal */
	int major, minor, type;
	int bang;		/* stock: an earlier rule had '!' */
	int unnumbered;
	char name[PATH_MAX];
	int name_is_var;	/* it is DEVNAME's own */
} m;

/* "mdev -d" is mdevd, except for the umask of commands */
static int is_mdev(void)
{
	return m.p == STOCK || m.p == MDEV;
}

/* Does the program differ from the contract here? */
static int differs(int entry, int condition)
{
	if (!condition || (entry < MDEV_SKIPS_LINES ? m.p != STOCK : !is_mdev()))
		return 0;
	__atomic_add_fetch(&used[entry], 1, __ATOMIC_RELAXED);
	return 1;
}

/*** the rules ***/

static int lookup(const char *file, const char *name, unsigned *id, unsigned *gid)
{
	char line[256], *s;
	FILE *f = fopen(file, "re");
	int found = 0;

	if (!f)
		return 0;
	while (!found && fgets(line, sizeof(line), f)) {
		s = strchr(line, ':');
		*s = '\0';
		if (strcmp(line, name) == 0) {
			found = 1;
			sscanf(s + 1, "x:%u:%u", id, gid);
		}
	}
	fclose(f);
	return found;
}

static int all_digits(const char *s)
{
	return *s != '\0' && s[strspn(s, "0123456789")] == '\0';
}

static int parse_owner(struct rule *r, const char *owner)
{
	char user[128];
	const char *group = strchr(owner, ':');
	int without = m.c->world == WORLD_NONE;

	snprintf(user, sizeof(user), "%.*s", group ? (int)(group - owner) : (int)strlen(owner), owner);
	group += group != NULL;
	if (all_digits(user))
		r->uid = r->gid = strtoul(user, NULL, 10); /* all our users have a group of their number */
	else if (!lookup("/etc/passwd", user, &r->uid, &r->gid)) {
		if (strcmp(user, "root") != 0 || differs(ROOT_UNKNOWN, without))
			return 0;
		r->uid = r->gid = 0;
	}
	if (!group)
		return 1;
	if (all_digits(group))
		r->gid = strtoul(group, NULL, 10);
	else if (!lookup("/etc/group", group, &r->gid, &r->gid)) {
		if (strcmp(group, "root") != 0 || differs(ROOT_UNKNOWN, without))
			return 0;
		r->gid = 0;
	}
	return 1;
}

/* chmod(1)'s, from 660. -1: it is none */
static int parse_mode(const char *s)
{
	static const int all[4] = { 07777, 04700, 02070, 00007 };
	static const char classes[] = "augo", letters[] = "rwxst";
	static const int perms[5] = { 0444, 0222, 0111, 06000, 01000 };
	int mode = 0660;

	if (*s >= '0' && *s <= '7') {
		char *end;
		unsigned long n = strtoul(s, &end, 8);

		return *end || n > 07777 ? -1 : (int)n;
	}
	while (*s) {
		int who = 0;
		const char *at;

		if (*s == ',') {
			s++;
			continue;
		}
		for (; *s && (at = strchr(classes, *s)) != NULL; s++)
			who |= all[at - classes];
		if (!*s)
			return -1;
		do {
			char op = *s;
			int bits = 0;

			if (!strchr("+-=", op))
				return -1;
			if (op == '=')
				mode &= ~(who ? who : 07777);
			s++;
			if (*s && (at = strchr(classes + 1, *s)) != NULL) {
				/* what this class has (by now) */
				bits = 0111 * ((mode >> (6 - 3 * (at - classes - 1))) & 7);
				s++;
			} else {
				for (; *s && (at = strchr(letters, *s)) != NULL; s++)
					bits |= perms[at - letters];
			}
			bits &= who ? who : 07777;
			mode = op == '-' ? mode & ~bits : mode | bits;
		} while (*s && *s != ',');
	}
	return mode;
}

static int parse_numbers(struct rule *r, const char *s)
{
	int n, end = 0;
	int ok, stock;
	char major[16], minor0[16], minor1[16];

	/* The contract: digits, and not more than a dev_t holds */
	n = sscanf(s, "@%9[0-9],%9[0-9]%n-%9[0-9]%n", major, minor0, &end, minor1, &end);
	ok = n >= 2 && s[end] == '\0' && atoi(major) <= 4095 && atoi(minor0) <= 1048575
		&& (n == 2 || atoi(minor1) <= 1048575);
	n = sscanf(s, "@%u,%u-%u", (unsigned*)&r->major, (unsigned*)&r->minor0, (unsigned*)&r->minor1);
	if (n == 2)
		r->minor1 = r->minor0;
	stock = n >= 2 && r->major >= 0;
	return ok || differs(AT_GARBAGE, stock);
}

static int parse_regex(struct rule *r, regex_t *re, const char *s)
{
	if (regcomp(re, s, REG_EXTENDED) == 0)
		return 1;
	if (m.p == STOCK)
		r->dies = 1;
	r->error = "regex";
	return 0;
}

static int is_name(const char *s, const char *end)
{
	if (s == end || isdigit((unsigned char)*s))
		return 0;
	for (; s < end; s++)
		if (!isalnum((unsigned char)*s) && *s != '_')
			return 0;
	return 1;
}

static int parse_match(struct rule *r, char *s)
{
	char *eq, *semicolon;

	if (*s == '-') {
		r->keep = 1;
		s++;
	}
	while ((eq = strchr(s, '=')) != NULL && (semicolon = strchr(eq, ';')) != NULL) {
		if (!is_name(s, eq) && !(eq == s && differs(EMPTY_VARIABLE, 1)))
			break;
		*eq = *semicolon = '\0';
		r->conditions[r->n_conditions].var = s;
		if (!parse_regex(r, &r->conditions[r->n_conditions++].re, eq + 1))
			return 0;
		s = semicolon + 1;
	}
	if (*s == '@') {
		r->by = BY_NUMBERS;
		r->error = parse_numbers(r, s) ? NULL : "numbers";
		return !r->error;
	}
	if (*s == '$') {
		r->by = BY_VARIABLE;
		eq = strchr(s, '=');
		if (!eq) {
			r->error = "no =";
			return 0;
		}
		*eq = '\0';
		r->var = s + 1;
		s = eq + 1;
	}
	return parse_regex(r, &r->re, s);
}

static void parse_fourth(struct rule *r, char *s)
{
	if (strchr("=>!", *s)) {
		char *end = s + strcspn(s, " \t\r\v\f");

		r->path_op = *s;
		r->path = s + 1;
		s = end + strspn(end, " \t\r\v\f");
		*end = '\0';
		if (r->path_op != '!' && *r->path == '/') {
			int inside = strncmp(r->path, "/dev/", 5) == 0;

			if (!inside && !differs(PATH_OUTSIDE, 1)) {
				r->error = "outside";
			} else if (inside && !differs(PATH_KEEPS_DEV, 1)) {
				r->path += 4;
				r->path += strspn(r->path, "/");
				if (!*r->path)
					r->path_op = '\0';
			}
		}
	}
	if (*s) {
		if (!strchr("@$*+-&", *s))
			r->error = "4th field";
		else if (strchr("+-&", *s) && differs(NO_EXECLINE, 1))
			r->error = "stock";
		r->command = s;
	}
}

/* Line without its newline; it is taken apart */
static void parse_rule(struct rule *r, char *s)
{
	char *fields[4] = { NULL, NULL, NULL, NULL };
	unsigned n;
	size_t len;

	s += strspn(s, " \t");
	for (n = 0; n < 4 && *s && *s != '#'; n++) {
		fields[n] = s;
		if (n == 3)
			break;
		s += strcspn(s, " \t");
		if (*s)
			*s++ = '\0';
		s += strspn(s, " \t");
	}
	if (fields[3])
		for (len = strlen(fields[3]); strchr(" \t", fields[3][len - 1]); fields[3][--len] = '\0')
			continue;
	if (!fields[2]) {
		r->error = "fields";
		return;
	}
	if (!parse_match(r, fields[0]))
		return;
	if (!parse_owner(r, fields[1])) {
		r->unknown = 1;
		return;
	}
	r->mode = parse_mode(fields[2]);
	if (r->mode < 0 && m.p != STOCK) {
		r->error = "mode";
		return;
	}
	if (fields[3])
		parse_fourth(r, fields[3]);
}

/* The next rule of what is left of the file, or NULL. Takes lines as getline() does */
static struct rule *next_rule(const char **at, const char *end, unsigned *line)
{
	struct text t = { NULL, 0, 0 };
	struct rule *r;

	do {
		unsigned line0 = *line + 1;
		const char *s;

		t.len = 0;
		for (;;) {
			const char *nl;

			if (*at == end) {
				if (t.len == 0) {
					free(t.s);
					return NULL;
				}
				break;
			}
			nl = memchr(*at, '\n', end - *at);
			text_add(&t, *at, (nl ? nl : end) - *at);
			*at = nl ? nl + 1 : end;
			++*line;
			if (t.len == 0 || t.s[t.len - 1] != '\\')
				break;
			t.s[--t.len] = '\0';
		}
		s = t.s + strspn(t.s, " \t");
		if (*s && *s != '#') {
			r = xrealloc(NULL, sizeof(*r));
			memset(r, 0, sizeof(*r));
			r->line0 = line0;
			r->line1 = *line;
			parse_rule(r, t.s);
			return r;
		}
	} while (1);
}

/*** what /dev is made to be ***/

static dev_t device(void)
{
	return makedev(m.major, m.minor);
}

static int is_device(const struct stat *st)
{
	return (st->st_mode & S_IFMT) == (mode_t)m.type && st->st_rdev == device();
}

static int is_node(const struct stat *st)
{
	return S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode);
}

/* Does the device exist? Before 2.6.27 (no /sys/dev): unknown */
static int exists(mode_t type, dev_t dev, int unknown)
{
	char path[64];

	if (access("/sys/dev", F_OK) != 0)
		return unknown;
	sprintf(path, "/sys/dev/%s/%u:%u", S_ISBLK(type) ? "block" : "char", major(dev), minor(dev));
	return access(path, F_OK) == 0;
}

/* Another device's, that exists? */
static int is_taken(const struct stat *st)
{
	return is_node(st) && !is_device(st) && exists(st->st_mode, st->st_rdev, 1);
}

/* Takes `.', `..' and double slashes out of path. Returns 0 if nothing is left or it leaves /dev */
static int normalize(char *path)
{
	char copy[PATH_MAX];
	char *part, *rest = copy;
	char *end = path;

	strcpy(copy, path);
	*end = '\0';
	while ((part = strsep(&rest, "/")) != NULL) {
		if (strcmp(part, "..") == 0) {
			if (end == path)
				return 0;
			end = strrchr(path, '/');
			if (!end)
				end = path;
			*end = '\0';
		} else if (*part && strcmp(part, ".") != 0) {
			end += sprintf(end, "%s%s", end == path ? "" : "/", part);
		}
	}
	return end != path;
}

/* The link whose name is the first len chars of path is replaced by its text. Returns 0 if that is
 * absolute or leaves /dev */
static int follow(char *path, size_t len)
{
	char link[PATH_MAX], text[PATH_MAX], all[3 * PATH_MAX];
	ssize_t n;
	char *slash;

	snprintf(link, sizeof(link), "%.*s", (int)len, path);
	n = readlink(link, text, sizeof(text) - 1);
	if (n <= 0 || text[0] == '/')
		return 0;
	text[n] = '\0';
	slash = strrchr(link, '/');
	snprintf(all, sizeof(all), "%.*s%s%s", slash ? (int)(slash + 1 - link) : 0, link, text, path + len);
	strcpy(path, all);
	return normalize(path);
}

enum { LINKS_MAX = 8 };

/* Can the directories of name be used? make: those that are missing are made. A stock mdev that
 * uses them anyway goes on */
static int use_parents(const char *name, int make)
{
	char path[3 * PATH_MAX];
	size_t len = 0;
	unsigned links = 0;
	struct stat st;

	strcpy(path, name);
	/* of an absolute PATH of stock mdev */
	if (*path == '/')
		len = 1;
	for (;;) {
		char dir[PATH_MAX];
		int is_there;

		len += strcspn(path + len, "/");
		if (!path[len])
			return 1;
		snprintf(dir, sizeof(dir), "%.*s", (int)len, path);
		is_there = lstat(dir, &st) == 0;
		if (is_there && S_ISLNK(st.st_mode)) {
			char before[3 * PATH_MAX];

			strcpy(before, path);
			if (links++ < LINKS_MAX && follow(path, len)) {
				len = 0;
				continue;
			}
			if (!differs(PARENT_OUTSIDE, 1))
				return 0;
			strcpy(path, before);
		} else if (is_there && !S_ISDIR(st.st_mode)) {
			return 0;
		} else if (is_there) {
			if ((st.st_uid != 0 || (st.st_mode & 022)) && !differs(PARENT_UNSAFE, 1))
				return 0;
		} else if (!make) {
			return 0;
		} else if (m.p == STOCK) {
			return !differs(PARENT_DANGLING, links != 0);
		} else if (mkdir(dir, 0755) != 0) {
			return 0;
		}
		len++;
	}
}

/* Is name the device's node, or a link that leads to it through directories that may be used? path gets the
 * node's name */
static int leads_to_device(const char *name, char *path)
{
	struct stat st;
	unsigned links = 0;

	strcpy(path, name);
	while (lstat(path, &st) != 0 || !is_device(&st))
		if (links++ == LINKS_MAX || !follow(path, strlen(path)))
			return 0;
	return links == 0 || use_parents(path, 0);
}

/* For actions other than add: is the node not at PATH, where another device's may have been left? */
static int is_elsewhere(const char *node)
{
	char path[3 * PATH_MAX];
	unsigned links = 0;
	struct stat st;

	if (leads_to_device(node, path))
		return 0;
	if (lstat(m.name, &st) == 0 && is_device(&st))
		return 1;
	strcpy(path, node);
	st.st_mode = 0;
	while (links++ < LINKS_MAX && lstat(path, &st) == 0 && S_ISLNK(st.st_mode) && follow(path, strlen(path)))
		continue;
	return is_taken(&st);
}

/* Makes the directories as stock mdev does, which cuts name if it cannot make one. Returns how many it made */
static unsigned stock_make_directories(char *name)
{
	unsigned made = 0;
	char *last = strrchr(name, '/');
	char *s = name;
	struct stat st;
	char c;

	if (!last)
		return 0;
	*last = '\0';
	do {
		s += strcspn(s, "/");
		s += strspn(s, "/");
		c = *s;
		*s = '\0';
		if (mkdir(name, 0755) == 0) {
			made++;
		} else if (errno != EEXIST || stat(name, &st) != 0 || !S_ISDIR(st.st_mode)) {
			differs(NAME_CUT, c != '\0');
			break;
		}
		*s = c;
	} while (c != '\0');
	*last = '/';
	return made;
}

/* Removes name. Nobody who has a hard link of a node may use it for the next device */
static void take_away(const char *name)
{
	struct stat st;

	if (lstat(name, &st) != 0)
		return;
	if (is_node(&st) && m.p != STOCK) {
		chmod(name, 0);
		chown(name, 0, 0);
	}
	differs(ACCESS_KEPT, is_node(&st) && st.st_nlink > 1 && ((st.st_mode & 07777) || st.st_uid || st.st_gid));
	unlink(name);
}

static void set_owner_and_mode(const struct rule *r, const char *name)
{
	if (m.p == STOCK) {
		/* chown() takes setuid and setgid away */
		differs(SETUID_LOST, r->mode > 0 && (r->mode & 06000));
		chmod(name, r->mode);
		chown(name, r->uid, r->gid);
	} else {
		chown(name, r->uid, r->gid);
		chmod(name, r->mode);
	}
}

enum { MADE, TAKEN, FAILED };

static int make_node(const struct rule *r, char *node)
{
	char path[3 * PATH_MAX];
	struct stat st;

	if (!use_parents(node, 1) && m.p != STOCK)
		return FAILED;
	if (m.p == STOCK)
		stock_make_directories(node);
	if (r->mode < 0 && differs(BAD_MODE_NO_NODE, 1)) {
		set_owner_and_mode(r, node);
		return FAILED;
	}
	if (lstat(node, &st) == 0 && !is_device(&st)) {
		if (S_ISDIR(st.st_mode)) {
			if (differs(DIR_GETS_MODE, 1))
				set_owner_and_mode(r, node);
			return FAILED;
		}
		if (leads_to_device(node, path)) {
			set_owner_and_mode(r, path);
			return MADE;
		}
		if (differs(is_taken(&st) ? LIVING_NODE_CHANGED : IN_THE_WAY_STAYS, 1)) {
			set_owner_and_mode(r, node);
			return FAILED;
		}
		if (is_taken(&st))
			return TAKEN;
		take_away(node);
	}
	if (mknod(node, m.type | 0600, device()) != 0 && errno != EEXIST)
		return FAILED;
	set_owner_and_mode(r, node);
	return MADE;
}

/* Text of a link at "link" to "node" */
static void link_text(char *text, const char *link, const char *node)
{
	const char *slash;
	size_t n;

	*text = '\0';
	while ((slash = strchr(link, '/')) != NULL) {
		n = slash + 1 - link;
		if (strncmp(link, node, n) != 0)
			break;
		link += n;
		node += n;
	}
	for (; (slash = strchr(link, '/')) != NULL; link = slash + 1)
		strcat(text, "../");
	strcat(text, node);
}

static int points_to(const char *link, const char *text)
{
	char buf[PATH_MAX];
	ssize_t n = readlink(link, buf, sizeof(buf));

	return n == (ssize_t)strlen(text) && memcmp(buf, text, n) == 0;
}

static void make_link(const char *link, const char *node)
{
	char text[2 * PATH_MAX];
	char *slash;
	struct stat st;

	link_text(text, link, node);
	if (differs(LINK_NOT_RELATIVE, strcmp(text, node) != 0))
		strcpy(text, node);
	if (!use_parents(link, m.p != STOCK) && m.p != STOCK)
		return;
	if (points_to(link, text))
		return;
	if (lstat(link, &st) == 0) {
		if (S_ISDIR(st.st_mode) || is_taken(&st))
			return;
		if (differs(LINK_LEFT_OUT, 1))
			return;
	}
	slash = strrchr(link, '/');
	if (slash) {
		char dir[PATH_MAX];

		snprintf(dir, sizeof(dir), "%.*s", (int)(slash - link), link);
		if (differs(LINK_NO_DIR, access(dir, F_OK) != 0))
			return;
	}
	take_away(link);
	symlink(text, link);
}

/* On remove: name is that of the node, or of the link to it */
static void remove_name(const char *name, const char *node)
{
	char path[3 * PATH_MAX];
	struct stat st;

	if (lstat(name, &st) != 0 || S_ISDIR(st.st_mode))
		return;
	if (!use_parents(name, 0) && m.p != STOCK)
		return;
	if (m.unnumbered) {
		if (differs(MDEV_REMOVES_UNNUMBERED, 1))
			take_away(name);
		return;
	}
	strcpy(path, name);
	if (!is_device(&st) && !(follow(path, strlen(path)) && strcmp(path, node) == 0)) {
		strcpy(path, name);
		if (!S_ISLNK(st.st_mode) || !leads_to_device(name, path)) {
			if (differs(REMOVE_BY_NAME, 1))
				take_away(name);
			return;
		}
		if (!differs(LINKED_NODE_STAYS, 1))
			take_away(path);
	}
	take_away(name);
}

static void remove_device(char path_op, const char *node)
{
	struct stat st;
	int is_there = lstat(node, &st) == 0 && !S_ISDIR(st.st_mode);

	if (path_op == '>')
		is_there |= lstat(m.name, &st) == 0 && !S_ISDIR(st.st_mode);
	if (!m.unnumbered && exists(m.type, device(), 0) && !differs(SUCCESSOR_REMOVED, is_there))
		return;
	if (strcmp(node, m.name) != 0) {
		if (path_op == '>')
			remove_name(m.name, node);
		if (path_op == '=' && !m.unnumbered && lstat(m.name, &st) == 0
		 && (is_device(&st) || S_ISLNK(st.st_mode)) && !differs(OLD_NODE_STAYS, 1)
		) {
			remove_name(m.name, node);
		}
	}
	remove_name(node, node);
}

/*** an event ***/

static const char *variable(const char *name)
{
	size_t n = strlen(name);
	unsigned i;

	if (m.name_is_var && strcmp(name, "DEVNAME") == 0)
		return m.name; /* perhaps cut */

	for (i = 0; i < m.e->n; i++)
		if (strncmp(m.e->vars[i], name, n) == 0 && m.e->vars[i][n] == '=')
			return m.e->vars[i] + n + 1;
	return NULL;
}

static int number(const char *s)
{
	return s && all_digits(s) && strlen(s) < 8 ? atoi(s) : -1;
}

static char *sysfs(const char *attribute)
{
	static char buf[4096];
	char path[PATH_MAX];
	int fd;
	ssize_t n;

	snprintf(path, sizeof(path), "/sys%s/%s", m.e->devpath, attribute);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (n <= 0)
		return NULL;
	buf[n] = '\0';
	return buf;
}

/* Is s invalid as a name in /dev? */
static int is_bad_name(const char *s)
{
	char copy[PATH_MAX];
	char *part, *rest = copy;

	if (*s == '\0' || strlen(s) >= 1024)
		return 1;
	strcpy(copy, s);
	while ((part = strsep(&rest, "/")) != NULL)
		if (*part == '\0' || strcmp(part, ".") == 0 || strcmp(part, "..") == 0)
			return 1;
	return 0;
}

static void find_numbers(void)
{
	const char *s = NULL;
	int major = number(variable("MAJOR")), minor = number(variable("MINOR"));
	int in_event = major >= 0 && minor >= 0;

	m.major = m.minor = -1;
	if (m.add && (s = sysfs("dev")) != NULL && (in_event || differs(MDEV_ASKS_SYSFS, 1)))
		sscanf(s, "%d:%d", &m.major, &m.minor);
	/* On other actions stock mdev does not know them, see applies() and remove_node() */
	if (in_event && (!m.add || (m.major < 0 && !differs(NUMBERS_OF_SYSFS, 1)))) {
		m.major = major;
		m.minor = minor;
	}
}

static void find_name(void)
{
	const char *name;
	char *s;

	m.name_is_var = 0;
	name = variable("DEVNAME");
	m.name_is_var = name != NULL;
	if (!name && (s = sysfs("uevent")) != NULL && (s = strstr(s, "\nDEVNAME=")) != NULL
	 && differs(MDEV_ASKS_SYSFS, 1)
	) {
		name = s + strlen("\nDEVNAME=");
	}
	m.unnumbered = m.remove && m.major < 0;
	*m.name = '\0';
	if (name)
		snprintf(m.name, sizeof(m.name), "%.*s", (int)strcspn(name, "\n"), name);
	if (name && is_bad_name(m.name) && !differs(NAME_ANYTHING, 1)) {
		name = NULL;
		m.name_is_var = 0;
		m.major = -1;
		m.unnumbered = 0;
	}
	if (!name)
		strcpy(m.name, strrchr(m.e->devpath, '/') + 1);
}

static void find_type(void)
{
	const char *s = variable("SUBSYSTEM");

	m.type = S_IFCHR;
	if (strstr(m.e->devpath, "/block/"))
		m.type = S_IFBLK;
	else if (s && strncmp(s, "block", 5) == 0 && (s[5] == '\0' || differs(BLOCK_PREFIX, 1)))
		m.type = S_IFBLK;
}

/* Is there one of its name before vars[i]? */
static int is_second(unsigned i)
{
	size_t n = strcspn(m.e->vars[i], "=") + 1;
	unsigned k;

	for (k = 0; k < i; k++)
		if (strncmp(m.e->vars[k], m.e->vars[i], n) == 0)
			return 1;
	return 0;
}

static void run(const char *command, const char *node)
{
	char *env[VARS_MAX + 4], mdev[PATH_MAX + 8], name[PATH_MAX + 8];
	unsigned i, n = 0;
	int status;
	pid_t pid;

	differs(MDEV_UMASK_0, m.c->umask != 0);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		int said = open("/out/said", O_WRONLY | O_APPEND);

		dup2(said, STDOUT_FILENO);
		dup2(said, STDERR_FILENO);
		close(said);
		env[n++] = (char*)"PATH=/bin:/sbin";
		env[n++] = (char*)"HOME=/";
		for (i = 0; i < m.e->n; i++) {
			if (is_second(i) && !differs(VARIABLE_TWICE, 1))
				continue;
			env[n] = m.e->vars[i];
			if (m.name_is_var && strncmp(env[n], "DEVNAME=", 8) == 0) {
				snprintf(name, sizeof(name), "DEVNAME=%s", m.name);
				env[n] = name;
			}
			n++;
		}
		snprintf(mdev, sizeof(mdev), "MDEV=%s", node);
		env[n++] = mdev;
		env[n] = NULL;
		umask(m.p == MDEVD ? m.c->umask : 0);
		if (strchr("+-&", *command))
			execle("/bin/execlineb", "execlineb", "-Pc", command + 1, (char*)NULL, env);
		else
			execle("/bin/sh", "sh", "-c", command + 1, (char*)NULL, env);
		_exit(127);
	}
	waitpid(pid, &status, 0);
}

/* PATH with %0 to %9. NULL: that was the end of stock mdev */
static char *expand(const struct rule *r, const char *matched, const regmatch_t *off)
{
	static char buf[PATH_MAX];
	char *out = buf;
	const char *s;

	for (s = r->path; *s; s++) {
		int i = s[1] - '0';
		size_t n;

		*out++ = *s;
		if (*s != '%' || i < 0 || i > 9)
			continue;
		if (r->by == BY_NUMBERS) {
			if (differs(AT_GROUPS_EMPTY, 1))
				n = 0;
			else if (i > 0)
				continue;
			else
				n = strlen(m.name);
		} else if (off[i].rm_so < 0) {
			continue;
		} else {
			n = off[i].rm_eo - off[i].rm_so;
		}
		s++;
		if (differs(EMPTY_GROUP_CRASHES, n == 0 && s[1] != '\0')) {
			m.status = 128 + SIGSEGV;
			return NULL;
		}
		if (differs(EMPTY_GROUP_PERCENT, n == 0 && s[1] == '\0'))
			continue;
		out--;
		memcpy(out, r->by == BY_NUMBERS ? m.name : matched + off[i].rm_so, n);
		out += n;
	}
	*out = '\0';
	return buf;
}

/* // is / */
static void squeeze(char *s)
{
	char *out = s;

	for (; *s; s++)
		if (s[0] != '/' || s[1] != '/')
			*out++ = *s;
	*out = '\0';
}

static int applies(const struct rule *r, const char **matched, regmatch_t *off)
{
	const char *s;
	unsigned i;

	for (i = 0; i < r->n_conditions; i++) {
		s = variable(r->conditions[i].var);
		if (!s || regexec(&r->conditions[i].re, s, 0, NULL, 0) != 0)
			return 0;
	}
	*matched = m.name;
	if (r->by == BY_NUMBERS) {
		return m.major == r->major && m.minor >= r->minor0 && m.minor <= r->minor1
			&& !differs(AT_ONLY_ON_ADD, !m.add) && !differs(BANG_STICKS, m.bang);
	}
	if (r->by == BY_VARIABLE) {
		*matched = variable(r->var);
		if (!*matched)
			return 0;
	}
	return regexec(&r->re, *matched, 10, off, 0) == 0
		&& off[0].rm_so == 0 && (*matched)[off[0].rm_eo] == '\0';
}

static int is_due(const char *command)
{
	return strchr("*&", *command) || (m.add && strchr("@+", *command)) || (m.remove && strchr("$-", *command));
}

/* Does what a rule says that applies */
static void perform(const struct rule *r, const char *matched, const regmatch_t *off)
{
	int has_node = m.major >= 0 || m.unnumbered;
	char path_op = r->path_op;
	char *node = m.name;

	if (r->path_op == '!') {
		has_node = 0;
	} else if (r->path_op) {
		char *path = expand(r, matched, off);
		char plain[PATH_MAX];
		int is_dir, made;

		if (!path)
			return;
		is_dir = *path && path[strlen(path) - 1] == '/';
		snprintf(plain, sizeof(plain), "%s%s", path, is_dir ? m.name : "");
		squeeze(plain);
		if (m.p == STOCK) {
			differs(PATH_SLASHES, strstr(path, "//") != NULL);
			made = stock_make_directories(path);
			differs(MKDIR_ALWAYS, made && !(m.add && has_node && !m.bang));
			if (is_dir)
				strcat(path, m.name + strspn(m.name, "/"));
		} else {
			strcpy(path, plain);
		}
		/* of an absolute PATH in the rule itself: see parse_fourth() */
		if (is_bad_name(plain) && !(m.p == STOCK && r->path[0] == '/') && !differs(PATH_ANYTHING, 1))
			has_node = 0;
		else
			node = path;
	}
	if (has_node && differs(BANG_STICKS, m.bang))
		has_node = 0;
	if (has_node && !m.add && !m.unnumbered && strcmp(node, m.name) != 0
	 && is_elsewhere(node) && !differs(NODE_ELSEWHERE, 1)
	) {
		node = m.name;
		path_op = '\0';
	}
	if (has_node && m.add) {
		int made = make_node(r, node);

		if (made == TAKEN && strcmp(node, m.name) != 0) {
			node = m.name;
			made = make_node(r, node);
		}
		/* Stock mdev makes a link to itself, even */
		if (r->path_op == '>' && (made == MADE ? strcmp(node, m.name) != 0 : differs(LINK_WITHOUT_NODE, 1)))
			make_link(m.name, node);
		if (r->path_op == '=' && made == MADE && strcmp(node, m.name) != 0) {
			struct stat st;

			if (lstat(m.name, &st) == 0 && is_device(&st) && !differs(OLD_NODE_STAYS, 1) && use_parents(m.name, 0))
				take_away(m.name);
		}
	}
	if (r->command && is_due(r->command))
		run(r->command, node);
	if (has_node && m.remove)
		remove_device(path_op, node);
	if (r->path_op == '!')
		m.bang = 1;
}

/* For a driver that asked. For mdevd another process does it, see its own tests */
static void load_firmware(void)
{
	const char *name = variable("FIRMWARE");
	char path[PATH_MAX], buf[256];
	int file = -1, loading, data;
	struct utsname uts;
	unsigned i;
	ssize_t n;

	if (!name || !m.add || !differs(MDEV_FIRMWARE, 1))
		return;
	uname(&uts);
	for (i = 0; i < 4 && *name; i++) {
		snprintf(path, sizeof(path), "/lib/firmware/%s%s/%s", i < 2 ? "updates/" : "", i & 1 ? "" : uts.release, name);
		if (is_bad_name(name) && !differs(FIRMWARE_NAME, i == 3 && access(path, R_OK) == 0))
			continue;
		if (access(path, R_OK) == 0 && !differs(FIRMWARE_UPDATES, i < 3)) {
			file = open(path, O_RDONLY);
			break;
		}
	}
	snprintf(path, sizeof(path), "/sys%s/loading", m.e->devpath);
	loading = open(path, O_WRONLY);
	if (loading < 0) {
		if (differs(FIRMWARE_GONE, 1))
			m.status = 1;
		return;
	}
	if (file >= 0) {
		write(loading, "1", 1);
		snprintf(path, sizeof(path), "/sys%s/data", m.e->devpath);
		data = open(path, O_WRONLY);
		n = read(file, buf, sizeof(buf));
		write(data, buf, n);
		close(data);
		close(file);
		write(loading, n > 0 ? "0" : "-1", n > 0 ? 1 : 2);
	} else {
		write(loading, "-1", 2);
	}
	close(loading);
}

static unsigned number_or(const char *name, int base, unsigned other)
{
	const char *s = variable(name);
	unsigned long n;
	char *end;

	if (!s || !isdigit((unsigned char)*s))
		return other;
	n = strtoul(s, &end, base);
	return *end || n > UINT_MAX ? other : n;
}

/* For devices that no rule decides about */
static void perform_implicit(void)
{
	struct rule r = { .mode = 0660 };

	if ((variable("DEVMODE") || variable("DEVUID") || variable("DEVGID"))
	 && !differs(KERNEL_MODE_IGNORED, m.add && m.major >= 0 && !m.bang)
	) {
		r.mode = number_or("DEVMODE", 8, 0660) & 07777;
		r.uid = number_or("DEVUID", 10, 0);
		r.gid = number_or("DEVGID", 10, 0);
	}
	if (m.p == STOCK)
		r = (struct rule){ .mode = 0660 };
	perform(&r, NULL, NULL);
}

static void handle(const struct event *e, struct rule *const *rules)
{
	m.e = e;
	m.add = strcmp(e->action, "add") == 0;
	m.remove = strcmp(e->action, "remove") == 0;
	m.status = 0;
	m.bang = 0;
	if (m.remove && variable("FIRMWARE") && differs(MDEV_FIRMWARE_REMOVE, 1))
		return;
	find_type();
	find_numbers();
	find_name();
	for (;;) {
		const struct rule *r = *rules++;
		regmatch_t off[10];
		const char *matched;

		if (!r) {
			perform_implicit();
			break;
		}
		if (differs(BAD_REGEX_DIES, r->dies)) {
			m.status = 1;
			break;
		}
		if (!r->error && !r->unknown && applies(r, &matched, off)) {
			perform(r, matched, off);
			if (m.status || !r->keep)
				break;
		}
	}
	if (!m.status)
		load_firmware();
}

/*** a case ***/

/* The file as it is left when lines with syntax errors are made comments. To be freed */
char *model_blank_errors(const struct test_case *c)
{
	char *copy = memcpy(xrealloc(NULL, c->conf.len + 1), c->conf.s, c->conf.len + 1);
	const char *at = c->conf.s, *end = at + c->conf.len;
	unsigned line = 0, n;
	struct rule *r;

	m.p = MDEVD;
	m.c = c;
	while ((r = next_rule(&at, end, &line)) != NULL) {
		char *s = copy, *to = copy + c->conf.len;

		if (!r->error)
			continue;
		for (n = 1; n <= r->line1 && s < to; n++) {
			char *nl = memchr(s, '\n', to - s);

			if (!nl)
				nl = to;
			if (n >= r->line0)
				memset(s, '#', nl - s);
			s = nl + 1;
		}
	}
	return copy;
}

/* What mdevd -N says of the file */
static void check(struct text *log)
{
	const char *at = m.c->conf.s, *end = at + m.c->conf.len;
	unsigned line = 0, errors = 0;
	struct rule *r;

	text_printf(log, "wrong lines:");
	while ((r = next_rule(&at, end, &line)) != NULL) {
		if (r->error || r->unknown)
			text_printf(log, " %u", r->line1);
		errors += r->error != NULL;
	}
	text_printf(log, "\nexit %d\n", errors ? 2 : 0);
	if (errors)
		__atomic_add_fetch(&used[MDEV_SKIPS_LINES], 1, __ATOMIC_RELAXED);
}

/* Plays the case to the model of p. To be called in a process of its own, in the world */
void model_play(enum program p, const struct test_case *c, struct text *log)
{
	const char *at = c->conf.s, *end = at + c->conf.len;
	struct rule **rules = NULL;
	unsigned i, n = 0, line = 0;

	m.p = p;
	m.c = c;
	world_enter(c);
	do {
		rules = xrealloc(rules, (n + 1) * sizeof(*rules));
		rules[n] = next_rule(&at, end, &line);
	} while (rules[n++]);
	umask(0);
	if (chdir("/dev"))
		die("/dev");
	if (p == MDEVD)
		check(log);
	for (i = 0; i < c->n_events; i++) {
		const struct event *e = &c->events[i];

		text_printf(log, "== %u: %s %s\n", i, e->action, e->devpath);
		umask(022);
		world_before(c, e);
		umask(0);
		handle(e, rules);
		world_take(log, "commands:", "/out/rec");
		world_list(c, log);
		if (m.status)
			text_printf(log, "%s %d\n", m.status < 128 ? "exit" : "signal", m.status & 127);
	}
	if (p == MDEVD)
		text_printf(log, "exit 0\n");
}
