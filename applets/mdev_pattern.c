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
 * each of them, and a malloc() or two for each question. But in all of them
 * the next char of the string says how to go on: one atom at most can take it.
 * Such a text is a program already. It needs no memory, no backtracking and no
 * recursion, and as there is one way only to read the string by it, nobody can
 * disagree on where a group begins and ends.
 *
 * The text decides if it is made of
 *	- atoms: a char, an escaped one, '.', a [bracket] of chars and ranges;
 *	  each may have one of "*+?" if no char that it takes is also taken by
 *	  what may come next;
 *	- groups around some of them, not nested and not repeated;
 *	- and, first of all, perhaps ".*" or "(.*)". As the longest of these wins,
 *	  the rest is tried from the end of the string backwards.
 *
 * All else is for the library, errors too: whatever is accepted here, regcomp()
 * of glibc and of musl accepts and answers alike. It is asked only if the
 * string has the chars that the text begins with.
 */

/* Of mdev_pattern.how. The latter two are the lengths of what they stand for */
enum {
	HOW_SEARCH = 1 << 0,	/* match anywhere */
	HOW_ANY    = 1 << 1,	/* begins with ".*" */
	HOW_GROUP  = 1 << 2,	/* begins with "(.*)" */
	HOW_LEAD   = HOW_ANY | HOW_GROUP,
};

/* NUL is special, and so is what is not ASCII */
static int is_special(char c)
{
	return (c & 0x80) || strchr("\\[](){}.*+?|^$", c);
}

static int is_repeated(char c)
{
	return c == '*' || c == '+';
}

static int is_optional(char c)
{
	return c == '*' || c == '?';
}

/* The end of the atom at t. NULL: it is none, or one that only the library understands */
static const char *atom_check(const char *t)
{
	if (*t == '\\') {
		/* GNU and TRE have operators made of letters, digits and these */
		if (t[1] <= ' ' || (t[1] & 0x80) || isalnum(t[1]) || strchr("<>`'", t[1]))
			return NULL;
		return t + 2;
	}
	if (*t != '[')
		return (*t == '.' || !is_special(*t)) ? t + 1 : NULL;
	if (*++t == '^')
		t++;
	do {
		/* '-' is itself only if it comes last; "[]", "[[:" and '\' are odd */
		if ((*t & 0x80) || strchr("[]\\-", *t))
			return NULL;
		if (t[1] == '-' && t[2] != ']') {
			if (t[2] < *t || (t[2] & 0x80) || strchr("[\\-", t[2]))
				return NULL;
			t += 2;
		}
		t++;
		if (*t == '-' && t[1] == ']')
			t++;
	} while (*t != ']');
	return t + 1;
}

/* The same, of an atom that has been checked */
static const char *atom_end(const char *t)
{
	if (*t == '[')
		t = strchr(t, ']');
	if (*t == '\\')
		t++;
	return t + 1;
}

/* Can the atom at t be this char? It is not NUL */
static int atom_takes(const char *t, unsigned char c)
{
	int yes = 1;

	if (*t == '.')
		return 1;
	if (*t != '[') {
		if (*t == '\\')
			t++;
		return c == (unsigned char)*t;
	}
	if (*++t == '^') {
		yes = 0;
		t++;
	}
	do {
		unsigned char lo = *t;

		if (t[1] == '-' && t[2] != ']')
			t += 2;
		if (lo <= c && c <= (unsigned char)*t)
			return yes;
	} while (*++t != ']');
	return !yes;
}

