/* vi: set sw=4 ts=4: */
/*
 * One extended regular expression of mdev.conf, answered from its text
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "libbb.h"
#include "xregex.h"
#include "mdev_rules.h"

/*
 * Nearly all lines of real files are like "null", "tty[0-9]*", "snd/.*",
 * "ram([0-9]*)" or "[0-9]+\:[0-9]+". The regex library takes 2 kB and more for
 * each of them, and memory and half a microsecond for each question. But such
 * a text is a program already: it is read beside the string, an atom at a time.
 *
 * The text decides if it is made of
 *	- atoms: a char, an escaped one, '.', a [bracket] of chars and ranges,
 *	  each perhaps with one of "*+?" if the whole string is to match;
 *	- groups around some of them, not nested and not repeated;
 * and if one of the repeated atoms at most could take the char that the next
 * atom wants. So there is one way to read a string, or one number to choose,
 * the largest; no room for different opinions on where a group begins and
 * ends, and no more steps than the square of the string's length.
 *
 * All else is for the library, errors too: whatever is accepted here, regcomp()
 * of glibc and of musl accepts and answers alike. It is asked only if the
 * string has the literal chars that the text begins with.
 */

/* What atom() says: flags, and the atom's length times LENGTH */
enum {
	TAKES    = 1 << 0,
	MANY     = 1 << 1,
	OPTIONAL = 1 << 2,
	VARIABLE = MANY | OPTIONAL,
	LENGTH   = 1 << 3,
};

enum {
	/* mdev asks each rule once: there the library will do for all but literals */
	BY_TEXT = ENABLE_MDEVD,
	MAX_PARENS = 2 * (MDEV_NGROUPS - 1),
	/* text_match() calls itself once for each variable atom: at most half as many */
	MAX_TEXT = 0xff,
};

/* The chars that end a literal text; from +6 on, those that say something of the char before */
static const char special[] ALIGN1 = "\\[].()" "*+?" "{}|^$";
#define SPECIAL_SUFFIX (special + 6)
#define SPECIAL_FOREIGN (special + 9)

/*
 * The atom at t and its quantifier: does it take the char c?
 * c is NUL: none does; -1 if this is no atom, or one that only the library understands
 */
static int atom(const char *t, unsigned char c)
{
	const char *begin = t;
	unsigned char lo = *t++;
	int flags = 0;

	if (lo == '[') {
		do {
			unsigned hi;

			hi = lo = *t++;
			if (lo == '\0')
				return -1;
			if (*t == '-') {
				hi = (unsigned char)t[1];
				t += 2;
			}
			if (c != '\0') {
				if (lo <= c && c <= hi)
					flags = TAKES;
			} else if (hi < lo || (hi - '.' > 'Z' - '.' && hi - '^' > 'z' - '^')) {
				/* backwards; not ASCII; or one of "[\]-", which mean different things in different places */
				return -1;
			}
		} while (*t != ']');
		t++;
	} else if (lo == '.') {
		flags = (c != '\0');
	} else {
		if (lo == '\\') {
			lo = *t++;
			/* "()*+,-./:" are sure to be themselves then, others may be operators */
			if (lo != ':' && (unsigned char)(lo - '(') > '/' - '(')
				return -1;
		} else if (lo == '*' || lo == '+' || lo == '?') {
			return -1;
		}
		flags = (lo == c);
	}
	if (*t == '*' || *t == '+')
		flags |= MANY;
	if (*t == '*' || *t == '?')
		flags |= OPTIONAL;
	if (flags & VARIABLE)
		t++;
	return flags + (t - begin) * LENGTH;
}

