/* vi: set sw=4 ts=4: */
/*
 * Names under the current directory, which is /dev: their links, and their parent directories
 *
 * Copyright (C) 2026 mdevd for BusyBox maintainers
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdev_rules.h"

/* Is st that of a directory that root alone can write? */
int FAST_FUNC mdev_path_is_safe(const struct stat *st)
{
	return st->st_uid == 0 && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

/* The beginning of path, up to end, names a link: replaces it with the target of the link. path has
 * MDEV_NAME_MAX bytes. Returns 0 and keeps path if it is no link, or the target is absolute; returns 0
 * with path undefined if the target is too long or not below /dev. */
NOINLINE int FAST_FUNC mdev_path_follow(char *path, char *end)
{
	char text[MDEV_NAME_MAX];
	char saved = *end;
	char *dst, *s, *next;
	ssize_t len;

	*end = '\0';
	len = readlink(path, text, sizeof(text) - 1);
	dst = (char*)bb_basename(path);
	*end = saved;
	/* One more char: the text may have been cut */
	if (len <= 0 || text[0] == '/' || len + strlen(end) >= sizeof(text) - 1)
		return 0;
	strcpy(text + len, end);
	for (s = text; s; s = next) {
		next = strchr(s, '/');
		if (next)
			*next++ = '\0';
		if (strcmp(s, "..") == 0) {
			if (dst == path)
				return 0;
			dst[-1] = '\0';
			dst = (char*)bb_basename(path);
		} else if (*s && strcmp(s, ".") != 0) {
			if (dst - path + strlen(s) + sizeof("/") > MDEV_NAME_MAX)
				return 0;
			dst = stpcpy(dst, s);
			*dst++ = '/';
		}
	}
	if (dst == path)
		return 0;
	dst[-1] = '\0';
	return 1;
}

/* Returns why mdev_path_check_parents() refuses the parent directories of name. NULL: it does not; "":
 * one is missing */
static NOINLINE const char *find_parent_fault(const char *name, int make)
{
	char path[MDEV_NAME_MAX];
	unsigned links = 0;
	char *slash = path;

	safe_strncpy(path, name, sizeof(path));
	while ((slash = strchr(slash, '/')) != NULL) {
		struct stat st;

		*slash = '\0';
		if (lstat(path, &st) != 0) {
			if (!make && (errno == ENOENT || errno == ENOTDIR))
				return "";
			if (!make || mkdir(path, 0755) != 0) {
				if (errno != EEXIST || links++ == MDEV_LINKS_MAX)
					return strerror(errno);
				/* devtmpfs made it after lstat(): look again */
				*slash = '/';
				continue;
			}
		} else if (S_ISLNK(st.st_mode)) {
			*slash = '/';
			if (links++ == MDEV_LINKS_MAX || !mdev_path_follow(path, slash))
				return "it is a link that leads elsewhere";
			slash = path;
			continue;
		} else if (!S_ISDIR(st.st_mode)) {
			return make ? strerror(ENOTDIR) : "";
		} else if (!mdev_path_is_safe(&st)) {
			return "non-root users can write it";
		}
		*slash++ = '/';
	}
	return NULL;
}

/* Checks that the parent directories of name exist below /dev and that root alone can write
 * them. make: makes those that are missing, mode 0755. Returns 0 if they cannot
 * be used, and warns unless one is missing and make is 0. */
int FAST_FUNC mdev_path_check_parents(const char *name, int make)
{
	const char *fault = find_parent_fault(name, make);

	if (fault && *fault)
		mdev_log(MDEV_LOG_WARN, "can't use the directory of '%s': %s", name, fault);
	return !fault;
}
