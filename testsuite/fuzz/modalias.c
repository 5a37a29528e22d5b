/* vi: set sw=4 ts=4: */
/*
 * libFuzzer target for mdevd_modalias.c: with any files, it does not return 0 if a modprobe
 * would find a module, and its cache gives the same result
 *
 * Build: clang -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined
 *	-funsigned-char -D_GNU_SOURCE -DSHIM_ROOT -Itestsuite/shim -Iapplets
 *	testsuite/fuzz/modalias.c applets/mdevd_modalias.c
 * Input: the alias, a newline, modules.alias; and behind a line "%%" a file of modprobe.d.
 *
 * The two modprobes are implemented here again, as simply as possible, with fnmatch():
 * mdevd_modalias.c describes the files that they read, and how.
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdevd.h"
#include <fnmatch.h>
#include <sys/utsname.h>

const char *shim_root;
long shim_later_ms = 10000;

static char index_name[300], config_name[300];

static void remove_all(void)
{
	char command[300];

	snprintf(command, sizeof(command), "rm -rf '%s'", shim_root);
	if (system(command) != 0)
		abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc UNUSED_PARAM, char ***argv UNUSED_PARAM)
{
	static char root[] = "/dev/shm/modalias.XXXXXX";
	struct utsname uts;
	char command[600];

	shim_root = mkdtemp(root);
	uname(&uts);
	snprintf(command, sizeof(command), "mkdir -p '%s/lib/modules/%s' '%s/etc/modprobe.d'",
			root, uts.release, root);
	if (!shim_root || system(command) != 0)
		abort();
	atexit(remove_all);
	mdevd_modalias_accept_command("@modprobe $MODALIAS");
	snprintf(index_name, sizeof(index_name), "%s/lib/modules/%s/modules.alias", root, uts.release);
	snprintf(config_name, sizeof(config_name), "%s/etc/modprobe.d/x.conf", root);
	return 0;
}

static void write_file(const char *name, const char *data, size_t size)
{
	/* Not below shim_root once more */
	FILE *f = fopen(name, "w");

	if (!f || fwrite(data, 1, size, f) != size || fclose(f) != 0)
		abort();
}

/** BusyBox's modprobe **/

static void bb_name(char *to, const char *s)
{
	int i;

	for (i = 0; i < 255 && s[i] && s[i] != '.'; i++)
		to[i] = s[i] == '-' ? '_' : s[i];
	to[i] = '\0';
}

/* line is as config_read() has it, with continuations joined */
static int bb_line_finds(char *line, const char *alias)
{
	char pattern[256], name[256];
	char *save, *word, *arg;

	line[strcspn(line, "#")] = '\0';
	word = strtok_r(line, " \t", &save);
	arg = word ? strtok_r(NULL, " \t", &save) : NULL;
	if (!arg)
		return 0;
	/* Who knows what is there */
	if (strcmp(word, "include") == 0)
		return 1;
	if (strcmp(word, "alias") != 0 || !strtok_r(NULL, "", &save))
		return 0;
	bb_name(pattern, arg);
	bb_name(name, alias);
	return fnmatch(pattern, name, 0) == 0;
}

/** kmod's **/

/* 0: it is not taken */
static int kmod_name(char *to, const char *s)
{
	int in_set = 0;

	for (; *s; s++) {
		if (!in_set && *s == ']')
			return 0;
		if (*s == '[')
			in_set = 1;
		if (*s == ']')
			in_set = 0;
		*to++ = (*s == '-' && !in_set) ? '_' : *s;
	}
	*to = '\0';
	return !in_set;
}

static int kmod_line_finds(char *line, const char *alias)
{
	char *save, *word, *arg, *pattern, *name;
	int found = 0;

	word = strtok_r(line, " \t", &save);
	arg = word ? strtok_r(NULL, " \t", &save) : NULL;
	if (*line == '#' || !arg || !strtok_r(NULL, "", &save))
		return 0;
	pattern = malloc(strlen(arg) + 1);
	name = malloc(strlen(alias) + 1);
	if (kmod_name(pattern, arg) && kmod_name(name, alias)) {
		if (strcmp(word, "alias") == 0)
			found = fnmatch(pattern, name, 0) == 0;
		if (strcmp(word, "install") == 0 || strcmp(word, "remove") == 0)
			found = strcmp(pattern, name) == 0;
	}
	free(pattern);
	free(name);
	return found;
}

/* Whether either of them finds the alias in the text */
static int finds(const char *text, size_t size, const char *alias)
{
	char *copy = malloc(size + 2), *line = malloc(size + 2);
	size_t from = 0, len;
	int found = 0;

	memcpy(copy, text, size);
	copy[size] = '\n';
	while (from < size && !found) {
		len = 0;
		for (;;) {
			char *nl = memchr(copy + from, '\n', size + 1 - from);
			size_t n = nl - (copy + from);

			memcpy(line + len, copy + from, n);
			len += n;
			from += n + 1;
			if (!n || line[len - 1] != '\\' || from >= size)
				break;
			len--;
		}
		line[len] = '\0';
		strcpy(copy, line);
		found = kmod_line_finds(copy, alias);
		if (!found)
			found = bb_line_finds(line, alias);
		/* What is behind from is still the text */
	}
	free(copy);
	free(line);
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *s = (const char*)data, *end = s + size;
	const char *nl = memchr(s, '\n', size), *cut;
	char *alias;
	int needed;

	if (!nl)
		return 0;
	alias = strndup(s, nl - s);
	s = nl + 1;
	cut = memmem(s, end - s, "%%\n", 3);
	write_file(index_name, s, (cut ? cut : end) - s);
	write_file(config_name, cut ? cut + 3 : "", cut ? end - cut - 3 : 0);

	needed = mdevd_modalias_needs_modprobe(alias);
	if (needed != mdevd_modalias_needs_modprobe(alias)) {
		fprintf(stderr, "%d, then %d\n", needed, !needed);
		abort();
	}
	if (!needed && (finds(s, (cut ? cut : end) - s, alias)
	 || (cut && finds(cut + 3, end - cut - 3, alias)))
	) {
		fprintf(stderr, "not needed, but '%s' is found\n", alias);
		abort();
	}
	free(alias);
	return 0;
}
