/* vi: set sw=4 ts=4: */
/*
 * Gives a driver its firmware (Documentation/driver-api/firmware/fallback-mechanisms.rst):
 * "1" to SYS/DEVPATH/loading, the file to data, "0" to loading; or "-1" to loading
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdev_rules.h"

enum {
	/* Some kernels announce the device before its attributes are there */
	WAIT_MS = 30 * 1000,
	STEP_MS = 50,
};

/* Opens the attribute of the device whose directory is the first len bytes of path */
static int open_attribute(char *path, unsigned len, const char *attribute)
{
	strcpy(path + len, attribute);
	return open(path, O_WRONLY);
}

/* "loading" may be still to come. -1: it does not come, or the device is gone */
static int open_loading(char *path, unsigned len)
{
	unsigned waited;

	for (waited = 0; waited < WAIT_MS; waited += STEP_MS) {
		int fd = open_attribute(path, len, "/loading");

		if (fd >= 0 || errno != ENOENT)
			return fd;
		path[len] = '\0';
		if (access(path, F_OK) != 0)
			break;
		usleep(STEP_MS * 1000);
	}
	return -1;
}

/* Returns 0 if not all of the file got to the device */
static int copy_to_data(int file, char *path, unsigned len)
{
	struct stat st;
	off_t copied = -1;
	int data = open_attribute(path, len, "/data");

	if (data >= 0) {
		if (fstat(file, &st) == 0)
			copied = bb_copyfd_eof(file, data);
		close(data);
	}
	return copied > 0 && copied == st.st_size;
}

static int open_firmware(const struct mdev_event *ev, const char *dir)
{
	const char *fault = mdev_name_fault(ev->firmware);
	char path[PATH_MAX];
	int file = -1;

	if (fault) {
		mdev_warn(ev, NULL, "FIRMWARE '%s' refused: %s", ev->firmware, fault);
	} else if (snprintf(path, sizeof(path), "%s/%s", dir, ev->firmware) < (int)sizeof(path)) {
		file = open(path, O_RDONLY);
		if (file < 0)
			mdev_warn(ev, NULL, "no firmware '%s': "STRERROR_FMT, path STRERROR_ERRNO);
	}
	return file;
}

/* Serves an add event that has FIRMWARE: copies dir/FIRMWARE to the device at
 * sys/DEVPATH. If it cannot, the kernel is told so, which else would wait for
 * a minute, and a warning is printed. Blocks for up to 30 s: mdevd calls it in
 * a child that does nothing else. */
void FAST_FUNC mdev_firmware(const struct mdev_event *ev, const char *sys, const char *dir)
{
	char path[PATH_MAX];
	unsigned len;
	int loading = -1;
	int file = open_firmware(ev, dir);

	len = snprintf(path, sizeof(path) - sizeof("/loading"), "%s%s", sys, ev->devpath);
	if (len < sizeof(path) - sizeof("/loading"))
		loading = open_loading(path, len);
	if (loading < 0) {
		mdev_warn(ev, NULL, "no firmware loaded: the device is gone");
	} else if (file < 0) {
		full_write(loading, "-1", 2);
	} else if (full_write(loading, "1", 1) != 1
	 || !copy_to_data(file, path, len)
	 || full_write(loading, "0", 1) != 1
	) {
		full_write(loading, "-1", 2);
		mdev_warn(ev, NULL, "firmware '%s' not loaded", ev->firmware);
	}
	if (loading >= 0)
		close(loading);
	if (file >= 0)
		close(file);
}
