/* vi: set sw=4 ts=4: */
/*
 * libFuzzer target for mdev_conf.c and mdev_match.c: the rules of any file are well formed,
 * reading it twice gives the same rules, and their plans for some events stay in /dev
 *
 * Input: mdev.conf.
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "fuzz.h"
#include "mdev_rules.h"

static const uint8_t *text;
static size_t text_size;

/* The file is in memory */
FILE* FAST_FUNC __wrap_fopen_for_read(const char *path);
FILE* FAST_FUNC __wrap_fopen_for_read(const char *path UNUSED_PARAM)
{
	return fmemopen((void*)text, text_size, "r");
}

static int is_same(const char *a, const char *b)
{
	return a ? b && strcmp(a, b) == 0 : !b;
}

static void check_rule(const struct mdev_rule *rule, const struct mdev_rule *prev)
{
	unsigned i;

	FUZZ_CHECK(rule->line > 0 && (!prev || rule->line > prev->line));
	FUZZ_CHECK(strcmp(rule->file, "FILE") == 0);
	FUZZ_CHECK((rule->mode & ~07777) == 0);
	FUZZ_CHECK(!rule->path_op || strchr("=>!", rule->path_op));
	FUZZ_CHECK(!rule->path || (*rule->path != '/' && rule->path_op != '!'));
	FUZZ_CHECK(!rule->command || strchr("@$*+-&", *rule->command));
	FUZZ_CHECK(!rule->var || rule->pattern.text);
	if (rule->major >= 0)
		FUZZ_CHECK(rule->major <= MDEV_MAJOR_MAX && rule->minor0 <= MDEV_MINOR_MAX && rule->minor1 <= MDEV_MINOR_MAX);
	for (i = 0; i < rule->n_conditions; i++)
		FUZZ_CHECK(*mdev_condition(rule, i)->var && mdev_condition(rule, i)->pattern.text);
}

static void check_same(const struct mdev_rule *a, const struct mdev_rule *b)
{
	FUZZ_CHECK(a->line == b->line && a->mode == b->mode && a->path_op == b->path_op);
	FUZZ_CHECK(a->ugid.uid == b->ugid.uid && a->ugid.gid == b->ugid.gid);
	FUZZ_CHECK(a->keep_matching == b->keep_matching && a->n_conditions == b->n_conditions);
	FUZZ_CHECK(is_same(a->var, b->var) && is_same(a->path, b->path) && is_same(a->command, b->command));
	FUZZ_CHECK(is_same(a->pattern.text, b->pattern.text));
}

/* Messages about a plan, counted */
static unsigned logged;
static const struct mdev_plan *told; /* the plan that mdev_node_log() is asked about */

void FAST_FUNC __wrap_mdev_log(int level, const char *fmt, ...);
void FAST_FUNC __wrap_mdev_log(int level, const char *fmt, ...)
{
	char buf[512];
	va_list p;

	if (told)
		FUZZ_CHECK(level == MDEV_LOG_ACTION);
	va_start(p, fmt);
	FUZZ_CHECK(vsnprintf(buf, sizeof(buf), fmt, p) > 0);
	va_end(p);
	logged++;
}

static void check_plan(struct mdev_plan *plan, const struct mdev_rule *rule, const struct mdev_event *ev)
{
	int result = mdev_match(plan, rule, ev);

	FUZZ_CHECK(result == 0 || result == 1);
	if (!result)
		return;
	FUZZ_CHECK(plan->rule == rule && plan->event == ev && plan->node);
	FUZZ_CHECK(plan->node == ev->name || plan->node == plan->buf);
	FUZZ_CHECK(mdev_name_fault(plan->node) == NULL);
	FUZZ_CHECK(plan->path_op == (plan->node == ev->name ? '\0' : rule->path_op));
	FUZZ_CHECK(plan->path_op != '!' && (!plan->path_op || strcmp(plan->node, ev->name) != 0));
	FUZZ_CHECK(plan->mode == rule->mode && memcmp(&plan->ugid, &rule->ugid, sizeof(plan->ugid)) == 0);
	FUZZ_CHECK(!plan->refused || (plan->node == ev->name && !plan->has_node));
	FUZZ_CHECK(memchr(plan->buf, '\0', sizeof(plan->buf)) || plan->node != plan->buf);
	FUZZ_CHECK(!plan->command || plan->command == rule->command);
	logged = 0;
	told = plan;
	mdev_node_log(plan, /*always:*/ 1);
	told = NULL;
	FUZZ_CHECK(logged >= 1 && logged <= 6);
}

/* A few of all kinds */
static void play_events(const struct mdev_rule *rule)
{
	static char *vars[][8] = {
		{ (char*)"SUBSYSTEM=block", (char*)"A=x", (char*)"DEVTYPE=disk", (char*)"MODALIAS=usb:v1p2", NULL },
		{ (char*)"SUBSYSTEM=tty", (char*)"A=", (char*)"EVIL=../../x", (char*)"B=a/b", NULL },
	};
	static const char *const names[] = { "sda1", "snd/pcmC0D0p", "null", "a", "0", "cciss!c0d0" };
	static struct mdev_plan plan;
	struct mdev_event ev;
	unsigned i;

	for (i = 0; i < 12; i++) {
		memset(&ev, 0, sizeof(ev));
		ev.vars = vars[i & 1];
		ev.subsystem = ev.vars[0] + sizeof("SUBSYSTEM=") - 1;
		ev.action = i % 3 == 0 ? "remove" : i % 3 == 1 ? "add" : "change";
		ev.op = i % 3 == 0 ? MDEV_OP_REMOVE : i % 3 == 1 ? MDEV_OP_ADD : MDEV_OP_OTHER;
		ev.sys = "/nonexistent";
		ev.devpath = "/devices/x";
		ev.name = names[i % 6];
		ev.major = i & 2 ? 8 : -1;
		ev.minor = i & 2 ? 1 : -1;
		ev.dev = makedev(8, 1);
		ev.type = i & 1 ? S_IFBLK : S_IFCHR;
		check_plan(&plan, rule, &ev);
	}
}

static void read_all(struct mdev_conf *conf)
{
	struct mdev_rule *rule = NULL, *next;

	mdev_conf_init(conf, "/dev");
	FUZZ_CHECK(mdev_conf_open(conf, "FILE"));
	while ((next = mdev_conf_next(conf, rule)) != NULL) {
		FUZZ_CHECK(conf->last == next);
		check_rule(next, rule);
		rule = next;
	}
	FUZZ_CHECK(!conf->failed && !conf->parser);
}

int LLVMFuzzerInitialize(int *argc UNUSED_PARAM, char ***argv UNUSED_PARAM)
{
	lbb_prepare("fuzz");
	logmode = LOGMODE_NONE;
	mdev_verbose = 2;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mdev_conf one, two;
	struct mdev_rule *a, *b;

	if (size == 0 || size > 1500 || !fuzz_is_harmless((const char*)data, size))
		return 0;
	text = data;
	text_size = size;
	read_all(&one);
	read_all(&two);
	FUZZ_CHECK(one.errors == two.errors);
	for (a = one.first, b = two.first; a && b; a = a->next, b = b->next) {
		check_same(a, b);
		play_events(a);
	}
	FUZZ_CHECK(!a && !b);
	mdev_conf_free(&one);
	/* Half-read, as the helper leaves it */
	mdev_conf_free(&two);
	mdev_conf_open(&two, "FILE");
	mdev_conf_next(&two, NULL);
	mdev_conf_free(&two);
	FUZZ_CHECK(!two.first && !two.parser && !two.files);
	return 0;
}
