/* vi: set sw=4 ts=4: */
/*
 * One event of mdevd, from the datagram to -o and -O
 *
 * Copyright (C) 2026 mdevd for BusyBox maintainers
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdevd.h"

/* Removes links of "<" that are no longer right: after all rules, and after each that removes the node */
static void sweep_links(struct mdevd_handler *h UNUSED_PARAM)
{
#if ENABLE_FEATURE_MDEV_LINKS
	if (h->conf.links && !h->is_static && h->u.ev.major >= 0)
		mdev_link_sweep(&h->conf, &h->plan);
#endif
}

/* Carries out the plan. A dry run only logs it; explain: also a plan without effect */
static void perform_plan(struct mdevd_handler *h, int explain)
{
	struct mdev_plan *plan = &h->plan;
	int op = plan->has_node ? plan->event->op : MDEV_OP_OTHER;

	if (op != MDEV_OP_ADD || mdev_dry_run)
		mdev_node_locate(plan);
	if (mdev_dry_run || mdev_verbose >= MDEV_LOG_INFO)
		mdev_node_log(plan, explain || !mdev_dry_run);
	if (plan->refused && !mdev_dry_run)
		mdev_log(MDEV_LOG_WARN, "'%s' refused: %s", plan->buf, plan->refused);
	if (op == MDEV_OP_ADD && !mdev_dry_run)
		mdev_node_add(plan);
	if (ENABLE_FEATURE_MDEV_LINKS && plan->has_node && op != MDEV_OP_REMOVE && !h->is_static)
		mdev_link_make(&h->conf, plan);
	if (mdev_dry_run)
		return;
	if (plan->command) {
		unsigned ms = mdevd_child_run(plan, h->timeout, h->in_command);

		if (ENABLE_FEATURE_MDEVD_RELAY && ms > h->out.slowest_ms) {
			h->out.slowest_ms = ms;
			h->out.slowest = plan->rule;
		}
	}
	/* Also after "!": another rule may have made links */
	if (plan->event->op == MDEV_OP_REMOVE && mdev_node_remove(plan))
		sweep_links(h);
}

/* Schedules a coldplug because events were lost or not handled, and logs reason unless one was due. */
void FAST_FUNC mdevd_event_lost(struct mdevd_handler *h, const char *reason)
{
	if (!h->recovery.is_due)
		mdev_log(MDEV_LOG_WARN, "%s%s", reason, mdev_dry_run ? "" : "; a coldplug follows");
	mdevd_recovery_schedule(&h->recovery);
}

/* Applies the rules to the event in h->u, in order, and blocks while their commands run. explain: also
 * prints rules that do nothing. Does not die. */
void FAST_FUNC mdevd_event_apply_rules(struct mdevd_handler *h, int explain)
{
	struct mdev_plan *plan = &h->plan;
	const struct mdev_rule *rule = h->conf.first;
	IF_FEATURE_MDEVD_PROBE(int is_probed = 0;)

	mdev_log_about(&h->u.ev, NULL);
	mdev_sysfs_complete(&h->u.ev, NULL);
	for (;; rule = rule->next) {
		int result;

		if (!rule)
			rule = &mdev_rule_implicit;
		if (!mdev_rule_may_match(rule, &h->u.ev))
			continue;
#if ENABLE_FEATURE_MDEVD_PROBE
		if (rule->needs_probe && !is_probed && !h->is_static) {
			is_probed = 1;
			mdev_log_about(&h->u.ev, NULL);
			mdevd_probe(&h->probe, &h->u);
		}
#endif
		result = mdev_match(plan, rule, &h->u.ev);
		if (result == 0)
			continue;
		mdev_log_about(&h->u.ev, rule);
		if (result < 0) {
			mdev_log(MDEV_LOG_ERR, "%s", bb_msg_memory_exhausted);
			mdevd_event_lost(h, "an event was not handled");
			IF_FEATURE_MDEV_LINKS(mdev_link_forget(&h->conf);)
			return;
		}
		if (h->is_static)
			plan->command = NULL;
		perform_plan(h, explain);
		if (ENABLE_FEATURE_MDEVD_RELAY && plan->has_node)
			mdevd_uevent_add_mdev(&h->u, plan->node);
		if (!rule->keep_matching)
			break;
	}
	if (mdev_dry_run || h->u.ev.op != MDEV_OP_REMOVE)
		sweep_links(h);
}

static void log_event(struct mdevd_handler *h, unsigned len)
{
	char **var;

	if (mdev_verbose < MDEV_LOG_DEBUG)
		return;
	mdev_log(MDEV_LOG_DEBUG, "received, %u bytes", len);
	for (var = h->u.vars; *var; var++)
		mdev_log(MDEV_LOG_DEBUG, "%s", *var);
}

/* Handles the datagram of len bytes in h->u: validates it, serves firmware, applies the rules, and passes
 * the event on. Blocks while commands run. Does not die. */
void FAST_FUNC mdevd_event_handle(struct mdevd_handler *h, unsigned len)
{
	const char *fault = mdevd_uevent_parse(&h->u, len);

	if (fault) {
		mdevd_signal_exit_with(MDEVD_EXIT_INVALID);
		mdev_log(MDEV_LOG_WARN, "invalid event dropped: %s: '%.100s'", fault, h->u.buf);
		return;
	}
	mdev_log_about(&h->u.ev, NULL);
	log_event(h, len);
	/* A dry run changes nothing, and may block on stdout: SIGTERM may end it at any time */
	if (mdev_dry_run)
		mdevd_signal_allow_exit(1);
#if ENABLE_FEATURE_MDEVD_FIRMWARE && BB_MMU
	if (h->u.ev.firmware && !mdev_dry_run)
		mdevd_firmware_start(&h->firmware, &h->u);
#endif
	if (!h->u.barrier)
		mdevd_event_apply_rules(h, /*explain:*/ 0);
#if ENABLE_FEATURE_MDEVD_FIRMWARE && !BB_MMU
	if (h->u.ev.firmware && h->u.ev.op == MDEV_OP_ADD && !mdev_dry_run) {
		mdev_log_about(&h->u.ev, NULL);
		mdevd_signal_allow_exit(1); /* it may take 30 s */
		mdev_firmware(&h->u.ev, h->firmware.dir);
		mdevd_signal_allow_exit(0);
		while (chdir(h->dev) != 0) {
			mdevd_warn_errno("return to DEV");
			mdevd_wait(-1, 1000);
		}
	}
#endif
	if (mdev_dry_run)
		fflush_all();
	mdev_log_about(NULL, NULL);
	/* A barrier that comes back tells mdevd-coldplug that all earlier events are handled.
	 * Drop it while a coldplug is due or running: mdevd-coldplug sends another one later */
	if (ENABLE_FEATURE_MDEVD_RELAY && !(h->u.barrier && !mdev_dry_run && (h->recovery.is_due || h->is_coldplugging)))
		mdevd_output(&h->out, &h->u);
}
