/* vi: set sw=4 ts=4: */
/*
 * Events that are announced and not yet handled. Pure: no system call, no global
 *
 * Copyright (C) 2026 mdevd for BusyBox maintainers
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdevd.h"

enum {
	/* Events of concurrent processes may arrive so many SEQNUMs out of order */
	REORDER_MAX = 64,
};

static int is_later(uint32_t seqnum, uint32_t than)
{
	return (int32_t)(seqnum - than) > 0;
}

/* Adds an announced event. Returns 1, or 0 if it is ignored, being older than the first one. */
int FAST_FUNC mdevd_pending_add(struct mdevd_pending *p, uint32_t seqnum, uint32_t hash)
{
	if (p->newest == 0)
		p->start = p->newest = seqnum;
	/* The second of two concurrent events may have the lower number */
	if (p->start - seqnum < REORDER_MAX)
		p->start = seqnum - 1;
	if (!is_later(seqnum, p->start))
		return 0;
	if (is_later(seqnum, p->newest))
		p->newest = seqnum;
	p->last = hash;
	p->sum += hash;
	p->count++;
	return 1;
}

/* Removes a handled event. Returns 0 if it was never added. */
int FAST_FUNC mdevd_pending_remove(struct mdevd_pending *p, uint32_t seqnum, uint32_t hash)
{
	if (!is_later(seqnum, p->start) || is_later(seqnum, p->newest))
		return 0;
	p->sum -= hash;
	p->count--;
	return 1;
}

/* Returns a hash of the event as the kernel sent it: SEQNUM is its last variable, and mdevd appends
 * those of mdevd_probe() and MDEV. Sets *seqnum to the lower half of SEQNUM, or 0 if there is none. */
uint32_t FAST_FUNC mdevd_uevent_hash(const struct mdevd_uevent *u, uint32_t *seqnum)
{
	const char *end = mdev_event_var(&u->ev, "SEQNUM");
	const char *p;
	uint32_t hash = 0, n = 0;

	if (!end)
		end = u->buf + u->len;
	while (isdigit(*end))
		n = n * 10 + *end++ - '0';
	*seqnum = *end ? 0 : n;
	for (p = u->buf; p != end; p++)
		hash = hash * 33 + (unsigned char)*p;
	return hash;
}

#if ENABLE_UNIT_TEST

BBUNIT_DEFINE_TEST(mdevd_pending)
{
	struct mdevd_pending a;

	/* SEQNUM wraps around on the way */
	const uint32_t n = 0xfffffff0;

	memset(&a, 0, sizeof(a));
	/* None is pending. Those before the first one are ignored */
	BBUNIT_ASSERT_FALSE(mdevd_pending_remove(&a, n, 1));
	BBUNIT_ASSERT_FALSE(mdevd_pending_remove(&a, 1, 1));
	BBUNIT_ASSERT_FALSE(mdevd_pending_remove(&a, 0, 1));
	BBUNIT_ASSERT_TRUE(mdevd_pending_add(&a, n + 1, 0x80000001));
	BBUNIT_ASSERT_FALSE(mdevd_pending_add(&a, n - 64, 2));
	BBUNIT_ASSERT_FALSE(mdevd_pending_remove(&a, n, 2));
	/* ... unless they are announced right after it */
	BBUNIT_ASSERT_TRUE(mdevd_pending_add(&a, n, 2));
	BBUNIT_ASSERT_FALSE(mdevd_pending_remove(&a, n - 1, 2));
	BBUNIT_ASSERT_TRUE(mdevd_pending_remove(&a, n, 2));
	BBUNIT_ASSERT_TRUE(mdevd_pending_remove(&a, n + 1, 0x80000001));
	BBUNIT_ASSERT_EQ(a.sum, 0);

	/* In any order */
	BBUNIT_ASSERT_TRUE(mdevd_pending_add(&a, n + 20, 0xffffffff));
	BBUNIT_ASSERT_TRUE(mdevd_pending_add(&a, n + 19, 3));
	BBUNIT_ASSERT_EQ(a.newest, (uint32_t)(n + 20));
	BBUNIT_ASSERT_EQ(a.last, 3);
	BBUNIT_ASSERT_EQ(a.count, 2);
	BBUNIT_ASSERT_TRUE(mdevd_pending_remove(&a, n + 20, 0xffffffff));
	BBUNIT_ASSERT_EQ(a.sum, 3);
	/* Not announced yet, or before the first one */
	BBUNIT_ASSERT_FALSE(mdevd_pending_remove(&a, n + 21, 3));
	BBUNIT_ASSERT_FALSE(mdevd_pending_remove(&a, n - 1, 3));
	BBUNIT_ASSERT_EQ(a.count, 1);
	/* Another event does not balance it */
	BBUNIT_ASSERT_TRUE(mdevd_pending_remove(&a, n + 18, 4));
	BBUNIT_ASSERT_EQ(a.count, 0);
	BBUNIT_ASSERT_NOTEQ(a.sum, 0);

	BBUNIT_ENDTEST;
}

static uint32_t hash_of(const char *datagram, unsigned len)
{
	struct mdevd_uevent u;
	uint32_t seqnum;

	memcpy(u.buf, datagram, len);
	return mdevd_uevent_parse(&u, len) == NULL ? mdevd_uevent_hash(&u, &seqnum) : 0;
}

BBUNIT_DEFINE_TEST(mdevd_pending_hash)
{
#define DATAGRAM(seqnum) "add@/a\0ACTION=add\0DEVPATH=/a\0SEQNUM=" seqnum
#define HASH_OF(datagram) hash_of(datagram, sizeof(datagram))
	uint32_t hash = HASH_OF(DATAGRAM("40851"));

	BBUNIT_ASSERT_NOTEQ(hash, 0);
	BBUNIT_ASSERT_NOTEQ(HASH_OF(DATAGRAM("40852")), hash);
	/* What mdevd appends does not count */
	BBUNIT_ASSERT_EQ(HASH_OF(DATAGRAM("40851") "\0MDEV=a"), hash);
	BBUNIT_ASSERT_EQ(HASH_OF(DATAGRAM("40851") "\0ID_FS_TYPE=ext4\0MDEV=a"), hash);

	BBUNIT_ENDTEST;
}

static uint32_t seqnum_in(const char *var)
{
	struct mdevd_uevent u;
	uint32_t seqnum;

	memset(&u, 0, sizeof(u));
	u.ev.vars = u.vars;
	u.vars[0] = (char*)"SEQNUMBER=3";
	u.vars[1] = strcpy(u.buf, var);
	mdevd_uevent_hash(&u, &seqnum);
	return seqnum;
}

BBUNIT_DEFINE_TEST(mdevd_pending_seqnum)
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
