/* vi: set sw=4 ts=4: */
/*
 * The differential test: what each program is to do
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 *
 * The contract, written a second time, as simply as can be: it acts on a real
 * /dev (of the world, see world.c). Where the untouched mdev does otherwise,
 * there is an entry in the table below: differs() asks whether the program that
 * is modelled is one of those, and counts. The condition beside it says exactly
 * when. So the table is complete (else a program would not do what its
 * model says) and holds nothing that is not so.
 */
#include "diff.h"

enum {
	/* Stock mdev; what the message of the patch to mdev.c lists */
	BAD_REGEX_DIES, BAD_MODE_NO_NODE, ROOT_UNKNOWN, AT_ONLY_ON_ADD, AT_GARBAGE, AT_GROUPS_EMPTY,
	BANG_STICKS, EMPTY_GROUP_CRASHES, EMPTY_GROUP_PERCENT, IN_THE_WAY_STAYS, DIR_GETS_MODE, LINK_LEFT_OUT, LINK_NO_DIR,
	LINK_NOT_RELATIVE, LINK_WITHOUT_NODE, OLD_NODE_STAYS, PARENT_OUTSIDE, REMOVE_BY_NAME,
	NAME_ANYTHING, PATH_ANYTHING, PATH_OUTSIDE, PATH_KEEPS_DEV, PATH_SLASHES, MKDIR_ALWAYS,
	NUMBERS_OF_SYSFS,
	NO_EXECLINE, EMPTY_VARIABLE, BLOCK_PREFIX, SETUID_LOST, NAME_CUT,
	FIRMWARE_GONE, FIRMWARE_NAME,
	/* mdev, patched or not, unlike mdevd */
	MDEV_SKIPS_LINES, MDEV_REMOVES_UNNUMBERED, MDEV_UMASK_0, MDEV_FIRMWARE, MDEV_FIRMWARE_REMOVE,
	N_ENTRIES
};