/* Does the text decide? Counts its groups. All before t is literal, or the leading ".*" */
static int text_decides(struct mdev_pattern *p, const char *t)
{
	/*
	 * pending[c]: one of the atoms before can take c, but need not.
	 * If the next can take it too, there are two ways to go on.
	 * The chars from 0x80 up are alike: only '.' and [^...] take them.
	 */
	char pending[0x80 + 1];
	const char *atom = p->prefix ? "" : ".*";
	int open = 0;
	unsigned c;

	/* Other locales have their own ideas of chars and ranges */
	if (ENABLE_LOCALE_SUPPORT && (p->how || *t))
		return 0;

	memset(pending, 0, sizeof(pending));
	while (*t) {
		if (*t == '(' || *t == ')') {
			if ((*t == '(') == open)
				return 0;
			open ^= 1;
			p->groups += open;
			if (*t++ == '(' && *t == ')')
				return 0;
			continue;
		}
		atom = t;
		t = atom_check(t);
		if (!t)
			return 0;
		for (c = 1; c < sizeof(pending); c++) {
			int takes = atom_takes(atom, c);

			if (takes && pending[c])
				return 0;
			if (!is_optional(*t))
				pending[c] = 0;
			if (is_optional(*t) || is_repeated(*t))
				pending[c] |= takes;
		}
		if (is_optional(*t) || is_repeated(*t))
			t++;
	}
	/* Found anywhere after ".*", it must reach to the end, or it may not be the longest */
	if (p->how > HOW_SEARCH && (p->how & HOW_SEARCH) && (atom[0] != '.' || atom[1] != '*'))
		return 0;
	return !open && p->groups < MDEV_NGROUPS;
}

/*
 * Reads the string at s by the text at t. Returns the end of what it takes,
 * the longest that begins at s, or NULL. Notes the groups behind *off, as
 * offsets from start.
 */
static const char *text_match(const char *t, const char *s, const char *start, regmatch_t *off)
{
	while (*t) {
		const char *atom = t;
		const char *begin = s;

		if (*t == '(') {
			(++off)->rm_so = s - start;
			t++;
			continue;
		}
		if (*t == ')') {
			off->rm_eo = s - start;
			t++;
			continue;
		}
		t = atom_end(t);
		while (*s && atom_takes(atom, *s)) {
			s++;
			if (!is_repeated(*t))
				break;
		}
		if (s == begin && !is_optional(*t))
			return NULL;
		if (is_optional(*t) || is_repeated(*t))
			t++;
	}
	return s;
}

static int regex_match(const struct mdev_pattern *p, const char *s, regmatch_t *off, unsigned n)
{
	if (regexec(p->re, s, n, off, 0) != 0)
		return 0;
	return (p->how & HOW_SEARCH) || (off[0].rm_so == 0 && s[off[0].rm_eo] == '\0');
}

static NOINLINE int match(const struct mdev_pattern *p, const char *s, regmatch_t *off)
{
	regmatch_t own[MDEV_NGROUPS];
	unsigned n_off = off ? MDEV_NGROUPS : 1;
	const char *from = s;

	if (!off)
		off = own;
	if (p->how & HOW_LEAD)
		from += strlen(from);
	for (;;) {
		const char *t = p->text + (p->how & HOW_LEAD);
		const char *end = from;
		unsigned n = p->prefix;

		while (n && *t == *end)
			n--, t++, end++;
		if (n == 0) {
			regmatch_t *group = off;

			if (p->re)
				return regex_match(p, s, off, n_off);
			if (p->how & HOW_GROUP) {
				group++;
				group->rm_so = 0;
				group->rm_eo = from - s;
			}
			end = text_match(t, end, s, group);
			if (end && ((p->how & HOW_SEARCH) || !*end)) {
				off[0].rm_so = (p->how & HOW_LEAD) ? 0 : from - s;
				off[0].rm_eo = end - s;
				n = p->groups + 1;
				if (n < n_off)
					memset(off + n, -1, (n_off - n) * sizeof(*off));
				return 1;
			}
		}
		if (p->how & HOW_LEAD) {
			if (from == s)
				return 0;
			from--;
		} else {
			if (!(p->how & HOW_SEARCH) || !*from)
				return 0;
			from++;
		}
	}
}

