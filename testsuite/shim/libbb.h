/* vi: set sw=4 ts=4: */
/*
 * The parts of BusyBox that one file of applets/ needs if it is compiled alone, for tests and fuzzing:
 * cc -Itestsuite/shim -Iapplets ... applets/FILE.c
 *
 * If SHIM_ROOT is defined, absolute names that the file opens are below shim_root, and its clock is
 * shim_later_ms milliseconds fast. The program defines both.
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#ifndef SHIM_LIBBB_H
#define SHIM_LIBBB_H 1

#include <poll.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <sys/time.h>
#include <unistd.h>

#ifndef ENABLE_MDEVD
# define ENABLE_MDEVD 1
#endif
#define FAST_FUNC
#define ALWAYS_INLINE inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))
#define NORETURN __attribute__((noreturn))
#define ALIGN1
#define UNUSED_PARAM __attribute__((unused))
#define PUSH_AND_SET_FUNCTION_VISIBILITY_TO_HIDDEN
#define POP_SAVED_FUNCTION_VISIBILITY
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
typedef signed char smallint;
typedef struct parser_t parser_t;
typedef struct llist_t llist_t;
struct bb_uidgid_t {
	uid_t uid;
	gid_t gid;
};

/* BusyBox's are about ASCII, whatever the locale */
#undef isalnum
#undef isalpha
#define isalpha(c) shim_isalpha(c)
static inline int shim_isalpha(unsigned char c)
{
	return (unsigned)((c | 0x20) - 'a') <= 'z' - 'a';
}
#define isalnum(c) shim_isalnum(c)
static inline int shim_isalnum(unsigned char c)
{
	return shim_isalpha(c) || (unsigned)(c - '0') <= 9;
}

#ifdef SHIM_ROOT
extern const char *shim_root;
extern long shim_later_ms;
static inline const char *shim_path(const char *path)
{
	static char buf[PATH_MAX];

	if (*path != '/')
		return path;
	snprintf(buf, sizeof(buf), "%s%s", shim_root, path);
	return buf;
}
# define open(path, ...) open(shim_path(path), __VA_ARGS__)
# define stat(path, st) stat(shim_path(path), st)
# define access(path, mode) access(shim_path(path), mode)
# define opendir(path) opendir(shim_path(path))
static inline int shim_gettimeofday(struct timeval *tv)
{
	long long us;

	gettimeofday(tv, NULL);
	us = tv->tv_sec * 1000000LL + tv->tv_usec + shim_later_ms * 1000LL;
	tv->tv_sec = us / 1000000;
	tv->tv_usec = us % 1000000;
	return 0;
}
# define gettimeofday(tv, zone) shim_gettimeofday(tv)
#endif

static inline char *skip_whitespace(const char *s)
{
	while (*s == ' ' || (*s >= '\t' && *s <= '\r'))
		s++;
	return (char*)s;
}

static inline char *skip_non_whitespace(const char *s)
{
	while (*s != '\0' && *s != ' ' && !(*s >= '\t' && *s <= '\r'))
		s++;
	return (char*)s;
}

static inline ssize_t safe_read(int fd, void *buf, size_t count)
{
	ssize_t n;

	do {
		n = read(fd, buf, count);
	} while (n < 0 && errno == EINTR);
	return n;
}

static inline ssize_t open_read_close(const char *name, void *buf, size_t size)
{
	ssize_t n;
	int fd = open(name, O_RDONLY);

	if (fd < 0)
		return fd;
	n = safe_read(fd, buf, size);
	close(fd);
	return n;
}

static inline int index_in_strings(const char *strings, const char *key)
{
	int i = 0;

	for (; *strings; strings += strlen(strings) + 1, i++)
		if (strcmp(strings, key) == 0)
			return i;
	return -1;
}

static inline void *xzalloc(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		abort();
	return p;
}

static inline char *is_prefixed_with(const char *string, const char *key)
{
	size_t len = strlen(key);

	return strncmp(string, key, len) == 0 ? (char*)string + len : NULL;
}

#endif
