/* vi: set sw=4 ts=4: */
/*
 * Decides by the module index whether modprobe could do anything for an alias
 *
 * Copyright (C) 2026 mdevd for BusyBox maintainers
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 *
 * The command may run BusyBox's modprobe or kmod's. It is skipped only if both
 * would do nothing. For an alias with a colon, which no module name contains:
 *
 *	BusyBox reads /etc/modprobe.conf, /etc/modprobe.d and modules.alias. In
 *	patterns and aliases it replaces - by _ (within brackets too) and ignores
 *	everything after the first dot or 255 characters. It matches by fnmatch().
 *
 *	kmod reads .conf (formerly .alias, too) files in five directories, where
 *	install and remove lines can also name an alias, and modules.alias.bin,
 *	which depmod writes together with modules.alias. It replaces - by _ except
 *	within brackets, matches by fnmatch() and ignores built-in modules.
 *
 * Both do nothing for a module that is live. The command also runs after an error, or if
 * modules.alias has a line that depmod does not write.
 *
 * Files are read, not mapped (depmod truncates them in place), and closed before
 * return. A complete reading of modules.alias fills a Bloom filter, which then
 * answers for most aliases without another reading.
 */
#include "mdevd.h"
#include <fnmatch.h>
#include <sys/utsname.h>

enum {
	/* MODULE_NAME_LEN in BusyBox's modutils/modutils.h, without the NUL */
	BUSYBOX_ALIAS_MAX = 255,
	/* modules.alias and modules.alias.bin are from one run of depmod if their times
	 * differ by no more seconds */
	DEPMOD_SECS = 60,
	/* A file that changed less than this ago may change again and keep its time stamp: ten ticks
	 * of a slow clock (HZ=100), or longer if the stamp has no fraction of a second (FAT: steps of
	 * two seconds) */
	STAMP_MS = 100,
	WHOLE_STAMP_MS = 3000,

	/* Chars of a key before a wildcard */
	SHORT_KEY = 4,
};

/* These change whenever a file does. size 0: it is missing, empty or not a file */
struct version {
	unsigned inode, size, ctime, ctime_nsec;
};

static struct cache {
	struct version version;	/* of the modules.alias that was read last */
	smallint is_filled;	/* bloom has all patterns of that */
	uint8_t bloom[4096];
} *cache;

/* Returns 1 if command (of struct mdev_rule: operator, shell command) only calls
 * modprobe for $MODALIAS, else 0. Allocates the cache at the first such command: may die. */
int FAST_FUNC mdevd_modalias_accept_command(const char *command)
{
	regex_t re;
	int accepted;

	/* Not the operators of execlineb, which has no $MODALIAS. The path contains nothing
	 * that a shell expands. Flags: all, blacklist, quiet, syslog, verbose mean the same
	 * to both modprobes */
	if (!strstr(command, "modprobe") || regcomp(&re,
			"^[@$*][ \t]*(/([a-z]+/)*)?modprobe([ \t]+-[abqsv]+)*[ \t]+"
			"(\\$MODALIAS|\"\\$MODALIAS\"|\\$\\{MODALIAS}|\"\\$\\{MODALIAS}\")[ \t]*$",
			REG_EXTENDED | REG_NOSUB) != 0
	) {
		return 0;
	}
	accepted = (regexec(&re, command, 0, NULL, 0) == 0);
	regfree(&re);
	if (accepted && !cache)
		cache = xzalloc(sizeof(*cache));
	return accepted;
}

/** The Bloom filter **/

/*
 * A pattern can match an alias only if the alias contains the literal characters of
 * the pattern. Some of these are its key, which sets two bits of the filter. An alias
 * may match if the bits of one of its own keys are set.
 */

/* Looks up the key at s; add 1: adds it first. Returns 1 if the filter has it,
 * 0 if not or if it is no key: empty, or with a wildcard */
static unsigned look_up_key(const char *s, char mark, unsigned max_len, unsigned add)
{
	unsigned hash = 0; /* FNV-0, 32 bits */
	unsigned found = 1;

	if (!*s || *s == mark)
		return 0;
	for (; max_len && *s && *s != '/' && *s != mark; max_len--) {
		if (*s == '*' || *s == '?')
			return 0;
		hash = (hash ^ *s++) * 0x01000193;
	}
	do {
		uint8_t *byte = &cache->bloom[hash / 8 % sizeof(cache->bloom)];

		*byte |= add << (hash % 8);
		found &= *byte >> (hash % 8);
		hash >>= 16;
	} while (hash);
	return found;
}

/* add 0: returns 1 if a pattern in the filter could match the alias in text, else 0.
 * add 1: adds the pattern in text, or returns 0 if it could be for any bus. Both are normalized */
