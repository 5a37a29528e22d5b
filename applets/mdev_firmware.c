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

/* In the device's directory. Returns 0 if not all of the file got to it */
static int copy_to_data(int file)
{
	off_t copied = 0;
	int data = open("data", O_WRONLY);

	if (data >= 0) {
		copied = bb_copyfd_eof(file, data);
		close(data);
	}
	return copied > 0;
}

static int tell(int loading, const char *s)
{
	return full_write(loading, s, strlen(s)) > 0;
}

/* Enters the device's directory and opens "loading", which may be still to come.
 * -1: it does not come, or the device is gone */
static int open_loading(const char *dir)
{
	unsigned waited;

	for (waited = 0; chdir(dir) == 0 && waited < WAIT_MS; waited += STEP_MS) {
		int fd = open("loading", O_WRONLY);

		if (fd >= 0 || errno != ENOENT)
			return fd;
		poll(NULL, 0, STEP_MS);
	}
	return -1;
}

/* Serves an add event that has FIRMWARE: copies dir/FIRMWARE to the device at
 * sys/DEVPATH. If it cannot, the kernel is told so, which else would wait for
 * a minute, and a warning is printed. Leaves the current directory somewhere
 * else. Dies if there is no memory. Blocks for up to 30 s: mdevd calls it in a child that does nothing else. */
void FAST_FUNC mdev_firmware(const struct mdev_event *ev, const char *sys, const char *dir)
{
	const char *fault = mdev_name_fault(ev->firmware);
	char *path = xasprintf("%s%s", sys, ev->devpath);
	int loading;
	int file = -1;

	if (!fault) {
		if (chdir(dir) == 0)
			file = open(ev->firmware, O_RDONLY);
		if (file < 0)
			fault = strerror(errno);
	}
	loading = open_loading(path);
	free(path);
	if (loading < 0) {
		fault = "the device is gone";
	} else {
		if (!fault
		 && !(tell(loading, "1") && copy_to_data(file) && tell(loading, "0"))
		) {
			fault = "it could not be copied";
		}
		if (fault)
			tell(loading, "-1");
		close(loading);
	}
	if (fault)
		mdev_warn(ev, NULL, "firmware '%s' not loaded: %s", ev->firmware, fault);
	if (file >= 0)
		close(file);
}
