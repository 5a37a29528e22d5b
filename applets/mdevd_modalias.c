/* vi: set sw=4 ts=4: */
/*
 * (an alias) to: could modprobe do anything? Answered from the module indexes, without running it
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 *
 * Which modprobe the command would run is unknown, so "nothing" must be what
 * both know. For an alias with a colon, which no module's name has:
 *
 *	BusyBox's reads /etc/modprobe.conf, the .conf files in /etc/modprobe.d and
 *	modules.alias. In pattern and alias it turns - into _ (in brackets too) and
 *	cuts at the first dot and after 255 characters; then fnmatch() decides.
 *
 *	kmod's reads .conf (and once .alias) files in five directories, where install
 *	and remove lines name aliases as well, and modules.alias.bin, made together
 *	with modules.alias. It turns - into _ but in brackets; then fnmatch() too.
 *	What it finds to be built in it leaves alone.
 *
 * Neither does anything for a module that is live. could_match() says yes when
 * either would, and whatever is not as depmod writes it is a doubt: the answer
 * is then no, and the command runs.
 *
 * Files are read, never mapped (depmod truncates in place), and closed before
 * we return. A whole reading of modules.alias leaves a filter behind, by which
 * most aliases are answered without reading it again.
 */
#include "mdevd.h"
#include <sys/syscall.h>
#include <sys/utsname.h>

#ifdef CONFIG_DEFAULT_MODULES_DIR
# define MODULES_DIR CONFIG_DEFAULT_MODULES_DIR
#else
# define MODULES_DIR "/lib/modules"
#endif

enum {
	/* BusyBox's MODULE_NAME_LEN (modutils/modutils.h), without the NUL */
	BB_CUT = 255,
	/* modules.alias.bin is written by the same run of depmod, or is not ours: seconds */
	BIN_AGE_MAX = 60,
	/* What changed less than so many seconds ago may change again and keep its
	 * stamp, where no fractions of a second are counted (FAT: steps of two) */
	RACY_SECS = 2,
	FILTER_BITS = 1 << 15,
	LINES_SIZE = 3 * 1024,
};

/* What modules.alias is asked for */
struct alias {
	const char *s;
	const char *cut;	/* where BusyBox lets it end */
};

/** Is it a plain call? **/

/* Whether command (struct mdev_rule's: the operator, then a shell command) calls
 * modprobe for $MODALIAS and does nothing else. Allocates and frees. */
int FAST_FUNC mdevd_modalias_is_plain(const char *command)
{
	regex_t re;
	int plain;

	/* Not execlineb's operators: it has no $MODALIAS of its own. Nothing in the
	 * path means anything to a shell. Flags: all, blacklist, quiet, syslog, verbose
	 * are the same to both */
	if (!strstr(command, "modprobe") || regcomp(&re,
			"^[@$*][ \t]*(/([a-z]+/)*)?modprobe([ \t]+-[abqsv]+)*[ \t]+"
			"(\\$MODALIAS|\"\\$MODALIAS\"|\\$\\{MODALIAS}|\"\\$\\{MODALIAS}\")[ \t]*$",
			REG_EXTENDED | REG_NOSUB) != 0
	) {
		return 0;
	}
	plain = (regexec(&re, command, 0, NULL, 0) == 0);
	regfree(&re);
	return plain;
}

/** Matching **/

static unsigned char norm(unsigned char c)
{
	return c == '-' ? '_' : c;
}

/* Whether the pattern could match the alias in either modprobe. fnmatch() as
 * far as there are no brackets */
static int could_match(const char *p, const struct alias *a)
{
	const char *s = a->s, *star = NULL, *retry = NULL;

	for (;;) {
		char c = *p;

		/* To BusyBox a dot is the end of both */
		if ((c == '\0' || c == '.') && (*s == '\0' || s == a->cut))
			return 1;
		if (c != '\0') {
			p++;
			if (c == '*') {
				star = p;
				retry = s;
				continue;
			}
			if (*s == '\0')
				return 0;
			/* What is in brackets would hardly make a difference */
			if (c == '[' || c == '\\')
				return 1;
			if (c == '?' || norm(c) == norm(*s)) {
				s++;
				continue;
			}
		}
		if (!star)
			return 0;
		p = star;
		s = ++retry;
	}
}

