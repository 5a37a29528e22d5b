/* vi: set sw=4 ts=4: */
/*
 * Waits until mdevd has handled all events, and the events that handling them caused
 *
 * Copyright (C) 2026 mdevd for BusyBox maintainers
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 *
 * Two sockets. The one in the kernel's group receives what mdevd receives, in the same
 * order and at once: the kernel queues an event for both before the write to "uevent",
 * or the mount or modprobe of a rule, returns. The other socket receives what mdevd
 * rebroadcasts: the events it has handled. SEQNUM tells which events those are.
 *
 * A barrier is an event that mdevd rebroadcasts without matching a rule. When it comes
 * back, all events queued before it are handled. If every event announced by then has come
 * back too, nothing is left to do; otherwise the next barrier waits for the rest.
 * SYS/kernel/uevent_seqnum is of no use: it also counts the events of other network
 * namespaces.
 *
 * mdevd may be restarted, or lose events, while barriers still come back. So the events
 * announced and handled must balance. If they do not, and one more barrier changes nothing,
 * the missing events were never handled and the caller triggers again.
 *
 * Kernels before 4.13 cannot mark a barrier. There, the newest announced event serves
 * as one; if there is none, or if it was lost, a plain "change" of some device.
 */
#include "mdevd.h"

enum {
	/* pfd[] */
	KERNEL,		/* events that the kernel announces */
	HANDLED,	/* events that mdevd rebroadcasts */

	/* Milliseconds before a barrier is sent again, plus an eighth of the time waited: mdevd may be
	 * busy, or gone for hours */
	PAUSE_MS = 250,
	PAUSE_MAX_MS = 8000,
	/* How long to wait for mdevd to start before triggering anyway: it may run without -O. If
	 * it was started just now, it listens within milliseconds */
	START_MS = 2000,
	START_PAUSE_MS = 1,
	/* How much later than mdevd's socket ours may receive an event. An event that never reaches ours,
	 * such as another sender's, costs this time, too */
	REORDER_MS = 1,
	/* How often to look for the nodes of -w: other programs than mdevd may make them */
	NODE_POLL_MS = 100,
	/* The sockets are read once per this number of devices, up to this number of events */
	DEVICES_PER_READ = 16,
	EVENTS_PER_READ = 1024,
	/* Triggering pauses when mdevd is more than this number of events behind: its queue
	 * (MDEVD_RCVBUF) must hold them and the events that they cause */
	BACKLOG_MAX = 256,

	/* method */
	PLAIN = 1,	/* the kernel cannot mark barriers */
	TO_ANY = 2,	/* find another target: SYS may be of another network namespace */
	N_METHODS = 4,
};

/* Written to mark a barrier */
#define BARRIER "change 00000000-0000-0000-0000-000000000000 "MDEVD_BARRIER_KEY"=1"

static ALWAYS_INLINE unsigned now(void)
{
	return monotonic_ms();
}

/** Receiving **/

static int read_events(struct mdevd_settle *s, int from);

static void event_announced(struct mdevd_settle *s, uint32_t seqnum, uint32_t hash)
{
	if (s->u.barrier) {
		s->can_mark = 1;
		s->pending.last = hash;
	} else {
		s->is_active = 1;
		if (!mdevd_pending_add(&s->pending, seqnum, hash))
			return;
	}
	s->is_answered = 1;
}

/* Keeps the event's slowest command if it is one of the three slowest so far */
static void note_slowest(struct mdevd_settle *s)
{
	const char *command = mdev_event_var(&s->u.ev, MDEVD_SLOWEST);
	int i, n = ARRAY_SIZE(s->slowest);

	for (i = 0; command && i < n; i++) {
		if (atoi(command) <= atoi(s->slowest[i]))
			continue;
		memmove(s->slowest[i + 1], s->slowest[i], (n - 1 - i) * sizeof(s->slowest[0]));
		snprintf(s->slowest[i], sizeof(s->slowest[0]), "%s (%s)", command, bb_basename(s->u.ev.devpath));
		break;
	}
}

static void log_settled(const struct mdevd_settle *s)
{
	mdev_log(MDEV_LOG_INFO, "settled after %u ms: %u events handled%s%s%s%s%s%s", now() - s->start, s->n_handled,
			*s->slowest[0] ? "; slowest commands: " : "", s->slowest[0],
			*s->slowest[1] ? ", " : "", s->slowest[1],
			*s->slowest[2] ? ", " : "", s->slowest[2]);
}

