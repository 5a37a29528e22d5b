/* vi: set sw=4 ts=4: */
/*
 * Does mdev_pattern.c answer as the C library's regexec() does?
 *
 * Usage: pattern-fuzz LABEL SEED COUNT [MDEV_CONF...]
 *
 * Runs mdev_pattern.c's own table; compares COUNT pairs of a random ERE and a
 * string made for it, some with strings of 2 kB, and every ERE of the files
 * with a list of device names. Each pair is asked as the whole string and as a
 * search, with captures and without. The same SEED gives the same pairs.
 * Prints PASS: or FAIL: lines, and the pair that failed.
 * Exit status: 0, or 1 if anything failed.
 *
 * Stands alone, so that it can be built with any compiler and C library:
 * cc -D_GNU_SOURCE -Itestsuite/shim -Iapplets testsuite/pattern-fuzz.c
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "libbb.h"
#include <regex.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/param.h>
#include <sys/resource.h>
#include <sys/time.h>

/** What mdev_pattern.c wants of BusyBox, and the shim does not have **/

#define ENABLE_LOCALE_SUPPORT 0
#define ENABLE_UNIT_TEST 1
#define BUILD_BUG_ON(cond) _Static_assert(!(cond), #cond)

static void *xmalloc(size_t size)
{
	void *p = malloc(size);

	if (!p) {
		puts("FAIL: pattern: no memory");
		exit(1);
	}
	return p;
}

static char *regcomp_or_errmsg(regex_t *re, const char *text, int flags)
{
	int err = regcomp(re, text, flags);
	char *msg;

	if (!err)
		return NULL;
	msg = xmalloc(256);
	regerror(err, re, msg, 256);
	return msg;
}

static char *last_char_is(const char *s, int c)
{
	size_t len = strlen(s);

	return len && s[len - 1] == c ? (char*)s + len - 1 : NULL;
}

static int unit_failed;
#define BBUNIT_DEFINE_TEST(name) static void unit_##name(void)
#define BBUNIT_ENDTEST do { goto bbunit_end; bbunit_end: break; } while (0)
#define BBUNIT_ASSERT(cond) do { if (!(cond)) { \
		unit_failed = 1; \
		printf("FAIL: pattern: table, \"%s\": %s\n", tests[i].text, #cond); \
		goto bbunit_end; \
	} } while (0)
#define BBUNIT_ASSERT_EQ(a, b) BBUNIT_ASSERT((a) == (b))
#define BBUNIT_ASSERT_NULL(a) BBUNIT_ASSERT((a) == NULL)
#define BBUNIT_ASSERT_NOTNULL(a) BBUNIT_ASSERT((a) != NULL)
#define BBUNIT_ASSERT_STREQ(a, b) BBUNIT_ASSERT(strcmp(a, b) == 0)

#include "../applets/mdev_chars.c"
#include "../applets/mdev_pattern.c"

/** Asking both **/

static const char *label;

static struct {
	unsigned long pairs, decided, matched, captured, errors, stuck, failed;
} count;

static void print_string(const char *name, const char *s)
{
	const char *end = s + 200;

	printf("\t%s: \"", name);
	for (; *s && s < end; s++)
		printf(*s < ' ' || *s > '~' || *s == '"' || *s == '\\' ? "\\%03o" : "%c", (unsigned char)*s);
	printf(*s ? "\"...\n" : "\"\n");
}

static void print_off(const char *name, int match, const regmatch_t *off)
{
	int i;

	printf("\t%s: %s", name, match ? "match" : "no match");
	for (i = 0; match && i < MDEV_NGROUPS; i++)
		printf(" %d,%d", (int)off[i].rm_so, (int)off[i].rm_eo);
	printf("\n");
}

static void failed(const char *what, const char *text, const char *s)
{
	count.failed++;
	printf("FAIL: pattern: %s: %s\n", label, what);
	print_string("pattern", text);
	if (s)
		print_string("string", s);
}

