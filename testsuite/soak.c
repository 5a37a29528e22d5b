/* vi: set sw=4 ts=4: */
/*
 * Long runs of mdevd, and races
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 *
 * Built and called by check.d/stress/soak, in the sandbox.
 *
 *	soak [-n COUNT] [-s SEED] [-m] MODE PROGRAM [ARG]...
 *
 * Prints one line "PASS: " or "FAIL: " for each thing it has to show.
 *	soak	COUNT events: adds and removes of 250 devices, with links, a command for every 50th, the
 *		rules read again after every 1000: each event is handled, in order; memory (not with -m),
 *		descriptors and children do not grow after the first tenth; /dev is empty
 *		at the end
 *	vanish	COUNT events of devices that come and go in sysfs, two for each name
 *	killed	COUNT times: kill -9 in a burst of events, and a new mdevd with -C: then every device that
 *		exists has its node
 *	two	COUNT events, two mdevds on one /dev: at the end /dev is correct
 */
#define main stress_main
#include "stress.c"
#undef main

enum {
	SOAK_DEVICES = 250,
	SOAK_COMMANDS = 50,	/* every so many events */
	SOAK_RELOADS = 1000,
	/* musl keeps a group of pages when it was mapped and unmapped again 100 times, and unmaps it again
	 * once in 52 reloads: what is compared is the maximum of many */
	WARM_UP = 200,
	MEASURED = 100,
};

static int any_memory;

/* Returns the program's anonymous memory in kB, including pages that a child shares. Excludes the stack,
 * whose depth depends on the moment of a signal */
static unsigned memory(void)
{
	char line[256], *name;
	unsigned n = 0, kb;
	int is_stack = 0;
	FILE *f;

	sprintf(line, "/proc/%d/smaps", (int)pid);
	f = fopen(line, "r");
	while (f && fgets(line, sizeof(line), f)) {
		name = strchr(line, ' ');
		if (name && name[-1] != ':')
			is_stack = strstr(line, "[stack]") != NULL;
		else if (!is_stack && sscanf(line, "Anonymous: %u", &kb) == 1)
			n += kb;
	}
	if (f)
		fclose(f);
	return n;
}

/* Counts the names in dir, except directories */
static unsigned count_names(const char *dir)
{
	DIR *d = opendir(at_root("%s", dir));
	struct dirent *e;
	unsigned n = 0;

	while (d && (e = readdir(d)) != NULL)
		n += e->d_type != DT_DIR;
	if (d)
		closedir(d);
	return n;
}

/* The i'th event: adds of all devices, then removes of all, and so on */
static void send_soak(unsigned i)
{
	unsigned device = i % SOAK_DEVICES;
	char path[64];

	if (i % SOAK_RELOADS == SOAK_RELOADS - 1)
		kill(pid, SIGHUP);
	sprintf(path, "/devices/x/n%u", i);
	send_event(i / SOAK_DEVICES % 2 ? "remove" : "add", path, "SUBSYSTEM=%s MAJOR=1 MINOR=%u DEVNAME=n%u",
		i % SOAK_COMMANDS ? "x" : "command", device, device);
}

/* Sends SIGHUP. Returns when the rules have been read again and no event is pending */
static void reload(void)
{
	int i;

	kill(pid, SIGHUP);
	/* The signal is handled before the second event */
	for (i = 0; i < 2; i++) {
		send_event("change", "/devices/x/n0", "SUBSYSTEM=x DEVNAME=n0");
		next_record('n');
	}
}

/* Returns the most memory that it has, in kB, when it has nothing to do */
static unsigned settled_memory(void)
{
	unsigned i, kb, most = 0;

	for (i = 0; i < WARM_UP; i++)
		reload();
	for (i = 0; i < MEASURED; i++) {
		reload();
		kb = memory();
		if (most < kb)
			most = kb;
	}
	return most;
}

/* Sends the events from i to end, and adds to wrong. Returns the first one that was not handled, or end */
static unsigned play(unsigned i, unsigned end, unsigned *wrong)
{
	unsigned sent = i;

	for (; i < end; i++) {
		int n;

		while (sent < end && sent - i < WINDOW)
			send_soak(sent++);
		n = next_record('n');
		if (n == -2)
			break;
		*wrong += n != (i / SOAK_DEVICES % 2 ? -1 : (int)i);
	}
	return i;
}