static void event_handled(struct mdevd_settle *s, uint32_t seqnum, uint32_t hash)
{
	int tries = 2;

	if (s->barrier == hash)
		s->is_back = 1;
	/* mdevd sends it to each of its groups, and this socket may be in several */
	if (s->u.barrier || s->last_handled == hash)
		return;
	s->last_handled = hash;
	note_slowest(s);
	/* It may have been announced after the kernel's socket was read, or be just about to: the kernel
	 * queues an event for one socket after the other, and mdevd's may have been the first */
	while ((int32_t)(seqnum - s->pending.newest) > 0 && tries-- && poll(&s->pfd[KERNEL], 1, REORDER_MS) > 0)
		read_events(s, KERNEL);
	if (s->pending.last == hash)
		s->pending.last = 0;
	if (mdevd_pending_remove(&s->pending, seqnum, hash))
		s->n_handled++;
}

/* Returns 0 if more may be queued */
static int read_events(struct mdevd_settle *s, int from)
{
	int n = EVENTS_PER_READ;

	do {
		int len = mdevd_netlink_recv(s->pfd[from].fd, s->u.buf, UEVENT_MAX);

		if (len < 0) {
			if (errno != ENOBUFS)
				return 1;
			s->is_lost = s->is_active = 1;
		} else if (len > 0 && !mdevd_uevent_parse(&s->u, len)) {
			uint32_t seqnum;
			uint32_t hash = mdevd_uevent_hash(&s->u, &seqnum);

			if (from == KERNEL)
				event_announced(s, seqnum, hash);
			else
				event_handled(s, seqnum, hash);
		}
	} while (--n);
	return 0;
}

static int read_both(struct mdevd_settle *s)
{
	return read_events(s, KERNEL) & read_events(s, HANDLED);
}

static void NORETURN die_of_timeout(struct mdevd_settle *s)
{
	xfunc_error_retval = MDEVD_EXIT_TIMEOUT;
	if (s->groups && !s->is_back && !s->n_handled)
		bb_error_msg_and_die("not settled: nothing from mdevd: busy, or without -O %u?", s->groups);
	if (s->missing_node)
		bb_error_msg_and_die("not settled: no %s", s->missing_node);
	bb_error_msg_and_die("not settled: %d events pending, last %s",
			MAX(s->pending.count, 0), s->u.ev.devpath ? s->u.ev.devpath : "none");
}

/* Waits until an event comes, for ms milliseconds at most, and reads what is queued. Returns 0
 * if our sockets lost events: the pending events are then unknown, and forgotten */
static int wait_for_events(struct mdevd_settle *s, int ms)
{
	if (s->timeout) {
		int left = s->start + s->timeout * 1000 - now();

		if (left <= 0)
			die_of_timeout(s);
		ms = MIN(ms, left);
	}
	if (poll(s->pfd, 2, ms) > 0)
		read_both(s);
	if (!s->is_lost)
		return 1;
	s->is_lost = 0;
	mdev_log(MDEV_LOG_INFO, "queue overflow (-b helps)");
	memset(&s->pending, 0, sizeof(s->pending));
	return 0;
}

/** Barriers **/

/* Ends the search after the first device for which the kernel announces an event */
static int FAST_FUNC search_step(struct mdevd_trigger *t, const char *uevent_file)
{
	struct mdevd_settle *s = (void*)((char*)t - offsetof(struct mdevd_settle, search));

	read_events(s, KERNEL);
	t->is_over = s->is_answered;
	if (!t->is_over)
		safe_strncpy(s->target, uevent_file, sizeof(s->target));
	return !t->is_over;
}

/* Makes the kernel announce a barrier: tries the method that worked last, then the others.
 * is_first: if the kernel cannot mark barriers, the newest announced event serves as one */
static void send_barrier(struct mdevd_settle *s, int is_first)
{
	int n = N_METHODS;

	s->is_answered = (s->method & PLAIN) && is_first && s->pending.newest != 0;
	while (!s->is_answered && n--) {
		s->search.action = (s->method & PLAIN) ? "change" : BARRIER;
		if (s->method & TO_ANY)
			mdevd_trigger(&s->search);
		else
			mdevd_trigger_write(AT_FDCWD, s->target, s->search.action);
		/* What the kernel announced is queued already. Old kernels accept a mark and ignore it */
		read_events(s, KERNEL);
		s->method = (s->method + 1) % N_METHODS;
		if (s->is_answered) /* a search has set s->target */
			s->method = s->can_mark ? 0 : PLAIN;
	}
	s->barrier = s->pending.last;
	s->is_back = s->is_answered && s->barrier == 0 && !s->is_lost;
}

