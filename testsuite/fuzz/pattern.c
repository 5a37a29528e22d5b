/* vi: set sw=4 ts=4: */
/*
 * libFuzzer target for mdev_pattern.c: it answers as regexec() does (../pattern-fuzz.c has
 * the comparison, and makes pairs of its own)
 *
 * Input: the ERE, a newline, and the strings to ask it about, one a line.
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#define STUCK_SECONDS 1
#define main pattern_fuzz_main
#include "../pattern-fuzz.c"
#undef main
#include "fuzz.h"

int LLVMFuzzerInitialize(int *argc UNUSED_PARAM, char ***argv UNUSED_PARAM)
{
	label = "libFuzzer";
	signal(SIGPROF, time_is_up);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text, *s, *next;
	struct subject u;

	if (!fuzz_is_harmless((const char*)data, size))
		return 0;
	text = malloc(size + 1);
	memcpy(text, data, size);
	text[size] = '\0';
	s = strchr(text, '\n');
	if (s) {
		*s++ = '\0';
		if (subject_init(&u, text)) {
			for (; s; s = next) {
				next = strchr(s, '\n');
				if (next)
					*next++ = '\0';
				subject_ask(&u, s);
			}
			subject_free(&u);
		}
	}
	free(text);
	if (count.failed) {
		fflush(stdout);
		abort();
	}
	return 0;
}