/** What is known of modules.alias **/

/* A file's inode, size, mtime, ctime and its nanoseconds */
typedef unsigned stamp_t[5];
enum { SIZE = 1, WRITTEN, CHANGED, CHANGED_NSEC };

/*
 * A whole reading of the file leaves this behind. A pattern with some literal
 * characters can only match an alias that has them: this key of the pattern
 * sets two bits of filter. What is taken for a key say kinds[].
 */
static struct known {
	stamp_t stamp;
	uint8_t filter[FILTER_BITS / 8];
} known;

static const struct kind {
	char begins[4];		/* whose patterns and aliases begin so */
	char mark;		/* a key begins after it (in an alias after each) and ends before the next. NUL: it is the beginning */
	uint8_t len;		/* of a key, at most */
} kinds[] = {
	{ "of:", 'C', 24 },	/* of:N*T*C: compatible strings */
	{ "acp", ':', 24 },	/* acpi*: IDs */
	{ "usb", '\0', 9 },	/* usb:vNNNN */
	{ "pla", '\0', 33 },	/* platform:NAME */
	{ "", '\0', 13 },	/* pci:v0000NNNN; others as a whole */
	/* What has no such key: the bus */
	{ "", '\0', 3 },
}, *const bus = &kinds[ARRAY_SIZE(kinds) - 1];

static const struct kind *kind_of(const char *s)
{
	const struct kind *k = kinds;

	while (k->begins[0] && (k->begins[0] != s[0] || strncmp(s, k->begins, 3) != 0))
		k++;
	return k;
}

/* Both bits of the key at s, after setting them, if they are to be set.
 * 0: there is no key. A dot is an end, to BusyBox it is for all */
static unsigned key_bits(const struct kind *k, const char *s, unsigned set)
{
	/* FNV-1a, 32 bits wide */
	unsigned h = 0x811c9dc5;
	unsigned bits = 1;
	int i;

	for (i = k->len; i && *s > ' ' && *s != '.' && *s != k->mark; i--) {
		if (*s == '*' || *s == '?' || *s == '[' || *s == '\\')
			return 0;
		h = (h ^ norm(*s++)) * 0x01000193;
	}
	do {
		uint8_t *byte = &known.filter[h % FILTER_BITS / 8];

		*byte |= set << (h % 8);
		bits &= *byte >> (h % 8);
	} while (h >>= 16);
	return bits;
}

/* Enters a pattern */
static void learn(const char *pattern)
{
	const struct kind *k = kind_of(pattern);
	const char *key = pattern;

	if (k->mark) {
		key = strchr(pattern, k->mark);
		if (key)
			key++;
		/* In brackets it is not what is meant */
		if (strpbrk(pattern, "[\\"))
			key = NULL;
	}
	if (!(key && key_bits(k, key, 1)) && !key_bits(bus, pattern, 1))
		/* It can match whatever it wants */
		memset(known.filter, 0xff, sizeof(known.filter));
}

/* Whether a pattern that was entered could match the alias */
static int could_be_known(const char *alias)
{
	const struct kind *k = kind_of(alias);

	if (key_bits(bus, alias, 0))
		return 1;
	do {
		if (k->mark) {
			alias = strchr(alias, k->mark);
			if (!alias)
				return 0;
			alias++;
		}
		if (key_bits(k, alias, 0))
			return 1;
	} while (k->mark);
	return 0;
}

/** Asking the files **/

/* A file that is read line by line */
struct lines {
	int fd;
	unsigned count;		/* bytes read */
	smallint is_odd;
	char *next, *end;	/* what of buf is not yet given out */
	char *buf;
};

