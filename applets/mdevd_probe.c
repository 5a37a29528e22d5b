/* vi: set sw=4 ts=4: */
/*
 * Reads type, UUID and label of the file system of a block device, and the UUID of a partition
 *
 * A child does this: a read from a broken device may take minutes, or never return, and volume_id
 * can crash, or be taken over by the data that it reads. The daemon gets strings from it, nothing else.
 *
 * Copyright (C) 2026 mdevd for BusyBox maintainers
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdevd.h"
#include <sys/mount.h> /* BLKGETSIZE64, BLKSSZGET */
#include "../volume_id/volume_id_internal.h"

enum {
	DEFAULT_TIMEOUT = 5,	/* seconds */
	SECTOR = 512,		/* the unit of "start" in sysfs */
	TYPE_PROTECTIVE = 0xee,	/* of the MBR in front of a GPT */
	NOBODY = 65534,		/* DEFAULT_OVERFLOWUID, linux/highuid.h */
	STUCK_MAX = 8,		/* children that devices block */
	TEMP_NAME_SIZE = sizeof(".mdevd.4294967295"),
};

struct mbr {
	uint8_t code[440];
	uint32_t signature;
	uint16_t unused;
	struct {
		uint8_t status, chs[3], type, chs_end[3];
		uint32_t start, count;
	} PACKED partition[4];
	uint16_t magic;
} __attribute__((packed, aligned(4)));

/* UEFI specification, 5.3.2 and 5.3.3 */
struct gpt_header {
	char signature[8];
	uint32_t unused[16];
	uint32_t entries, entries_high; /* the sector where they begin */
	uint32_t n_entries, entry_size;
};

struct gpt_entry {
	uint8_t type[16];
	struct {
		uint32_t a;
		uint16_t b, c;
		uint8_t d[8];
	} guid;
	uint32_t first, first_high, last, last_high;
	uint16_t attributes[4], name[36];
};

/* Written by the child */
struct result {
	char values[PROBE_NVARS][PROBE_VALUE_MAX]; /* of the variables in names, in their order; "": none */
};

static const char names[] ALIGN1 = "ID_FS_TYPE=\0""ID_FS_UUID=\0""ID_FS_LABEL=\0""PARTUUID=\0";

/* Prints into buf the name of the node that the child makes, and removes once it is open, if the device
 * has none yet */
static void print_temp_name(char *buf, pid_t child)
{
	sprintf(buf, ".mdevd.%u", (unsigned)child);
}

/** In the child **/

/* Opens the block device for reading. Neither waits for a medium nor closes the tray of a drive */
static int open_device(const struct mdev_event *ev)
{
	char temp[TEMP_NAME_SIZE];
	const char *name = ev->name;
	struct stat st;
	int fd;

	if (stat(name, &st) != 0 || !S_ISBLK(st.st_mode) || (uint32_t)st.st_rdev != ev->dev) {
		/* Without devtmpfs the node is not there yet */
		print_temp_name(temp, getpid());
		name = temp;
		if (mdev_dry_run || mknod(temp, S_IFBLK | 0600, ev->dev) != 0)
			return -1;
	}
	fd = open(name, O_RDONLY | O_NONBLOCK);
	if (name == temp)
		unlink(temp);
	return fd;
}

static void read_file_system(struct result *r, struct volume_id *id)
{
	uint64_t size = 0;

	ioctl(id->fd, BLKGETSIZE64, &size);
	/* The last byte is set if volume_id copied a romfs name that is too long */
	if (volume_id_probe_all(id, size) != 0 || !id->type || id->label[VOLUME_ID_LABEL_SIZE])
		return;
	safe_strncpy(r->values[0], id->type, PROBE_VALUE_MAX);
	/* The members of an array have its UUID and label */
	if (strcmp(id->type, "linux_raid_member") == 0)
		return;
	strcpy(r->values[1], id->uuid);
	/* One of this length may have been cut */
	if (strlen(id->label) < VOLUME_ID_LABEL_SIZE)
		strcpy(r->values[2], id->label);
}

/* Opens the parent, which is the disk if the device is a partition */
static int open_disk(const struct mdev_event *ev)
{
	char buf[MDEV_NAME_MAX];
	struct mdev_event disk = *ev;

	mdev_sysfs_read(ev, "../dev", buf);
	if (!mdev_numbers(buf, ':', &disk.major, &disk.minor))
		return -1;
	strcpy(buf, ev->devpath); /* mdev_sysfs_read() has checked its length */
	*strrchr(buf, '/') = '\0';
	disk.devpath = buf;
	disk.name = NULL;
	mdev_sysfs_complete(&disk, NULL);
	return open_device(&disk);
}

