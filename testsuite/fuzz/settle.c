/* vi: set sw=4 ts=4: */
/*
 * libFuzzer target for mdevd_settle.c: events are reordered, lost, sent twice and cause others,
 * and mdevd dies; mdevd_settle_wait() must return, but not before mdevd has handled the last
 * event of every device
 *
 * Input: the kind of world (3 bytes), then a byte for each poll(), which selects what happens
 * meanwhile. After the end of the input nothing fails any more, and mdevd handles its events.
 *
 * The kernel, mdevd and the clock are simulated below.
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "fuzz.h"
#include "mdevd.h"

enum {
	KERNEL = 100,		/* the sockets */
	HANDLED,
	MAX_EVENTS = 3000,
	MAX_DEVICES = 8,
	LO = MAX_DEVICES,	/* a device like the others, to which barriers are sent */

	/* The first byte */
	OLD_KERNEL = 1 << 0,	/* cannot mark events, and says that it did */
	NO_LO = 1 << 1,		/* takes writes to lo, and sends nothing to us */
	/* If both mdevd and we lose an event, nobody can notice: RESTARTS and OVERFLOWS exclude each other */
	RESTARTS = 1 << 2,	/* mdevd may die and be started again */
	OVERFLOWS = 1 << 3,	/* our queues may overflow */
	MDEVD_LOSES = 1 << 4,	/* so may mdevd's: it makes up for it with a coldplug */
	TELLS_TWICE = 1 << 5,	/* we have two groups in common */
	GAPS = 1 << 6,		/* other namespaces have events, too */
	SILENT = 1 << 7,	/* every second device sends nothing */
};

struct event {
	unsigned seqnum;
	int device;
	const char *action;
	char token[40];		/* of a barrier */
};

struct queue {
	int events[4 * MAX_EVENTS];
	unsigned first, end;
	int is_lost;
};

static struct {
	struct event events[MAX_EVENTS];
	unsigned n_events;
	struct queue kernel, handled, mdevd;
	int announced[MAX_DEVICES + 1], done[MAX_DEVICES + 1]; /* the last event of each; 0: none */
	unsigned n_devices, kind, seqnum, held, budget, good_polls;
	unsigned long long ms, good_ms;
	int recovers;		/* mdevd's coldplug goes on with this device, counted from 1 */
} W;

static const uint8_t *input, *input_end;
static jmp_buf gave_up;

static unsigned next_byte(void)
{
	return input < input_end ? *input++ : 0;
}

/** Queues **/

static void put(struct queue *q, int event)
{
	FUZZ_CHECK(q->end < ARRAY_SIZE(q->events));
	q->events[q->end++] = event;
}

static int take(struct queue *q)
{
	return q->first == q->end ? -1 : q->events[q->first++];
}

/* All but the first n */
static int lose(struct queue *q, unsigned n)
{
	if (q->end - q->first <= n)
		return 0;
	q->end = q->first + n;
	q->is_lost = 1;
	return 1;
}

/** The kernel **/

static void announce(const char *action, int device, const char *token)
{
	struct event *e = &W.events[W.n_events];

	/* The fuzzer's own limit; what would be the event of a barrier finds room */
	if (W.n_events + (token ? 0 : 1500) >= MAX_EVENTS)
		return;
	if (W.kind & GAPS)
		W.seqnum += W.n_events % 3;
	/* Of two at once, one may get its number first and be sent last */
	if (W.held) {
		e->seqnum = W.held;
		W.held = 0;
	} else {
		e->seqnum = ++W.seqnum;
		if (input < input_end && *input % 7 == 0) {
			W.held = e->seqnum;
			e->seqnum = ++W.seqnum;
		}
	}
	e->device = device;
	e->action = action;
	strcpy(e->token, token ? token : "");
	/* Barriers are not waited for */
	if (strcmp(action, "change") != 0)
		W.announced[device] = W.n_events + 1;
	put(&W.kernel, W.n_events);
	put(&W.mdevd, W.n_events);
	W.n_events++;
}

static int is_silent(unsigned device)
{
	return (W.kind & SILENT) && (device & 1);
}