/* The next line, without its newline. NULL at the end, or if is_odd: a line is
 * too long, or continued in the next; an error */
static char *lines_next(struct lines *f)
{
	char *line = f->next;
	char *nl;

	while ((nl = memchr(line, '\n', f->end - line)) == NULL) {
		int n = f->end - line;

		f->end = (char*)memmove(f->buf, line, n) + n;
		line = f->buf;
		n = f->buf + LINES_SIZE - f->end;
		if (n != 0 && (n = safe_read(f->fd, f->end, n)) == 0 && f->end != line) {
			/* The newline that is missing. It counts: depmod writes one */
			*f->end = '\n';
			n = 1;
		}
		if (n <= 0) {
			f->is_odd = (n < 0 || f->end != line);
			return NULL;
		}
		f->end += n;
		f->count += n;
	}
	f->next = nl + 1;
	*nl = '\0';
	f->is_odd = (nl != line && nl[-1] == '\\');
	return f->is_odd ? NULL : line;
}

/* Whether the module is in the kernel, and its init has succeeded */
static int is_live(const char *name)
{
	/* MODULE_NAME_LEN is less (linux/moduleparam.h) */
	char path[sizeof("/sys/module//initstate") + 64];
	char state[4];

	sprintf(path, "/sys/module/%.64s/initstate", name);
	return open_read_close(path, state, 4) == 4 && memcmp(state, "live", 4) == 0;
}

/* The next word of the line, and then what follows it */
static char *next_word(char **line)
{
	char *word = skip_whitespace(*line);
	char *s = word;

	while (*s != ' ' && *s != '\t' && *s != '\0')
		s++;
	if (*s)
		*s++ = '\0';
	*line = s;
	return word;
}

/* Whether nothing in a file of modprobe's configuration makes it do something
 * for the alias. With a stamp it is modules.alias, whose patterns may be learnt */
static int lines_idle(int fd, const struct alias *a, const unsigned *stamp, int learning)
{
	char buf[LINES_SIZE];
	struct lines f;
	char *line, *word, *pattern;
	int idle = 1;
	int i;

	f.fd = fd;
	f.count = 0;
	f.next = f.end = f.buf = buf;
	if (learning)
		memset(&known, 0, sizeof(known));
	while ((idle || learning) && (line = lines_next(&f)) != NULL) {
		/* Most of modules.alias is about another bus. f.next is behind this line's NUL */
		int other = (stamp && f.next - line > 7
			&& line[5] == ' ' && isalnum(line[6]) && line[6] != *a->s);

		if (other && !learning)
			continue;
		word = next_word(&line);
		pattern = next_word(&line);
		/* Other words are about modules, not aliases. BusyBox follows "include" */
		i = index_in_strings("alias\0""install\0""remove\0""include\0", word);
		if (i < 0)
			continue;
		if (strlen(pattern) > BB_CUT || (stamp ? i != 0 || !*line : i == 3)) {
			f.is_odd = 1;
			break;
		}
		if (learning)
			learn(pattern);
		if (!other && could_match(pattern, a) && (i != 0 || !is_live(next_word(&line))))
			idle = 0;
	}
	/* An empty modules.alias: a depmod is at work */
	if (f.is_odd || (stamp && (f.count != stamp[SIZE] || !f.count)))
		return 0;
	if (learning && (unsigned)time(NULL) - stamp[CHANGED] > (stamp[CHANGED_NSEC] ? 0 : RACY_SECS))
		memcpy(known.stamp, stamp, sizeof(stamp_t));
	return idle;
}

static NOINLINE void get_stamp(int fd, unsigned *stamp)
{
	struct stat st;

	fstat(fd, &st);
	stamp[0] = st.st_ino;
	stamp[SIZE] = st.st_size;
	stamp[WRITTEN] = st.st_mtime;
	stamp[CHANGED] = st.st_ctime;
	stamp[CHANGED_NSEC] = st.st_ctim.tv_nsec;
}