/* Sets disk->uuid to the PARTUUID of partition i (from 0), in the format of block/partitions/ in the
 * kernel, if the table agrees about start: the lower half of the number of 512-byte sectors before it.
 * sector: bytes */
static void read_table(struct volume_id *disk, unsigned sector, unsigned i, uint32_t start)
{
	const struct mbr *mbr = volume_id_get_buffer(disk, 0, sizeof(*mbr));
	const struct gpt_header *header;
	struct gpt_entry *entry;
	unsigned n = 0;

	if (!mbr || mbr->magic != cpu_to_le16(0xaa55))
		return;
	/* A hybrid MBR has other partitions, too: is_pmbr_valid() in block/partitions/efi.c */
	while (n < ARRAY_SIZE(mbr->partition) && mbr->partition[n].type != TYPE_PROTECTIVE)
		n++;
	if (n == ARRAY_SIZE(mbr->partition)) {
		/* The others are in an extended partition */
		if (mbr->signature && (i > 3 || le32_to_cpu(mbr->partition[i].start) * (sector / SECTOR) == start))
			sprintf(disk->uuid, "%08x-%02x", (unsigned)le32_to_cpu(mbr->signature), i + 1);
		return;
	}
	header = volume_id_get_buffer(disk, sector, sizeof(*header));
	if (!header || memcmp(header->signature, "EFI PART", 8) != 0 || i >= le32_to_cpu(header->n_entries)
	 || header->entry_size != cpu_to_le32(sizeof(*entry))
	) {
		return;
	}
	entry = volume_id_get_buffer(disk, (uint32_t)(le32_to_cpu(header->entries) * sector
			+ i * sizeof(*entry)), sizeof(*entry));
	if (!entry || le32_to_cpu(entry->first) * (sector / SECTOR) != start)
		return;
	/* Its first numbers are little-endian, and printed the other way round */
	entry->guid.a = bswap_32(entry->guid.a);
	entry->guid.b = bswap_16(entry->guid.b);
	entry->guid.c = bswap_16(entry->guid.c);
	volume_id_set_uuid(disk, (uint8_t*)&entry->guid, UUID_DCE);
}

static void read_partuuid(struct result *r, const struct mdev_event *ev)
{
	char buf[MDEV_NAME_MAX];
	unsigned sector = SECTOR;
	struct volume_id *disk;
	unsigned i;

	if (mdev_event_var(ev, "PARTUUID") || !mdev_sysfs_read(ev, "partition", buf))
		return;
	i = atoi(buf) - 1;
	mdev_sysfs_read(ev, "start", buf);
	disk = volume_id_open_node(open_disk(ev));
	ioctl(disk->fd, BLKSSZGET, &sector);
	read_table(disk, sector, i, strtoull(buf, NULL, 10));
	close(disk->fd);
	strcpy(r->values[3], disk->uuid);
}

static void NORETURN read_device(const struct mdev_event *ev, int out)
{
	struct result r;
	struct volume_id *id;

	/* "killall -HUP mdevd" is for the daemon */
	signal(SIGHUP, SIG_IGN);
	id = volume_id_open_node(open_device(ev));
	memset(&r, 0, sizeof(r));
	read_partuuid(&r, ev);
	/* Anybody may have written the data that volume_id parses, and it does not validate all of it */
	if (getuid() == 0) {
		setgroups(0, NULL);
		xsetgid(NOBODY);
		xsetuid(NOBODY);
	}
	read_file_system(&r, id);
	close(id->fd);
	/* In one piece: less than PIPE_BUF. The descriptors are closed: nothing delays the exit now */
	write(out, &r, sizeof(r));
	_exit(EXIT_SUCCESS);
}

/** In the daemon **/

/* Adds the variables that have values behind the datagram, before MDEV of an earlier rule */
static void add_variables(struct mdevd_uevent *u, struct result *r)
{
	char **vars = u->vars + string_array_len(u->vars);
	char *s = u->buf + u->received_len;
	char mdev[sizeof("MDEV=") + MDEV_NAME_MAX];
	unsigned mdev_len = u->len - u->received_len;
	unsigned i;

	memcpy(mdev, s, mdev_len);
	for (i = 0; i < PROBE_NVARS; i++) {
		char *value = r->values[i];

		value[PROBE_VALUE_MAX - 1] = '\0';
		if (!*value)
			continue;
		*vars++ = s;
		s = stpcpy(stpcpy(s, nth_string(names, i)), value) + 1;
		mdev_log(MDEV_LOG_DEBUG, "%s", vars[-1]);
	}
	*vars = NULL;
	u->received_len = s - u->buf;
	memcpy(s, mdev, mdev_len);
	u->len = u->received_len + mdev_len;
}

