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
static int could_match(const char *p, const char *s)
{
	const char *star = NULL, *retry = NULL;

	for (;;) {
		char c = *p;

		/* To BusyBox the first dot is the end of both */
		if ((c == '\0' || c == '.') && (*s == '\0' || *s == '.'))
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
static struct {
	stamp_t stamp;		/* of the file, when last looked at */
	smallint is_whole;	/* filter has all of it */
	uint8_t filter[FILTER_BITS / 8];
} known;

static const struct kind {
	char begins[4];		/* whose patterns and aliases begin so */
	char mark;		/* a key begins after it (in an alias after each) and ends before the next */
	uint8_t len;		/* of a key, at most */
} kinds[] = {
	{ "of:", 'C', 24 },	/* of:N*T*C: compatible strings */
	{ "acp", ':', 24 },	/* acpi*: IDs */
	{ "pla", ':', 24 },	/* platform:NAME */
	{ "usb", ':', 5 },	/* usb:vNNNN */
	{ "", ':', 9 },		/* pci:v0000NNNN, and others */
};

/* Both bits of the key at s, after setting them, if they are to be set.
 * 0: there is no key. A dot is an end, to BusyBox it is for all */
static unsigned key_bits(char mark, unsigned len, const char *s, unsigned set)
{
	/* FNV-0, 32 bits wide */
	unsigned h = 0;
	unsigned bits = 1;

	for (; len && *s > ' ' && *s != '.' && *s != mark; len--) {
		if (*s == '*' || *s == '?' || *s == '[' || *s == '\\')
			return 0;
		h = (h ^ norm(*s++)) * 0x01000193;
	}
	do {
		uint8_t *byte = &known.filter[h % FILTER_BITS / 8];

		*byte |= set << (h % 8);
		bits &= *byte >> (h % 8);
		h >>= 16;
	} while (h);
	return bits;
}

/* With set: enters a pattern by the first of its keys. Without: whether a pattern
 * that was entered could match the alias. What has no key goes by its bus.
 * 0, with set: it can match whatever it wants */
static unsigned filter(const char *text, unsigned set)
{
	const struct kind *k = kinds;
	const char *s = text + strcspn(text, "*?[\\");

	if (*s && s - text < 3) /* of any kind */
		return 0;
	while (!is_prefixed_with(text, k->begins))
		k++;
	/* A mark in brackets is not what is meant. To BusyBox a dot is the pattern's end */
	for (s = text; *s && *s != '[' && *s != '\\' && !(set && *s == '.');)
		if (*s++ == k->mark && key_bits(k->mark, k->len, s, set))
			return 1;
	return key_bits('\0', 3, text, set);
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
	char buf[sizeof("/sys/module//initstate") + 64];

	sprintf(buf, "/sys/module/%.64s/initstate", name);
	/* If it cannot be read, the path is still there */
	open_read_close(buf, buf, 4);
	return is_prefixed_with(buf, "live") != NULL;
}

/* The next word of the line, and then what follows it */
static char *next_word(char **line)
{
	char *word = skip_whitespace(*line);
	char *s = skip_non_whitespace(word);

	if (*s)
		*s++ = '\0';
	*line = s;
	return word;
}

/* Whether nothing in a file of modprobe's configuration makes it do something
 * for the alias. is_index: it is modules.alias, whose patterns are learnt, if they are not known */
static int lines_idle(int fd, const char *alias, int is_index)
{
	char buf[LINES_SIZE];
	struct lines f;
	char *line, *word, *pattern;
	int learning = is_index && !known.is_whole;
	int idle = 1;
	int i;

	f.fd = fd;
	f.count = 0;
	f.next = f.end = f.buf = buf;
	if (learning)
		memset(known.filter, 0, sizeof(known.filter));
	while ((idle || learning) && (line = lines_next(&f)) != NULL) {
		/* Most of modules.alias is about another bus: what comes after \ is literal.
		 * f.next is behind this line's NUL */
		int other = (is_index && f.next - line > 7
			&& line[5] == ' ' && line[6] > '\\' && line[6] != *alias);

		if (other && !learning)
			continue;
		word = next_word(&line);
		pattern = next_word(&line);
		/* Other words are about modules, not aliases. BusyBox follows "include" */
		i = index_in_strings("alias\0""install\0""remove\0""include\0", word);
		if (i < 0)
			continue;
		if (strlen(pattern) > BB_CUT || (is_index ? i != 0 || !*line : i == 3)) {
			f.is_odd = 1;
			break;
		}
		if (learning && !filter(pattern, 1))
			memset(known.filter, 0xff, sizeof(known.filter));
		if (!other && could_match(pattern, alias) && (i != 0 || !is_live(next_word(&line))))
			idle = 0;
	}
	/* An empty modules.alias: a depmod is at work */
	if (f.is_odd || (is_index && (f.count != known.stamp[SIZE] || !f.count)))
		return 0;
	if (learning)
		known.is_whole = ((unsigned)time(NULL) - known.stamp[CHANGED] > (known.stamp[CHANGED_NSEC] ? 0 : RACY_SECS));
	return idle;
}

/* Whether it is another file than the one that was looked at last, or has changed.
 * Then nothing is known of it */
static NOINLINE int is_other(int fd)
{
	struct stat st;
	stamp_t stamp;
	int other;

	fstat(fd, &st);
	stamp[0] = st.st_ino;
	stamp[SIZE] = st.st_size;
	stamp[WRITTEN] = st.st_mtime;
	stamp[CHANGED] = st.st_ctime;
	stamp[CHANGED_NSEC] = st.st_ctim.tv_nsec;
	other = memcmp(known.stamp, stamp, sizeof(stamp));
	if (other) {
		memcpy(known.stamp, stamp, sizeof(stamp));
		known.is_whole = 0;
	}
	return other;
}

/* Whether modules.alias of the running kernel surely gives nothing to do */
static int index_idle(const char *alias)
{
	struct utsname uts;
	char path[sizeof(MODULES_DIR "//modules.alias.bin") + sizeof(uts.release)];
	struct stat st;
	int fd;
	int idle = 1;

	uname(&uts);
	sprintf(path, MODULES_DIR "/%s/modules.alias", uts.release);
	/* It may be a pipe, by accident */
	fd = open(path, O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return 0;
	is_other(fd);
	if (!known.is_whole || filter(alias, 0))
		idle = lines_idle(fd, alias, 1);
	/* With another depmod's there, the two modprobes do not know the same */
	if (is_other(fd)
	 || (stat(strcat(path, ".bin"), &st) == 0
	     && (unsigned)st.st_mtime - known.stamp[WRITTEN] + BIN_AGE_MAX > 2 * BIN_AGE_MAX)
	) {
		idle = 0;
	}
	close(fd);
	return idle;
}

/* Whether modprobe's configuration in a file, or in the files of a directory,
 * gives nothing to do. No opendir(): it allocates */
static int config_idle(const char *dir, const char *name, const char *alias, int is_top)
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
			idle = (errno == ENOTDIR && lines_idle(fd, alias, 0));
		/* No modprobe looks into directories of a directory */
		if (n < 0 || !is_top)
			break;
		for (i = 0; idle && i < n; i += d->reclen) {
			d = (void*)((char*)buf + i);
			/* What does not end in .conf only old ones read */
			if (d->name[0] != '.')
				idle = config_idle(path, d->name, alias, 0);
		}
	}
	close(fd);
	return idle;
}

/* Whether modprobe of the alias would surely do nothing, as far as the files
 * tell. Reads them: blocks as long as that takes, does not die, allocates nothing. */
int FAST_FUNC mdevd_modalias_idle(const char *modalias)
{
	const char *dir = "/etc\0""/etc\0""/run\0""/usr/local/lib\0""/usr/lib\0""/lib\0";
	const char *name = "modprobe.conf";
	const char *s;

	/* A shell may split or expand others, and no kernel makes them.
	 * kmod's modprobe takes a name for a path, or for an option, by its beginning */
	for (s = modalias; *s > ' ' && *s < 0x7f && !strchr("*?[]\\", *s); s++)
		continue;
	if (*s || s - modalias > BB_CUT || !isalnum(*modalias))
		return 0;
	/* No module's name has a colon (make would not have built it), but BusyBox's ends
	 * before a dot. And symbol:NAME is no alias */
	if (modalias[strcspn(modalias, ".:")] != ':' || is_prefixed_with(modalias, "symbol:"))
		return 0;
	/* More options for kmod's modprobe */
	if (getenv("MODPROBE_OPTIONS"))
		return 0;
	if (!index_idle(modalias))
		return 0;
	do {
		if (!config_idle(dir, name, modalias, 1))
			return 0;
		name = "modprobe.d";
		dir += strlen(dir) + 1;
	} while (*dir);
	return 1;
}