static unsigned look_up(const char *text, unsigned add)
{
	/* A key starts after each mark: pci:v0000NNNN, acpi*:ID:, and others */
	char mark = ':';
	unsigned max_len = 9;
	const char *s = text + strcspn(text, "*?");

	if (*s && s - text < 3)
		return 0;
	/* Without a colon it matches no alias that gets here */
	if (!*s && !strchr(text, ':'))
		return 1;
	/* Pattern and alias begin with the same char */
	if (*text == 'o') { /* of:N*T*C: compatible strings */
		mark = 'C';
		max_len = 24;
	}
	if (*text == 'u') /* usb:vNNNN */
		max_len = 5;
	for (;;) {
		for (s = text; *s;)
			if (*s++ == mark && look_up_key(s, mark, max_len, add))
				return 1;
		if (max_len == SHORT_KEY)
			break;
		max_len = SHORT_KEY;
	}
	/* Without such a key, the bus is the key */
	return look_up_key(text, '\0', 3, add);
}

/** Reading **/

/* Returns 1 if the module is in the kernel and its init has succeeded */
static int is_live(const char *module)
{
	/* MODULE_NAME_LEN is less (linux/moduleparam.h) */
	char buf[sizeof("/sys/module//initstate") + 64];

	sprintf(buf, "/sys/module/%.64s/initstate", module);
	/* If it cannot be read, buf still has the path */
	open_read_close(buf, buf, 4);
	return is_prefixed_with(buf, "live") != NULL;
}

/* Cuts off the next word of *line and returns it: "" at the end */
static char *next_word(char **line)
{
	char *word = skip_whitespace(*line);
	char *end = skip_non_whitespace(word);

	if (*end)
		*end++ = '\0';
	*line = end;
	return word;
}

/* Makes a pattern that matches normalized aliases if either modprobe would match: replaces
 * brackets and all after them by *, ends at a dot. Returns its length */
static unsigned normalize_pattern(char *pattern)
{
	char *s;

	for (s = pattern; *s && *s != '.'; s++) {
		if (*s == '-')
			*s = '_';
		if (*s == '[' || *s == '\\') {
			*s++ = '*';
			break;
		}
	}
	*s = '\0';
	return s - pattern;
}

/* The functions that scan return 1 if modprobe might do something because of that line or file, else 0 */

/* fill: the line is in modules.alias, and its pattern is added to the filter. alias NULL: it certainly
 * does not match */
static int scan_line(char *line, const char *alias, int fill)
{
	const char *word = next_word(&line);
	char *pattern = next_word(&line);
	const char *module = next_word(&line);
	int i = index_in_strings("alias\0""install\0""remove\0""include\0", word);

	/* In configuration, other words are about modules, not aliases */
	if (*word == '#' || (i < 0 && !fill))
		return 0;
	/* BusyBox follows include */
	if (i == 3 || normalize_pattern(pattern) > BUSYBOX_ALIAS_MAX)
		return 1;
	/* depmod writes nothing else */
	if (fill && (i != 0 || !*module))
		return 1;
	if (fill && !look_up(pattern, 1))
		memset(cache->bloom, 0xff, sizeof(cache->bloom));
	return alias && fnmatch(pattern, alias, FNM_LEADING_DIR) == 0 && (i != 0 || !is_live(module));
}

/* Returns 1 if the line is certainly for another alias: the first difference is a letter or digit */
static ALWAYS_INLINE int is_for_other_alias(const char *line, unsigned len, const char *alias)
{
	if (len < sizeof("alias ") || *line != 'a' || line[5] != ' ')
		return 0;
	for (line += 6; *alias && *line == *alias; line++)
		alias++;
	return isalnum(*line);
}

/* The file need not exist. fill: it is modules.alias, and its patterns are added to the filter, up to the
 * first one that matches; otherwise it is configuration of modprobe */
static int scan_file(const char *path, const char *alias, int fill)
{
	char buf[3 * 1024];
	char *end = buf;
	char *line, *newline;
	int found = 1;
	int other, len;
	/* It may be a FIFO, by accident */
	int fd = open(path, O_RDONLY | O_NONBLOCK);

	if (fd < 0)
		return errno != ENOENT;
	while ((len = safe_read(fd, end, buf + sizeof(buf) - end)) > 0) {
		end += len;
		line = buf;
		while ((newline = memchr(line, '\n', end - line)) != NULL) {
			*newline = '\0';
			if (newline != line && newline[-1] == '\\') /* continued */
				goto out;
			other = is_for_other_alias(line, newline - line, alias);
			if ((fill || !other) && scan_line(line, other ? NULL : alias, fill))
				goto out;
			line = newline + 1;
		}
		end -= line - buf;
		memmove(buf, line, end - buf);
	}
	if (len < 0) {
		found = (errno != EISDIR); /* modprobe ignores subdirectories */
	} else if (end == buf || (!fill && end != buf + sizeof(buf))) {
		/* The last line may lack its newline, unless it is too long. modules.alias without it is not
		 * finished: depmod still runs */
		*end = '\0';
		found = scan_line(buf, alias, 0);
	}
 out:
	close(fd);
	return found;
}

