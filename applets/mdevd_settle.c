/* vi: set sw=4 ts=4: */
/*
 * Triggers, and waits until mdevd has handled what was triggered and what came of it
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 *
 * Two sockets. On the kernel's group we see what mdevd sees, in the same order,
 * at the moment it happens: the kernel has put an event into both queues before
 * the write to "uevent", or the mount or modprobe of a rule, returns. On the
 * other socket mdevd passes on what it has handled. Its SEQNUM tells which event
 * that is; those of others are not among the ones that we wait for.
 *
 * A barrier is an event that mdevd passes on without looking at a rule. When it is back,
 * all that was queued before it is handled. If the kernel has announced nothing
 * meanwhile that has not come back too, then nothing is left: all is settled.
 * Otherwise the next barrier waits for that. SYS/kernel/uevent_seqnum would
 * tell the same, but it counts the events of other network namespaces too.
 *
 * mdevd may be started again while we wait, or lose events. Barriers would
 * come back all the same. So the account must be even: if not, and one barrier more
 * does not change it, then nobody ever handled what is missing and we begin anew.
 *
 * Kernels before 4.13 cannot mark a barrier. There, the newest event that the
 * kernel has announced serves as one; if there is none, or if it was lost,
 * a "change" of lo or of the last device that answered.
 */
#include "mdevd.h"

enum {
	KERNEL,		/* pfd[]: what the kernel announces */
	HANDLED,	/* and what mdevd passes on */

	/* Milliseconds before a barrier is sent again; doubled while nothing comes back:
	 * mdevd may be busy. It may also be gone, and come back hours later */
	PAUSE_MS = 250,
	PAUSE_MAX_MS = 8000,
	/* How long mdevd may take to start before we trigger all the same: it may
	 * run without -O. It listens within milliseconds if it was started just now */
	START_MS = 2000,
	START_PAUSE_MS = 16,
	/* How often -w looks: others than mdevd may make the node */
	LOOK_MS = 100,
	/* Our queues are emptied every so many devices, and in a storm of events
	 * we look up after so many of them */
	DRAIN_DEVICES = 16,
	DRAIN_EVENTS = 1024,
	/* mdevd gets time to catch up when it is so many events behind: its
	 * queue (MDEVD_RCVBUF) is to hold them and what they cause */
	BEHIND_MAX = 256,
	/* More processes do not cause events at the same moment */
	SWAPPED_MAX = 64,

	/* enum of barriers, tried in this order: bit 0 is PLAIN, bit 1 ON_DEVICE */
	PLAIN = 1,	/* the kernel cannot mark it */
	ON_DEVICE = 2,	/* lo does not answer: sysfs is another namespace's. The last that did */
	N_FORMS = 4,
};

/* What the kernel has announced and mdevd has not passed on: no list, a sum.
 * Of SEQNUM's 64 bits the lower half tells well what is later */
struct account {
	uint32_t start;		/* SEQNUMs up to this are not counted: before the first */
	uint32_t newest;	/* the highest announced; 0: none */
	uint32_t last;		/* hash of the last one announced; 0: it was passed on */
	uint32_t sum;		/* of the hashes of those announced, less those passed on */
	int count;		/* how many these are */
};

static int is_later(uint32_t seqnum, uint32_t than)
{
	return (int32_t)(seqnum - than) > 0;
}

/* What is written to mark a barrier. A token follows */
#define MARKED "change 00000000-0000-0000-0000-000000000000 "MDEVD_BARRIER_KEY"="

