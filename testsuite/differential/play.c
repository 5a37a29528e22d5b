/* vi: set sw=4 ts=4: */
/*
 * The differential test: plays cases to the programs
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 *
 * mdev runs once for each event, with its variables in the environment, as the
 * kernel's helper does. mdevd and mdev -d listen: events go through the kernel, which
 * multicasts what root sends to its uevent socket in a private network namespace.
 */
#include "diff.h"

enum { WAIT_MS = 30 * 1000 };

#define FIFO "/usr/fifo"
#define MARKER_RULE "MARK=.;.* 0:0 660 ! *echo $MARK >" FIFO "\n"

/*** the kernel's part ***/

static int open_sender(void)
{
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	if (fd < 0)
		die("netlink");
	return fd;
}

static void send_event(int fd, const struct event *e)
{
	static struct text t;
	struct nlmsghdr h = { .nlmsg_type = NLMSG_MIN_TYPE, .nlmsg_flags = NLM_F_REQUEST };
	struct sockaddr_nl a = { .nl_family = AF_NETLINK };
	unsigned i;

	t.len = 0;
	text_add(&t, (char*)&h, NLMSG_HDRLEN);
	text_printf(&t, "%s@%s", e->action, e->devpath);
	text_add(&t, "", 1);
	for (i = 0; i < e->n; i++)
		text_add(&t, e->vars[i], strlen(e->vars[i]) + 1);
	((struct nlmsghdr*)t.s)->nlmsg_len = t.len;
	if (sendto(fd, t.s, t.len, 0, (struct sockaddr*)&a, sizeof(a)) < 0)
		die("cannot send an event");
}

/*** programs ***/

/* Starts a program. It inherits stdin, writes stdout and stderr to /out/said, and has vars in its environment.
 * fd3 and fd4 become its descriptors 3 and 4, unless they are -1. vfork: the child only makes system calls */
static pid_t start(const char *file, char **argv, char **vars, mode_t um, int fd3, int fd4)
{
	char *env[VARS_MAX + 3];
	int said = open("/out/said", O_WRONLY | O_APPEND | O_CLOEXEC);
	unsigned n = 0;
	pid_t pid;

	env[n++] = (char*)"PATH=/bin:/sbin";
	env[n++] = (char*)"HOME=/";
	while (vars && *vars)
		env[n++] = *vars++;
	env[n] = NULL;
	pid = vfork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		umask(um);
		dup2(said, STDOUT_FILENO);
		dup2(said, STDERR_FILENO);
		/* They are 10 or more */
		if (fd3 >= 0)
			dup2(fd3, 3);
		if (fd4 >= 0)
			dup2(fd4, 4);
		execve(file, argv, env);
		_exit(127);
	}
	if (pid < 0)
		die("vfork");
	close(said);
	return pid;
}

static void log_status(struct text *log, int status, int always)
{
	if (WIFSIGNALED(status))
		text_printf(log, "signal %d\n", WTERMSIG(status));
	else if (WEXITSTATUS(status) || always)
		text_printf(log, "exit %d\n", WEXITSTATUS(status));
}

/* Events' messages, without the program's name, go to *said; it is what mdev and mdevd agree on. That a
 * command could not be run is said by mdevd alone */
static void take_messages(struct text *said, const struct event *e)
{
	struct text all = { NULL, 0, 0 };
	char prefix[2048];
	char *s, *rest;

	world_take(&all, NULL, "/out/said");
	if (!said || !all.s)
		return;
	snprintf(prefix, sizeof(prefix), ": %s %s: ", e->action, e->devpath);
	for (rest = all.s; (s = strsep(&rest, "\n")) != NULL;)
		if ((s = strchr(s, ':')) != NULL && strncmp(s, prefix, strlen(prefix)) == 0 && !strstr(s, ": exit status 12"))
			text_printf(said, "%s\n", s + 2);
	free(all.s);
}

static void log_event(struct text *log, unsigned i, const struct event *e)
{
	text_printf(log, "== %u: %s %s\n", i, e->action, e->devpath);
}

static void log_result(const struct test_case *c, struct text *log, struct text *said, const struct event *e)
{
	world_take(log, "commands:", "/out/rec");
	world_list(c, log);
	take_messages(said, e);
}

/* mdev as the kernel's helper */
static void play_helper(const char *file, const struct test_case *c, struct text *log, struct text *said)
{
	char *argv[] = { (char*)"mdev", NULL };
	unsigned i;

	for (i = 0; i < c->n_events; i++) {
		struct event *e = &c->events[i];
		int status;
		pid_t pid;

		log_event(log, i, e);
		world_before(c, e);
		pid = start(file, argv, e->vars, 022, -1, -1);
		waitpid(pid, &status, 0);
		log_result(c, log, said, e);
		log_status(log, status, 0);
	}
}