/* Updates cache->version. If that changes, empties the cache and returns 1 */
static int update_version(const char *path, struct stat *st)
{
	struct version v;

	memset(&v, 0, sizeof(v));
	if (stat(path, st) == 0 && S_ISREG(st->st_mode)) {
		v.inode = st->st_ino;
		v.size = st->st_size;
		v.ctime = st->st_ctime;
		v.ctime_nsec = st->st_ctim.tv_nsec;
	}
	if (memcmp(&cache->version, &v, sizeof(v)) == 0)
		return 0;
	memset(cache, 0, sizeof(*cache));
	cache->version = v;
	return 1;
}

/* Returns 1 if the path certainly does not exist */
static int is_missing(const char *path)
{
	return access(path, F_OK) != 0 && errno == ENOENT;
}

/* modules.alias of the running kernel */
static int scan_index(const char *alias)
{
	struct utsname uts;
	char buf[sizeof("/usr" MODULES_DIR "//modules.alias.bin") + sizeof(uts.release)];
	char *path = buf + sizeof("/usr") - 1;
	struct stat st, bin;
	struct timeval now;
	unsigned age_ms;
	int has_bin;

	uname(&uts);
	sprintf(buf, "/usr" MODULES_DIR "/%s/modules.alias.bin", uts.release);
	has_bin = (stat(path, &bin) == 0);
	*strrchr(path, '.') = '\0';
	update_version(path, &st);
	if (cache->version.size == 0) {
		/* It is empty while depmod runs. Without its directory modprobe can only fail; kmod's
		 * may be in /usr */
		*strrchr(path, '/') = '\0';
		return !(is_missing(path) && is_missing(buf));
	}
	/* If two runs of depmod wrote the two files, the modprobes may find different modules */
	if (has_bin && (unsigned)bin.st_mtime - (unsigned)st.st_mtime + DEPMOD_SECS > 2 * DEPMOD_SECS)
		return 1;
	if (cache->is_filled && !look_up(alias, 0))
		return 0;
	gettimeofday(&now, NULL);
	age_ms = ((unsigned)now.tv_sec - (unsigned)st.st_ctime) * 1000
		+ (unsigned)now.tv_usec / 1000 - (unsigned)st.st_ctim.tv_nsec / 1000000;
	if (scan_file(path, alias, !cache->is_filled) || update_version(path, &st))
		return 1;
	cache->is_filled |= (age_ms > (st.st_ctim.tv_nsec ? STAMP_MS : WHOLE_STAMP_MS));
	return 0;
}

/* Configuration of modprobe: a file, or all files in a directory */
static int scan_config(const char *path, const char *alias)
{
	char file[sizeof("/usr/local/lib/modprobe.d/") + NAME_MAX];
	struct dirent *entry;
	int found = 0;
	DIR *dir = opendir(path);

	if (!dir)
		return (errno == ENOTDIR || errno == ENOENT) ? scan_file(path, alias, 0) : 1;
	/* No modprobe reads hidden files or subdirectories. Old ones read names without .conf */
	while (errno = 0, !found && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		sprintf(file, "%s/%s", path, entry->d_name);
		found = scan_file(file, alias, 0);
	}
	found |= (errno != 0);
	closedir(dir);
	return found;
}

/* Returns 0 if modprobe would certainly do nothing for the alias, else 1. At least one command
 * must have been accepted. Blocks while it reads files, does not die. Frees all it allocates */
int FAST_FUNC mdevd_modalias_needs_modprobe(const char *modalias)
{
	/* Modules, then configuration */
	const char *path = MODULES_DIR "\0""/usr" MODULES_DIR "\0"
			"/etc/modprobe.conf\0""/etc/modprobe.d\0""/run/modprobe.d\0"
			"/usr/local/lib/modprobe.d\0""/usr/lib/modprobe.d\0""/lib/modprobe.d\0";
	const char *config = path + sizeof(MODULES_DIR "\0""/usr" MODULES_DIR);
	char alias[BUSYBOX_ALIAS_MAX + 1];
	unsigned i;

	/* MODPROBE_OPTIONS are for kmod's modprobe, and can name other directories */
	if (getenv("MODPROBE_OPTIONS"))
		return 1;
	/* Without any of these modprobe can only fail, whatever the alias */
	while (is_missing(path)) {
		path += strlen(path) + 1;
		if (!*path)
			return 0;
	}
	/* Normalized: see normalize_pattern(). A dot ends the name for BusyBox: FNM_LEADING_DIR matches up to a
	 * slash */
	for (i = 0; ; i++) {
		char c = modalias[i];

		alias[i] = c == '-' ? '_' : c == '.' ? '/' : c;
		if (!c)
			break;
		/* A shell may split or expand these, which no kernel sends */
		if (c <= ' ' || c >= 0x7f || strchr("*?[]\\", c) || i == BUSYBOX_ALIAS_MAX)
			return 1;
	}
	/* kmod's modprobe may take it for a path or an option. No module name contains a colon (make
	 * would not build it), but for BusyBox a name ends at a dot. symbol:NAME is not an alias */
	if (!isalpha(*alias) || alias[strcspn(alias, "/:")] != ':' || is_prefixed_with(alias, "symbol:"))
		return 1;
	if (scan_index(alias))
		return 1;
	for (; *config; config += strlen(config) + 1)
		if (scan_config(config, alias))
			return 1;
	return 0;
}