struct settle {
	struct mdevd_settle o;		/* first: its first is what before() gets a pointer to */
	struct pollfd pfd[2];
	struct account account;
	unsigned deadline;		/* in milliseconds */
	unsigned passed;		/* what mdevd has passed on */
	unsigned rounds;
	uint32_t mark;			/* PLAIN: hash of the event that is the barrier */
	uint32_t previous;		/* hash of what mdevd has passed on last */
	const char *missing;		/* the first of -w that is not there */
	smallint form;			/* how barriers are sent */
	smallint seen[2];		/* the barrier: the kernel has announced it, mdevd has passed it on */
	smallint is_lost;		/* a queue of ours overflowed: to be sent again */
	smallint has_moved;		/* the kernel has announced something */
	char barrier[sizeof(MARKED) + sizeof(int) * 2 * 3 + sizeof("xx")]; /* what makes the kernel announce it */
	char device[MDEV_NAME_MAX];	/* DEVPATH of the newest event */
	struct mdevd_uevent u;
};

static int account_announced(struct account *a, uint32_t seqnum, uint32_t hash)
{
	if (a->newest == 0)
		a->start = a->newest = seqnum;
	/* Caused at once, the second may have a number before the first one's */
	if (a->start - seqnum < SWAPPED_MAX)
		a->start = seqnum - 1;
	if (!is_later(seqnum, a->start))
		return 0;
	if (is_later(seqnum, a->newest))
		a->newest = seqnum;
	a->last = hash;
	a->sum += hash;
	a->count++;
	return 1;
}

/* Returns 0 if we do not wait for any such event */
static int account_passed(struct account *a, uint32_t seqnum, uint32_t hash)
{
	if (!is_later(seqnum, a->start) || is_later(seqnum, a->newest))
		return 0;
	a->sum -= hash;
	a->count--;
	return 1;
}

static ALWAYS_INLINE unsigned now(void)
{
	return monotonic_ms();
}

/** What comes **/

static int drain(struct settle *s, int from);

/* 0: none */
static uint32_t seqnum_of(const struct mdevd_uevent *u)
{
	const char *s = mdev_event_var(&u->ev, "SEQNUM");
	uint32_t seqnum = 0;

	while (s && *s) {
		if (!isdigit(*s))
			return 0;
		seqnum = seqnum * 10 + *s++ - '0';
	}
	return seqnum;
}

/* Of the event as the kernel sent it, without what mdevd has put at its end */
static uint32_t hash_of(const struct mdevd_uevent *u)
{
	const char *mdev = mdev_event_var(&u->ev, "MDEV");
	const char *end = mdev ? mdev - sizeof("MDEV") : u->buf + u->len;
	const char *p = u->buf;
	uint32_t hash = 0;

	do
		hash = hash * 33 + (unsigned char)*p++;
	while (p != end);
	return hash;
}

static void take_announced(struct settle *s, uint32_t seqnum, uint32_t hash)
{
	s->has_moved = 1;
	if (!account_announced(&s->account, seqnum, hash))
		return;
	if (s->form & PLAIN)
		s->seen[KERNEL] = 1;
	if (s->u.ev.op != MDEV_OP_REMOVE)
		safe_strncpy(s->device, s->u.ev.devpath, sizeof(s->device));
}

static void take_passed(struct settle *s, uint32_t seqnum, uint32_t hash)
{
	/* Once for each group that mdevd and we have in common */
	if (s->previous == hash)
		return;
	s->previous = hash;
	/* It may have been announced after we looked there */
	if (is_later(seqnum, s->account.newest))
		drain(s, KERNEL);
	if (s->account.last == hash)
		s->account.last = 0;
	if ((s->form & PLAIN) && s->mark == hash)
		s->seen[HANDLED] = 1;
	if (account_passed(&s->account, seqnum, hash))
		s->passed++;
}

static void take_barrier(struct settle *s, int from)
{
	/* Those of other coldplugs cause nothing */
	if (strcmp(s->u.barrier, s->barrier + sizeof(MARKED) - 1) == 0)
		s->seen[from] = 1;
}

