/* vi: set sw=4 ts=4: */
/*
 * The uevent sockets: listen, receive from trusted senders, rebroadcast
 *
 * Copyright (C) 2026 mdevd for BusyBox maintainers
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdevd.h"
#include <linux/netlink.h>

/* Opens a socket that receives the uevents of groups (a mask; 0: for sending only) and
 * queues up to rcvbuf bytes of them. The caller closes it, in children too. Returns -1 with
 * errno set on failure. Does not block.
 * create_and_bind_to_netlink() binds to the port getpid(), which only one socket of a
 * process can have. */
int FAST_FUNC mdevd_netlink_open(unsigned groups, unsigned rcvbuf)
{
	struct sockaddr_nl sa;
	int fd = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_KOBJECT_UEVENT);

	if (fd < 0 || groups == 0)
		return fd;
	setsockopt_SOL_SOCKET_int(fd, SO_RCVBUF, rcvbuf);
	/* Needs root and goes above net.core.rmem_max */
	setsockopt_SOL_SOCKET_int(fd, SO_RCVBUFFORCE, rcvbuf);
	memset(&sa, 0, sizeof(sa));
	sa.nl_family = AF_NETLINK;
	sa.nl_groups = groups;
	if (bind(fd, (struct sockaddr*)&sa, sizeof(sa)) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* As mdevd_netlink_open(), but dies on failure. */
int FAST_FUNC xmdevd_netlink_open(unsigned groups, unsigned rcvbuf)
{
	int fd = mdevd_netlink_open(groups, rcvbuf);

	if (fd < 0)
		bb_simple_perror_msg_and_die("can't open a uevent socket");
	return fd;
}

/* Receives one datagram into buf of size bytes. Returns its length, which is greater than
 * size if it was truncated; 0 if it was discarded because of its sender or format (logged at
 * -v 3); -1 with errno set: EAGAIN if none is queued, ENOBUFS if some were lost. Does not block. */
int FAST_FUNC mdevd_netlink_recv(int fd, char *buf, int size)
{
	struct sockaddr_nl sa;
	socklen_t sa_len = sizeof(sa);
	ssize_t len;
	int is_accepted;

	/* MSG_TRUNC: the length of the datagram, not of the part that fits (since 2.6.22) */
	len = recvfrom(fd, buf, size, MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr*)&sa, &sa_len);
	if (len < 0)
		return len;
	/* Accepts multicasts only: before 3.6 any user could send a unicast, but a multicast has always
	 * required CAP_NET_ADMIN */
	if (sa.nl_groups == UEVENT_GROUP_KERNEL)
		is_accepted = (sa.nl_pid == 0); /* the kernel's port */
	else /* systemd-udevd sends its own format to group 2 */
		is_accepted = sa.nl_groups != 0 && !(len >= 8 && memcmp(buf, "libudev", 8) == 0);
	if (is_accepted)
		return len;
	mdev_log(MDEV_LOG_DEBUG, "event from port %u, group mask %x, dropped: untrusted sender, or the format of libudev",
			sa.nl_pid, sa.nl_groups);
	return 0;
}

#if ENABLE_FEATURE_MDEVD_RELAY
/* Passes a handled event on to -o, and to -O with its slowest command. Closes -o after the first failure;
 * reports only the first failure of -O. A group without listeners is not a failure. u->buf has room for
 * the added variable. Does not block. */
void FAST_FUNC mdevd_output(struct mdevd_out *out, struct mdevd_uevent *u)
{
	struct sockaddr_nl sa;
	unsigned groups = out->groups;
	int len = u->len;

	if (out->fd >= 0) {
		/* One more NUL ends the event */
		u->buf[len] = '\0';
		errno = EAGAIN; /* if only a part is written */
		if (write(out->fd, u->buf, len + 1) != len + 1) {
			mdevd_warn_errno("write events any more");
			close(out->fd);
			out->fd = -1;
		}
	}
	if (out->slowest_ms >= MDEVD_SLOWEST_MS)
		len += sprintf(u->buf + len, MDEVD_SLOWEST"=%u ms %.200s:%u",
				out->slowest_ms, out->slowest->file, out->slowest->line) + 1;
	out->slowest_ms = 0;
	memset(&sa, 0, sizeof(sa));
	sa.nl_family = AF_NETLINK;
	/* One by one: a call with several groups reaches only the lowest (netlink_sendmsg,
	 * net/netlink/af_netlink.c) */
	for (; groups; groups &= groups - 1) {
		sa.nl_groups = groups & -groups;
		if (sendto(out->sock, u->buf, len, MSG_DONTWAIT, (struct sockaddr*)&sa, sizeof(sa)) < 0
		 && errno != ECONNREFUSED && errno != ESRCH && !out->is_refused
		) {
			out->is_refused = 1;
			mdevd_warn_errno("rebroadcast events");
		}
	}
}
#endif