/* Returns when mdevd has handled all events announced before; if limit is not 0, also after
 * limit milliseconds, or when no barrier can be sent */
static void wait_for_barrier(struct mdevd_settle *s, unsigned limit)
{
	unsigned from = now();
	int is_first = 1;
	int left;

	read_events(s, KERNEL);
	for (;;) {
		unsigned sent = now();
		unsigned pause = (sent - from) / 8 + (limit ? START_PAUSE_MS : PAUSE_MS);

		pause = MIN(pause, PAUSE_MAX_MS);
		send_barrier(s, is_first);
		is_first = 0;
		do {
			if (s->is_back || (limit && (!s->is_answered || sent - from >= limit)))
				return;
			left = sent + pause - now();
		} while (left > 0 && wait_for_events(s, left));
	}
}

/* Called before each device: keeps our queues and mdevd's short */
static int FAST_FUNC pace(struct mdevd_trigger *t, const char *uevent_file UNUSED_PARAM)
{
	struct mdevd_settle *s = (void*)((char*)t - offsetof(struct mdevd_settle, t));

	if ((t->count + t->skipped) % DEVICES_PER_READ == 0) {
		wait_for_events(s, 0);
		if (s->n_handled && s->pending.count > BACKLOG_MAX)
			wait_for_barrier(s, 0);
	}
	return 1;
}

/** Settling **/

/* Returns 1 when mdevd has handled all events, 0 if it never will: it lost some */
static int wait_for_mdevd(struct mdevd_settle *s)
{
	uint32_t before = 0;

	for (;;) {
		wait_for_barrier(s, 0);
		if (!read_both(s) || s->is_lost)
			continue;
		if (s->pending.sum == 0)
			return 1;
		/* Any new event changes the sum. A negative count is harmless: mdevd sent events
		 * twice, or those from before the first one */
		if (s->pending.sum == before)
			return s->pending.count < 0;
		before = s->pending.sum;
	}
}

static int is_node_or_link(const char *path)
{
	struct stat st;

	/* Of all types only block, char and link have this bit */
	return lstat(path, &st) == 0 && (st.st_mode & S_IFCHR);
}

/* Returns 1 when the nodes exist and nothing has happened for the quiet time, 0 as soon as an
 * event is announced */
static int wait_for_quiet(struct mdevd_settle *s)
{
	unsigned start = now();

	s->is_active = 0;
	for (;;) {
		llist_t *node = s->nodes;
		int ms = start + s->quiet - now();

		while (node && is_node_or_link(node->data))
			node = node->link;
		s->missing_node = node ? node->data : NULL;
		ms = node ? NODE_POLL_MS : MAX(ms, 0);
		/* Even for 0 ms: mdevd may have made the node in the middle of an event */
		wait_for_events(s, ms);
		if (s->is_active || ms == 0)
			return !s->is_active;
	}
}

/* Opens the sockets and waits, for a limited time, until mdevd receives events. From now on
 * s->t paces mdevd_trigger(). Dies with xfunc_error_retval if a system call fails, and
 * as mdevd_settle_wait() does. */
void FAST_FUNC mdevd_settle_start(struct mdevd_settle *s)
{
	s->start = now();
	s->t.before = pace;
	s->search.before = search_step;
	s->search.sys = s->t.sys;
	snprintf(s->target, sizeof(s->target), "%s/class/net/lo/uevent", s->t.sys);
	s->pfd[KERNEL].fd = xmdevd_netlink_open(UEVENT_GROUP_KERNEL, s->rcvbuf);
	/* Without groups it never receives anything */
	s->pfd[HANDLED].fd = xmdevd_netlink_open(s->groups, s->rcvbuf);
	s->pfd[KERNEL].events = s->pfd[HANDLED].events = POLLIN;
	if (s->groups)
		wait_for_barrier(s, START_MS);
	memset(&s->pending, 0, sizeof(s->pending));
}

/* Blocks until mdevd has handled all events and those they caused, no event was announced for
 * s->quiet milliseconds, and s->nodes exist. Returns 1 then, or 0 with a warning if mdevd lost
 * events, which the caller must trigger again. Dies with status 1 and a message when s->timeout
 * seconds have passed since the start. */
int FAST_FUNC mdevd_settle_wait(struct mdevd_settle *s)
{
	do {
		if (s->groups && !wait_for_mdevd(s)) {
			mdev_log(MDEV_LOG_WARN, "%d events were lost: was mdevd restarted?", s->pending.count);
			memset(&s->pending, 0, sizeof(s->pending));
			return 0;
		}
	} while (!wait_for_quiet(s));
	log_settled(s);
	return 1;
}