/* Returns 0 if there may be more */
static int drain(struct settle *s, int from)
{
	int n = DRAIN_EVENTS;

	do {
		int len = mdevd_netlink_recv(s->pfd[from].fd, s->u.buf, UEVENT_MAX);

		if (len < 0) {
			if (errno != ENOBUFS)
				return 1;
			s->is_lost = s->has_moved = 1;
		} else if (len > 0 && !mdevd_uevent_parse(&s->u, len)) {
			uint32_t seqnum, hash;

			if (s->u.barrier) {
				take_barrier(s, from);
				continue;
			}
			seqnum = seqnum_of(&s->u);
			hash = hash_of(&s->u);
			if (from == KERNEL)
				take_announced(s, seqnum, hash);
			else
				take_passed(s, seqnum, hash);
		}
	} while (--n);
	return 0;
}

static int drain_both(struct settle *s)
{
	return drain(s, KERNEL) & drain(s, HANDLED);
}

/* A new account, from here on */
static void begin(struct settle *s)
{
	memset(&s->account, 0, sizeof(s->account));
}

static void NORETURN give_up(struct settle *s)
{
	xfunc_error_retval = MDEVD_EXIT_TIMEOUT;
	if (s->o.groups && !s->seen[HANDLED]) {
		if (!s->passed)
			bb_error_msg_and_die("not settled: nothing from mdevd: busy, or without -O %u?", s->o.groups);
		bb_error_msg_and_die("not settled: mdevd busy or gone, %d events to go, last %s", MAX(s->account.count, 0), s->device);
	}
	if (s->missing)
		bb_error_msg_and_die("not settled: no %s/%s", s->o.dev, s->missing);
	bb_error_msg_and_die("not settled: events go on, last %s", s->device);
}

/* Takes what comes within ms milliseconds, and returns at the first of it;
 * 0 if it is not all that came */
static int pump(struct settle *s, int ms)
{
	if (s->o.timeout) {
		int left = s->deadline - now();

		if (left <= 0)
			give_up(s);
		if (ms > left)
			ms = left;
	}
	if (poll(s->pfd, 2, ms) > 0)
		drain_both(s);
	if (!s->is_lost)
		return 1;
	s->is_lost = 0;
	mdev_log_at(2, NULL, NULL, "queue overflow (-b helps)");
	begin(s);
	return 0;
}

/** Barriers **/

/* Makes the kernel announce a barrier, and finds out how. is_first: where barriers
 * cannot be marked, what was announced last is one */
static void send_barrier(struct settle *s, int is_first)
{
	int n = N_FORMS;

	s->seen[KERNEL] = 0;
	do {
		if ((s->form & PLAIN) && is_first && s->account.newest != 0) {
			s->seen[KERNEL] = 1;
			s->seen[HANDLED] = (s->account.last == 0);
		} else {
			char *file = xasprintf("%s%s/uevent", s->o.t.sys,
					(s->form & ON_DEVICE) ? s->device : "/class/net/lo");

			s->barrier[sizeof("change") - 1] = (s->form & PLAIN) ? '\0' : ' ';
			mdevd_trigger_write(file, s->barrier);
			free(file);
			/* Old kernels say that they took it. What they really did is here already */
			if (!drain(s, KERNEL))
				return;
		}
		s->mark = s->account.last;
		if (s->seen[KERNEL] || s->is_lost)
			return;
		s->form = (s->form + 1) % N_FORMS;
	} while (--n);
}

/* Until mdevd has handled what was announced before. With a limit: for so many
 * milliseconds at most, and not at all if no barrier can be sent */
static void wait_for_barrier(struct settle *s, unsigned limit)
{
	unsigned from = now();
	unsigned pause = limit ? START_PAUSE_MS : PAUSE_MS;
	unsigned passed = s->passed;
	int is_first = 1;

	drain(s, KERNEL);
	/* Process, number, time: nobody else's */
	sprintf(s->barrier, MARKED"%xx%xx%x", (int)getpid(), ++s->rounds, now());
	s->seen[HANDLED] = 0;
	for (;;) {
		unsigned start = now();
		int left;

		send_barrier(s, is_first);
		is_first = 0;
		do {
			if (s->seen[HANDLED] || (limit && (!s->seen[KERNEL] || now() - from >= limit)))
				return;
			left = start + pause - now();
		} while (left > 0 && pump(s, left));
		if (pause < PAUSE_MAX_MS)
			pause *= 2;
		if (s->passed != passed && !(s->form & PLAIN))
			pause = PAUSE_MS;
		passed = s->passed;
	}
}

