/* vi: set sw=4 ts=4: */
/*
 * mdevd_modalias.c by itself, for testsuite/check.d/unit/modalias
 *
 * Usage:
 *	modalias plain		each line of stdin is a rule's command: "plain" or "other"
 *	modalias ask ROOT SECS	each line is a modalias: "useless" or "needed" (modprobe, by the files
 *				below ROOT), SECS seconds from now. \n, \t and \xHH in it are
 *				what they are in C. One process, so that what it has learnt of
 *				files counts. It ends if an answer keeps memory, or leaves a
 *				file open
 *	modalias make SEED N	stdin is a modules.alias: N aliases of each pattern, the first
 *				of which matches and the others just miss it. The same SEED
 *				makes the same
 *
 *	modalias patterns SEED COUNT, modalias aliases SEED COUNT
 *				random ones of few characters, so that many match
 *
 * Built with -D_GNU_SOURCE -DSHIM_ROOT -Itestsuite/shim -Iapplets, with mdevd_modalias.c.
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdevd.h"

const char *shim_root = "";
long shim_later_ms;

/* Counts allocations that are not freed. The buffers of stdio are not among them */
static int allocated;
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
void *__libc_malloc(size_t size);
void __libc_free(void *p);
void *malloc(size_t size)
{
	allocated++;
	return __libc_malloc(size);
}
void free(void *p)
{
	allocated -= (p != NULL);
	__libc_free(p);
}
#endif

static int plain(void)
{
	char line[4096];

	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		puts(mdevd_modalias_accept_command(line) ? "plain" : "other");
	}
	return 0;
}

static void unescape(char *s)
{
	char *to = s;
	unsigned c;

	while ((*to = *s++) != '\0') {
		if (*to == '\\' && *s == 'n') {
			*to = '\n';
			s++;
		} else if (*to == '\\' && *s == 't') {
			*to = '\t';
			s++;
		} else if (*to == '\\' && *s == 'x' && sscanf(s, "x%2x", &c) == 1) {
			*to = c;
			s += 3;
		}
		to++;
	}
}

static int lowest_fd(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

static int ask(void)
{
	static char line[16384];
	int fd = lowest_fd();

	mdevd_modalias_accept_command("@modprobe $MODALIAS");
	while (fgets(line, sizeof(line), stdin)) {
		int before = allocated;
		int needed;

		line[strcspn(line, "\n")] = '\0';
		unescape(line);
		needed = mdevd_modalias_needs_modprobe(line);
		if (allocated != before || lowest_fd() != fd) {
			puts(allocated != before ? "keeps memory" : "leaves a file open");
			return 1;
		}
		puts(needed ? "needed" : "useless");
		fflush(stdout);
	}
	return 0;
}

/** Making aliases **/

static unsigned long long seed;

static unsigned rnd(unsigned below)
{
	/* Knuth's MMIX */
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (seed >> 33) % below;
}

static char rnd_char(void)
{
	return "0123456789ABCDEFabcdefxyz_-,."[rnd(29)];
}

/* A character that the set has, or has not. *set is behind its '['; leaves it behind ']' */
static char from_set(const char **set, int member)
{
	const char *s = *set, *end = strchr(s, ']');
	char has[512];
	unsigned n = 0;
	int c;

	*set = end + 1;
	for (; s < end; s++) {
		if (s + 2 < end && s[1] == '-') {
			for (c = s[0]; c <= s[2] && n < sizeof(has); c++)
				has[n++] = c;
			s += 2;
		} else if (n < sizeof(has))
			has[n++] = *s;
	}
	if (member)
		return has[rnd(n)];
	do {
		c = rnd_char();
	} while (memchr(has, c, n));
	return c;
}

/* miss: make it not match, somehow. It may match another pattern by that */
static void make(const char *p, int miss)
{
	static const char *const stars[] = { "", "", "0", "00000001", "-", "_x", "C", "a.b", "dc", "T(null)Cfoo" };
	char out[1024];
	char *s = out, *at;
	/* Where its literal characters are, but for the first */
	char *literal[1024];
	unsigned n = 0;
	unsigned how = miss ? 1 + rnd(6) : 0;

	while (*p && s < out + 900) {
		if (*p == '*') {
			s = stpcpy(s, stars[rnd(ARRAY_SIZE(stars))]);
			p++;
		} else if (*p == '?') {
			*s++ = rnd_char();
			p++;
		} else if (*p == '[' && strchr(p, ']')) {
			p++;
			*s++ = from_set(&p, how != 1);
		} else {
			literal[n] = s;
			n += (s != out);
			*s++ = ((*p == '-' || *p == '_') && rnd(3) == 0) ? "-_"[rnd(2)] : *p;
			p++;
		}
	}
	*s = '\0';
	at = n ? literal[rnd(n)] : out;
	switch (how) {
	case 1:
	case 2: /* another */
		*at = rnd_char();
		break;
	case 3: /* one less */
		memmove(at, at + 1, s - at);
		break;
	case 4: /* one more, at the end */
		*s++ = rnd_char();
		*s = '\0';
		break;
	case 5: /* one more. BusyBox ends it here */
		memmove(at + 1, at, s - at + 1);
		*at = '.';
		break;
	case 6: /* the other case */
		*at ^= 0x20;
		if (*at <= ' ' || *at > '~' || strchr("*?[]\\", *at))
			*at = 'x';
	}
	puts(out);
}

static int make_all(int n)
{
	char line[4096], pattern[4096];
	int i;

	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "alias %4095s ", pattern) == 1)
			for (i = 0; i < n; i++)
				make(pattern, i);
	}
	return 0;
}

/** Random ones **/

static void random_one(const char *const *words, unsigned n, int wild)
{
	static const char *const begins[] = { "of:N", "usb:v", "acpi:", "x:", "x-y:", "x:", "*:", "?:a", "acpi*:" };
	char out[64];
	/* One that can match anything is rare */
	char *s = stpcpy(out, begins[rnd(wild && rnd(500) == 0 ? 9 : 6)]);
	unsigned len = 1 + rnd(6);

	while (len--)
		s = stpcpy(s, words[rnd(n)]);
	puts(out);
}

static int random_ones(const char *what, unsigned count)
{
	static const char *const words[] = {
		"a", "a", "b", "C", "-", "_", ".", ":",
		/* only of patterns */
		"*", "*", "*", "?", "*T*C", "a", "b", "C", "a", "b", "-", "a", "b", "C", ".", "a", "b",
		"[ab]", "[a-b]", "[b-]", "[!a]", "[-_]",
	};
	int wild = (strcmp(what, "patterns") == 0);

	while (count--)
		random_one(words, wild ? ARRAY_SIZE(words) : 8, wild);
	return 0;
}

int main(int argc, char **argv)
{
	static char in[4096], out[4096];

	setvbuf(stdin, in, _IOFBF, sizeof(in));
	setvbuf(stdout, out, _IOFBF, sizeof(out));
	if (argc == 2 && strcmp(argv[1], "plain") == 0)
		return plain();
	if (argc == 4 && strcmp(argv[1], "ask") == 0) {
		shim_root = argv[2];
		shim_later_ms = atof(argv[3]) * 1000;
		return ask();
	}
	if (argc == 4) {
		seed = strtoull(argv[2], NULL, 0);
		if (strcmp(argv[1], "make") == 0)
			return make_all(atoi(argv[3]));
		return random_ones(argv[1], atoi(argv[3]));
	}
	fputs("usage: modalias plain | ask ROOT SECS | make SEED N | patterns SEED COUNT | aliases SEED COUNT\n", stderr);
	return 2;
}
