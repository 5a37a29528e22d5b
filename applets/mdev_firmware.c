/* vi: set sw=4 ts=4: */
/*
 * Loads the firmware that a driver asks for (Documentation/driver-api/firmware/fallback-mechanisms.rst):
 * writes "1" to SYS/DEVPATH/loading, the file to data, "0" to loading; or "-1" to loading
 *
 * Copyright (C) 2026 mdevd for BusyBox maintainers
 * Derived from util-linux/mdev.c,
 * Copyright 2005 Rob Landley <rob@landley.net>
 * Copyright 2005 Frank Sorenson <frank@tuxrocks.com>
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdev_rules.h"
#include <sys/utsname.h>

enum {
	/* Some kernels announce the device before its attributes exist */
	LOADING_WAIT_MS = 30 * 1000,
	LOADING_STEP_MS = 50,
};

/* The functions with buffers are inlined, which gcc would not do: that saves 92 bytes */

/* Opens the file name in updates/RELEASE, updates, RELEASE or the directory itself. Returns NULL, or the
 * reason if there is no such file: *file is -1 then */
static ALWAYS_INLINE const char *open_firmware(int *file, const char *dir, const char *name)
{
	struct utsname uts;
	char path[sizeof(uts.release) + 1 + MDEV_NAME_MAX];
	const char *fault = mdev_name_fault(name);
	int i;

	*file = -1;
	if (fault)
		return fault;
	uname(&uts);
	sprintf(path, "%s/%s", uts.release, name);
	for (i = 0; i < 2; i++) {
		if (chdir(dir) != 0 || (i == 0 && chdir("updates") != 0))
			continue;
		*file = open(path, O_RDONLY);
		if (*file < 0)
			*file = open(name, O_RDONLY);
		if (*file >= 0)
			return NULL;
	}
	return strerror(errno);
}

/* Copies file to "data" in the current directory. Returns 0 if that fails */
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

static int write_loading(int loading, int n)
{
	return dprintf(loading, "%d", n) > 0;
}

/* Enters the device's directory and opens "loading", which may not exist yet. Returns -1 if
 * it does not appear, or the device is gone */
static ALWAYS_INLINE int open_loading(const struct mdev_event *ev)
{
	char dir[MDEV_NAME_MAX];
	unsigned waited;

	snprintf(dir, sizeof(dir), "%s%s", ev->sys, ev->devpath);
	for (waited = 0; chdir(dir) == 0 && waited < LOADING_WAIT_MS; waited += LOADING_STEP_MS) {
		int fd = open("loading", O_WRONLY);

		if (fd >= 0 || errno != ENOENT)
			return fd;
		poll(NULL, 0, LOADING_STEP_MS);
	}
	return -1;
}

/* Handles an add event with FIRMWARE: copies that file of dir to the device. On failure it warns, and
 * tells the kernel, which would otherwise wait for a minute. Changes the current directory. Blocks
 * for up to 30 s: with an MMU, mdevd calls it in a separate child. */
void FAST_FUNC mdev_firmware(const struct mdev_event *ev, const char *dir)
{
	int file;
	const char *fault = open_firmware(&file, dir, ev->firmware);
	int loading = open_loading(ev);

	if (loading < 0) {
		fault = "can't open 'loading'";
	} else {
		if (!fault
		 && !(write_loading(loading, 1) && copy_to_data(file) && write_loading(loading, 0))
		) {
			fault = "it could not be copied";
		}
		if (fault)
			write_loading(loading, -1);
		close(loading);
	}
	if (fault)
		mdev_log(MDEV_LOG_WARN, "firmware '%s' not loaded: %s", ev->firmware, fault);
	close(file);
}