static void compare(const struct mdev_pattern *p, const regex_t *re, const char *s, int search)
{
	regmatch_t want[MDEV_NGROUPS], got[MDEV_NGROUPS];
	uint32_t chars = 0;
	int i, yes, got_yes, same;

	memset(got, 77, sizeof(got));
	yes = regexec(re, s, MDEV_NGROUPS, want, 0) == 0;
	if (yes && !search)
		yes = want[0].rm_so == 0 && want[0].rm_eo == (int)strlen(s);
	got_yes = mdev_pattern_match(p, s, search ? NULL : got);
	same = yes == got_yes;
	if (same && yes && !search) {
		for (i = 0; i < MDEV_NGROUPS; i++)
			same &= want[i].rm_so == got[i].rm_so && want[i].rm_eo == got[i].rm_eo;
		count.captured += want[1].rm_so >= 0;
	}
	if (!same) {
		failed(search ? "search differs" : "whole match differs", p->text, s);
		print_off("regexec", yes, want);
		print_off("mdev_pattern", got_yes, got);
	}
	/* mdevd passes over rules by these chars. With MDEVD off they are not set */
	for (i = 0; s[i]; i++)
		chars |= mdev_char_bit(s[i]);
	if (ENABLE_MDEVD && yes && !search && !(p->first & mdev_char_bit(*s)))
		failed("matches a string that begins with another char", p->text, s);
	if (yes && (p->required & ~chars))
		failed("matches without a char that is required", p->text, s);
	if (!search && yes != mdev_pattern_match(p, s, NULL))
		failed("whole match without captures", p->text, s);
	count.matched += yes;
	count.decided += !p->re;
}

/* One ERE, ready to be asked in every way. Texts and strings are where nothing follows: for the sanitizers */
struct subject {
	char *text;
	regex_t re;
	struct mdev_pattern p[2];	/* [search] */
};

/* Returns 0 if both call it an error, in the same words */
static int subject_init(struct subject *u, const char *from)
{
	char *text = u->text = strdup(from);
	char *err[3];
	int i;

	err[2] = regcomp_or_errmsg(&u->re, text, REG_EXTENDED);
	for (i = 0; i < 2; i++)
		err[i] = mdev_pattern_init(&u->p[i], text, i);
	for (i = 0; i < 2; i++) {
		if (!err[i] != !err[2] || (err[2] && strcmp(err[i], err[2]) != 0)) {
			failed("not the same error", text, NULL);
			printf("\tregcomp: %s\n\tmdev_pattern: %s\n", err[2], err[i]);
		}
		if (err[i] && u->p[i].re)
			failed("holds memory after an error", text, NULL);
	}
	count.errors += err[2] != NULL;
	if (err[2] && !err[0])
		mdev_pattern_free(&u->p[0]);
	if (err[2] && !err[1])
		mdev_pattern_free(&u->p[1]);
	i = !err[0] && !err[1] && !err[2];
	if (!i)
		free(text);
	free(err[0]);
	free(err[1]);
	free(err[2]);
	return i;
}

static void subject_free(struct subject *u)
{
	regfree(&u->re);
	mdev_pattern_free(&u->p[0]);
	mdev_pattern_free(&u->p[1]);
	free(u->text);
}

/*
 * glibc's regexec() does not return from some repeated groups that can match
 * nothing: "(b?|.a*|)+" with "0b!" (2.36). Nobody is to answer then, unless
 * it is the text that decides.
 */
#ifndef STUCK_SECONDS
# define STUCK_SECONDS 5
#endif
static sigjmp_buf stuck;
static int stuck_ever;

static void time_is_up(int sig)
{
	siglongjmp(stuck, sig);
}

/* Of its own time, whatever else the machine does */
static void limit_seconds(int seconds)
{
	struct itimerval t = { .it_value.tv_sec = seconds };

	setitimer(ITIMER_PROF, &t, NULL);
}

static void subject_ask(const struct subject *u, const char *from)
{
	char *s = strdup(from);
	volatile int search = 0;

	count.pairs++;
	if (sigsetjmp(stuck, 1) != 0) {
		count.stuck++;
		stuck_ever = 1;
		if (!u->p[search].re)
			failed("does not return", u->text, s);
		return; /* s is lost: in the library, who knows */
	}
	limit_seconds(STUCK_SECONDS);
	for (; search < 2; search++)
		compare(&u->p[search], &u->re, s, search);
	limit_seconds(0);
	free(s);
}

/** Random pairs: an ERE is a list of pieces, so that strings can be made for it **/

static uint64_t seed;

/* 0 to n-1. Knuth's linear congruential generator (MMIX), upper half */
static unsigned rnd(unsigned n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(seed >> 33) % n;
}