const struct entry entries[] = {
	[BAD_REGEX_DIES] = { "bad-regex-dies",
		"a bad regex ends the run, and no rule behind it counts; it is to cost its line" },
	[BAD_MODE_NO_NODE] = { "bad-mode-no-node",
		"a bad mode makes no node, and gives mode 7777 to one that is there; it is to cost its line" },
	[ROOT_UNKNOWN] = { "root-unknown",
		"without /etc/passwd and group rules of root are skipped; root is to be 0" },
	[AT_ONLY_ON_ADD] = { "at-only-on-add",
		"@MAJ,MIN matches on add only; the numbers are in every event" },
	[AT_GARBAGE] = { "at-garbage",
		"what follows the numbers of @MAJ,MIN is ignored; it is to be a syntax error" },
	[AT_GROUPS_EMPTY] = { "at-groups-empty",
		"in @MAJ,MIN rules %0 to %9 are empty; %0 is to be the name, the rest to stay" },
	[BANG_STICKS] = { "bang-sticks",
		"`!' in a rule with `-' holds for all rules behind it; it is to be that rule's own" },
	[EMPTY_GROUP_CRASHES] = { "empty-group-crashes",
		"an empty group with text behind it crashes 64-bit mdev; it is to be nothing" },
	[EMPTY_GROUP_PERCENT] = { "empty-group-percent",
		"an empty group at the end of PATH leaves a `%' there; it is to be nothing" },
	[IN_THE_WAY_STAYS] = { "in-the-way-stays",
		"another device, a file or a link in the node's place stays, and it or what it leads to "
		"gets mode and owner; it is to be replaced" },
	[DIR_GETS_MODE] = { "dir-gets-mode",
		"a directory in the node's place gets the node's mode and owner; it is to be left as it is" },
	[LINK_LEFT_OUT] = { "link-left-out",
		"with `>', what has the device's name already (devtmpfs' node) stays; a link is to replace it" },
	[LINK_NO_DIR] = { "link-no-dir",
		"with `>', no link is made if its directory is not there; it is to be made" },
	[LINK_NOT_RELATIVE] = { "link-not-relative",
		"the link's text is PATH, whatever the link's directory; it is to lead to the node" },
	[LINK_WITHOUT_NODE] = { "link-without-node",
		"with `>', the link is made even if the node cannot be made; the name is to be left alone" },
	[OLD_NODE_STAYS] = { "old-node-stays",
		"with `=', devtmpfs' node keeps the old name, too; it is to go" },
	[PARENT_OUTSIDE] = { "parent-outside",
		"links among the directories of a name are followed out of /dev; nothing there is to be touched" },
	[REMOVE_BY_NAME] = { "remove-by-name",
		"remove deletes whatever has the name; only what still is the device, or points to it, is to go" },
	[NAME_ANYTHING] = { "name-anything",
		"a DEVNAME that is absolute, empty or has `.' or `..' in it is used; it is to be refused" },
	[PATH_ANYTHING] = { "path-anything",
		"a PATH that expands to nothing, to one with `.' or `..', or to an absolute one is used; "
		"it is to be refused" },
	[PATH_OUTSIDE] = { "path-outside",
		"a PATH outside of /dev is used; it is to be a syntax error" },
	[PATH_KEEPS_DEV] = { "path-keeps-dev",
		"of a PATH that begins with /dev/, MDEV and links say so; they are to be relative to /dev" },
	[PATH_SLASHES] = { "path-slashes",
		"of several slashes in a row in PATH, MDEV and links have them all; they are to have one" },
	[MKDIR_ALWAYS] = { "mkdir-always",
		"the directories of PATH are made for any action and without a node; they are to be made with the node" },
	[NUMBERS_OF_SYSFS] = { "numbers-of-sysfs",
		"no node is made if sysfs has no `dev' (the device may be gone already); the numbers are in the event" },
	[NO_EXECLINE] = { "no-execline",
		"rules with +, - and & commands are skipped; execlineb is to run them" },
	[EMPTY_VARIABLE] = { "empty-variable",
		"`=X;...' is a condition on a variable without a name, so never true; it is to be a device regex" },
	[BLOCK_PREFIX] = { "block-prefix",
		"a SUBSYSTEM that only begins with `block' makes block devices; it is to be `block'" },
	[SETUID_LOST] = { "setuid-lost",
		"chown after chmod clears setuid and setgid of the mode; the mode is to be the rule's" },
	[NAME_CUT] = { "name-cut",
		"if a directory of PATH or of the name cannot be made, MDEV (and DEVNAME) are cut there; "
		"they are to say the name all the same" },
	[FIRMWARE_GONE] = { "firmware-gone",
		"a device that asks for firmware and is gone ends the run; it is to be a warning" },
	[FIRMWARE_NAME] = { "firmware-name",
		"a FIRMWARE that leads out of /lib/firmware is loaded; the driver is to be told that there is none" },
	[MDEV_SKIPS_LINES] = { "mdev-skips-lines",
		"mdevd: exit 2 on a syntax error; mdev skips the line and goes on (mdevd is then played without it)" },
	[MDEV_REMOVES_UNNUMBERED] = { "mdev-removes-unnumbered",
		"mdev: remove without numbers goes by the name, as ever; mdevd removes nothing then" },
	[MDEV_UMASK_0] = { "mdev-umask-0",
		"mdev: commands get umask 0; mdevd: the umask it was started with" },
	[MDEV_FIRMWARE] = { "mdev-firmware",
		"mdev: copies the firmware itself; mdevd: another process does, where the kernel has class/firmware" },
	[MDEV_FIRMWARE_REMOVE] = { "mdev-firmware-remove",
		"mdev: no rule is asked on remove with FIRMWARE; mdevd: rules are, firmware is ignored" },
};
const unsigned n_entries = ARRAY_SIZE(entries);
unsigned long *used;

enum { BY_NAME, BY_VARIABLE, BY_NUMBERS };

