/* vi: set sw=4 ts=4: */
/*
 * The differential test: untouched mdev, patched mdev and mdevd against each other
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 *
 *	differential [-v] [-s SEED] [-n COUNT] [-p PART/PARTS] [-c CASE] DIR STOCK OURS random
 *	differential [-v] [-p PART/PARTS] DIR STOCK OURS corpus WORLD FILE...
 *	differential [-s SEED] [-n COUNT] DIR STOCK OURS storm
 *	differential table
 *
 * To be run as root in private mount, process and network namespaces ("sandbox enter" of
 * the testsuite makes them). DIR is an empty tmpfs, STOCK and OURS are BusyBoxes.
 *	random	COUNT cases (500), or those of them with number % PARTS = PART, or just CASE
 *	corpus	FILEs in WORLD (full, buildroot or none)
 *	storm	COUNT random events (3000) to mdevd
 *	table	prints the table of differences
 * -v prints each case and its results as it is played.
 * Prints "FAIL: ..." for each case that differs from its model, and for the first -f (3) of these the case and
 * the first difference; "count NAME N" and "used ID N" (cases with that difference) for the caller to add
 * up; "digest X", the same for the same cases and results.
 * Exit status: 0, 1 if there was a FAIL, 111 if the test cannot be done (reason on stderr).
 */
#include "diff.h"

static int verbose;
static unsigned failures, show = 3;
static unsigned n_cases, n_played, n_all_alike, n_events, n_commands, n_daemon, n_loaded;
static unsigned long long digest;

/* Runs the program or the model on a case, in a child, and sets log and said */
static void run(int is_model, enum program p, const struct test_case *c, struct text *log, struct text *said)
{
	struct text all = { NULL, 0, 0 };
	char buf[65536];
	int fds[2], status;
	size_t len;
	ssize_t n;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		die("pipe");
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		log->len = said->len = 0;
		text_add(log, "", 0);
		text_add(said, "", 0);
		if (is_model)
			model_play(p, c, log);
		else
			play(p, c, log, said);
		text_add(&all, (char*)&log->len, sizeof(log->len));
		text_add(&all, log->s, log->len);
		text_add(&all, said->s, said->len);
		while (all.len && (n = write(fds[1], all.s, all.len)) > 0) {
			all.s += n;
			all.len -= n;
		}
		_exit(0);
	}
	close(fds[1]);
	while ((n = read(fds[0], buf, sizeof(buf))) > 0)
		text_add(&all, buf, n);
	close(fds[0]);
	waitpid(pid, &status, 0);
	log->len = said->len = 0;
	text_add(log, "", 0);
	text_add(said, "", 0);
	if (status != 0 || all.len < sizeof(len)) {
		text_printf(log, "the test's %s of %s failed (status %d)\n", is_model ? "model" : "playing",
			program_names[p], status);
		free(all.s);
		return;
	}
	memcpy(&len, all.s, sizeof(len));
	text_add(log, all.s + sizeof(len), len);
	text_add(said, all.s + sizeof(len) + len, all.len - sizeof(len) - len);
	free(all.s);
}

static void print_case(const struct test_case *c)
{
	static const char *const worlds[] = { "full", "buildroot", "none" };
	unsigned i, k;

	printf("-- %s, world %s%s, %s\n-- mdev.conf:\n%s\n-- before:\n", c->name, worlds[c->world],
		c->devtmpfs ? ", devtmpfs" : "", c->sys_dev == SYS_DEV_NONE ? "no /sys/dev"
		: c->sys_dev == SYS_DEV_EMPTY ? "empty /sys/dev" : "/sys/dev", c->conf.s);
	for (i = 0; i < c->n_things; i++) {
		const struct thing *t = &c->things[i];

		printf("%c %03o %s", t->kind, t->mode, t->name);
		if (t->kind == 'b' || t->kind == 'c' || t->kind == 'd')
			printf(" %u:%u", t->major, t->minor);
		else if (t->text)
			printf(" '%.*s'", (int)strcspn(t->text, "\n"), t->text);
		putchar('\n');
	}
	printf("-- events:\n");
	for (i = 0; i < c->n_events; i++) {
		printf("%u:", i);
		for (k = 0; k < c->events[i].n; k++)
			printf(" %s", c->events[i].vars[k]);
		printf(c->events[i].exists > 0 ? " (exists)\n" : c->events[i].exists < 0 ? " (gone)\n" : "\n");
	}
}

