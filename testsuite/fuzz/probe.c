/* vi: set sw=4 ts=4: */
/*
 * libFuzzer target for mdevd_probe.c: any bytes on a disk give well-formed variables or none, and
 * mdevd_probe() returns in time with its child reaped
 *
 * Input: struct header, and then pieces of the disk: offset (4 bytes; bit 31: from its end), length (2),
 * bytes. Numbers are little-endian. The rest of the disk is zero.
 *
 * Each input has a child of its own, as in mdevd. The child's coverage is copied to memory that
 * libFuzzer shares with it. A file takes the place of the disk and of sysfs.
 *
 * A child that dies in volume_id, which is BusyBox's, has found a fault that is not ours: it is
 * counted, and mdevd_probe() must do without its variables. FUZZ_VOLUME_ID=1 makes it a failure.
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include <sys/mman.h>
#include <sys/mount.h>
#include "fuzz.h"
#include "mdevd.h"

enum {
	TIMEOUT = 2,	/* seconds */
	COUNTERS = 65536,
	FROM_END = 1u << 31,

	/* flags of the header */
	NO_MEDIUM = 1,	/* open() fails */
	NO_SIZE = 2,	/* the ioctl for the size fails */
	HAS_PARTUUID = 4,	/* the event has it */
	SECTOR_4K = 8,
	NO_SECTOR = 16,	/* the ioctl for the sector size fails */
};

struct header {
	uint8_t flags;
	uint8_t partition;	/* number; 0: not a partition, 255: not a number */
	uint64_t start;
	uint64_t size;
} PACKED;

enum { IN_PARENT, IN_CHILD, IN_VOLUME_ID, DONE };
static volatile int *where; /* shared with the child */
static struct header disk;
static int image = -1;
static unsigned n_inputs, n_dead, n_late;
static int died_is_failure;

/** Coverage: of the child **/

static uint8_t shared_counters[COUNTERS] __attribute__((section("__libfuzzer_extra_counters"), aligned(4096)));
extern uint8_t __start___sancov_cntrs[], __stop___sancov_cntrs[];

static void copy_counters(void)
{
	const uint8_t *from;
	size_t i = 0;

	for (from = __start___sancov_cntrs; from != __stop___sancov_cntrs; from++)
		shared_counters[i++ % COUNTERS] |= *from;
}

/** What mdevd_probe.c calls **/

static int fuzz_open(int flags UNUSED_PARAM)
{
	errno = ENXIO;
	return (disk.flags & NO_MEDIUM) ? -1 : dup(image);
}

static int fuzz_stat(struct stat *st)
{
	st->st_mode = S_IFBLK;
	st->st_rdev = makedev(8, 0);
	return 0;
}

static int fuzz_ioctl(int fd UNUSED_PARAM, unsigned long request, void *result)
{
	if (request == BLKGETSIZE64 && !(disk.flags & NO_SIZE))
		*(uint64_t*)result = disk.size;
	else if (request == BLKSSZGET && !(disk.flags & NO_SECTOR))
		*(int*)result = (disk.flags & SECTOR_4K) ? 4096 : 512;
	else
		return -1;
	return 0;
}

ssize_t FAST_FUNC __wrap_open_read_close(const char *path, void *buf, size_t size);
ssize_t FAST_FUNC __wrap_open_read_close(const char *path, void *buf, size_t size)
{
	char text[64];

	if (is_suffixed_with(path, "/../dev"))
		strcpy(text, "8:0\n");
	else if (is_suffixed_with(path, "/start"))
		sprintf(text, "%llu\n", (unsigned long long)disk.start);
	else if (disk.partition == 255)
		strcpy(text, "-99999999999999999999");
	else if (disk.partition)
		sprintf(text, "%u\n", disk.partition);
	else
		return -1;
	size = MIN(size, strlen(text));
	memcpy(buf, text, size);
	return size;
}