/* Whether modules.alias of the running kernel surely gives nothing to do */
static int index_idle(const struct alias *a)
{
	struct utsname uts;
	char path[sizeof(MODULES_DIR "//modules.alias.bin") + sizeof(uts.release)];
	stamp_t stamp, after;
	struct stat st;
	int fd, learning;
	int idle = 1;

	uname(&uts);
	sprintf(path, MODULES_DIR "/%s/modules.alias", uts.release);
	/* It may be a pipe, by accident */
	fd = open(path, O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return 0;
	get_stamp(fd, stamp);
	learning = memcmp(stamp, known.stamp, sizeof(stamp));
	if (learning || could_be_known(a->s))
		idle = lines_idle(fd, a, stamp, learning);
	get_stamp(fd, after);
	close(fd);
	if (memcmp(stamp, after, sizeof(stamp)) != 0)
		return 0;
	/* With another depmod's there, the two modprobes do not know the same */
	if (stat(strcat(path, ".bin"), &st) == 0
	 && (unsigned)st.st_mtime - stamp[WRITTEN] + BIN_AGE_MAX > 2 * BIN_AGE_MAX
	) {
		return 0;
	}
	return idle;
}

/* Whether modprobe's configuration in a file, or in the files of a directory,
 * gives nothing to do. No opendir(): it allocates */
static int config_idle(const char *dir, const char *name, const struct alias *a, int is_top)
{
	/* getdents64(2), Linux 2.4 */
	struct kernel_dirent64 {
		uint64_t ino;
		int64_t off;
		uint16_t reclen;
		uint8_t type;
		char name[1];
	} *d;
	uint64_t buf[1024 / sizeof(uint64_t)];
	char path[sizeof("/usr/local/lib/modprobe.d/") + NAME_MAX];
	int fd, n, i;
	int idle = 1;

	sprintf(path, "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT;
	while (idle && (n = syscall(SYS_getdents64, fd, buf, sizeof(buf))) != 0) {
		if (n < 0)
			idle = (errno == ENOTDIR && lines_idle(fd, a, NULL, 0));
		/* No modprobe looks into directories of a directory */
		if (n < 0 || !is_top)
			break;
		for (i = 0; idle && i < n; i += d->reclen) {
			d = (void*)((char*)buf + i);
			/* What does not end in .conf only old ones read */
			if (d->name[0] != '.')
				idle = config_idle(path, d->name, a, 0);
		}
	}
	close(fd);
	return idle;
}

/* Whether modprobe of the alias would surely do nothing, as far as the files
 * tell. Reads them: blocks as long as that takes, does not die, allocates nothing. */
int FAST_FUNC mdevd_modalias_idle(const char *modalias)
{
	const char *dir = "/etc\0""/run\0""/usr/local/lib\0""/usr/lib\0""/lib\0";
	struct alias a;
	const char *s;

	/* A shell may split or expand others, and no kernel makes them.
	 * kmod's modprobe takes a name for a path, or for an option, by its beginning */
	for (s = modalias; *s > ' ' && *s < 0x7f && !strchr("*?[]\\", *s); s++)
		continue;
	if (*s || s - modalias > BB_CUT || !isalnum(*modalias))
		return 0;
	a.s = modalias;
	a.cut = strchrnul(modalias, '.');
	/* No module's name has a colon (make would not have built it). But symbol:NAME is no alias */
	if (!memchr(modalias, ':', a.cut - modalias) || is_prefixed_with(modalias, "symbol:"))
		return 0;
	/* More options for kmod's modprobe */
	if (getenv("MODPROBE_OPTIONS"))
		return 0;
	if (!index_idle(&a) || !config_idle(dir, "modprobe.conf", &a, 1))
		return 0;
	while (*dir) {
		if (!config_idle(dir, "modprobe.d", &a, 1))
			return 0;
		dir += strlen(dir) + 1;
	}
	return 1;
}