static int percent(unsigned n)
{
	return rnd(100) < n;
}

struct piece {
	char text[32];	/* of the atom */
	char chars[256]; /* that it takes; NUL-ended */
	char quantifier; /* or NUL */
	char open, close; /* parens around it: how many */
	char repeat;	/* quantifier behind the closing one, or NUL */
	char is_words;	/* text is not an atom, but words with '|' between them */
};

/* Few chars, that they meet often; the others now and then */
static char any_char(void)
{
	if (percent(3))
		return 1 + rnd(255);
	return "aaabbc001/:!-_.A"[rnd(16)];
}

static void add_char(char *chars, char c)
{
	if (!strchr(chars, c)) {
		chars += strlen(chars);
		chars[0] = c;
		chars[1] = '\0';
	}
}

static void make_bracket(struct piece *p)
{
	static const char *const ranges[] = { "0-9", "a-z", "a-b", "0-1", "A-Z", "b-c", "!-/", "b-a", "a-", "[:digit:]" };
	char members[256] = "";
	char *t = p->text;
	int c, n, negated = percent(10);

	*t++ = '[';
	if (negated)
		*t++ = '^';
	for (n = 1 + rnd(3); n > 0; n--) {
		if (percent(45)) {
			unsigned r = percent(96) ? rnd(7) : rnd(ARRAY_SIZE(ranges));

			t = stpcpy(t, ranges[r]);
			if (r < 7) {
				for (c = ranges[r][0]; c <= ranges[r][2]; c++)
					add_char(members, c);
			}
		} else {
			*t = percent(97) ? "abbc0011/:_.!*?$"[rnd(16)] : any_char();
			add_char(members, *t++);
		}
	}
	if (percent(5)) {
		*t++ = '-';
		add_char(members, '-');
	}
	*t++ = ']';
	*t = '\0';
	if (!negated) {
		strcpy(p->chars, members[0] ? members : "0");
		return;
	}
	/* some of the others */
	for (n = 0; n < 12; n++) {
		char other = any_char();

		if (!strchr(members, other))
			add_char(p->chars, other);
	}
	if (!p->chars[0])
		strcpy(p->chars, "\n");
}

/* Alternatives, and sometimes one that is a prefix of another or empty */
static void make_words(struct piece *p)
{
	static const char *const words[] = { "ab", "b", "ca", "0", "1b", "c0", "_a0", "a", "bb", "b0", "", "b*", "a?" };
	int n = 2 + rnd(3);

	p->is_words = 1;
	while (n-- > 0) {
		strcat(p->text, words[rnd(percent(20) ? 13 : 7)]);
		if (n)
			strcat(p->text, "|");
	}
}

static char *add_word(const struct piece *p, char *end)
{
	const char *word = p->text;
	int k = rnd(4);

	while (k-- > 0 && strchr(word, '|'))
		word = strchr(word, '|') + 1;
	while (*word && *word != '|' && *word != '*' && *word != '?')
		*end++ = *word++;
	/* "b*" and "a?" may take nothing */
	if ((*word == '*' || *word == '?') && percent(50))
		end--;
	return end;
}

static void make_piece(struct piece *p)
{
	unsigned kind = rnd(100);

	memset(p, 0, sizeof(*p));
	if (percent(10)) {
		make_words(p);
		return;
	}
	if (kind < 50) {
		p->text[0] = p->chars[0] = percent(98) ? "aaabbc001/:!-_,A"[rnd(16)] : any_char();
	} else if (kind < 58) {
		p->text[0] = '\\';
		p->text[1] = p->chars[0] = percent(95) ? '!' + rnd('/' - '!' + 1) : any_char();
		if (percent(50))
			p->text[1] = p->chars[0] = "\\[].:*+?()|^$@#/{}019<>`'abwWsSnt"[rnd(33)];
	} else if (kind < 68) {
		p->text[0] = '.';
		while (strlen(p->chars) < 6)
			add_char(p->chars, any_char());
	} else {
		make_bracket(p);
	}
	if (percent(25))
		p->quantifier = "***++?"[rnd(6)];
}

enum { MAX_PIECES = 12 };