int FAST_FUNC __wrap_mdevd_wait(int fd, int ms);
int FAST_FUNC __wrap_mdevd_wait(int fd, int ms)
{
	struct pollfd pfd = { fd, POLLIN, 0 };

	return poll(&pfd, 1, ms) > 0;
}

struct volume_id;
int FAST_FUNC __real_volume_id_probe_all(struct volume_id *id, uint64_t size);
int FAST_FUNC __wrap_volume_id_probe_all(struct volume_id *id, uint64_t size);
int FAST_FUNC __wrap_volume_id_probe_all(struct volume_id *id, uint64_t size)
{
	int result;

	*where = IN_VOLUME_ID;
	result = __real_volume_id_probe_all(id, size);
	*where = IN_CHILD;
	return result;
}

static void NORETURN fuzz_exit(void)
{
	copy_counters();
	*where = DONE;
	_exit(0);
}

static void fuzz_in_child(void)
{
	static const uint8_t signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP };
	unsigned i;

	/* Not libFuzzer's handlers: they would keep the input */
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		signal(signals[i], SIG_DFL);
	*where = IN_CHILD;
}

#define open(name, flags) fuzz_open(flags)
#define stat(name, st) fuzz_stat(st)
#define mknod(name, mode, dev) 0
#define unlink(name) ((void)(name))
#define ioctl(fd, request, result) fuzz_ioctl(fd, request, result)
#define _exit(status) fuzz_exit()
#include "mdevd_probe.c"
#undef open
#undef _exit
#undef unlink
#undef ioctl

/* The sanitizers call these before they report */
static void on_report(void)
{
	if (*where == IN_VOLUME_ID && !died_is_failure) {
		copy_counters();
		_exit(1);
	}
}

void __asan_on_error(void);
void __asan_on_error(void)
{
	on_report();
}

void __ubsan_on_report(void);
void __ubsan_on_report(void)
{
	on_report();
}

/** Seeds: a superblock of each type **/

struct seed {
	const char *name;
	uint64_t size;
	struct {
		uint32_t offset;
		uint32_t len;
		const char *bytes;
	} pieces[6];
};
#define P(offset, bytes) { offset, sizeof(bytes) - 1, bytes }
#define UUID "0123456789abcdef"

