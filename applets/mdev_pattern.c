/* vi: set sw=4 ts=4: */
/*
 * One extended regular expression (ERE) of mdev.conf, matched by its text where possible
 *
 * Copyright (C) 2026 mdevd for BusyBox maintainers
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "libbb.h"
#include "xregex.h"
#include "mdev_rules.h"

/*
 * Nearly all EREs of real files look like "null", "tty[0-9]*", "snd/.*", "(mem|kmem)"
 * or "[0-9]+\:[0-9]+". The regex library allocates 2 kB and more for each of them and
 * takes half a microsecond per match. Such a text is simple enough to be interpreted
 * directly, without memory. It consists of
 *	- atoms: a char, an escaped char, '.', or a [bracket] of chars and ranges,
 *	  each optionally followed by one of "*+?" if the whole string is matched;
 *	- groups of atoms, neither nested nor repeated;
 *	- alternatives without quantifiers, none of them a prefix of another:
 *	  "a|b", "(a|b)c";
 *	- '^' at the beginning and '$' at the end.
 * A search must be for plain chars, for "." or "^text$", which matches the whole string.
 *
 * The result must be that of regexec(), group offsets included. Therefore a repeated
 * atom must not take a char that the next atom takes: there is only one way to divide
 * a string among the parts of the text, and matching never backtracks. All other
 * texts are left to the library, which accepts every simple text and reports errors.
 */

/* glibc's and uClibc's regexec() returns REG_NOMATCH even if it runs out of memory */
#ifdef __GLIBC__
# define REGEXEC_HIDES_ERRORS 1
#else
# define REGEXEC_HIDES_ERRORS 0
#endif

/* The chars of an ERE that do not stand for themselves */
const char mdev_ere_special[] ALIGN1 = "*+?{" "}\\[].()|^$";

/* An atom's flags; its length, quantifier included, is in the bits above them */
enum {
	TAKES    = 1 << 0,	/* takes the char in question */
	REPEATED = 1 << 1,	/* "*+" */
	OPTIONAL = 1 << 2,	/* "*?" */
	LENGTH_SHIFT = 3,
};

/* Does c stand for itself in a bracket, or for one end of a range? */
static int is_member(unsigned char c)
{
	return (c >= '.' && c <= 'Z') || (c >= '_' && c <= 'z');
}

/* Returns flags and length of the atom at t for the char c. If c is NUL, also validates: returns -1
 * if there is no atom, or if it is not simple */
static int read_atom(const char *t, unsigned char c)
{
	const char *begin = t;
	unsigned char lo = *t++;
	int flags = 0;

	if (lo == '[') {
		do {
			unsigned char hi = lo = *t++;

			if (lo == '\0')
				return -1;
			if (*t == '-') {
				hi = t[1];
				t += 2;
			}
			if (c == '\0' && !(is_member(lo) && is_member(hi) && lo <= hi))
				return -1;
			flags |= (lo <= c && c <= hi);
		} while (*t != ']');
		t++;
	} else if (lo == '.') {
		flags = (c != '\0');
	} else {
		if (lo == '\\') {
			lo = *t++;
			/* Other escaped chars may be operators */
			if (c == '\0' && (lo < '*' || lo > '/') && lo != ':')
				return -1;
		} else if (c == '\0' && strchr(mdev_ere_special, lo)) {
			return -1;
		}
		flags = (lo == c);
	}
	if (*t == '*' || *t == '+')
		flags |= REPEATED;
	if (*t == '*' || *t == '?')
		flags |= OPTIONAL;
	if (flags > TAKES)
		t++;
	return flags + ((t - begin) << LENGTH_SHIFT);
}

/* Is there a char that both atoms take? */
static int atoms_overlap(const char *a, const char *b)
{
	unsigned char c = 0xff;

	do {
		if (read_atom(a, c) & read_atom(b, c) & TAKES)
			return 1;
	} while (--c);
	return 0;
}

