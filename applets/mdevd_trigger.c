/* vi: set sw=4 ts=4: */
/*
 * Makes the kernel announce the devices that are there already
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 *
 * A device is a directory of sysfs with a link "subsystem" in it; writing an
 * action to its "uevent" has the kernel send the event. Real directories are
 * walked, and links are not followed: so each device is met once, and after its
 * parent. Memory is one path, and one open directory for each level.
 *
 * System calls for a device: readlink, open, write, close for itself; open,
 * getdents twice and close for what is below it (glibc adds an fstat).
 */
#include "mdevd.h"

struct walk {
	struct mdevd_trigger *t;
	char path[PATH_MAX];
};

/* Writes text to file, in one call. Returns 0 with errno set if that failed.
 * May block as long as the kernel takes. */
int FAST_FUNC mdevd_trigger_write(const char *file, const char *text)
{
	size_t len = strlen(text);
	int fd = open(file, O_WRONLY);
	int ok;

	if (fd < 0)
		return 0;
	ok = (safe_write(fd, text, len) == (ssize_t)len);
	close(fd);
	return ok;
}

/* Takes the reason from errno */
static void skip(struct walk *w)
{
	w->t->skipped++;
	mdev_log_at(2, NULL, NULL, "skipped '%s': "STRERROR_FMT, w->path STRERROR_ERRNO);
}

static int is_asked_for(char **subsystems, const char *name)
{
	if (!subsystems || !*subsystems)
		return 1;
	for (; *subsystems; subsystems++)
		if (strcmp(*subsystems, name) == 0)
			return 1;
	return 0;
}

/* Triggers the device in the directory w->path, of len chars. Returns 0 if none is there */
static NOINLINE int trigger_device(struct walk *w, unsigned len)
{
	struct mdevd_trigger *t = w->t;
	char link[PATH_MAX];
	int n;

	strcpy(w->path + len, "/subsystem");
	n = readlink(w->path, link, sizeof(link) - 1);
	if (n <= 0)
		return 0;
	link[n] = '\0';
	if (!is_asked_for(t->subsystems, bb_basename(link)))
		return 1;
	strcpy(w->path + len, "/uevent");
	if (t->before && !t->before(t, w->path))
		return 1;
	mdev_log_at(3, NULL, NULL, "%s", w->path);
	if (mdevd_trigger_write(w->path, "add"))
		t->count++;
	else
		skip(w);
	return 1;
}

/* Triggers name in the directory w->path, of len chars, and what is below it.
 * Returns 0 with errno set if it could not be read */
static int walk(struct walk *w, unsigned len, const char *name)
{
	struct dirent *entry;
	DIR *dir;
	int is_device;

	w->path[len++] = '/';
	safe_strncpy(w->path + len, name, sizeof(w->path) - len);
	len += strlen(name);
	errno = ENAMETOOLONG;
	if (len + sizeof("/subsystem") > sizeof(w->path))
		return 0;
	is_device = trigger_device(w, len);
	w->path[len] = '\0';
	dir = opendir(w->path);
	if (!dir)
		return 0;
	while ((entry = readdir(dir)) != NULL) {
		name = entry->d_name;
		/* Each device has a "power": attributes, nothing below. That is half of
		 * all directories. (A device may have that name: not below another) */
		if (entry->d_type == DT_DIR && !DOT_OR_DOTDOT(name)
		 && !(is_device && strcmp(name, "power") == 0)
		 && !walk(w, len, name)
		) {
			skip(w);
		}
	}
	closedir(dir);
	return 1;
}

/* Writes "add" to the uevent file of each device of the subsystems, and counts
 * in t, which is said at -v 2. Returns 0 with errno set if there is no sysfs. What else goes
 * wrong is skipped, and said at -v 2, too. Blocks as t->before() does; allocates nothing but
 * what opendir() needs. */
int FAST_FUNC mdevd_trigger(struct mdevd_trigger *t)
{
	struct walk w;
	unsigned len;

	w.t = t;
	t->count = t->skipped = 0;
	safe_strncpy(w.path, t->sys, sizeof(w.path) - 1);
	len = strlen(w.path);
	if (!walk(&w, len, "devices"))
		return 0;
	/* Where kernels with SYSFS_DEPRECATED keep some of them; on others these have nothing but links */
	walk(&w, len, "class");
	walk(&w, len, "block");
	mdev_log_at(2, NULL, NULL, "%u devices triggered, %u skipped", t->count, t->skipped);
	return 1;
}