int FAST_FUNC __wrap_mdevd_trigger_write(int dir UNUSED_PARAM, const char *file, const char *text);
int FAST_FUNC __wrap_mdevd_trigger_write(int dir UNUSED_PARAM, const char *file, const char *text)
{
	const char *token = strstr(text, MDEVD_BARRIER_KEY "=");
	const char *name = strstr(file, "/devices/d");
	int device = name ? name[sizeof("/devices/d") - 1] - '0' : LO;

	if (device == LO && !strstr(file, "/net/lo/"))
		return 0;
	if (device == LO ? (W.kind & NO_LO) != 0 : is_silent(device))
		return 1;
	/* An old kernel ignores the mark */
	announce(*text == 'a' ? "add" : "change", device,
			(W.kind & OLD_KERNEL) || !token ? NULL : token + sizeof(MDEVD_BARRIER_KEY));
	return 1;
}

/** mdevd **/

static void mdevd_handles_one(void)
{
	int i = take(&W.mdevd);
	struct event *e;
	unsigned causes;

	if (i < 0) {
		/* One at a time, as its queue has room */
		if (W.recovers > (int)W.n_devices)
			W.recovers = 0;
		else if (W.recovers && !is_silent(W.recovers++ - 1))
			announce("add", W.recovers - 2, NULL);
		return;
	}
	e = &W.events[i];
	if (*e->token) {
		if (!W.recovers)
			put(&W.handled, i);
		return;
	}
	/* A module that is loaded brings devices */
	causes = next_byte();
	if (causes > 250 && W.n_devices && W.budget) {
		W.budget--;
		causes %= W.n_devices;
		if (!is_silent(causes))
			announce("add", causes, NULL);
	}
	W.done[e->device] = MAX(W.done[e->device], i + 1);
	put(&W.handled, i);
	if (W.kind & TELLS_TWICE)
		put(&W.handled, i);
}

static void mdevd_dies(void)
{
	W.mdevd.first = W.mdevd.end;
	W.recovers = 0;
}

/** The world goes on **/

static void step(void)
{
	unsigned byte = next_byte(), arg = byte >> 3;

	switch (byte & 7) {
	case 0:
	case 1:
		mdevd_handles_one();
		break;
	case 2:
		while (W.mdevd.first != W.mdevd.end && arg--)
			mdevd_handles_one();
		break;
	case 3:
		if (W.n_devices && !is_silent(arg % W.n_devices))
			announce(arg & 16 ? "remove" : "add", arg % W.n_devices, NULL);
		break;
	case 4:
		if (W.kind & RESTARTS)
			mdevd_dies();
		break;
	case 5:
		W.ms += arg * 20;
		break;
	case 6:
		if (W.kind & OVERFLOWS)
			lose(arg & 1 ? &W.kernel : &W.handled, arg >> 1);
		break;
	case 7:
		if ((W.kind & MDEVD_LOSES) && lose(&W.mdevd, arg))
			W.recovers = 1;
		break;
	}
}

unsigned long long FAST_FUNC __wrap_monotonic_ms(void);
unsigned long long FAST_FUNC __wrap_monotonic_ms(void)
{
	return W.ms;
}

static int is_readable(const struct queue *q)
{
	return q->is_lost || q->first != q->end;
}

int __wrap_poll(struct pollfd *pfd, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *pfd, nfds_t n, int timeout)
{
	if (n == 1)
		return is_readable(&W.kernel);
	FUZZ_CHECK(pfd[0].fd == KERNEL && pfd[1].fd == HANDLED && timeout >= 0);
	if (input < input_end) {
		step();
	} else {
		/* Nothing is in its way any more */
		if (++W.good_polls > 100000 || W.ms - W.good_ms > 60 * 1000)
			FUZZ_FAIL("does not come to an end");
		mdevd_handles_one();
	}
	pfd[0].revents = is_readable(&W.kernel) ? POLLIN : 0;
	pfd[1].revents = is_readable(&W.handled) ? POLLIN : 0;
	if (pfd[0].revents || pfd[1].revents)
		return 1;
	W.ms += (input < input_end || (W.mdevd.first == W.mdevd.end && !W.recovers)) ? timeout : 1;
	if (input < input_end)
		W.good_ms = W.ms;
	return 0;
}

/** What it sees **/

int FAST_FUNC __wrap_xmdevd_netlink_open(unsigned groups, unsigned rcvbuf);
int FAST_FUNC __wrap_xmdevd_netlink_open(unsigned groups, unsigned rcvbuf UNUSED_PARAM)
{
	return groups == UEVENT_GROUP_KERNEL ? KERNEL : HANDLED;
}

