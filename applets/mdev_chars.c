/* vi: set sw=4 ts=4: */
/*
 * The chars that a string must begin with, or contain, to match an ERE
 *
 * Copyright (C) 2026 mdevd for BusyBox maintainers
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "libbb.h"
#include "xregex.h"
#include "mdev_rules.h"

/* Does the char at t stand for itself, once? */
static NOINLINE int is_plain(const char *t)
{
	/* strchr() finds a NUL, too */
	return !strchr(mdev_ere_special, t[0]) && (t[1] == '\0' || !strchr("*+?{", t[1]));
}

/* Returns the set of chars that a string may begin with if the whole string matches the ERE: the chars
 * at the beginning of the text and after each '|', or all chars if one of these is not plain */
static uint32_t first_chars(const char *text)
{
	uint32_t chars = 0;
	const char *t = text;

	if (*t == '(') {
		const char *end;

		t++;
		end = t + strcspn(t, "[\\()");

		/* "(a)?b" may begin with a 'b' */
		if (*end != ')' || (end[1] && strchr("*+?{", end[1])))
			return ~(uint32_t)0;
	}
	for (;; t++) {
		if (!is_plain(t))
			return ~(uint32_t)0;
		chars |= mdev_char_bit(*t);
		t = strchr(t, '|');
		if (!t)
			return chars;
	}
}

/* Returns the set of plain chars at the beginning of the ERE: every string that matches contains them */
static uint32_t required_chars(const char *text)
{
	uint32_t chars = 0;

	if (strchr(text, '|'))
		return 0;
	for (; is_plain(text); text++)
		chars |= mdev_char_bit(*text);
	return chars;
}

/* Sets p->first and p->required from p->text. */
void FAST_FUNC mdev_chars_init(struct mdev_pattern *p)
{
	/* In other locales, a char may be several bytes */
	p->first = ENABLE_LOCALE_SUPPORT ? ~(uint32_t)0 : first_chars(p->text);
	p->required = ENABLE_LOCALE_SUPPORT ? 0 : required_chars(p->text);
}
