/* vi: set sw=4 ts=4: */
/*
 * Runs a program as if the kernel were one that cannot mark synthetic uevents
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 *
 *	oldkernel 2.6|3 PROGRAM [ARG]...
 *		Writes of "ACTION UUID..." (kernels since 4.13 take that) are answered as older
 *		kernels do: success, and an "add" to the same file (2.6), or nothing at all (3).
 *		Everything else is left to the kernel. Exit status: PROGRAM's; 128 + N if
 *		signal N ended it; 111 if this kernel cannot do it (Linux 5.5, with
 *		seccomp), with the reason on stderr.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static void die(const char *what)
{
	fprintf(stderr, "oldkernel: %s: %s\n", what, strerror(errno));
	exit(111);
}

/* Sends or receives one descriptor */
static int pass_fd(int sock, int fd)
{
	char c = 0;
	struct iovec iov = { &c, 1 };
	union {
		struct cmsghdr hdr;
		char buf[CMSG_SPACE(sizeof(int))];
	} control = { .hdr = { 0 } };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};

	if (fd < 0) {
		if (recvmsg(sock, &msg, 0) != 1 || !CMSG_FIRSTHDR(&msg))
			return -1;
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
		return fd;
	}
	control.hdr.cmsg_level = SOL_SOCKET;
	control.hdr.cmsg_type = SCM_RIGHTS;
	control.hdr.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.hdr), &fd, sizeof(fd));
	return sendmsg(sock, &msg, 0);
}

static void run(int sock, char **argv)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_write, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { sizeof(code) / sizeof(code[0]), code };
	int fd;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		die("no_new_privs");
	fd = syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter);
	/* From here on die() would wait for an answer */
	if (fd < 0 || pass_fd(sock, fd) < 0)
		_exit(111);
	close(fd);
	close(sock);
	execvp(argv[0], argv);
	_exit(127);
}

/* Is it a write of more than an action? Gives its length */
static int marked_write(const struct seccomp_notif *req)
{
	char path[64], text[64] = "";
	int fd, is_marked = 0;

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)req->pid);
	fd = open(path, O_RDONLY);
	if (fd >= 0) {
		is_marked = pread(fd, text, sizeof(text) - 1, req->data.args[1]) > 0
			&& req->data.args[2] > 36
			&& (strncmp(text, "change ", 7) == 0 || strncmp(text, "add ", 4) == 0)
			&& strchr(text, '-');
		close(fd);
	}
	return is_marked ? (int)req->data.args[2] : 0;
}

static void send_add(const struct seccomp_notif *req)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)req->pid, (int)req->data.args[0]);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, "add", 3) != 3)
		fprintf(stderr, "oldkernel: %s: %s\n", path, strerror(errno));
	close(fd);
}

int main(int argc, char **argv)
{
	struct seccomp_notif req;
	struct seccomp_notif_resp resp;
	struct pollfd pfd;
	int pair[2], status, adds;
	pid_t pid;

	if (argc < 3) {
		fprintf(stderr, "usage: oldkernel 2.6|3 PROGRAM [ARG]...\n");
		return 111;
	}
	adds = strcmp(argv[1], "2.6") == 0;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		die("socketpair");
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		run(pair[1], argv + 2);
	}
	close(pair[1]);
	pfd.fd = pass_fd(pair[0], -1);
	pfd.events = POLLIN;
	if (pfd.fd < 0) {
		fprintf(stderr, "oldkernel: no seccomp notifications\n");
		return 111;
	}
	while (poll(&pfd, 1, -1) > 0 && (pfd.revents & POLLIN)) {
		memset(&req, 0, sizeof(req));
		memset(&resp, 0, sizeof(resp));
		if (ioctl(pfd.fd, SECCOMP_IOCTL_NOTIF_RECV, &req))
			continue;
		resp.id = req.id;
		resp.val = marked_write(&req);
		if (resp.val == 0)
			resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		else if (adds)
			send_add(&req);
		if (ioctl(pfd.fd, SECCOMP_IOCTL_NOTIF_SEND, &resp) && errno != ENOENT)
			die("answer");
	}
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