static const struct seed seeds[] = {
	{ "ext4", 0, { P(0x438, "\x53\xef"), P(0x460, "\x40"), P(0x468, UUID "a label") } },
	{ "btrfs", 0x4001000, { P(0x10020, UUID), P(0x10040, "_BHRfS_M"), P(0x1012b, "label"), P(0x4000020, UUID),
		P(0x4000040, "_BHRfS_M"), P(0x400012b, "label") } },
	{ "xfs", 0, { P(0, "XFSB"), P(32, UUID), P(108, "label") } },
	{ "fat12", 0, { P(0, "\xeb\x3c\x90mkfs.fat\0\2\1\1\0\2\x10\0\0\x08\xf8\1\0\x20\0\x40\0"), P(39, "\1\2\3\4A LABEL    FAT12   "),
		P(0x600, "ROOT LABEL \x08") } },
	{ "fat-without-magic", 0, { P(0, "\xeb\x3c\x90mkfs.fat\0\2\1\1\0\2\x10\0\0\x08\xf8\1\0\x20\0\x40\0"), P(39, "\1\2\3\4NO NAME    ") } },
	{ "fat32", 0x4000000, { P(0, "\xeb\x58\x90mkfs.fat\0\2\1\x20\0\2\0\0\0\0\xf8\0\0\x20\0\x40\0\0\0\0\0\0\0\2\0\x80\2\0\0"),
		P(44, "\2\0\0\0"), P(67, "\1\2\3\4A LABEL    FAT32   "), P(0x4000, "\0\0\0\0\0\0\0\0\3\0\0\0\xff\xff\xff\x0f"),
		P(0x54000, "FILE       \x20"), P(0x54200, "ROOT LABEL \x08") } },
	{ "exfat", 0, { P(3, "EXFAT   "), P(88, "\x10\0\0\0"), P(96, "\2\0\0\0\1\2\3\4\0\1\0\0\x09\3"),
		P(0x2000, "\x83\2a\0b\0"), P(0x2020, "\xa0\0\0\0\0\0" UUID) } },
	{ "ntfs", 0, { P(3, "NTFS    \0\2\x08"), P(48, "\4\0\0\0\0\0\0\0"), P(64, "\xf6"), P(72, "12345678"),
		P(0x4c00, "FILE\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x38\0"), P(0x4c38, "\x60\0\0\0\x30\0\0\0\0\0\0\0\0\0\0\0\4\0\0\0\x18\0\0\0a\0b\0") } },
	{ "swap", 0, { P(1024, "\1\0\0\0\0\1\0\0\0\0\0\0" UUID "label"), P(4086, "SWAPSPACE2") } },
	{ "squashfs", 0, { P(0, "hsqs") } },
	{ "erofs", 0, { P(0x400, "\xe2\xe1\xf5\xe0"), P(0x430, UUID "label") } },
	{ "f2fs", 0, { P(0x400, "\x10\x20\xf5\xf2\1\0\2\0"), P(0x46c, UUID "l\0a\0b\0") } },
	{ "lfs", 0, { P(0x28, "littlefs") } },
	{ "bcache", 0, { P(0x1018, "\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf7\x57\x3a\x57\x37\x56" UUID), P(0x1048, "label") } },
	{ "iso9660", 0, { P(0x8000, "\1CD001\1"), P(0x8028, "LABEL   "), P(0x8800, "\2CD001\1"), P(0x8828, "\0L\0o\0n\0g"),
		P(0x8858, "%/@"), P(0x9000, "\xff" "CD001") } },
	{ "high-sierra", 0, { P(0x8009, "CDROM") } },
	{ "udf", 0x100000, { P(0x8000, "\0BEA01\1"), P(0x8800, "\0NSR02\1"), P(0x80000, "\2\0"), P(0x80010, "\0\0\1\0\x20\0\0\0"),
		P(0x10000, "\1\0\0\0\0\0\0\0\0\0\0\0\x20\0\0\0"), P(0x10018, "\x08label") } },
	{ "hfs", 0, { P(0x400, "BD"), P(0x424, "\5label"), P(0x474, "12345678") } },
	{ "hfs-plus-in-hfs", 0, { P(0x400, "BD"), P(0x414, "\0\0\2\0"), P(0x41c, "\0\4"), P(0x47c, "H+\0\1\0\1"), P(0xe00, "H+") } },
	{ "hfs-plus", 0, { P(0x400, "H+"), P(0x428, "\0\0\2\0"), P(0x468, "12345678"),
		P(0x520, "\0\0\0\x10\0\0\0\x10"), P(0x200e, "\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\2\0"),
		P(0x2200, "\0\0\0\0\0\0\0\0\xff\1\0\1\0\0\0\6\0\0\0\1\0\2\0l\0a") } },
	{ "jfs", 0, { P(0x8000, "JFS1"), P(0x8088, UUID "label") } },
	{ "raid", 0x100000, { P(0xf0000, "\xfc\x4e\x2b\xa9"), P(0xf0014, "1234") } },
	{ "luks", 0, { P(0, "LUKS\xba\xbe\0\2"), P(168, UUID UUID "abcd") } },
	{ "minix", 0, { P(0x410, "\x7f\x13") } },
	{ "nilfs", 0, { P(0x400, "\2\0\0\0\0\0\x34\x34"), P(0x498, UUID "label") } },
	{ "ocfs2", 0, { P(0x2000, "OCFSV2"), P(0x20f8, "label") } },
	{ "reiserfs", 0, { P(0x10034, "ReIsEr2Fs"), P(0x10054, UUID "label") } },
	{ "reiserfs-old", 0, { P(0x2034, "ReIsErFs") } },
	{ "reiser4", 0, { P(0x10000, "ReIsEr4"), P(0x10014, UUID "label") } },
	{ "romfs", 0, { P(0, "-rom1fs-"), P(16, "label") } },
	{ "sysv", 0, { P(0x3f8, "\x20\x7e\x18\xfd") } },
	{ "xenix", 0, { P(0x210, "label"), P(0x5f8, "\x44\x55\x2b\0") } },
	{ "ubifs", 0, { P(0, "\x31\x18\x10\x06"), P(108, UUID) } },
	{ "cramfs", 0, { P(0, "\x45\x3d\xcd\x28"), P(48, "label") } },
	{ "mbr", 0, { P(0x1b8, "1234"), P(0x1be, "\0\0\0\0\x83\0\0\0\0\x08\0\0\0\x10\0\0"), P(0x1fe, "\x55\xaa") } },
	{ "gpt", 0, { P(0x1b8, "1234"), P(0x1c2, "\xee"), P(0x1fe, "\x55\xaa"), P(0x200, "EFI PART"),
		P(0x248, "\2\0\0\0\0\0\0\0\x80\0\0\0\x80\0\0\0"), P(0x400, UUID UUID "\0\x08\0\0\0\0\0\0\xff\x0f\0\0\0\0\0\0") } },
	{ "gpt-4k", 0, { P(0x1c2, "\xee"), P(0x1fe, "\x55\xaa"), P(0x1000, "EFI PART"),
		P(0x1048, "\2\0\0\0\0\0\0\0\x80\0\0\0\x80\0\0\0"), P(0x2000, UUID UUID "\0\1\0\0\0\0\0\0\xff\x0f\0\0\0\0\0\0") } },
};

