/* vi: set sw=4 ts=4: */
/*
 * The uevent sockets: listen, receive with the sender, rebroadcast
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdevd.h"
#include <linux/netlink.h>
#include <sys/syscall.h>

/* On 32-bit machines musl's recvmsg() is half a kB: it converts timestamps, which nobody
 * asked for. (Where there is a socketcall, old kernels have no system call of that name) */
#if defined(__NR_recvmsg) && !defined(__NR_socketcall)
# define recvmsg(fd, msg, flags) syscall(__NR_recvmsg, fd, msg, flags)
#endif

/* Socket that receives the uevents of groups (a mask; 0: for sending only) and may
 * queue rcvbuf bytes of them; the caller closes it. Close-on-exec. -1 with errno
 * set if it cannot be had.
 * Not create_and_bind_to_netlink(): that one takes our pid for its port, and
 * a process can have that only once. */
int FAST_FUNC mdevd_netlink_open(unsigned groups, unsigned rcvbuf)
{
	struct sockaddr_nl sa;
	/* SOCK_CLOEXEC came with 2.6.27 */
	int fd = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_KOBJECT_UEVENT);

	if (fd < 0)
		return fd;
	close_on_exec_on(fd);
	if (groups == 0)
		return fd;
	/* FORCE needs root and goes above net.core.rmem_max */
	if (setsockopt_SOL_SOCKET_int(fd, SO_RCVBUFFORCE, rcvbuf) != 0)
		setsockopt_SOL_SOCKET_int(fd, SO_RCVBUF, rcvbuf);
	if (groups & ~UEVENT_GROUP_KERNEL)
		setsockopt_SOL_SOCKET_1(fd, SO_PASSCRED);
	memset(&sa, 0, sizeof(sa));
	sa.nl_family = AF_NETLINK;
	sa.nl_groups = groups;
	if (bind(fd, (struct sockaddr*)&sa, sizeof(sa)) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* The same for those who are starting: dies if it cannot be had. */
int FAST_FUNC xmdevd_netlink_open(unsigned groups, unsigned rcvbuf)
{
	int fd = mdevd_netlink_open(groups, rcvbuf);

	if (fd < 0)
		bb_simple_perror_msg_and_die("can't listen to uevents");
	return fd;
}

/* Is the sender one that we listen to? The kernel (port 0), or root in the
 * other groups. Only multicasts: until 3.6 any user could unicast */
static int is_trusted(struct msghdr *msg)
{
	const struct sockaddr_nl *sa = msg->msg_name;
	struct cmsghdr *cmsg;

	if (sa->nl_groups == 0)
		return 0;
	if (sa->nl_pid == 0)
		return 1;
	if (!(ENABLE_FEATURE_MDEVD_RELAY || ENABLE_MDEVD_COLDPLUG) || sa->nl_groups == UEVENT_GROUP_KERNEL)
		return 0;
	cmsg = CMSG_FIRSTHDR(msg);
	return cmsg
		&& cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_CREDENTIALS
		&& ((struct ucred*)CMSG_DATA(cmsg))->uid == 0;
}

/* Receives one datagram into buf of size bytes. Returns its length (greater than
 * size: it was cut off), 0 if it is to be dropped because of its sender or form
 * (said at -v 3), or -1 with errno: EAGAIN if there is none, ENOBUFS if some were
 * lost. Never blocks. */
int FAST_FUNC mdevd_netlink_recv(int fd, char *buf, int size)
{
	struct sockaddr_nl sa;
	struct iovec iov;
	struct msghdr msg;
	union {
		struct cmsghdr hdr;
		char buf[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	ssize_t len;

	iov.iov_base = buf;
	iov.iov_len = size;
	memset(&msg, 0, sizeof(msg));
	msg.msg_name = &sa;
	msg.msg_namelen = sizeof(sa);
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = &control;
	msg.msg_controllen = sizeof(control);
	do {
		len = recvmsg(fd, &msg, MSG_DONTWAIT);
	} while (len < 0 && errno == EINTR);
	if (len < 0)
		return len;
	if (!is_trusted(&msg)) {
		mdev_log_at(3, NULL, NULL, "event from port %u, group mask %x, dropped: not listened to",
				sa.nl_pid, sa.nl_groups);
		return 0;
	}
	if (msg.msg_flags & MSG_TRUNC)
		return size + 1;
	/* What systemd's udevd sends to group 2 */
	if (sa.nl_groups != UEVENT_GROUP_KERNEL && len >= 8 && memcmp(buf, "libudev", 8) == 0) {
		mdev_log_at(3, NULL, NULL, "event in libudev's own format dropped");
		return 0;
	}
	return len;
}

/* Sends len bytes of buf to each group in the mask: one call reaches only the
 * lowest (netlink_sendmsg, net/netlink/af_netlink.c). Returns 0 with errno set if the
 * kernel refused; nobody listening is no error. Does not block. */
int FAST_FUNC mdevd_netlink_send(int fd, unsigned groups, const char *buf, unsigned len)
{
	struct sockaddr_nl sa;

	memset(&sa, 0, sizeof(sa));
	sa.nl_family = AF_NETLINK;
	for (; groups; groups &= groups - 1) {
		sa.nl_groups = groups & -groups;
		if (sendto(fd, buf, len, MSG_DONTWAIT, (struct sockaddr*)&sa, sizeof(sa)) < 0
		 && errno != ECONNREFUSED && errno != ESRCH
		) {
			return 0;
		}
	}
	return 1;
}
