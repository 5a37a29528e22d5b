/* vi: set sw=4 ts=4: */
/*
 * mdevd for a long time, and in races
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 *
 * Built and called by check.d/59-soak, in the sandbox.
 *
 *	soak [-n COUNT] [-s SEED] [-m] MODE PROGRAM [ARG]...
 *
 * Prints one line "PASS: " or "FAIL: " for each thing it has to show.
 *	soak	COUNT events: adds and removes of 250 devices, with links, a command for every 50th, the
 *		rules read again after every 1000: each event is handled, in order; memory, descriptors
 *		and children are at the end what they were after the first tenth (-m: memory is
 *		not looked at); nothing is left in /dev
 *	vanish	COUNT events of devices whose directory in sysfs comes and goes
 *	killed	COUNT times: kill -9 in a burst of events, and a new one with -C: then every device that is
 *		there has its node
 *	two	COUNT events, two of them on one /dev: in the end all is as it should be
 */
#define main stress_main
#include "stress.c"
#undef main

enum {
	SOAK_DEVICES = 250,
	SOAK_COMMANDS = 50,	/* every so many events */
	SOAK_RELOADS = 1000,
	SOAK_WARM_UP = 200,	/* reloads: musl takes a page more after 150 times of the same malloc() and free() */
};

static int any_memory;

/* Memory of the program that is in no file, in kB: also while a child shares it. Without its
 * stack, for how deep a signal finds that is chance */
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

/* What is in dev, but for directories */
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

static void soak(void)
{
	unsigned sent = 0, i, wrong = 0, kb = 0, fds = 0, ran;
	long long began = now_us();
	int n;

	count -= count % (2 * SOAK_DEVICES);
	write_file("etc/mdev.conf",
		"-SUBSYSTEM=command;.* 0:0 600 ! *echo x >>%s\n"
		"n([0-9]*[05]) 11:12 640 >sub/%%1\n"
		"n[0-9]+ 13:14 600\n", at_root("ran"));
	start_and_wait(1);
	for (i = 0; i < SOAK_WARM_UP; i++) {
		kill(pid, SIGHUP);
		send_event("change", "/devices/x/n0", "SUBSYSTEM=x DEVNAME=n0");
		next_record('n');
	}
	for (i = 0; i < count; i++) {
		while (sent < count && sent - i < WINDOW)
			send_soak(sent++);
		n = next_record('n');
		if (n == -2)
			break;
		wrong += n != (i / SOAK_DEVICES % 2 ? -1 : (int)i);
		if (i == count / 10) {
			kb = memory();
			fds = count_fds();
		}
	}
	report(i == count && wrong == 0, "mdevd: soak: %u of %u events are handled, in order, in %lld s",
		i, count, (now_us() - began) / 1000000);
	ran = count_text("ran", "x");
	report(ran == count / SOAK_COMMANDS, "mdevd: soak: %u of %u commands were run", ran, count / SOAK_COMMANDS);
	if (any_memory)
		printf("SKIPPED: mdevd: soak: memory (sanitizers keep what was freed)\n");
	else
		report(memory() <= kb, "mdevd: soak: %u kB of memory after a tenth, %u at the end, %u reloads",
			kb, memory(), count / SOAK_RELOADS);
	report(count_fds() == fds && count_zombies() == 0, "mdevd: soak: %u descriptors after a tenth, %u at the end, %u zombies",
		fds, count_fds(), count_zombies());
	report(count_names("dev") + count_names("dev/sub") == 0, "mdevd: soak: nothing is left in /dev");
	report(!count_text(".said", "mdevd"), "mdevd: soak: no warning");
	report(stop() == 0 && reap_all(), "mdevd: soak: exit 0 after all that");
}

/*** devices that come and go ***/

/* Makes and removes sys/devices/x/vN until it is killed */
static pid_t start_vanishing(void)
{
	pid_t child = fork();
	unsigned i;

	if (child != 0)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 0;; i = (i + 1) % 20) {
		mkdir(at_root("sys/devices/x/v%u", i), 0755);
		write_file("new", "1:%u\n", i);
		rename(at_root("new"), at_root("sys/devices/x/v%u/dev", i));
		write_file("new", "DEVNAME=w%u\n", i);
		rename(at_root("new"), at_root("sys/devices/x/v%u/uevent", i));
		unlink(at_root("sys/devices/x/v%u/dev", (i + 10) % 20));
		unlink(at_root("sys/devices/x/v%u/uevent", (i + 10) % 20));
		rmdir(at_root("sys/devices/x/v%u", (i + 10) % 20));
	}
}

static void vanish(void)
{
	unsigned i, sent = 0, made = 0, missing = 0, wrong = 0, k;
	pid_t child;
	char path[64];

	run("mkdir -p %s/sys/devices/x", root);
	write_file("etc/mdev.conf", "[vw][0-9]+ 11:12 640\n");
	start_and_wait(1);
	child = start_vanishing();
	for (i = 0; i < count; i++) {
		while (sent < count && sent - i < WINDOW) {
			sprintf(path, "/devices/x/v%u", sent++ % 20);
			send_event("add", path, "SUBSYSTEM=x");
		}
		if (next_record('v') == -2)
			break;
		if (i % 20)
			continue;
		/* By its DEVNAME, or if that is gone already by its last component */
		for (k = 0; k < 40; k++) {
			char *name = at_root("dev/%c%u", k < 20 ? 'v' : 'w', k % 20);
			struct stat st;

			if (lstat(name, &st) != 0) {
				missing++;
				continue;
			}
			made++;
			wrong += !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, k % 20) || unlink(name) != 0;
		}
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	report(i == count && wrong == 0 && made && missing,
		"mdevd: devices that vanish: %u of %u events are handled; %u nodes were there when looked for, %u were not, %u are wrong",
		i, count, made, missing, wrong);
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
		/* It waits for the device that was triggered last */
		kill(kernel, SIGKILL);
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
		/* What it left of a link it was about to make is no link of anything */
		for (k = 0; k < 100; k++)
			if (lstat(at_root("dev/j%u", k), &st) == 0 && S_ISLNK(st.st_mode) && stat(at_root("dev/j%u", k), &st) != 0)
				wrong++;
		kill(kernel, SIGKILL);
		wrong += stop() != 0;
		reap_all();
	}
	report(least == DEVICES && wrong == 0,
		"mdevd: kill -9 in a burst, and again with -C: %u times, %u of %u devices have their nodes, %u wrong",
		count, least, DEVICES, wrong);
}

/*** two of them ***/

/* Until no socket has anything queued */
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
	/* Neither ends before it has done what it has received */
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
	static const struct {
		const char *mode;
		void (*play)(void);
	} modes[] = { { "soak", soak }, { "vanish", vanish }, { "killed", killed }, { "two", two } };
	unsigned i;
	int opt;

	while ((opt = getopt(argc, argv, "+n:s:m")) > 0) {
		if (opt == 'n')
			count = atoi(optarg);
		else if (opt == 's')
			seed = atoi(optarg);
		else if (opt == 'm')
			any_memory = 1;
		else
			return STATUS_NO;
	}
	if (!is_inside() || argc - optind < 2 || count < 1) {
		fprintf(stderr, "usage: soak [-n COUNT] [-s SEED] [-m] MODE PROGRAM [ARG]... (in the sandbox; see the head of soak.c)\n");
		return STATUS_NO;
	}
	begin(argv + optind + 1);
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(modes[i].mode, argv[optind]) == 0)
			modes[i].play();
	if (failures)
		show_said();
	return 0;
}
