/* vi: set sw=4 ts=4: */
/*
 * Makes the kernel announce devices that exist already
 *
 * Copyright (C) 2026 mdevd for BusyBox maintainers
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 *
 * A device is a directory in sysfs that contains a link "subsystem". Writing an
 * action to its "uevent" file makes the kernel send the event. The walk enters real
 * directories only and follows no links, so it meets each device once, after its
 * parent. It needs one path and, for each level, one open directory, to which the names are relative:
 * the kernel looks up short names only. The whole path is for messages.
 *
 * System calls for a device: readlinkat, openat, write and close for the device itself; fstatat
 * twice if none is below it, else fstatat, open, getdents twice and close.
 */
#include "mdevd.h"

/* Writes text to file, a path relative to the directory dir (or AT_FDCWD), in one call. Returns 0 with
 * errno set on failure. Blocks until the kernel has sent the event. */
int FAST_FUNC mdevd_trigger_write(int dir, const char *file, const char *text)
{
	size_t len = strlen(text);
	int fd = openat(dir, file, O_WRONLY);
	int ok;

	if (fd < 0)
		return 0;
	ok = (safe_write(fd, text, len) == (ssize_t)len);
	close(fd);
	return ok;
}

/* Logs t->path with errno. The level is usually MDEV_LOG_INFO: devices may vanish at any time. But without
 * descriptors or memory, a whole level of the tree is missing: one warning */
static void skip(struct mdevd_trigger *t, int level)
{
	t->skipped++;
	if (!t->is_incomplete && (errno == EMFILE || errno == ENFILE || errno == ENOMEM)) {
		t->is_incomplete = 1;
		level = MDEV_LOG_WARN;
	}
	mdev_log(level, "skipped '%s': "STRERROR_FMT, t->path STRERROR_ERRNO);
}

/* Triggers the device whose uevent file is t->path, or file relative to the directory dir, and counts it
 * in t. Blocks as t->before() does. */
void FAST_FUNC mdevd_trigger_device(struct mdevd_trigger *t, int dir, const char *file)
{
	if (t->before && !t->before(t, t->path))
		return;
	mdev_log(MDEV_LOG_DEBUG, "%s", t->path);
	if (mdevd_trigger_write(dir, file, t->action))
		t->count++;
	else
		skip(t, MDEV_LOG_INFO);
}

static int is_selected(char **targets, const char *subsystem)
{
	if (!targets || !*targets)
		return 1;
	for (; *targets; targets++)
		if (strcmp(*targets, subsystem) == 0)
			return 1;
	return 0;
}

/* For the next functions, name is the end of t->path, and is relative to the directory parent */

/* Triggers the directory if it is a device. Returns 0 if not */
static int trigger_directory(struct mdevd_trigger *t, int parent, char *name)
{
	char *end = strchr(name, '\0');
	char *link = end + sizeof("/subsystem");
	int n;

	strcpy(end, "/subsystem");
	n = readlinkat(parent, name, link, 512);
	if (n > 0) {
		link[n] = '\0';
		if (is_selected(t->targets, bb_basename(link))) {
			strcpy(end, "/uevent");
			mdevd_trigger_device(t, parent, name);
		}
	}
	*end = '\0';
	return n > 0;
}

/* Does the directory have no subdirectories but the "power" of a device, which has attributes only?
 * In sysfs, as elsewhere, st_nlink is the number of subdirectories plus 2 */
static NOINLINE int is_leaf(int parent, char *name, int is_device)
{
	char *end = strchr(name, '\0');
	struct stat st;
	int n;

	if (fstatat(parent, name, &st, 0) != 0)
		return 0;
	n = st.st_nlink - 2;
	if (n == 1 && is_device) {
		strcpy(end, "/power");
		n -= (fstatat(parent, name, &st, 0) == 0);
		*end = '\0';
	}
	return n == 0;
}

/* Triggers the directory and all devices below it. Returns 0 with errno set if it cannot be read */
static int walk(struct mdevd_trigger *t, int parent, char *name)
{
	int is_device = trigger_directory(t, parent, name);
	char *end = strchr(name, '\0');
	struct dirent *entry;
	DIR *dir;

	if (is_leaf(parent, name, is_device))
		return 1;
	dir = opendir(t->path);
	if (!dir)
		return 0;
	while (!t->is_over && (entry = readdir(dir)) != NULL) {
		if (entry->d_type != DT_DIR || DOT_OR_DOTDOT(entry->d_name)
		/* A device may be named "power", but not below another device */
		 || (is_device && strcmp(entry->d_name, "power") == 0)
		) {
			continue;
		}
		/* It fits: a name has less than 256 bytes, and opendir() refuses a path of PATH_MAX */
		*end = '/';
		strcpy(end + 1, entry->d_name);
		if (!walk(t, dirfd(dir), end + 1))
			skip(t, MDEV_LOG_INFO);
	}
	closedir(dir);
	return 1;
}

/* Triggers all devices below a directory of sysfs. Returns 0 with errno set if it cannot be read */
static int walk_top(struct mdevd_trigger *t, const char *name)
{
	snprintf(t->path, PATH_MAX, "%s/%s", t->sys, name);
	return walk(t, AT_FDCWD, t->path);
}

/* Makes a device's directory the current one, and writes its path to buf, which has PATH_MAX bytes.
 * path is in sysfs (links are followed) or a DEVPATH, or is a node, whose numbers are looked up.
 * Returns the DEVPATH, which is the end of the directory's path; or NULL with errno set: then the
 * current directory is undefined. */
const char* FAST_FUNC mdevd_enter_device(char *buf, const char *sys, const char *path)
{
	struct stat st;
	const char *devpath = NULL;
	char *root, c;

	if (stat(path, &st) == 0 && (S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode))) {
		unsigned dev = st.st_rdev; /* Linux uses 32 bits */

		snprintf(buf, PATH_MAX, "%s/dev/%s/%u:%u", sys, S_ISBLK(st.st_mode) ? "block" : "char",
				(unsigned)major(dev), (unsigned)minor(dev));
		path = buf;
	}
	root = chdir(sys) == 0 ? xrealloc_getcwd_or_warn(NULL) : NULL;
	/* Is it a DEVPATH? */
	if (root && (chdir(path + strspn(path, "/")) == 0 || chdir(path) == 0) && getcwd(buf, PATH_MAX)) {
		devpath = is_prefixed_with(buf, root);
		if (!devpath || *devpath != '/' || readlink("subsystem", &c, 1) <= 0) {
			devpath = NULL;
			errno = ENODEV;
		}
	}
	free(root);
	return devpath;
}

/* Triggers all devices, or those of the subsystems in t->targets, and counts them in t. Failures are
 * logged, usually at -v 2, and the walk continues. Blocks as t->before() does. Only opendir() allocates
 * memory, and the current directory does not change. */
void FAST_FUNC mdevd_trigger(struct mdevd_trigger *t)
{
	t->is_incomplete = t->is_over = 0;
	if (!walk_top(t, "devices"))
		skip(t, MDEV_LOG_WARN);
	/* SYSFS_DEPRECATED keeps some devices there; other kernels only links */
	walk_top(t, "class");
	walk_top(t, "block");
}
