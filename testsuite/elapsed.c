/* vi: set sw=4 ts=4: */
/*
 * Measures the time of a command and of the daemons that it leaves running
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 *
 * usage: elapsed COMMAND [ARG...]
 *
 * Runs the command in a PID namespace of its own and prints two numbers: microseconds of wall time until
 * it ends, and microseconds of CPU time of all processes until then. CPU time is the
 * scheduler's account: /proc/PID/schedstat of those that are still running, rusage of those that have
 * ended. Children for which a daemon has waited are not counted.
 * exit: that of the command, or 111.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <sys/resource.h>
#include <sys/wait.h>

static long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* The CPU time of all processes except this one and our parent, which has forked us for this */
static long long running_ns(void)
{
	struct dirent *entry;
	long long sum = 0;
	DIR *dir = opendir("/proc");

	while (dir && (entry = readdir(dir)) != NULL) {
		char path[300];
		long long ns;
		FILE *f;
		int pid = atoi(entry->d_name);

		if (!isdigit(entry->d_name[0]) || pid == getpid() || pid == getppid())
			continue;
		snprintf(path, sizeof(path), "/proc/%s/schedstat", entry->d_name);
		f = fopen(path, "r");
		if (f && fscanf(f, "%lld", &ns) == 1)
			sum += ns;
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
	return sum;
}

int main(int argc, char **argv)
{
	struct rusage ru;
	long long before, start, wall, cpu;
	int status;
	pid_t pid;

	if (argc < 2) {
		fprintf(stderr, "usage: elapsed COMMAND [ARG...]\n");
		return 111;
	}
	before = running_ns();
	start = now_ns();
	pid = vfork();
	if (pid == 0) {
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		perror("elapsed");
		return 111;
	}
	wall = now_ns() - start;
	cpu = running_ns() - before;
	getrusage(RUSAGE_CHILDREN, &ru);
	printf("%lld %lld\n", wall / 1000, cpu / 1000
		+ (ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000000LL + ru.ru_utime.tv_usec + ru.ru_stime.tv_usec);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 111;
}