/* size 0: enough; noise: each piece is followed by random bytes */
static void write_seed(const char *dir, const struct seed *s, const char *what, uint64_t size, unsigned noise)
{
	struct header h = { strcmp(s->name, "gpt-4k") == 0 ? SECTOR_4K : 0, 1, 2048, size ? size : s->size ? s->size : 0x20000 };
	char *name = xasprintf("%s/seed-%s-%s", dir, s->name, what);
	FILE *f = xfopen_for_write(name);
	unsigned i, k;

	fwrite(&h, sizeof(h), 1, f);
	for (i = 0; i < ARRAY_SIZE(s->pieces) && s->pieces[i].len; i++) {
		unsigned len = s->pieces[i].len + noise;

		fwrite(&s->pieces[i].offset, 4, 1, f);
		fwrite(&len, 2, 1, f);
		fwrite(s->pieces[i].bytes, 1, s->pieces[i].len, f);
		for (k = 0; k < noise; k++)
			putc(rand() >> 8, f);
	}
	fclose(f);
	free(name);
}

static void write_seeds(const char *out)
{
	char *dir = xasprintf("%s/corpus/probe", out);
	unsigned i, k;

	srand(1);
	for (i = 0; i < ARRAY_SIZE(seeds); i++) {
		const struct seed *s = &seeds[i];
		uint64_t end = 0;

		for (k = 0; k < ARRAY_SIZE(s->pieces); k++)
			end = MAX(end, (uint64_t)s->pieces[k].offset + s->pieces[k].len);
		write_seed(dir, s, "plain", 0, 0);
		write_seed(dir, s, "cut", end - 1, 0);
		write_seed(dir, s, "cut-behind-the-first", s->pieces[0].offset + s->pieces[0].len, 0);
		write_seed(dir, s, "random", 0, 300);
		write_seed(dir, s, "16-terabytes", (uint64_t)16 << 40, 0);
	}
	free(dir);
}

/** An input **/