static struct {
	pid_t pid;
	int ready, records;
	int sender;
	int status;
} d = { .sender = -1 };

/* Waits until fd can be read; dies if the program does not do what it is to do */
static void wait_for(int fd, const char *what)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	if (poll(&pfd, 1, WAIT_MS) != 1)
		die("waited in vain: %s", what);
}

/* Gives 0 if it ended instead, with d.status */
static int start_mdevd(mode_t um)
{
	char *argv[] = { (char*)"mdevd", (char*)"-D", (char*)"3", (char*)"-o", (char*)"4", NULL };
	int ready[2], records[2], fd3, fd4;
	char c;

	if (d.sender < 0)
		d.sender = open_sender();
	if (pipe2(ready, O_CLOEXEC) || pipe2(records, O_CLOEXEC))
		die("pipe");
	fd3 = fcntl(ready[1], F_DUPFD_CLOEXEC, 10);
	fd4 = fcntl(records[1], F_DUPFD_CLOEXEC, 10);
	d.pid = start("/bin/ours", argv, NULL, um, fd3, fd4);
	close(fd3);
	close(fd4);
	close(ready[1]);
	close(records[1]);
	d.records = records[0];
	wait_for(ready[0], "mdevd -D");
	if (read(ready[0], &c, 1) != 1) {
		waitpid(d.pid, &d.status, 0);
		close(records[0]);
		d.pid = 0;
	}
	close(ready[0]);
	return d.pid != 0;
}

static void stop(int sig, struct text *log)
{
	kill(d.pid, sig);
	waitpid(d.pid, &d.status, 0);
	log_status(log, d.status, 1);
}

/* Takes what mdevd wrote to -o. Gives how many records ended */
static unsigned take_records(void)
{
	static int last = 1;
	char buf[16384];
	ssize_t n, i;
	unsigned count = 0;

	wait_for(d.records, "mdevd -o");
	n = read(d.records, buf, sizeof(buf));
	if (n <= 0)
		die("mdevd ended");
	for (i = 0; i < n; i++) {
		count += buf[i] == '\0' && last == '\0';
		/* the NUL that ends a record begins no other */
		last = buf[i] == '\0' && last == '\0' ? 1 : buf[i];
	}
	return count;
}

/* mdevd -N: which lines it finds fault with, and how it ends */
static void play_check(struct text *log)
{
	char *argv[] = { (char*)"mdevd", (char*)"-N", NULL };
	struct text all = { NULL, 0, 0 };
	char *s, *rest;
	unsigned line;
	int status;
	pid_t pid = start("/bin/ours", argv, NULL, 022, -1, -1);

	waitpid(pid, &status, 0);
	text_printf(log, "wrong lines:");
	world_take(&all, NULL, "/out/said");
	for (rest = all.s; rest && (s = strsep(&rest, "\n")) != NULL;)
		if (sscanf(s, "mdevd: /etc/mdev.conf:%u:", &line) == 1) {
			if (!strstr(s, ": warning: "))
				text_printf(log, " %u", line);
		} else if (*s)
			text_printf(log, " '%s'", s);
	text_printf(log, "\n");
	log_status(log, status, 1);
	free(all.s);
}

static void play_mdevd(const struct test_case *c, struct text *log, struct text *said)
{
	char *blanked = model_blank_errors(c);
	unsigned i;

	play_check(log);
	if (memcmp(blanked, c->conf.s, c->conf.len) != 0) {
		/* it must refuse the file, too */
		if (start_mdevd(c->umask))
			stop(SIGKILL, log);
		else if (!WIFEXITED(d.status) || WEXITSTATUS(d.status) != 2)
			log_status(log, d.status, 1);
		write_file("/etc/mdev.conf", blanked, c->conf.len);
		write_file("/out/said", "", 0);
	}
	free(blanked);
	if (!start_mdevd(c->umask)) {
		log_status(log, d.status, 1);
		return;
	}
	for (i = 0; i < c->n_events; i++) {
		log_event(log, i, &c->events[i]);
		world_before(c, &c->events[i]);
		send_event(d.sender, &c->events[i]);
		while (take_records() == 0)
			continue;
		log_result(c, log, said, &c->events[i]);
	}
	stop(SIGTERM, log);
	close(d.records);
}

/* Every event that was sent before is done. Gives 0 if it was not answered in ms */
static int mark(int fifo, int ms)
{
	static unsigned n; /* many are sent before a program on a busy machine starts */
	struct event e = { .action = "change", .devpath = "/mark" };
	struct pollfd pfd = { .fd = fifo, .events = POLLIN };
	char var[sizeof("MARK=12345678")], got[9];

	sprintf(var, "MARK=%08u", ++n % 100000000);
	e.vars[0] = (char*)"ACTION=change";
	e.vars[1] = (char*)"DEVPATH=/mark";
	e.vars[2] = var;
	e.n = 3;
	send_event(d.sender, &e);
	do {
		if (poll(&pfd, 1, ms) != 1)
			return 0;
		if (read(fifo, got, 9) != 9)
			die(FIFO);
	} while (memcmp(got, var + strlen("MARK="), 8) != 0); /* one that we did not wait for long enough */
	return 1;
}

