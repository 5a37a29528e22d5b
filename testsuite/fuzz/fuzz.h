/* vi: set sw=4 ts=4: */
/*
 * Declarations that the fuzz targets share. scripts/fuzz builds and runs them, with
 * the engine's files and BusyBox's own libbb.
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#ifndef FUZZ_H
#define FUZZ_H 1

#include "libbb.h"

/* Of libbb: its errno, and the name that messages begin with */
void lbb_prepare(const char *applet);

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Prints the property that does not hold, and ends the run. libFuzzer keeps the input */
#define FUZZ_FAIL(...) do { \
	fprintf(stderr, "broken: " __VA_ARGS__); \
	fputc('\n', stderr); \
	abort(); \
} while (0)
#define FUZZ_CHECK(cond) do { if (!(cond)) FUZZ_FAIL("%s (%s:%d)", #cond, __FILE__, __LINE__); } while (0)

/* Is the ERE harmless? glibc's regcomp() takes unlimited memory and time for nested repetition, and
 * regexec() for back references: these are not our faults */
static inline int fuzz_is_harmless(const char *s, size_t len)
{
	unsigned braces = 0, digits = 0, repeats = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		braces += s[i] == '{';
		/* of a group, or of something repeated */
		repeats += i != 0 && strchr("*+?{", s[i]) && strchr(")*+?}", s[i - 1]);
		digits = (unsigned char)(s[i] - '0') <= 9 ? digits + 1 : 0;
		if (braces > 1 || (braces && (digits > 2 || repeats > 1)) || repeats > 3)
			return 0;
		if (s[i] == '\\' && i + 1 < len && (unsigned char)(s[i + 1] - '0') <= 9)
			return 0;
	}
	return 1;
}

#endif