/*
 * Does the pattern match s: the whole of it, or some part if it was made for
 * search? Nonzero if so. off: NULL, or room for MDEV_NGROUPS that are filled as
 * regexec() does it, -1 for groups that are not there.
 * Does not block; no memory is allocated but by regexec() if p->re is there.
 * Takes time in proportion to the string, or its square if there are
 * repetitions in what is searched for.
 */
int FAST_FUNC mdev_pattern_match(const struct mdev_pattern *p, const char *s, regmatch_t *off)
{
	/* Most rules are not for this device: no stack frame for them */
	if (p->first && p->first != *s)
		return 0;
	return match(p, s, off);
}

/*
 * Prepares p for the ERE in text, which stays the caller's and outlives p.
 * search: a match anywhere counts, else only one of the whole string.
 * Returns NULL, or why the ERE is none, to be freed; p holds nothing then.
 * Dies if there is no memory.
 */
char* FAST_FUNC mdev_pattern_init(struct mdev_pattern *p, const char *text, int search)
{
	const char *t = text;
	char *err;

	memset(p, 0, sizeof(*p));
	p->text = text;
	if (is_prefixed_with(t, ".*"))
		p->how = HOW_ANY;
	else if (is_prefixed_with(t, "(.*)")) {
		p->how = HOW_GROUP;
		p->groups = 1;
	}
	t += p->how;
	if (search)
		p->how |= HOW_SEARCH;
	if (!strchr(t, '|')) {
		while (!is_special(t[p->prefix]) && p->prefix < 0xff)
			p->prefix++;
		/* Is the last of them under a "*", "?" or "{0}"? */
		if (p->prefix && (t[p->prefix] == '{' || is_repeated(t[p->prefix]) || is_optional(t[p->prefix])))
			p->prefix--;
	}
	if (p->prefix && !p->how)
		p->first = *t;
	if (text_decides(p, t + p->prefix))
		return NULL;

	if (p->how & HOW_LEAD) {
		p->how &= HOW_SEARCH;
		p->prefix = 0;
	}
	p->re = xmalloc(sizeof(*p->re));
	err = regcomp_or_errmsg(p->re, text, REG_EXTENDED);
	if (err) {
		free(p->re);
		p->re = NULL;
	}
	return err;
}

/* Gives back what p holds; not its text */
void FAST_FUNC mdev_pattern_free(struct mdev_pattern *p)
{
	if (p->re) {
		regfree(p->re);
		free(p->re);
		p->re = NULL;
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
		{ "[^a-c]+", "xyz", "0,3" },
		{ "[^a-c]+", "xyb", NULL },
		{ "i2c-[0-9]", "i2c-1", "0,5" },
		{ "[a-z_-]*", "a-b_c", "0,5" },
		{ "a\\.b\\*", "a.b*", "0,4" },
		{ "a\\.b", "a1b", NULL },
		{ ".*[0-9]", "sda1", "0,4" },
		{ ".*[0-9]", "sda", NULL },
		{ "blo", "block", "0,3", 1 },
		{ "ock", "block", "2,5", 1 },
		{ "ock", "oc", NULL, 1 },
		{ ".*/net/.*", "/devices/net/eth0", "0,17", 1 },
		{ ".*/net/.*", "/devices/network", NULL, 1 },
		{ "[0-9]+", "sda12b3", "3,5", 1 },
		{ "x*", "abc", "0,0", 1 },
		{ "a.*c", "abcd", NULL, 0, 1 },
		{ "a.*c", "abcdc", "0,5", 0, 1 },
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
		char buf[MDEV_NGROUPS * 8];
		char *b = buf;
		char *err = mdev_pattern_init(&p, tests[i].text, tests[i].search);
		int n;

		if (!tests[i].s) {
			BBUNIT_ASSERT_NOTNULL(err);
			free(err);
			continue;
		}
		BBUNIT_ASSERT_NULL(err);
		if (!ENABLE_LOCALE_SUPPORT)
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