/* Chars that mean something, in no order */
static void make_soup(char *text)
{
	static const char *const sets[] = { "[[]]-^ab\\", "a(b)*+?.[]c", "\\\\():.*+?|!a/-,1<bw", "{}|^$a(1,)*\\" };
	const char *set = sets[rnd(ARRAY_SIZE(sets))];
	int n = 1 + rnd(7);

	while (n-- > 0)
		*text++ = percent(97) ? set[rnd(strlen(set))] : any_char();
	*text = '\0';
}

/* Writes an ERE into text, and into pieces what it is made of. Returns their number; 0: they are not known */
static int make_pattern(char *text, struct piece *pieces)
{
	int i, n = 1 + rnd(7), open = 0;
	int groups = percent(50), odd = percent(10), either = percent(50);
	int anchors = percent(15);
	char *t = text;

	if (percent(15)) {
		make_soup(text);
		return 0;
	}
	if (anchors && percent(80))
		*t++ = '^';
	for (i = 0; i < n; i++) {
		struct piece *p = &pieces[i];

		make_piece(p);
		if (!p->is_words && ((i == 0 && percent(25)) || (i == n - 1 && percent(25)))) {
			strcpy(p->text, ".");
			strcpy(p->chars, "ab0/:!");
			p->quantifier = percent(90) ? '*' : '+';
		}
		if (groups) {
			p->open = (!open || (odd && percent(30))) && percent(30);
			open += p->open;
			p->close = open && (i == n - 1 || percent(50));
			open -= p->close;
			if (p->close && odd && !either && percent(30))
				p->repeat = "*+?"[rnd(3)];
		}
		if (p->is_words && !open && !p->open && (n > 1 || percent(50)))
			p->open = p->close = 1;
		if (p->open)
			*t++ = '(';
		t = stpcpy(t, p->text);
		if (p->quantifier)
			*t++ = p->quantifier;
		if (odd && percent(15))
			t = stpcpy(t, either ? "|" : percent(50) ? "{1,2}" : "{0}");
		if (p->close)
			*t++ = ')';
		if (p->repeat)
			*t++ = p->repeat;
	}
	if (anchors && percent(80))
		*t++ = '$';
	*t = '\0';
	/* something that does not belong there */
	if (percent(6)) {
		i = rnd(strlen(text) + 1);
		memmove(text + i + 1, text + i, strlen(text + i) + 1);
		text[i] = percent(90) ? "()[]{}*+?.\\|^$"[rnd(14)] : any_char();
	}
	return n;
}

/* A string that the pieces match, or nearly; without pieces, of the text's own chars */
static void make_string(char *s, const char *text, const struct piece *pieces, int n)
{
	char *end = s;
	int i, k, len = strlen(text);

	if (n == 0) {
		for (k = rnd(6); len && k > 0; k--)
			*end++ = text[rnd(len)];
	}
	for (i = 0; i < n; i++) {
		const struct piece *p = &pieces[i];

		k = 1;
		if (p->quantifier == '*')
			k = rnd(4);
		if (p->quantifier == '+')
			k = 1 + rnd(3);
		if (p->quantifier == '?')
			k = rnd(2);
		if (p->is_words) {
			end = add_word(p, end);
			k = 0;
		}
		while (k-- > 0)
			*end++ = p->chars[rnd(strlen(p->chars))];
	}
	*end = '\0';
	while (percent(35)) {
		len = strlen(s);
		i = rnd(len + 1);
		switch (rnd(6)) {
		case 0: /* one less */
			if (s[i])
				memmove(s + i, s + i + 1, len - i);
			break;
		case 1: /* another one */
			if (s[i])
				s[i] = any_char();
			break;
		case 2: /* once more */
			if (i > 0 && len < 100) {
				memmove(s + len, s + len - i, i);
				s[len + i] = '\0';
			}
			break;
		case 3: /* cut */
			s[i] = '\0';
			break;
		default: /* one more */
			memmove(s + i + 1, s + i, len - i + 1);
			s[i] = any_char();
		}
	}
}

static void random_pairs(unsigned long n)
{
	struct piece pieces[MAX_PIECES];
	char text[MAX_PIECES * 48];
	char s[1024];

	while (count.pairs < n && count.failed < 10) {
		int i, n_pieces = make_pattern(text, pieces);
		struct subject u;

		if (!subject_init(&u, text))
			continue;
		for (i = 0; i < 8; i++) {
			make_string(s, text, pieces, n_pieces);
			subject_ask(&u, s);
		}
		subject_free(&u);
	}
}