/* Does the text decide? Counts its parens */
static int text_decides(struct mdev_pattern *p)
{
	const char *t = p->text;
	const char *pending = NULL; /* the atom before, if it is variable */
	unsigned parens = 0;
	int choices = 0;

	if (!BY_TEXT)
		return !p->search && !t[strcspn(t, special)];
	if (strpbrk(t, SPECIAL_FOREIGN))
		return 0;

	while (*t) {
		int a;

		/* Other locales have ideas of their own about chars and ranges */
		if (ENABLE_LOCALE_SUPPORT && (p->search || (*t & 0x80) || strchr(special, *t)))
			return 0;

		if (*t == '(' || *t == ')') {
			/* an even number came before each '(' */
			if (*t++ - '(' != (parens++ & 1))
				return 0;
			continue;
		}
		a = atom(t, '\0');
		if (a < 0)
			return 0;
		if (pending) {
			unsigned char c = *t;

			if (c == '\\')
				c = t[1];
			/* Is the char sure to end what is pending? If not, how many it takes is a choice */
			if (c == '.' || c == '[' || (a & OPTIONAL) || (atom(pending, c) & TAKES)) {
				if (choices++)
					return 0;
			}
		}
		pending = NULL;
		if (a & VARIABLE) {
			/* A search wants the longest match: not always the first that is found */
			if (p->search)
				return 0;
			pending = t;
		}
		t += a / LENGTH;
	}
	p->parens = parens;
	return !(parens & 1) && parens <= MAX_PARENS && t - p->text <= MAX_TEXT;
}

/*
 * Reads the string at s by the text at t. Returns the end of what it takes, or
 * NULL; the end of the string if it has variable atoms. Where parens are, as
 * offsets from start, goes to off[] in turn.
 */
static const char *text_match(const char *t, const char *s, const char *start, regoff_t *off)
{
	while (*t) {
		const char *min, *end;
		int a;

		if (*t == '(' || *t == ')') {
			*off++ = s - start;
			t++;
			continue;
		}
		min = s;
		do {
			a = atom(t, *s);
			if (!(a & TAKES))
				break;
			s++;
		} while (a & MANY);
		t += (unsigned)a / LENGTH;
		if (!(a & OPTIONAL) && s == min++)
			return NULL;
		if (a & VARIABLE) {
			for (; s >= min; s--) {
				end = text_match(t, s, start, off);
				if (end && !*end)
					return end;
			}
			return NULL;
		}
	}
	return s;
}

/*
 * Does the pattern match s: all of it, or some part if it was made for search?
 * Nonzero if so. off: NULL, or room for MDEV_NGROUPS; after a match they are
 * what regexec() says, -1 for groups that are not there.
 * Never dies. No memory is allocated, but by regexec() if p->re is there.
 * ../testsuite/pattern-fuzz.c compares it with regexec().
 */
int FAST_FUNC mdev_pattern_match(const struct mdev_pattern *p, const char *s, regmatch_t *off)
{
	regmatch_t own[MDEV_NGROUPS];
	const char *from = s;

	/* The offsets of one group follow those of the one before: so do parens */
	BUILD_BUG_ON(sizeof(regmatch_t) != 2 * sizeof(regoff_t));

	if (!off) {
		/* What most rules with a condition have */
		if (BY_TEXT && strcmp(p->text, ".*") == 0)
			return 1;
		off = own;
	}
	do {
		const char *t = p->text;
		const char *end = from;
		unsigned n = BY_TEXT ? p->prefix : 0;

		while (n && *t == *end)
			n--, t++, end++;
		if (n)
			continue;
		if (!BY_TEXT && !p->re) {
			/* A literal, not searched for: all that the text decides here */
			if (strcmp(t, s) != 0)
				break;
			memset(off + 1, -1, (MDEV_NGROUPS - 1) * sizeof(*off));
			off[0].rm_so = 0;
			off[0].rm_eo = strlen(s);
		} else if (p->re) {
			if (regexec(p->re, s, MDEV_NGROUPS, off, 0) != 0)
				break;
		} else {
			regoff_t *parens = (regoff_t *)(off + 1);

			end = text_match(t, end, s, parens);
			if (!end)
				continue;
			off[0].rm_so = from - s;
			off[0].rm_eo = end - s;
			memset(parens + p->parens, -1, (MAX_PARENS - p->parens) * sizeof(*parens));
		}
		if (p->search || (off[0].rm_so == 0 && !s[off[0].rm_eo]))
			return 1;
	} while (BY_TEXT && p->search && *from++);
	return 0;
}