/* mdev -d. It does not say when it listens, nor when it has done something: a rule does */
static void play_daemon(const struct test_case *c, struct text *log)
{
	char *argv[] = { (char*)"mdev", (char*)"-d", (char*)"-f", NULL };
	struct text conf = { NULL, 0, 0 };
	unsigned i;
	int ms, fifo;

	unlink(FIFO);
	if (mkfifo(FIFO, 0600))
		die(FIFO);
	fifo = open(FIFO, O_RDWR | O_CLOEXEC);
	text_printf(&conf, MARKER_RULE);
	text_add(&conf, c->conf.s, c->conf.len);
	write_file("/etc/mdev.conf", conf.s, conf.len);
	d.sender = open_sender();
	d.pid = start("/bin/ours", argv, NULL, c->umask, -1, -1);
	/* longer each time: a slow machine answers fewer in the time than were sent */
	for (ms = 2; !mark(fifo, ms); ms += ms / 2)
		if (ms > WAIT_MS || waitpid(d.pid, &d.status, WNOHANG) == d.pid)
			die("mdev -d does not start");
	for (i = 0; i < c->n_events; i++) {
		log_event(log, i, &c->events[i]);
		world_before(c, &c->events[i]);
		send_event(d.sender, &c->events[i]);
		if (!mark(fifo, WAIT_MS))
			die("mdev -d does not go on");
		log_result(c, log, NULL, &c->events[i]);
	}
	kill(d.pid, SIGKILL);
	waitpid(d.pid, &d.status, 0);
	free(conf.s);
}

/* Plays the case to p. To be called in a process of its own, in the world.
 * said: messages about events */
void play(enum program p, const struct test_case *c, struct text *log, struct text *said)
{
	signal(SIGPIPE, SIG_IGN);
	world_enter(c);
	signal(SIGPIPE, SIG_DFL);
	switch (p) {
	case STOCK: play_helper("/bin/stock", c, log, NULL); break;
	case MDEV: play_helper("/bin/ours", c, log, said); break;
	case MDEVD: play_mdevd(c, log, said); break;
	default: play_daemon(c, log); break;
	}
}

/*** the storm ***/

/* The window: so many records a pipe holds, if we do not read them */
enum { STORM_DEVICES = 300, STORM_WINDOW = 300 };

/* What the rules do with each kind of device: where node and link are */
static const struct {
	const char *name;	/* %u: its number */
	const char *node, *link;
	unsigned mode, gid;
	char type;
} kinds[] = {
	{ "sd%u", "disk/sd%u", "sd%u", 0660, 6, 'b' },
	{ "snd/pcm%u", "audio/grp/pcm%u", "snd/pcm%u", 0640, 29, 'c' },
	{ "tty%u", "tty%u", NULL, 0620, 5, 'c' },
	{ "ram%u", "rd/%u", NULL, 0600, 0, 'b' },
	{ "video%u", "v4l/video%u", "video%u", 0666, 28, 'c' },
	{ "misc/m%u", "misc/m%u", NULL, 0660, 0, 'c' },
};
static const char storm_conf[] =
	"sd.* 0:6 660 >disk/\n"
	"snd/(pcm[0-9]*) 0:29 640 >audio/grp/%1\n"
	"-tty[0-9]+ 0:0 600\n"
	"tty.* 0:5 620 @ln -sf $MDEV by-$MDEV; rm by-$MDEV\n"
	"ram([0-9]*) 0:0 600 =rd/%1\n"
	"-video.* 0:28 666 >v4l/\n"
	"video[0-9]* 0:28 666\n";

static void storm_event(struct event *e, unsigned i, int add, unsigned k, char *buf)
{
	char name[64];

	memset(e, 0, sizeof(*e));
	e->action = add ? "add" : "remove";
	snprintf(name, sizeof(name), kinds[k].name, i);
	e->type = kinds[k].type;
	e->major = 200 + k;
	e->minor = i;
	e->vars[0] = buf + sprintf(buf, "/devices/%s/x%u", e->type == 'b' ? "block" : "c", i) + 1;
	e->devpath = buf;
	e->vars[1] = e->vars[0] + sprintf(e->vars[0], "ACTION=%s", e->action) + 1;
	e->vars[2] = e->vars[1] + sprintf(e->vars[1], "DEVPATH=%s", e->devpath) + 1;
	e->vars[3] = e->vars[2] + sprintf(e->vars[2], "MAJOR=%u", e->major) + 1;
	e->vars[4] = e->vars[3] + sprintf(e->vars[3], "MINOR=%u", e->minor) + 1;
	sprintf(e->vars[4], "DEVNAME=%s", name);
	e->node = e->vars[4] + strlen("DEVNAME=");
	e->exists = add ? 1 : -1;
	e->n = 5;
	if (e->type == 'b') {
		e->vars[5] = (char*)"SUBSYSTEM=block";
		e->n = 6;
	}
}