/* Before each device: our queues are emptied, and mdevd gets time if it needs it */
static int FAST_FUNC step(struct mdevd_trigger *t, const char *uevent_file UNUSED_PARAM)
{
	struct settle *s = (void*)t;

	if ((t->count + t->skipped) % DRAIN_DEVICES == 0) {
		pump(s, 0);
		if (s->passed && s->account.count > BEHIND_MAX)
			wait_for_barrier(s, 0);
	}
	return 1;
}

/** Settling **/

/* Until mdevd has handled all there is. Returns 0 if events got lost on the way */
static int wait_for_mdevd(struct settle *s)
{
	uint32_t sum = 0;
	int count = 0;

	for (;;) {
		wait_for_barrier(s, 0);
		if (!drain_both(s) || s->is_lost)
			continue;
		if (s->account.sum == 0)
			return 1;
		/* New events would have new numbers. Less than none: what was
		 * queued before the account's first event, or is passed on twice */
		if (s->account.sum == sum && s->account.count == count)
			return count < 0;
		sum = s->account.sum;
		count = s->account.count;
	}
}

static int is_there(const char *dir, const char *name)
{
	struct stat st;
	char *path = concat_path_file(dir, name);
	int err = lstat(path, &st);

	free(path);
	/* Of all types only block, char and link have this bit */
	return err == 0 && (st.st_mode & S_IFCHR);
}

/* Until nothing has happened for the quiet time, and the nodes are there.
 * Returns 0 as soon as something happens */
static int wait_for_quiet(struct settle *s)
{
	unsigned start = now();

	s->has_moved = 0;
	do {
		llist_t *name = s->o.nodes;
		int left = start + s->o.quiet - now();

		while (name && is_there(s->o.dev, name->data))
			name = name->link;
		s->missing = name ? name->data : NULL;
		if (!name && left <= 0) {
			/* mdevd made the node, but may be busy with the event still */
			drain(s, KERNEL);
			break;
		}
		if (name && (left <= 0 || left > LOOK_MS))
			left = LOOK_MS;
		pump(s, left);
	} while (!s->has_moved);
	return !s->has_moved;
}

/* Returns 0 if events got lost on the way */
static int wait_for_all(struct settle *s)
{
	do {
		if (s->o.groups && !wait_for_mdevd(s))
			return 0;
	} while (!wait_for_quiet(s));
	return 1;
}

/* Triggers what o->t says, and waits as o says. Returns when mdevd has handled it
 * and what came of it, when there was quiet for o->quiet milliseconds, and when
 * o->nodes are there. Dies with 1 and a message if o->timeout seconds are over
 * before, and with xfunc_error_retval if a system call fails. */
void FAST_FUNC mdevd_settle(const struct mdevd_settle *o)
{
	struct settle *s = xzalloc(sizeof(*s));

	s->o = *o;
	s->o.t.before = step;
	s->deadline = now() + o->timeout * 1000;
	s->pfd[KERNEL].fd = xmdevd_netlink_open(UEVENT_GROUP_KERNEL, o->rcvbuf);
	/* Without groups nothing comes there */
	s->pfd[HANDLED].fd = xmdevd_netlink_open(o->groups, o->rcvbuf);
	s->pfd[KERNEL].events = s->pfd[HANDLED].events = POLLIN;
	/* What is triggered before mdevd listens is triggered in vain */
	if (o->groups)
		wait_for_barrier(s, START_MS);
	for (;;) {
		begin(s);
		mdevd_coldplug(&s->o.t);
		if (wait_for_all(s))
			break;
		mdev_warn(NULL, NULL, "%d events got lost, was mdevd started again? Once more", s->account.count);
	}
	if (ENABLE_FEATURE_CLEAN_UP) {
		close(s->pfd[KERNEL].fd);
		close(s->pfd[HANDLED].fd);
		free(s);
	}
}

