/* vi: set sw=4 ts=4: */
/*
 * Adds or removes a loop device
 *
 * Copyright (C) 2026 mdevd for BusyBox maintainers
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 *
 * For the guest of the boot test (guest/successor.sh).
 *
 *	loopctl add|remove NUMBER
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/loop.h>

int main(int argc, char **argv)
{
	int fd;

	if (argc != 3)
		return 2;
	fd = open("/dev/loop-control", O_RDWR);
	if (fd < 0 || ioctl(fd, strcmp(argv[1], "add") == 0 ? LOOP_CTL_ADD : LOOP_CTL_REMOVE, atol(argv[2])) < 0) {
		perror("loopctl");
		return 1;
	}
	return 0;
}
