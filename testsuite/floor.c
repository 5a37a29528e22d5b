/* vi: set sw=4 ts=4: */
/*
 * The kernel's own share of an event: receives events and makes their nodes, and nothing else (except
 * a process for each event, if KB is given)
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 *
 * usage: floor DIR [KB]	(sandbox play -k plain)
 * Writes a newline to descriptor 3 when it listens. It has no rules and no checks, and reads DEVNAME
 * only: no device manager can do less. For an event with SANDBOX=TEXT it writes TEXT to
 * DIR/../.done, like the rule that sandbox adds at the top.
 * KB: after each node it forks a child that exits at once, and waits for it: no command can
 * do less. It has KB more memory of its own, whose page tables are copied.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

static char *kept;

static void done(const char *text)
{
	int fd = open("../.done", O_WRONLY);

	dprintf(fd, "%s\n", text);
	close(fd);
}

int main(int argc, char **argv)
{
	struct sockaddr_nl sa = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int size = 64 << 20;
	int fd = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_KOBJECT_UEVENT);
	char buf[8192 + 1];
	ssize_t len;

	if (argc < 2 || argc > 3 || chdir(argv[1]) || fd < 0
	 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size))
	 || bind(fd, (struct sockaddr*)&sa, sizeof(sa))
	) {
		perror("floor");
		return 111;
	}
	umask(0);
	if (argc == 3) {
		kept = malloc(atoi(argv[2]) << 10);
		if (kept)
			memset(kept, 1, atoi(argv[2]) << 10);
	}
	if (write(3, "\n", 1) == 1)
		close(3);
	while ((len = recv(fd, buf, sizeof(buf) - 1, 0)) > 0) {
		const char *name = NULL;
		int major = 0, minor = 0;
		char *s;

		buf[len] = '\0';
		for (s = buf; s < buf + len; s += strlen(s) + 1) {
			if (*s == 'D' && strncmp(s, "DEVNAME=", 8) == 0)
				name = s + 8;
			else if (*s == 'M' && strncmp(s, "MAJOR=", 6) == 0)
				major = atoi(s + 6);
			else if (*s == 'M' && strncmp(s, "MINOR=", 6) == 0)
				minor = atoi(s + 6);
			else if (*s == 'S' && strncmp(s, "SANDBOX=", 8) == 0)
				done(s + 8);
		}
		if (name) {
			mknod(name, S_IFCHR | 0660, makedev(major, minor));
			chown(name, 0, 0);
			if (argc == 3) {
				pid_t pid = fork();

				if (pid == 0)
					_exit(0);
				waitpid(pid, NULL, 0);
			}
		}
	}
	return 0;
}