#if ENABLE_UNIT_TEST

BBUNIT_DEFINE_TEST(mdevd_settle_account)
{
	struct account a;

	/* So that it wraps around on the way */
	const uint32_t n = 0xfffffff0;

	memset(&a, 0, sizeof(a));
	/* Nothing to wait for; what was before the first is not waited for */
	BBUNIT_ASSERT_FALSE(account_passed(&a, n, 1));
	BBUNIT_ASSERT_FALSE(account_passed(&a, 1, 1));
	BBUNIT_ASSERT_FALSE(account_passed(&a, 0, 1));
	BBUNIT_ASSERT_TRUE(account_announced(&a, n + 1, 0x80000001));
	BBUNIT_ASSERT_FALSE(account_announced(&a, n - 64, 2));
	BBUNIT_ASSERT_FALSE(account_passed(&a, n, 2));
	/* Unless it comes right after it */
	BBUNIT_ASSERT_TRUE(account_announced(&a, n, 2));
	BBUNIT_ASSERT_FALSE(account_passed(&a, n - 1, 2));
	BBUNIT_ASSERT_TRUE(account_passed(&a, n, 2));
	BBUNIT_ASSERT_TRUE(account_passed(&a, n + 1, 0x80000001));
	BBUNIT_ASSERT_EQ(a.sum, 0);

	/* In any order */
	BBUNIT_ASSERT_TRUE(account_announced(&a, n + 20, 0xffffffff));
	BBUNIT_ASSERT_TRUE(account_announced(&a, n + 19, 3));
	BBUNIT_ASSERT_EQ(a.newest, (uint32_t)(n + 20));
	BBUNIT_ASSERT_EQ(a.last, 3);
	BBUNIT_ASSERT_EQ(a.count, 2);
	BBUNIT_ASSERT_TRUE(account_passed(&a, n + 20, 0xffffffff));
	BBUNIT_ASSERT_EQ(a.sum, 3);
	/* Not announced yet, or before the account */
	BBUNIT_ASSERT_FALSE(account_passed(&a, n + 21, 3));
	BBUNIT_ASSERT_FALSE(account_passed(&a, n - 1, 3));
	BBUNIT_ASSERT_EQ(a.count, 1);
	/* Another one instead does not make it even */
	BBUNIT_ASSERT_TRUE(account_passed(&a, n + 18, 4));
	BBUNIT_ASSERT_EQ(a.count, 0);
	BBUNIT_ASSERT_NOTEQ(a.sum, 0);

	BBUNIT_ENDTEST;
}

static uint32_t seqnum_in(const char *var)
{
	struct mdevd_uevent u;

	memset(&u.ev, 0, sizeof(u.ev));
	u.ev.vars = u.vars;
	u.vars[0] = (char*)"SEQNUMBER=3";
	u.vars[1] = (char*)var;
	u.vars[2] = NULL;
	return seqnum_of(&u);
}

BBUNIT_DEFINE_TEST(mdevd_settle_seqnum)
{
	BBUNIT_ASSERT_EQ(seqnum_in("SEQNUM=40851"), 40851);
	BBUNIT_ASSERT_EQ(seqnum_in("SEQNUM=4294967299"), 3);
	BBUNIT_ASSERT_EQ(seqnum_in("SEQNUM=18446744073709551614"), 0xfffffffe);
	BBUNIT_ASSERT_EQ(seqnum_in("SEQNUM=18446744073709551616"), 0);
	BBUNIT_ASSERT_EQ(seqnum_in("SEQNUM=4085x"), 0);
	BBUNIT_ASSERT_EQ(seqnum_in("SEQNUM=-5"), 0);
	BBUNIT_ASSERT_EQ(seqnum_in("SEQNUM="), 0);
	BBUNIT_ASSERT_EQ(seqnum_in("SUBSYSTEM=net"), 0);

	BBUNIT_ENDTEST;
}

#endif /* ENABLE_UNIT_TEST */