static void soak(void)
{
	unsigned i, wrong = 0, kb, end_kb, fds, ran;
	long long began = now_us();

	count -= count % (2 * SOAK_DEVICES);
	write_file("etc/mdev.conf",
		"-SUBSYSTEM=command;.* 0:0 600 ! *echo x >>%s\n"
		"n([0-9]*[05]) 11:12 640 >sub/%%1\n"
		"n[0-9]+ 13:14 600\n", at_root("ran"));
	start_and_wait(1);
	i = play(0, count / 10, &wrong);
	kb = settled_memory();
	fds = count_fds();
	if (i == count / 10)
		i = play(i, count, &wrong);
	end_kb = settled_memory();
	report(i == count && wrong == 0, "mdevd: soak: %u of %u events are handled, in order, in %lld s",
		i, count, (now_us() - began) / 1000000);
	ran = count_text("ran", "x");
	report(ran == count / SOAK_COMMANDS, "mdevd: soak: %u of %u commands were run", ran, count / SOAK_COMMANDS);
	if (any_memory)
		printf("SKIPPED: mdevd: soak: memory (sanitizers keep what was freed)\n");
	else
		report(end_kb <= kb, "mdevd: soak: at most %u kB of memory after a tenth, %u at the end, %u reloads",
			kb, end_kb, count / SOAK_RELOADS + 2 * (WARM_UP + MEASURED));
	report(count_fds() == fds && count_zombies() == 0, "mdevd: soak: %u descriptors after a tenth, %u at the end, %u zombies",
		fds, count_fds(), count_zombies());
	report(count_names("dev") + count_names("dev/sub") == 0, "mdevd: soak: nothing is left in /dev");
	report(!count_text(".said", "mdevd"), "mdevd: soak: no warning");
	report(stop() == 0 && reap_all(), "mdevd: soak: exit 0 after all that");
}

/*** devices that come and go ***/

/* Makes and removes sys/dev/char/1:N until it is killed */
static pid_t start_vanishing(void)
{
	pid_t child = fork();
	unsigned i;

	if (child != 0)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 0;; i = (i + 1) % 20) {
		mkdir(at_root("sys/dev/char/1:%u", i), 0755);
		rmdir(at_root("sys/dev/char/1:%u", (i + 10) % 20));
	}
}