int FAST_FUNC __wrap_mdevd_netlink_recv(int fd, char *buf, int size);
int FAST_FUNC __wrap_mdevd_netlink_recv(int fd, char *buf, int size UNUSED_PARAM)
{
	struct queue *q = fd == KERNEL ? &W.kernel : &W.handled;
	const struct event *e;
	char path[32];
	int i;

	if (q->is_lost) {
		q->is_lost = 0;
		errno = ENOBUFS;
		return -1;
	}
	i = take(q);
	if (i < 0) {
		errno = EAGAIN;
		return -1;
	}
	e = &W.events[i];
	strcpy(path, "/devices/virtual/net/lo");
	if (e->device != LO)
		sprintf(path, "/devices/d%u", e->device);
	i = sprintf(buf, "%s@%s%cACTION=%s%cDEVPATH=%s%cSUBSYSTEM=x%c", e->action, path, 0, e->action, 0, path, 0, 0);
	if (*e->token)
		i += sprintf(buf + i, "SYNTH_ARG_"MDEVD_BARRIER_KEY"=%s%c", e->token, 0);
	i += sprintf(buf + i, "SEQNUM=%u%c", e->seqnum, 0);
	if (fd == HANDLED && !*e->token)
		i += sprintf(buf + i, "MDEV=d%u%c", e->device, 0);
	return i;
}

void FAST_FUNC __wrap_mdevd_trigger(struct mdevd_trigger *t);
void FAST_FUNC __wrap_mdevd_trigger(struct mdevd_trigger *t)
{
	unsigned i;
	char path[32];

	t->count = t->skipped = 0;
	for (i = 0; i < W.n_devices; i++) {
		sprintf(path, "/sys/devices/d%u/uevent", i);
		if (!t->before(t, path)) {
			/* Only the search for a device that answers a barrier skips any */
			FUZZ_CHECK(strcmp(t->action, "add") != 0 && t->is_over);
			break;
		}
		__wrap_mdevd_trigger_write(AT_FDCWD, path, t->action);
		t->count++;
	}
}

/** One world **/

static void on_give_up(void)
{
	longjmp(gave_up, 1);
}

static void check_end(void)
{
	unsigned i;

	for (i = W.mdevd.first; i < W.mdevd.end; i++) {
		const struct event *e = &W.events[W.mdevd.events[i]];

		/* Barriers that were sent again may be left: of these two kinds */
		if (!*e->token && strcmp(e->action, "change") != 0)
			FUZZ_FAIL("settled, but mdevd has an event of device %d to handle", e->device);
	}
	for (i = 0; i < W.n_devices; i++)
		if (W.done[i] < W.announced[i])
			FUZZ_FAIL("settled, but the last event of device %u was never handled", i);
}

int LLVMFuzzerInitialize(int *argc UNUSED_PARAM, char ***argv UNUSED_PARAM)
{
	lbb_prepare("fuzz");
	logmode = LOGMODE_NONE;
	mdev_verbose = 1;
	die_func = on_give_up;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mdevd_settle *o;

	if (size < 3 || size > 600)
		return 0;
	memset(&W, 0, sizeof(W));
	W.kind = data[0];
	W.n_devices = data[1] % (MAX_DEVICES + 1);
	W.budget = 20;
	W.seqnum = data[1] & 0x80 ? 0xfffffff0u : data[1]; /* it wraps around */
	if (W.kind & OVERFLOWS)
		W.kind &= ~RESTARTS;
	/* An mdevd that recovers cannot hold back barriers without a mark */
	if ((W.kind & OVERFLOWS) && (W.kind & OLD_KERNEL))
		W.kind &= ~MDEVD_LOSES;
	/* Without lo and devices nothing can be a barrier, and settling must time out */
	if (W.n_devices == 0)
		W.kind &= ~NO_LO;
	input = data + 3;
	input_end = data + size;
	o = xzalloc(sizeof(*o));
	o->t.sys = "/sys";
	o->t.action = "add";
	o->groups = 4;
	o->quiet = data[2] & 1 ? 50 : 0;
	if (setjmp(gave_up) == 0) {
		mdevd_settle_start(o);
		do
			mdevd_trigger(&o->t);
		while (!mdevd_settle_wait(o));
		check_end();
	} else {
		/* There is no limit on its time */
		FUZZ_FAIL("it died");
	}
	free(o);
	return 0;
}