/* Prints the part of each log that is about the first event in which they differ */
static void print_difference(const char *a_name, const char *a, const char *b_name, const char *b)
{
	size_t same = 0, from = 0, i;
	const char *end;

	while (a[same] && a[same] == b[same])
		same++;
	for (i = 0; i <= same; i++)
		if ((i == 0 || a[i - 1] == '\n') && strncmp(a + i, "== ", 3) == 0)
			from = i;
	end = strstr(a + from + 3, "\n== ");
	printf("-- %s:\n%.*s\n", a_name, end ? (int)(end - a - from) : (int)strlen(a + from), a + from);
	if (strlen(b) < from)
		from = 0;
	end = strlen(b) > from + 3 ? strstr(b + from + 3, "\n== ") : NULL;
	printf("-- %s:\n%.*s\n", b_name, end ? (int)(end - b - from) : (int)strlen(b + from), b + from);
}

static int compare(const struct test_case *c, const char *a_name, const struct text *a, const char *b_name, const struct text *b)
{
	if (a->len == b->len && memcmp(a->s, b->s, a->len) == 0)
		return 1;
	failures++;
	printf("FAIL: %s: %s is not as %s\n", c->name, a_name, b_name);
	if (failures <= show) {
		print_case(c);
		print_difference(a_name, a->s, b_name, b->s);
	}
	return 0;
}

static unsigned count_of(const char *s, const char *what)
{
	unsigned n = 0;

	while ((s = strstr(s, what)) != NULL) {
		s += strlen(what);
		n++;
	}
	return n;
}

/* Log of mdevd without what only it has */
static const char *events_of(const struct text *log)
{
	const char *s = strstr(log->s, "== ");

	return s ? s : "";
}

/* FNV-1a of all cases and results */
static void take_digest(const struct text *t)
{
	size_t i;

	for (i = 0; i < t->len; i++)
		digest = (digest ^ (unsigned char)t->s[i]) * 0x100000001b3ULL;
}

static int is_used(const char *id, const unsigned long *before)
{
	unsigned i;

	for (i = 0; i < n_entries && strcmp(entries[i].id, id) != 0; i++)
		continue;
	return used[i] != before[i];
}

/* Is there a remove without numbers? mdevd does nothing then */
static int has_unnumbered_remove(const struct test_case *c)
{
	unsigned i, k;

	for (i = 0; i < c->n_events; i++) {
		const struct event *e = &c->events[i];

		for (k = 0; k < e->n && strncmp(e->vars[k], "MAJOR=", 6) != 0; k++)
			continue;
		if (k == e->n && strcmp(e->action, "remove") == 0)
			return 1;
	}
	return 0;
}

static void play_case(const struct test_case *c, int with_daemon)
{
	static struct text logs[N_PROGRAMS], models[N_PROGRAMS], said[N_PROGRAMS], none;
	unsigned long before[64];
	int plain = 1, ok = 1;
	unsigned p, i;

	if (verbose)
		print_case(c);
	memcpy(before, used, n_entries * sizeof(used[0]));
	for (p = STOCK; p < (unsigned)(DAEMON + with_daemon); p++) {
		run(0, p, c, &logs[p], &said[p]);
		take_digest(&c->conf);
		take_digest(&logs[p]);
		run(1, p, c, &models[p], &none);
		if (verbose)
			printf("-- %s:\n%s%s", program_names[p], logs[p].s, said[p].s);
		ok &= compare(c, program_names[p], &logs[p], "it is to be", &models[p]);
		n_played++;
	}
	/* mdev and mdevd must print the same messages for events, except for firmware, which another process
	 * of mdevd loads, and for devices whose numbers are in sysfs only, for which mdevd makes no node */
	if (ok && !c->firmware && !is_used("mdev-asks-sysfs", before) && !has_unnumbered_remove(c) && strncmp(models[MDEV].s, events_of(&models[MDEVD]), models[MDEV].len) == 0)
		ok &= compare(c, "what mdev says", &said[MDEV], "what mdevd says", &said[MDEVD]);
	/* "mdevd -N" said 0, and it started */
	n_loaded += strstr(logs[MDEVD].s, "\nexit 0\n== 0:") != NULL;
	n_cases++;
	n_events += c->n_events;
	n_commands += count_of(logs[MDEV].s, "\ncommands:\n");
	n_daemon += with_daemon;
	/* Count cases, not occurrences */
	for (i = 0; i < n_entries; i++) {
		if (used[i] != before[i]) {
			used[i] = before[i] + 1;
			plain = 0;
		}
	}
	if (plain) {
		/* Without an entry of the table, the three results must be identical */
		n_all_alike++;
		compare(c, "stock mdev", &logs[STOCK], "mdev", &logs[MDEV]);
		if (strncmp(logs[MDEV].s, events_of(&logs[MDEVD]), logs[MDEV].len) != 0) {
			failures++;
			printf("FAIL: %s: mdev and mdevd differ, and no entry says why\n", c->name);
		}
	}
}