/* Two devices for each name wN. It is the first one's while that exists: the other one is vN then */
static void vanish(void)
{
	unsigned i, sent = 0, made = 0, missing = 0, wrong = 0, taken, k;
	pid_t child;
	char path[64];

	run("mkdir -p %s/sys/dev/char", root);
	write_file("etc/mdev.conf", "v[0-9]?([0-9]) 11:12 640 =w%%1\n");
	start_and_wait(1);
	child = start_vanishing();
	for (i = 0; i < count; i++) {
		while (sent < count && sent - i < WINDOW) {
			k = sent % 20;
			sprintf(path, "/devices/x/v%u", k);
			send_event(sent++ / 20 % 3 == 2 ? "remove" : "add", path, "SUBSYSTEM=x MAJOR=1 MINOR=%u DEVNAME=v%u", k, k);
		}
		if (next_record('v') == -2)
			break;
		if (i % 20)
			continue;
		for (k = 0; k < 40; k++) {
			char *name = at_root("dev/%c%u", k < 20 ? 'v' : 'w', k % 20);
			struct stat st;

			if (lstat(name, &st) != 0) {
				missing++;
				continue;
			}
			made++;
			wrong += !S_ISCHR(st.st_mode) || major(st.st_rdev) != 1
				|| (k < 20 ? minor(st.st_rdev) != k : minor(st.st_rdev) % 10 != k - 20);
		}
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	taken = count_text(".said", ", which exists: not replaced by 'v");
	report(i == count && wrong == 0 && made && missing && taken,
		"mdevd: devices that vanish: %u of %u events are handled; %u nodes were there when looked for, %u were not, %u are wrong; "
		"%u times the name was another's", i, count, made, missing, wrong, taken);
	report(stop() == 0 && reap_all(), "mdevd: devices that vanish: exit 0 after all that");
}

/*** kill -9 ***/

static void killed(void)
{
	unsigned i, k, wrong = 0, found, least = DEVICES;
	long long began;
	pid_t kernel;
	struct stat st;

	make_sys();
	write_file("etc/mdev.conf", "d[0-9]+ 11:12 640\nj([0-9]+) 0:0 600 >sub/%%1 @exit 0\n");
	for (i = 0; i < count; i++) {
		run("rm -rf %s/dev/*", root);
		start_and_wait(0);
		kernel = start_kernel(0);
		for (k = 0; k < 100; k++)
			send_node('j', k);
		pause_us(random_below(20000));
		kill(pid, SIGKILL);
		reap(pid, &(int){ 0 });
		close(ready_fd);
		close(o_fd);
		/* The kernel's process waits at the fifo of the device that was triggered last: start a new one. The
		 * old one must have ended, or the new mdevd would find a reader at that fifo */
		kill(kernel, SIGKILL);
		reap(kernel, &(int){ 0 });
		kernel = start_kernel(0);
		start_and_wait(0);
		began = now_us();
		do {
			found = 0;
			for (k = 0; k < DEVICES; k++)
				found += lstat(at_root("dev/d%u", k), &st) == 0 && st.st_uid == 11;
			if (found < DEVICES)
				pause_us(5000);
		} while (found < DEVICES && now_us() - began < PATIENCE_SECS * 1000000LL);
		least = found < least ? found : least;
		for (k = 0; k < DEVICES; k++)
			wrong += lstat(at_root("dev/d%u", k), &st) != 0 || st.st_rdev != makedev(1, k)
				|| st.st_gid != 12 || (st.st_mode & 07777) != 0640;
		/* An interrupted event must not leave a dangling link */
		for (k = 0; k < 100; k++)
			if (lstat(at_root("dev/j%u", k), &st) == 0 && S_ISLNK(st.st_mode) && stat(at_root("dev/j%u", k), &st) != 0)
				wrong++;
		/* Before the kernel's process: the old mdevd may have made all nodes, and the new one still be at a
		 * fifo, where it would wait for ever */
		wrong += stop() != 0;
		kill(kernel, SIGKILL);
		reap(kernel, &(int){ 0 });
		reap_all();
	}
	report(least == DEVICES && wrong == 0,
		"mdevd: kill -9 in a burst, and again with -C: %u times, %u of %u devices have their nodes, %u wrong",
		count, least, DEVICES, wrong);
}

/*** two of them ***/

/* Waits until no socket has an event queued */
static void wait_for_queues(void)
{
	long long began = now_us();

	while (run("awk 'NR > 1 && $5 > 0 { n = 1 } END { exit n }' /proc/net/netlink") && now_us() - began < PATIENCE_SECS * 1000000LL)
		pause_us(1000);
}

static void two(void)
{
	unsigned i, k, wrong = 0, nodes = 0;
	int one_ready, one_o;
	pid_t one;

	write_file("etc/mdev.conf", "%s", round_rules);
	start_and_wait(0);
	one = pid;
	one_ready = ready_fd;
	one_o = o_fd;
	start_and_wait(0);
	/* All are added, all are removed, and so on; at last they are added */
	count -= count % 600;
	for (i = 0; i < count + 300; i++) {
		k = i % 300;
		if (i / 300 % 2)
			send_event("remove", "/devices/x/n", "SUBSYSTEM=x MAJOR=1 MINOR=%u DEVNAME=%c%u", k, "abc"[k % 3], k);
		else
			send_node("abc"[k % 3], k);
		if (k == 299)
			wait_for_queues();
	}
	/* Each one handles the events that it has received before it exits */
	wrong += stop() != 0;
	pid = one;
	ready_fd = one_ready;
	o_fd = one_o;
	wrong += stop() != 0;
	reap_all();
	wrong += check_nodes(&nodes);
	report(wrong == 0 && nodes == 400, "mdevd: two of them on one /dev, %u events: %u names, %u wrong", i, nodes, wrong);
}

int main(int argc, char **argv)
{
	static const struct mode modes[] = { { "soak", soak }, { "vanish", vanish }, { "killed", killed }, { "two", two } };
	const char *mode = begin_mode(argc, argv, &any_memory, "soak [-n COUNT] [-s SEED] [-m] MODE PROGRAM [ARG]...");

	play_mode(mode, modes, sizeof(modes) / sizeof(modes[0]));
	return 0;
}