struct rule {
	unsigned line0, line1;	/* the first and the last one */
	const char *error;	/* syntax error, or NULL */
	int unknown;		/* its owner is */
	int dies;		/* stock mdev, when it gets here */
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

static int is_mdev(void)
{
	return m.p != MDEVD;
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

/* Where name leads to is in /dev (and there) */
static int is_inside(const char *name)
{
	char real[PATH_MAX];

	return realpath(name, real) && strncmp(real, "/dev", 4) == 0 && (real[4] == '/' || real[4] == '\0');
}

/* mkdir -p of the directories of name */
static void make_directories(const char *name)
{
	char path[PATH_MAX];
	char *p = path;

	snprintf(path, sizeof(path), "%s", name);
	while ((p = strchr(p + (p == path), '/')) != NULL) {
		*p = '\0';
		mkdir(path, 0755);
		*p++ = '/';
	}
}

/* The same, as stock mdev has it: name is cut if one of them cannot be made. Gives how many were made */
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

/* Are the directories of name, as far as they are there, in /dev? */
static int parents_inside(const char *name)
{
	char path[PATH_MAX];
	struct stat st;
	char *p = path;

	snprintf(path, sizeof(path), "%s", name);
	while ((p = strchr(p + (p == path), '/')) != NULL) {
		*p = '\0';
		if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode) && !is_inside(path)
		 && !differs(PARENT_OUTSIDE, 1)
		) {
			return 0;
		}
		*p++ = '/';
	}
	return 1;
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

/* Gives 1 if the node is there then */
static int make_node(const struct rule *r, char *node)
{
	struct stat st;

	if (!parents_inside(node))
		return 0;
	if (m.p == STOCK)
		stock_make_directories(node);
	else
		make_directories(node);
	if (r->mode < 0 && differs(BAD_MODE_NO_NODE, 1)) {
		set_owner_and_mode(r, node);
		return 0;
	}
	if (lstat(node, &st) == 0 && !is_device(&st)) {
		if (S_ISDIR(st.st_mode)) {
			if (differs(DIR_GETS_MODE, 1))
				set_owner_and_mode(r, node);
			return 0;
		}
		if (S_ISLNK(st.st_mode) && stat(node, &st) == 0 && is_device(&st) && is_inside(node)) {
			/* it is the device, by another name */
			set_owner_and_mode(r, node);
			return 1;
		}
		if (differs(IN_THE_WAY_STAYS, 1)) {
			set_owner_and_mode(r, node);
			return 0;
		}
		unlink(node);
	}
	if (mknod(node, m.type | 0600, device()) != 0 && errno != EEXIST)
		return 0;
	set_owner_and_mode(r, node);
	return 1;
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
	if (points_to(link, text))
		return;
	if (!parents_inside(link))
		return;
	if (lstat(link, &st) == 0 && differs(LINK_LEFT_OUT, !S_ISDIR(st.st_mode)))
		return;
	slash = strrchr(link, '/');
	if (slash) {
		char dir[PATH_MAX];

		snprintf(dir, sizeof(dir), "%.*s", (int)(slash - link), link);
		if (differs(LINK_NO_DIR, access(dir, F_OK) != 0))
			return;
	}
	make_directories(link);
	unlink(link);
	symlink(text, link);
}

static void remove_link(const char *link, const char *node)
{
	char text[2 * PATH_MAX];
	struct stat st;

	if (lstat(link, &st) != 0)
		return;
	link_text(text, link, node);
	if (differs(LINK_NOT_RELATIVE, strcmp(text, node) != 0))
		strcpy(text, node);
	if (!parents_inside(link))
		return;
	if (!points_to(link, text) && !differs(REMOVE_BY_NAME, !S_ISDIR(st.st_mode)))
		return;
	if (m.unnumbered && !differs(MDEV_REMOVES_UNNUMBERED, 1))
		return;
	unlink(link);
}

static void remove_node(const char *node)
{
	struct stat st;

	if (lstat(node, &st) != 0 || S_ISDIR(st.st_mode) || !parents_inside(node))
		return;
	if (m.unnumbered ? differs(MDEV_REMOVES_UNNUMBERED, 1)
			: (is_device(&st) || differs(REMOVE_BY_NAME, 1))
	) {
		unlink(node);
	}
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

/* What cannot be a name in /dev */
static int is_bad_name(const char *s)
{
	char copy[PATH_MAX];
	char *part, *rest = copy;

	if (*s == '\0' || strlen(s) >= sizeof(copy))
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
	if (m.add && (s = sysfs("dev")) != NULL)
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
	if (!name && (m.major >= 0 || is_mdev()) && (s = sysfs("uevent")) != NULL) {
		name = strstr(s, "\nDEVNAME=");
		if (name)
			name += strlen("\nDEVNAME=");
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
		umask(is_mdev() ? 0 : m.c->umask);
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
	if (has_node && m.add) {
		int made = make_node(r, node);

		if (made || (r->path_op == '>' && differs(LINK_WITHOUT_NODE, 1))) {
			struct stat st;

			if (r->path_op == '>' && strcmp(node, m.name) != 0)
				make_link(m.name, node);
			if (r->path_op == '=' && strcmp(node, m.name) != 0 && lstat(m.name, &st) == 0
			 && is_device(&st) && !differs(OLD_NODE_STAYS, 1) && parents_inside(m.name)
			) {
				unlink(m.name);
			}
		}
	}
	if (r->command && is_due(r->command))
		run(r->command, node);
	if (has_node && m.remove) {
		if (r->path_op == '>' && strcmp(node, m.name) != 0)
			remove_link(m.name, node);
		remove_node(node);
	}
	if (r->path_op == '!')
		m.bang = 1;
}

/* For a driver that asked. For mdevd another process does it, see its own tests */
static void load_firmware(void)
{
	const char *name = variable("FIRMWARE");
	char path[PATH_MAX], buf[256];
	int file = -1, loading, data;
	ssize_t n;

	if (!name || !m.add || !differs(MDEV_FIRMWARE, 1))
		return;
	snprintf(path, sizeof(path), "/lib/firmware/%s", name);
	if (*name && (!is_bad_name(name) || differs(FIRMWARE_NAME, access(path, R_OK) == 0)))
		file = open(path, O_RDONLY);
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

static void handle(const struct event *e, struct rule *const *rules)
{
	static const struct rule implicit = { .mode = 0660 };

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
			perform(&implicit, NULL, NULL);
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
