/* vi: set sw=4 ts=4: */
/*
 * Sets the wall clock, again and again, until a process has ended
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 *
 * For the guest of the boot test (guest/clock.sh), which has a clock of its own.
 *
 *	setclock STEP PID
 *
 * The clock goes by STEP seconds each time, 100 times a second. Prints how often; exit status 0, or 1 if
 * it cannot be set.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
	struct timespec ts = { .tv_sec = 1500000000 }, pause = { .tv_nsec = 10000000 };
	unsigned n = 0;
	int pid;

	if (argc != 3 || (pid = atoi(argv[2])) < 2)
		return 2;
	for (; kill(pid, 0) == 0; n++) {
		ts.tv_sec += atoi(argv[1]);
		if (clock_settime(CLOCK_REALTIME, &ts) != 0) {
			perror("setclock");
			return 1;
		}
		nanosleep(&pause, NULL);
	}
	printf("%u\n", n);
	return 0;
}