/*
 * Prepares p for the ERE in text, which stays the caller's and outlives p.
 * search: 1 if a match anywhere counts, 0 if all of the string must match.
 * Returns NULL, or why the ERE is none, to be freed; p holds nothing then.
 * Dies if there is no memory.
 */
char* FAST_FUNC mdev_pattern_init(struct mdev_pattern *p, const char *text, int search)
{
	char *err = NULL;

	memset(p, 0, sizeof(*p));
	p->text = text;
	p->search = search;
	if (BY_TEXT && !strchr(text, '|')) {
		unsigned n = strcspn(text, special);

		/* The last of them may be under a "*", "?" or "{0}" */
		if (n && strchr(SPECIAL_SUFFIX, text[n]))
			n--;
		p->prefix = n < 0xff ? n : 0xff;
	}
	if (!text_decides(p)) {
		regex_t *re = xmalloc(sizeof(*re));

		err = regcomp_or_errmsg(re, text, REG_EXTENDED);
		if (err)
			free(re);
		else
			p->re = re;
	}
	return err;
}

/* Gives back what p holds, which is not its text */
void FAST_FUNC mdev_pattern_free(struct mdev_pattern *p)
{
	if (p->re) {
		regfree(p->re);
		free(p->re);
	}
}

#if ENABLE_UNIT_TEST