/* As long as an event's strings may be. The time of a match must be in proportion */
static void long_strings(void)
{
	static const char *const patterns[] = {
		"a*", "(.*)a", "(.*)a(.*)", ".*[a-z]*!", "[a-z]+a!*", "(a*)([ab]*)", "a?a", "a*b*", ".*a!b", "aaaaaaaa(.)",
		".*a.*b", "(a*)*", "[a-z]*a?a?a?b", "[ab]*a[ab]*a[ab]*a[ab]*!", "[a:]*\\:[a:]*\\:[a:]*\\:[a:]*!", "a?.a?.a?.a*.*!",
		"[ab]+[ab]+[ab]+[ab]+!", "[ab]*.[ab]*.[ab]*.[ab]*!", "[ab]*c?a[ab]*c?a[ab]*c?a[ab]*!",
	};
	char s[2048];
	unsigned i, k;

	for (i = 0; i < ARRAY_SIZE(patterns) && !count.failed; i++) {
		struct subject u;

		subject_init(&u, patterns[i]);
		for (k = 0; k < 8; k++) {
			memset(s, k & 4 ? ':' : 'a', sizeof(s));
			if (k & 1)
				memset(s + 1000, 'b', 100);
			strcpy(s + sizeof(s) - 2, k & 2 ? "!" : "a");
			subject_ask(&u, s);
		}
		subject_free(&u);
	}
}

/* A match that fails for want of memory is an error, not a mismatch */
static void without_memory(void)
{
#if defined __SANITIZE_ADDRESS__
	printf("SKIPPED: pattern: %s: regexec() without memory (the sanitizers do not return NULL)\n", label);
#else
	struct mdev_pattern p;
	struct rlimit all, none;
	void *list = NULL, **block;
	size_t size, sum = 0;
	int result;

	/* The library must be needed, and never have matched before */
	free(mdev_pattern_init(&p, "(x|.a)*([^x]y|a)*", 0));
	getrlimit(RLIMIT_AS, &all);
	none = all;
	none.rlim_cur = 0;
	setrlimit(RLIMIT_AS, &none);
	for (size = 1 << 16; size >= sizeof(void *); size /= 2) {
		while (sum < 64 << 20 && (block = malloc(size)) != NULL) {
			*block = list;
			list = block;
			sum += size;
		}
	}
	result = mdev_pattern_match(&p, "xxaayaya", NULL);
	while ((block = list) != NULL) {
		list = *block;
		free(block);
	}
	setrlimit(RLIMIT_AS, &all);
	if (sum >= 64 << 20)
		printf("SKIPPED: pattern: %s: regexec() without memory (memory cannot be limited here)\n", label);
	else if (result != -1 || mdev_pattern_match(&p, "xxaayaya", NULL) < 0)
		failed("regexec() without memory is not reported", p.text, NULL);
	else
		printf("PASS: pattern: %s: regexec() without memory is reported\n", label);
	mdev_pattern_free(&p);
#endif
}

/** What is in use out there **/

static unsigned long corpus_patterns, corpus_decided;
static struct {
	char *text;
	int search, decided;
} seen[2000]; /* files have much in common */
static unsigned n_seen;

/* Names as the kernel gives them: each of the first with each of the second */
static const char *const names[] = {
	"null", "zero", "mem", "kmem", "random", "tty", "ttyS", "ttyUSB", "ptyp", "console", "vcs", "vcsa",
	"sd", "sda", "sdb1", "hda", "hdc", "sr", "vd", "xvda", "mmcblk0", "mmcblk0p", "mmcblk0boot", "ram", "loop", "md",
	"fd", "dri/card", "snd/pcmC0D", "snd/controlC", "input/event", "input/mouse", "event", "mouse", "js", "usbdev1.",
	"bus/usb/001/00", "cciss!c0d", "cciss/c0d", "ida!c0d", "rd/c0d", "i2c-", "video", "net/tun", "tap", "eth", "wlan",
	"nvme0n", "watchdog", "cpu", "msr", "input/input", "0:0:0:", "12:34:5:6", "block", "net", "usb_device", "disk", "partition",
	"usb:v1D6Bp0002d0510dc09dsc00dp01ic09isc00ip00in", "platform:serial", "/devices/virtual/net/lo", "change",
};
static const char *const tails[] = { "", "0", "1", "12", "255", "a", "a1", "p1", "/x", "!d0", "D0p", "-1", "_ep00", ":0" };

