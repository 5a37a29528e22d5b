/* vi: set sw=4 ts=4: */
/*
 * Reads mdevd's rules: CONF.d/ *.conf and CONF, at start and on SIGHUP
 *
 * Copyright (C) 2026 mdevd for BusyBox maintainers
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdevd.h"

static void report_failure(struct mdev_conf *conf, const char *file)
{
	conf->failed = 1;
	mdev_log_errno(MDEV_LOG_ERR, "read", file);
}

/* Appends the rules of one file */
static void read_file(struct mdev_conf *conf, const char *file, int may_be_missing)
{
	struct mdev_rule *rule;

	if (!mdev_conf_open(conf, file)) {
		if (may_be_missing && errno == ENOENT)
			mdev_log(MDEV_LOG_WARN, "no '%s': nodes get the kernel's mode and owner", file);
		else
			report_failure(conf, file);
		return;
	}
	while ((rule = mdev_conf_next(conf, conf->last)) != NULL) {
		if (ENABLE_FEATURE_MDEVD_MODALIAS && rule->command)
			rule->is_plain_modprobe = mdevd_modalias_accept_command(rule->command);
	}
}

#if ENABLE_FEATURE_MDEVD_CONF_D
/* Returns the names of CONF.d/ *.conf, sorted; the caller owns them */
static llist_t *list_conf_d(struct mdev_conf *conf, const char *dir)
{
	llist_t *names = NULL;
	struct dirent *entry;
	DIR *d = opendir(dir);

	if (d) {
		while (errno = 0, (entry = readdir(d)) != NULL) {
			llist_t **next = &names;
			char *name;

			if (entry->d_name[0] == '.' || !is_suffixed_with(entry->d_name, ".conf"))
				continue;
			name = concat_path_file(dir, entry->d_name);
			while (*next && strcmp((*next)->data, name) < 0)
				next = &(*next)->link;
			llist_add_to(next, name);
		}
		closedir(d);
	}
	if (errno != 0 && errno != ENOENT)
		report_failure(conf, dir);
	return names;
}

static void read_conf_d(struct mdev_conf *conf, const char *file)
{
	char *dir = xasprintf("%s.d", file);
	llist_t *names = list_conf_d(conf, dir);

	while (names) {
		char *name = llist_pop(&names);
		struct stat st;

		/* A FIFO would block */
		if (stat(name, &st) == 0 && !S_ISREG(st.st_mode))
			mdev_log(MDEV_LOG_WARN, "'%s' is not a regular file: skipped", name);
		else
			read_file(conf, name, 0);
		free(name);
	}
	free(dir);
}
#else
# define read_conf_d(conf, file) ((void)0)
#endif

/* Reads the rules of file.d/ *.conf and file into conf; PATHs may begin with dev. Reports errors.
 * Returns 0, MDEVD_EXIT_SYNTAX or, if there are no syntax errors, MDEVD_EXIT_SYSTEM; the caller
 * frees conf in any case. may_be_missing: a missing file is not an error. Blocks while files are
 * read; dies if out of memory. */
int FAST_FUNC mdevd_rules_read(struct mdev_conf *conf, const char *file, const char *dev, int may_be_missing)
{
	mdev_conf_init(conf, dev);
	read_conf_d(conf, file);
	read_file(conf, file, may_be_missing);
	if (conf->errors)
		return MDEVD_EXIT_SYNTAX;
	return conf->failed ? MDEVD_EXIT_SYSTEM : 0;
}

static jmp_buf *die_jmp;

static void leave_reload(void)
{
	longjmp(*die_jmp, 1);
}

/* Replaces the rules in conf with those that file has now. Keeps the old rules if there is an error
 * or too little memory. fresh is scratch space. Blocks while files are read; does not die. */
void FAST_FUNC mdevd_rules_reload(struct mdev_conf *conf, struct mdev_conf *fresh, const char *file)
{
	jmp_buf jmp;
	/* The descriptors that opendir() and getpwnam() will get */
	int fd1 = dup(STDIN_FILENO);
	int fd2 = dup(STDIN_FILENO);

	close(fd1);
	close(fd2);
	die_jmp = &jmp;
	die_func = leave_reload;
	if (setjmp(jmp) == 0 && mdevd_rules_read(fresh, file, conf->dev, /*may_be_missing:*/ 0) == 0) {
		mdev_conf_free(conf);
		*conf = *fresh;
		mdev_log(MDEV_LOG_INFO, "rules read");
	} else {
		mdev_log_about(NULL, NULL);
		mdev_log(MDEV_LOG_ERR, "the old rules stay");
		mdev_conf_free(fresh);
		/* xmalloc() and the like leave them open when they fail */
		close(fd1);
		close(fd2);
	}
	die_func = NULL;
}