BBUNIT_DEFINE_TEST(mdev_pattern)
{
	/* regexec()'s own answers; off: where it and the groups match, "-" a group that is not there */
	static const struct {
		const char *text;
		const char *s;
		const char *off; /* NULL: no match */
		char search;
		char library; /* is to be asked */
	} tests[] = {
		{ "null", "null", "0,4" },
		{ "null", "nul", NULL },
		{ "null", "null0", NULL },
		{ "null", "snull", NULL },
		{ "", "", "0,0" },
		{ "", "x", NULL },
		{ ".*", "", "0,0" },
		{ ".*", "any\n\377", "0,5" },
		{ "tty[0-9]*", "tty", "0,3" },
		{ "tty[0-9]*", "tty63", "0,5" },
		{ "tty[0-9]*", "ttyS0", NULL },
		{ "sd[a-z].*", "sda1", "0,4" },
		{ "sd[a-z].*", "sd", NULL },
		{ "[hs]d[a-z][0-9]?", "hdc", "0,3" },
		{ "[hs]d[a-z][0-9]?", "sdc10", NULL },
		{ "ram([0-9]*)", "ram", "0,3 3,3" },
		{ "ram([0-9]*)", "ram15", "0,5 3,5" },
		{ "event[0-9]+", "event", NULL },
		{ "usbdev[0-9].[0-9]_.*", "usbdev1.2_ep00", "0,14" },
		{ "[0-9]+\\:[0-9]+\\:([0-9]+)", "1:22:333", "0,8 5,8" },
		{ "vcsa*[0-9]*", "vcsaa7", "0,6" },
		{ "cciss!(.*)", "cciss!c0d0", "0,10 6,10" },
		{ "(.*)!(.*)", "a!b!c", "0,5 0,3 4,5" },
		{ "(.*)!(.*)", "abc", NULL },
		{ "(usb)([0-9]?)(x*)", "usb1", "0,4 0,3 3,4 4,4" },
		{ "[^a-c]+", "xyz", "0,3", 0, 1 },
		{ "[^a-c]+", "xyb", NULL, 0, 1 },
		{ "i2c-[0-9]", "i2c-1", "0,5" },
		{ "[a-z_-]*", "a-b_c", "0,5", 0, 1 },
		{ "a\\.b\\*", "a.b*", "0,4" },
		{ "a\\.b", "a1b", NULL },
		{ ".*[0-9]", "sda1", "0,4" },
		{ ".*[0-9]", "sda", NULL },
		{ "blo", "block", "0,3", 1 },
		{ "ock", "block", "2,5", 1 },
		{ "ock", "oc", NULL, 1 },
		{ ".*/net/.*", "/devices/net/eth0", "0,17", 1, 1 },
		{ ".*/net/.*", "/devices/network", NULL, 1, 1 },
		{ "[0-9]+", "sda12b3", "3,5", 1, 1 },
		{ "x*", "abc", "0,0", 1, 1 },
		{ "b+", "", NULL },
		{ "a.*c", "abcd", NULL },
		{ "a.*c", "abcdc", "0,5" },
		{ "a*(a)(.)", "aaab", "0,4 2,3 3,4" },
		{ "(a)(b)(c)(d)(e)(f)(g)(h)(i)", "abcdefghi", "0,9 0,1 1,2 2,3 3,4 4,5 5,6 6,7 7,8 8,9" },
		{ "[.*+?(|)]\\.[a-c0-9/]", "?.b", "0,3", 0, 1 },
		{ "[.0-9]\\.[a-c0-9/]", "..b", "0,3" },
		{ "(u).b", "xusb", "1,4 1,2", 1 },
		{ "", "x", "0,0", 1 },
		{ "a.*b.*c", "abbcbc", "0,6", 0, 1 },
		{ "a+*", "", "0,0", 0, 1 },
		{ "(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)", "abcdefghij", "0,10 0,1 1,2 2,3 3,4 4,5 5,6 6,7 7,8 8,9", 0, 1 },
		{ ".*a", "bab", "0,2", 1, 1 },
		{ "sd[a-h][0-9]{1,2}", "sdb12", "0,5", 0, 1 },
		{ "sd[a-h][0-9]{1,2}", "ttyb12", NULL, 0, 1 },
		{ "(disk|partition)", "disk", "0,4 0,4", 0, 1 },
		{ "(a)|(b)", "b", "0,1 - 0,1", 0, 1 },
		{ "ab{0}", "a", "0,1", 0, 1 },
		{ "^sd.$", "sda", "0,3", 1, 1 },
		{ "[[:digit:]]", "7", "0,1", 0, 1 },
		{ "(a*)*", "aa", "0,2 0,2", 0, 1 },
		{ "[]a]", "]", "0,1", 0, 1 },
		{ "a\\", NULL, NULL, 0, 1 },
		{ "(a", NULL, NULL, 0, 1 },
		{ "[a", NULL, NULL, 0, 1 },
		{ "[z-a]", NULL, NULL, 0, 1 },
		{ "a{2,1}", NULL, NULL, 0, 1 },
	};
	struct mdev_pattern p;
	int i;

	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		regmatch_t off[MDEV_NGROUPS];
		char buf[MDEV_NGROUPS * sizeof(" -1,-1")];
		char *b = buf;
		char *err = mdev_pattern_init(&p, tests[i].text, tests[i].search);
		int n;

		if (!tests[i].s) {
			BBUNIT_ASSERT_NOTNULL(err);
			free(err);
			continue;
		}
		BBUNIT_ASSERT_NULL(err);
		if (BY_TEXT && !ENABLE_LOCALE_SUPPORT)
			BBUNIT_ASSERT_EQ(tests[i].library, p.re != NULL);
		n = mdev_pattern_match(&p, tests[i].s, NULL);
		BBUNIT_ASSERT_EQ(tests[i].off != NULL, n != 0);
		n = mdev_pattern_match(&p, tests[i].s, off);
		BBUNIT_ASSERT_EQ(tests[i].off != NULL, n != 0);
		if (n) {
			int g, groups = MDEV_NGROUPS;

			while (off[groups - 1].rm_so < 0)
				groups--;
			for (g = 0; g < groups; g++) {
				if (off[g].rm_so < 0)
					b += sprintf(b, " -");
				else
					b += sprintf(b, " %d,%d", (int)off[g].rm_so, (int)off[g].rm_eo);
			}
			BBUNIT_ASSERT_STREQ(tests[i].off, buf + 1);
		}
		mdev_pattern_free(&p);
	}

	BBUNIT_ENDTEST;
}

#endif /* ENABLE_UNIT_TEST */