static void corpus_pattern(const char *text, int search)
{
	struct subject u;
	unsigned i, k;
	char s[128];

	corpus_patterns++;
	for (i = 0; i < n_seen; i++) {
		if (seen[i].search == search && strcmp(seen[i].text, text) == 0) {
			corpus_decided += seen[i].decided;
			return;
		}
	}
	if (!subject_init(&u, text)) {
		failed("an ERE that is in use", text, NULL);
		return;
	}
	corpus_decided += !u.p[search].re;
	if (n_seen < ARRAY_SIZE(seen)) {
		seen[n_seen].text = strdup(text);
		seen[n_seen].search = search;
		seen[n_seen++].decided = !u.p[search].re;
	}
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		for (k = 0; k < ARRAY_SIZE(tails); k++) {
			snprintf(s, sizeof(s), "%s%s", names[i], tails[k]);
			subject_ask(&u, s);
		}
	}
	subject_free(&u);
}

/* [-][VAR=regex;]...regex, @maj,min or $VAR=regex */
static void corpus_match(char *text)
{
	char *eq, *semicolon;

	text += *text == '-';
	for (;;) {
		eq = text + strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
		semicolon = strchr(eq, ';');
		if (eq == text || *eq != '=' || !semicolon)
			break;
		*semicolon = '\0';
		corpus_pattern(eq + 1, 1);
		text = semicolon + 1;
	}
	if (*text == '@')
		return;
	eq = strchr(text, '=');
	corpus_pattern(*text == '$' && eq ? eq + 1 : text, 0);
}

static int corpus_file(const char *file)
{
	char line[4096];
	FILE *f = fopen(file, "r");

	if (!f) {
		printf("FAIL: pattern: cannot read %s\n", file);
		return 0;
	}
	while (fgets(line, sizeof(line), f)) {
		char *text = strtok(line, " \t\n");

		if (text && *text != '#')
			corpus_match(text);
	}
	fclose(f);
	return 1;
}

int main(int argc, char **argv)
{
	int i, status = 0;

	if (argc < 4) {
		fprintf(stderr, "usage: pattern-fuzz LABEL SEED COUNT [MDEV_CONF...]\n");
		return 1;
	}
	label = argv[1];
	seed = strtoull(argv[2], NULL, 0);
	signal(SIGPROF, time_is_up);

	unit_mdev_pattern();
	if (!unit_failed)
		printf("PASS: pattern: %s: the table of mdev_pattern.c\n", label);
	status |= unit_failed;

	random_pairs(strtoul(argv[3], NULL, 0));
	/* of each kind a good part, or it shows nothing */
	if (count.matched < count.pairs / 2 || count.decided < (ENABLE_MDEVD ? count.pairs / 4 : 0)
	 || count.captured < count.pairs / 8 || count.errors < count.pairs / 1000
	) {
		count.failed++;
		printf("FAIL: pattern: %s: too few pairs of some kind\n", label);
	}
	printf("%s: pattern: %s: %lu random pairs, seed %s, each as whole and as search: "
		"%lu matches, %lu with groups, %lu of %lu decided by text; %lu errors, %lu times regexec did not return\n",
		count.failed ? "FAIL" : "PASS", label, count.pairs, argv[2],
		count.matched, count.captured, count.decided, 2 * count.pairs, count.errors, count.stuck);
	status |= count.failed != 0;

	memset(&count, 0, sizeof(count));
	without_memory();
	long_strings();
	printf("%s: pattern: %s: %lu pairs with strings of 2 kB, %lu matches\n",
		count.failed ? "FAIL" : "PASS", label, count.pairs, count.matched);
	status |= count.failed != 0;

	if (argc > 4) {
		memset(&count, 0, sizeof(count));
		for (i = 4; i < argc; i++)
			count.failed += !corpus_file(argv[i]);
		printf("%s: pattern: %s: %d files, %lu patterns, %u different, %lu decided by text; %lu pairs with names, %lu matches\n",
			count.failed ? "FAIL" : "PASS", label, argc - 4, corpus_patterns, n_seen, corpus_decided,
			count.pairs, count.matched);
		status |= count.failed != 0;
	}
	/* What a library did not return is not for the leak sanitizer */
	fflush(stdout);
	if (stuck_ever)
		_exit(status);
	return status;
}
