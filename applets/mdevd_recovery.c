/* vi: set sw=4 ts=4: */
/*
 * When to coldplug after events were lost
 *
 * Copyright (C) 2026 mdevd for BusyBox maintainers
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdevd.h"

enum {
	/* Quiet time before a coldplug; doubled if events are lost again and again */
	MIN_PAUSE_MS = 1000,
	MAX_PAUSE_MS = 64 * 1000,
};

/* Schedules a coldplug, which is due when no event has been lost for r->pause ms. */
void FAST_FUNC mdevd_recovery_schedule(struct mdevd_recovery *r)
{
	unsigned now = monotonic_ms();

	if (!r->is_due) {
		if (r->pause == 0 || now - r->ended_at > 2 * MAX_PAUSE_MS)
			r->pause = MIN_PAUSE_MS;
		else if (r->pause < MAX_PAUSE_MS)
			r->pause *= 2;
	}
	r->is_due = 1;
	r->due_at = now + r->pause;
}

/* Returns the milliseconds until the coldplug, 0: now, -1: none is due. */
int FAST_FUNC mdevd_recovery_ms(const struct mdevd_recovery *r)
{
	int ms = r->due_at - (unsigned)monotonic_ms();

	return r->is_due ? MAX(ms, 0) : -1;
}