/* Is device i there as the rules say (or not at all)? Says what is wrong */
static unsigned storm_check(unsigned i, int is_there)
{
	unsigned k = i % ARRAY_SIZE(kinds);
	char node[128], link[128];
	struct stat st, via;
	int has_node;

	snprintf(node, sizeof(node), "/dev/");
	snprintf(node + 5, sizeof(node) - 5, kinds[k].node, i);
	has_node = lstat(node, &st) == 0;
	if (has_node != is_there) {
		printf("FAIL: storm: %s is %s\n", node, is_there ? "missing" : "left");
		return 1;
	}
	if (has_node && (st.st_rdev != makedev(200 + k, i) || (st.st_mode & 07777) != kinds[k].mode
	 || st.st_gid != kinds[k].gid || (kinds[k].type == 'b') != S_ISBLK(st.st_mode))
	) {
		printf("FAIL: storm: %s is not the device that it should be\n", node);
		return 1;
	}
	if (!kinds[k].link)
		return 0;
	snprintf(link, sizeof(link), "/dev/");
	snprintf(link + 5, sizeof(link) - 5, kinds[k].link, i);
	if ((lstat(link, &via) == 0) != is_there
	 || (is_there && (!S_ISLNK(via.st_mode) || stat(link, &via) != 0 || via.st_ino != st.st_ino))
	) {
		printf("FAIL: storm: the link %s %s\n", link, is_there ? "does not lead to its device" : "is left");
		return 1;
	}
	return 0;
}

/* How many there are in /dev that are no directories */
static unsigned storm_count(const struct test_case *c, const char *complain)
{
	struct text t = { NULL, 0, 0 };
	unsigned n = 0;
	char *s, *rest;

	world_list(c, &t);
	for (rest = t.s; rest && (s = strsep(&rest, "\n")) != NULL;) {
		if (*s == '\0' || *s == 'd' || !strstr(s, " /dev/"))
			continue;
		n++;
		if (complain)
			printf("FAIL: storm: %s: %s\n", complain, s);
	}
	free(t.s);
	return n;
}

/* Random events on many devices, as fast as they are handled, devtmpfs taking part: then each
 * device is there with its link if it was added last, and nothing else is; then all are removed.
 * To be called in a process of its own, in the world */
void storm(unsigned long long seed, unsigned count)
{
	static char there[STORM_DEVICES];
	static struct test_case c;
	struct text log = { NULL, 0, 0 };
	unsigned i, k, n, sent = 0, done = 0, wrong = 0, links = 0, expected = 0;
	struct event e;
	char buf[1024];

	rnd_seed(seed, 0);
	text_printf(&c.conf, "%s", storm_conf);
	c.devtmpfs = 1;
	c.sys_dev = SYS_DEV_KEPT;
	world_enter(&c);
	if (!start_mdevd(022))
		die("mdevd does not start");
	for (n = 0; n < count + STORM_DEVICES; n++) {
		i = n < count ? rnd(STORM_DEVICES) : n - count;
		k = i % ARRAY_SIZE(kinds);
		if (n == count) {
			/* All is done: is it right? */
			while (done < sent)
				done += take_records();
			for (i = 0; i < STORM_DEVICES; i++) {
				wrong += storm_check(i, there[i]);
				links += there[i] && kinds[i % ARRAY_SIZE(kinds)].link;
				expected += there[i] * (1 + (kinds[i % ARRAY_SIZE(kinds)].link != NULL));
			}
			if (storm_count(&c, NULL) != expected) {
				printf("FAIL: storm: more is in /dev than the %u nodes and links that should be\n", expected);
				wrong++;
			}
			i = 0;
			k = 0;
		}
		if (n >= count && !there[i])
			continue;
		there[i] = !there[i];
		storm_event(&e, i, there[i], k, buf);
		world_before(&c, &e);
		send_event(d.sender, &e);
		sent++;
		while (sent - done > STORM_WINDOW)
			done += take_records();
	}
	while (done < sent)
		done += take_records();
	wrong += storm_count(&c, "left behind");
	stop(SIGTERM, &log);
	if (strcmp(log.s, "exit 0\n") != 0) {
		printf("FAIL: storm: mdevd's %s", log.s);
		wrong++;
	}
	if (!wrong)
		printf("PASS: after a storm of %u events (%u links among what was there) each link leads to its device, "
			"and nothing is left of what was removed\n", sent, links);
}