/* Can text_match() interpret the text? */
static int is_simple(const char *text)
{
	const char *t = text;
	const char *first = text;	/* the first of the alternatives */
	const char *variable = NULL;	/* the previous atom, if it has a quantifier */
	unsigned parens = 0;		/* odd: in a group */
	int is_fixed = 1;		/* no quantifier so far */

	while (*t && *t != '$') {
		const char *atom = t++;
		int flags = read_atom(atom, '\0');

		if (flags >= 0) {
			t = atom + (flags >> LENGTH_SHIFT);
			if (variable && (atoms_overlap(variable, atom) || ((flags & OPTIONAL) && *t)))
				return 0;
			variable = NULL;
			if (flags & (REPEATED | OPTIONAL)) {
				/* Not in an alternative */
				if (memchr(first, '|', atom - first))
					return 0;
				variable = atom;
				is_fixed = 0;
			}
		} else if (*atom == "()"[parens & 1]) {
			parens++;
			first = t;
		} else {
			const char *other = first;

			/* With alternatives outside of groups, some groups would take no part */
			if (*atom != '|' || !is_fixed || (!(parens & 1) && strchr(text, '(')))
				return 0;
			/* Two may match if one is a prefix of the other */
			for (; other != t; other = strchr(other, '|') + 1)
				if (strncmp(other, t, MIN(strcspn(other, mdev_ere_special), strcspn(t, mdev_ere_special))) == 0)
					return 0;
		}
	}
	return !(parens & 1) && parens <= 2 * (MDEV_NGROUPS - 1) && !(*t && t[1]);
}

/* Does all of the string match the text? Stores the offsets of the groups from off[1] on */
static int text_match(const char *t, const char *string, regmatch_t *off)
{
	const char *s = string;
	const char *alternatives = s;	/* where in the string one of them must match */

	while (1) {
		const char *begin = s;
		int flags;

		switch (*t++) {
		case '(':
			(++off)->rm_so = s - string;
			alternatives = s;
			continue;
		case ')':
			off->rm_eo = s - string;
			continue;
		case '|':
			/* The alternative before it matched, and no other can */
			t = strchrnul(t, ')');
			continue;
		case '$':
		case '\0':
			return *s == '\0';
		}
		t--;
		if (*t == '.' && strcmp(t, ".*") == 0)
			return 1;
		do {
			flags = read_atom(t, *s);
			if (!(flags & TAKES))
				break;
			s++;
		} while (flags & REPEATED);
		t += flags >> LENGTH_SHIFT;
		if (s == begin && !(flags & OPTIONAL)) {
			/* Is there another alternative? */
			while (*t != '|') {
				if (*t == '\0' || *t == '(' || *t == ')')
					return 0;
				t++;
			}
			t++;
			s = alternatives;
		}
	}
}

/*
 * Matches the string s, all of it or, if the pattern was made for a search, any part.
 * Returns 1 for a match, 0 for none, and -1 if regexec() fails, usually for lack of
 * memory: the result is then unknown. off: NULL (always NULL for a search), or
 * MDEV_NGROUPS elements; after a match they are those of regexec(), -1 for groups
 * that took no part. Never dies. Only regexec() allocates memory, if p->re is set.
 * ../testsuite/pattern-fuzz.c compares the results with those of regexec().
 */
int FAST_FUNC mdev_pattern_match(const struct mdev_pattern *p, const char *s, regmatch_t *off)
{
	regmatch_t own[MDEV_NGROUPS];
	int err;

	if (!off) {
		off = own;
	} else if (ENABLE_MDEVD) {
		memset(off, -1, sizeof(own));
		off[0].rm_so = 0;
		off[0].rm_eo = strlen(s);
	}
	if (ENABLE_MDEVD && !p->re)
		return p->search ? strstr(s, p->text) != NULL : text_match(p->text, s, off);
	if (REGEXEC_HIDES_ERRORS)
		errno = 0;
	err = regexec(p->re, s, MDEV_NGROUPS, off, 0);
	if (err != 0)
		return err != REG_NOMATCH || (REGEXEC_HIDES_ERRORS && errno == ENOMEM) ? -1 : 0;
	return p->search || (off[0].rm_so == 0 && !s[off[0].rm_eo]);
}

/*
 * Prepares p for the ERE in text, which stays the caller's and must outlive p.
 * search: 1 if a match anywhere counts, 0 if the whole string must match.
 * Returns NULL, or a message if the ERE is invalid: the caller frees the message, and
 * p owns nothing. Dies if out of memory.
 */