/* Adds to the event of a block device ID_FS_TYPE, ID_FS_UUID and ID_FS_LABEL, and PARTUUID if it has
 * none, except on remove. Blocks until a child has read them from the device or the time is over,
 * which is logged. If children of earlier calls are stuck, first reaps those that have ended (an ended
 * firmware child counts as one). A dry run
 * makes no temporary node. */
void FAST_FUNC mdevd_probe(struct mdevd_probe *p, struct mdevd_uevent *u)
{
	const struct mdev_event *ev = &u->ev;
	unsigned timeout = (p->timeout ? p->timeout : DEFAULT_TIMEOUT) * 1000;
	unsigned started = monotonic_ms();
	const char *fault = NULL;
	int fds[2];
	pid_t pid;

	if (ev->major < 0 || ev->type != S_IFBLK || ev->op == MDEV_OP_REMOVE || mdev_event_var(ev, "ID_FS_TYPE")
	/* Opening the node of a loop or md device that is gone would make it again, with an event, for which
	 * the node would be opened again */
	 || !mdev_sysfs_exists(ev->sys, ev->type, ev->dev, /*unknown:*/ 1)
	) {
		return;
	}
	while (p->n_stuck && waitpid(-1, NULL, WNOHANG) > 0)
		p->n_stuck--;
	errno = EAGAIN;
	if (p->n_stuck < STUCK_MAX && pipe(fds) == 0) {
		pid = fork();
		if (pid == 0) {
			p->in_child();
			read_device(ev, fds[1]);
		}
		close(fds[1]);
		ndelay_on(fds[0]); /* a child of the child may have the other end */
		while (pid > 0) {
			unsigned ms = monotonic_ms() - started;
			struct result r;

			/* Waits for its end, not for data: it may have been taken over, and not end */
			if (safe_waitpid(pid, NULL, WNOHANG) != 0) {
				if (read(fds[0], &r, sizeof(r)) == sizeof(r))
					add_variables(u, &r);
				close(fds[0]);
				return;
			}
			if (ms >= timeout) {
				char temp[TEMP_NAME_SIZE];

				kill(pid, SIGKILL);
				/* It may be in open() for ever */
				print_temp_name(temp, pid);
				unlink(temp);
				p->n_stuck++;
				fault = "the device does not answer";
				break;
			}
			mdevd_wait(-1, timeout - ms);
		}
		close(fds[0]);
	}
	mdev_log(MDEV_LOG_WARN, "no ID_FS_ variables: %s", fault ? fault : strerror(errno));
}

#if ENABLE_UNIT_TEST

BBUNIT_DEFINE_TEST(mdevd_probe_add_variables)
{
	struct mdevd_uevent u;
	struct result r;
	unsigned i;

	/* As many variables as fit */
	memset(&u, 0, sizeof(u));
	for (i = 0; i < UEVENT_NVARS; i++)
		u.vars[i] = (char*)"A=b";
	u.ev.vars = u.vars;
	u.ev.action = u.ev.devpath = "";
	u.len = u.received_len = UEVENT_MAX;
	memset(&r, 'x', sizeof(r));
	add_variables(&u, &r);
	BBUNIT_ASSERT_EQ(string_array_len(u.vars), UEVENT_NVARS + PROBE_NVARS);
	BBUNIT_ASSERT_TRUE(u.len <= UEVENT_MAX + PROBE_MAX);
	BBUNIT_ASSERT_EQ(u.len, u.received_len);
	BBUNIT_ASSERT_EQ(strlen(u.vars[UEVENT_NVARS + 3]), sizeof("PARTUUID=") - 1 + PROBE_VALUE_MAX - 1);

	/* Only those that have a value */
	u.vars[0] = NULL;
	memset(&r, 0, sizeof(r));
	strcpy(r.values[2], "A=b");
	add_variables(&u, &r);
	BBUNIT_ASSERT_EQ(string_array_len(u.vars), 1);
	BBUNIT_ASSERT_STREQ(u.vars[0], "ID_FS_LABEL=A=b");

	BBUNIT_ENDTEST;
}

#endif