static void print_counts(void)
{
	unsigned i;

	printf("count cases %u\ncount played %u\ncount alike %u\ncount events %u\ncount commands %u\ncount daemon %u\n"
		"count loaded %u\ndigest %llx\n",
		n_cases, n_played, n_all_alike, n_events, n_commands, n_daemon, n_loaded, digest);
	for (i = 0; i < n_entries; i++)
		printf("used %s %lu\n", entries[i].id, used[i]);
}

static int usage(void)
{
	errno = 0;
	die("usage: see the head of main.c");
}

int main(int argc, char **argv)
{
	unsigned long long seed = 1;
	unsigned count = 0, part = 0, parts = 1, n, i;
	int only = -1, opt;
	const char *name = strrchr(argv[0], '/');
	static const char *const worlds[] = { "full", "buildroot", "none" };

	name = name ? name + 1 : argv[0];
	if (strncmp(name, "differential", 12) != 0)
		return recorder_main(argc, argv);
	while ((opt = getopt(argc, argv, "+vs:n:p:c:f:")) > 0) {
		switch (opt) {
		case 'v': verbose = 1; break;
		case 's': seed = strtoull(optarg, NULL, 10); break;
		case 'n': count = atoi(optarg); break;
		case 'p':
			if (sscanf(optarg, "%u/%u", &part, &parts) != 2 || parts == 0)
				usage();
			break;
		case 'c': only = atoi(optarg); break;
		case 'f': show = atoi(optarg); break;
		default: usage();
		}
	}
	argv += optind;
	if (argv[0] && strcmp(argv[0], "table") == 0) {
		for (i = 0; i < n_entries; i++)
			printf("%s: %s\n", entries[i].id, entries[i].reason);
		return 0;
	}
	if (!argv[0] || !argv[1] || !argv[2] || !argv[3])
		usage();
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	/* What a shell ignores for those it runs in the background */
	for (i = 1; i < 32; i++)
		signal(i, SIG_DFL);
	used = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (used == MAP_FAILED)
		die("mmap");
	name = argv[3];
	argv[3] = NULL;
	if (strcmp(name, "corpus") == 0) {
		struct test_case **cases;

		for (n = 0; n < 3 && argv[4] && strcmp(worlds[n], argv[4]) != 0; n++)
			continue;
		if (n == 3 || !argv[4])
			usage();
		/* Read now: they are outside of the world */
		for (i = 0; argv[5 + i]; i++)
			continue;
		cases = xrealloc(NULL, (i + 1) * sizeof(cases[0]));
		for (i = 0; argv[5 + i]; i++)
			cases[i] = case_corpus(argv[5 + i], n);
		cases[i] = NULL;
		world_build(argv[0], argv[1], argv[2]);
		for (i = 0; cases[i]; i++)
			if (i % parts == part)
				play_case(cases[i], 0);
	} else if (strcmp(name, "storm") == 0) {
		world_build(argv[0], argv[1], argv[2]);
		storm(seed, count ? count : 3000);
		fflush(stdout);
		return 0;
	} else if (strcmp(name, "random") == 0) {
		world_build(argv[0], argv[1], argv[2]);
		for (n = 0; n < (count ? count : 500); n++) {
			struct test_case *c;

			if (only >= 0 ? (int)n != only : n % parts != part)
				continue;
			c = case_random(seed, n);
			play_case(c, n % 10 == 0);
			case_free(c);
		}
	} else {
		usage();
	}
	print_counts();
	return failures != 0;
}