char* FAST_FUNC mdev_pattern_init(struct mdev_pattern *p, const char *text, int search)
{
	regex_t *re;
	char *err;

	memset(p, 0, sizeof(*p));
	p->text = text;
	p->search = search;
	if (ENABLE_MDEVD) {
		/* "^text$" must match the whole string */
		if (*text == '^' && last_char_is(text, '$') && !strpbrk(text, "|\\")) {
			p->text++;
			p->search = 0;
		}
		/* A search for any char succeeds if there is one. The library would get the text as it is */
		if (!ENABLE_LOCALE_SUPPORT && search && strcmp(text, ".") == 0) {
			p->text = ".+";
			p->search = 0;
		}
		mdev_chars_init(p);
		/* In other locales, chars and ranges may differ. (mdev alone always uses the library: it
		 * matches each rule once) */
		if (!ENABLE_LOCALE_SUPPORT && (p->search ? !strpbrk(text, mdev_ere_special) : is_simple(p->text)))
			return NULL;
	}
	re = xmalloc(sizeof(*re));
	err = regcomp_or_errmsg(re, text, REG_EXTENDED);
	if (err)
		free(re);
	else
		p->re = re;
	return err;
}

/* Frees the compiled ERE, if any. The text belongs to the caller. */
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
	/* Results of regexec(). off: offsets of the match and of the groups, "-" for a group that took no part */
	static const struct {
		const char *text;
		const char *s;
		const char *off; /* NULL: no match */
		bool search; /* has no offsets */
		bool library; /* must be used */
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
		{ "(.*)!(.*)", "a!b!c", "0,5 0,3 4,5", 0, 1 },
		{ "(.*)!(.*)", "abc", NULL, 0, 1 },
		{ "(usb)([0-9]?)(x+)", "usbx", "0,4 0,3 3,3 3,4" },
		{ "(usb)([0-9]?)(x*)", "usb1", "0,4 0,3 3,4 4,4", 0, 1 },
		{ "[^a-c]+", "xyz", "0,3", 0, 1 },
		{ "[^a-c]+", "xyb", NULL, 0, 1 },
		{ "i2c-[0-9]", "i2c-1", "0,5" },
		{ "[a-z_-]*", "a-b_c", "0,5", 0, 1 },
		{ "[a-z_-]*", "a.b", NULL, 0, 1 },
		{ "[-a]", "-", "0,1", 0, 1 },
		{ "a\\.b\\*", "a.b*", "0,4" },
		{ "a\\.b", "a1b", NULL },
		{ ".*[0-9]", "sda1", "0,4", 0, 1 },
		{ ".*[0-9]", "sda", NULL, 0, 1 },
		{ ".*[a-z]+", "sda", "0,3", 0, 1 },
		{ ".*a[a-z]+", "sdab", "0,4", 0, 1 },
		{ "sd[a-z]+[0-9]+", "sda12", "0,5" },
		{ "blo", "block", "yes", 1 },
		{ "ock", "block", "yes", 1 },
		{ "ock", "oc", NULL, 1 },
		{ ".", "x", "yes", 1 },
		{ ".", "\n\377", "yes", 1 },
		{ ".", "", NULL, 1 },
		{ ".*/net/.*", "/devices/net/eth0", "yes", 1, 1 },
		{ ".*/net/.*", "/devices/network", NULL, 1, 1 },
		{ "[0-9]+", "sda12b3", "yes", 1, 1 },
		{ "x*", "abc", "yes", 1, 1 },
		{ "b+", "", NULL },
		{ "a.*c", "abcd", NULL, 0, 1 },
		{ "a.*c", "abcdc", "0,5", 0, 1 },
		{ "a*(a)(.)", "aaab", "0,4 2,3 3,4", 0, 1 },
		{ "a*(b)(.)", "aabc", "0,4 2,3 3,4" },
		{ "(a)(b)(c)(d)(e)(f)(g)(h)(i)", "abcdefghi", "0,9 0,1 1,2 2,3 3,4 4,5 5,6 6,7 7,8 8,9" },
		{ "[.*+?(|)]\\.[a-c0-9/]", "?.b", "0,3", 0, 1 },
		{ "[.0-9]\\.[a-c0-9/]", "..b", "0,3" },
		{ "(u).b", "xusb", "yes", 1, 1 },
		{ "", "x", "yes", 1 },
		{ "a.*b.*c", "abbcbc", "0,6", 0, 1 },
		{ "a+*", "", "0,0", 0, 1 },
		{ "(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)", "abcdefghij", "0,10 0,1 1,2 2,3 3,4 4,5 5,6 6,7 7,8 8,9", 0, 1 },
		{ ".*a", "bab", "yes", 1, 1 },
		{ "sd[a-h][0-9]{1,2}", "sdb12", "0,5", 0, 1 },
		{ "sd[a-h][0-9]{1,2}", "ttyb12", NULL, 0, 1 },
		{ "(disk|partition)", "disk", "0,4 0,4" },
		{ "(disk|partition)", "partition", "0,9 0,9" },
		{ "(disk|partition)", "dis", NULL },
		{ "(disk|partition)", "diskpartition", NULL },
		{ "disk|partition", "partition", "0,9" },
		{ "disk|partition", "diskpartition", NULL },
		{ "disk|art", "partition", "yes", 1, 1 },
		{ "tty(S|AMA)([0-9]+)", "ttyAMA12", "0,8 3,6 6,8" },
		{ "tty(S|AMA)([0-9]+)", "ttySA12", NULL },
		{ "(sda|sdb)1", "sdb1", "0,4 0,3" },
		{ "[a-zA-Z_]+[0-9]", "aZ_z1", "0,5" },
		{ "[0-9](a|b)(bb|c)", "1bc", "0,3 1,2 2,3" },
		{ "x(a|b)", "b", NULL },
		{ ".*(a|b)", "ab", "0,2 1,2", 0, 1 },
		{ "(a|ab)(c|bcd)", "abcd", "0,4 0,1 1,4", 0, 1 },
		{ "tty(S|SC)[0-9]+", "ttySC1", "0,6 3,5", 0, 1 },
		{ "tty(S|SC)[0-9]+", "sda", NULL, 0, 1 },
		{ "a|", "a", "0,1", 0, 1 },
		{ "a|b*", "bb", "0,2", 0, 1 },
		{ "(a|b*)a", "a", "0,1 0,0", 0, 1 },
		{ "(a)|(b)", "b", "0,1 - 0,1", 0, 1 },
		{ "ab{0}", "a", "0,1", 0, 1 },
		{ "^block$", "block", "yes", 1 },
		{ "^block$", "blocks", NULL, 1 },
		{ "^block$", "ablock", NULL, 1 },
		{ "^block", "blocks", "yes", 1, 1 },
		{ "^block", "ablock", NULL, 1, 1 },
		{ "block$", "ablock", "yes", 1, 1 },
		{ "block$", "blocks", NULL, 1, 1 },
		{ "^sd.[0-9]*$", "sda12", "yes", 1 },
		{ "^sd.[0-9]*$", "sda12p", NULL, 1 },
		{ "^(disk|partition)$", "partition", "yes", 1, 1 },
		{ "^(disk|partition)$", "partitions", NULL, 1, 1 },
		{ "^disk|art", "partition", "yes", 1, 1 },
		{ "disk|art$", "partition", NULL, 1, 1 },
		{ "^sd.$", "sda", "0,3" },
		{ "^sd[a-z]*", "sda", "yes", 1, 1 },
		{ "[[:digit:]]", "7", "0,1", 0, 1 },
		{ "(a*)*", "aa", "0,2 0,2", 0, 1 },
		{ "[]a]", "]", "0,1", 0, 1 },
		{ "a\\", NULL, NULL, 0, 1 },
		{ "(a", NULL, NULL, 0, 1 },
		{ "[", NULL, NULL, 0, 1 },
		{ "[a", NULL, NULL, 0, 1 },
		{ "[a-", NULL, NULL, 0, 1 },
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
		if (ENABLE_MDEVD && !ENABLE_LOCALE_SUPPORT)
			BBUNIT_ASSERT_EQ(tests[i].library, p.re != NULL);
		n = mdev_pattern_match(&p, tests[i].s, NULL);
		BBUNIT_ASSERT_EQ(tests[i].off != NULL, n);
		if (n && !tests[i].search) {
			int g, groups = MDEV_NGROUPS;

			n = mdev_pattern_match(&p, tests[i].s, off);
			BBUNIT_ASSERT_EQ(1, n);
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