/* Returns 0 if it is no disk */
static int make_disk(const uint8_t *data, size_t size)
{
	if (size < sizeof(disk))
		return 0;
	memcpy(&disk, data, sizeof(disk));
	if (ftruncate(image, 0) != 0 || ftruncate(image, disk.size) != 0)
		return 0; /* negative */
	data += sizeof(disk);
	size -= sizeof(disk);
	while (size > 6) {
		uint64_t offset = data[0] | data[1] << 8 | data[2] << 16 | (uint32_t)data[3] << 24;
		size_t len = data[4] | data[5] << 8;

		data += 6;
		size -= 6;
		len = MIN(len, size);
		if (offset & FROM_END)
			offset = disk.size - (offset & ~FROM_END);
		if (offset <= disk.size)
			pwrite(image, data, MIN(len, disk.size - offset), offset);
		data += len;
		size -= len;
	}
	return 1;
}

/* In this order, each once */
static void check_variables(char **vars)
{
	static const char *const names[] = { "ID_FS_TYPE=", "ID_FS_UUID=", "ID_FS_LABEL=", "PARTUUID=" };
	unsigned i = 0;

	for (; *vars; vars++) {
		while (i < ARRAY_SIZE(names) && !is_prefixed_with(*vars, names[i]))
			i++;
		if (i == ARRAY_SIZE(names))
			FUZZ_FAIL("the variable '%s'", *vars);
		FUZZ_CHECK((*vars)[strlen(names[i])]);
		i++;
	}
}

int LLVMFuzzerInitialize(int *argc UNUSED_PARAM, char ***argv UNUSED_PARAM)
{
	lbb_prepare("fuzz");
	logmode = LOGMODE_NONE;
	died_is_failure = getenv("FUZZ_VOLUME_ID") != NULL;
	image = memfd_create("disk", MFD_CLOEXEC);
	where = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (image < 0 || where == MAP_FAILED
	 || mmap(shared_counters, sizeof(shared_counters), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED
	) {
		bb_perror_msg_and_die("mmap");
	}
	if (getenv("FUZZ_OUT"))
		write_seeds(getenv("FUZZ_OUT"));
	return 0;
}

/* At the end of the log */
static void __attribute__((destructor)) print_counts(void)
{
	if (n_inputs)
		fprintf(stderr, "stat::volume_id: %u of %u children died in it, %u were too late\n", n_dead, n_inputs, n_late);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mdevd_probe p = { TIMEOUT, fuzz_in_child, 0 };
	static char text[] = "add@/devices/sda/sda1\0ACTION=add\0DEVPATH=/devices/sda/sda1\0SUBSYSTEM=block\0MAJOR=8\0MINOR=0\0"
		"DEVNAME=sda1\0PARTUUID=given";
	struct mdevd_uevent *u;
	unsigned n, len = sizeof(text);

	if (!make_disk(data, size))
		return 0;
	if (!(disk.flags & HAS_PARTUUID))
		len -= sizeof("PARTUUID=given");
	n_inputs++;
	u = xmalloc(sizeof(*u));
	memset(u, 'x', sizeof(*u));
	memcpy(u->buf, text, len);
	FUZZ_CHECK(mdevd_uevent_parse(u, len) == NULL);
	u->ev.sys = "/none"; /* then the device counts as there */
	mdev_sysfs_complete(&u->ev, NULL);
	n = string_array_len(u->vars);
	*where = IN_PARENT;
	mdevd_probe(&p, u);

	/* A child that does not answer was killed, and is left to the next ones */
	while (p.n_stuck) {
		FUZZ_CHECK(*where == IN_VOLUME_ID);
		FUZZ_CHECK(safe_waitpid(-1, NULL, 0) > 0);
		p.n_stuck--;
		n_late++;
	}
	if (*where != DONE) {
		if (*where != IN_VOLUME_ID || died_is_failure)
			FUZZ_FAIL("the child died (%d)", *where);
		n_dead++;
		FUZZ_CHECK(!u->vars[n] && u->received_len == len);
	}
	check_variables(u->vars + n);
	FUZZ_CHECK(u->received_len == u->len && u->len <= len + PROBE_MAX && u->buf[u->len - 1] == '\0');
	FUZZ_CHECK(!(disk.flags & NO_MEDIUM) || !u->vars[n]);
	free(u);
	return 0;
}
