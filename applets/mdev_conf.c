/* vi: set sw=4 ts=4: */
/*
 * mdev.conf: text to rules, one line at a time
 *
 * Copyright (C) 2026 mdevd for BusyBox maintainers
 * Derived from util-linux/mdev.c,
 * Copyright 2005 Rob Landley <rob@landley.net>
 * Copyright 2005 Frank Sorenson <frank@tuxrocks.com>
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdev_rules.h"

static const char needs_links[] ALIGN1 = "FEATURE_MDEV_LINKS is not built in:";

/* End of a leading VAR=regex; or /ATTR=regex; condition, or NULL if s begins with something else */
static char *condition_end(const char *s)
{
	const char *eq = endofname(s);

	if (ENABLE_FEATURE_MDEV_LINKS && *s == '/')
		eq = strchrnul(s, '=');
	/* endofname() does not move on an empty name: "=x;" is a device regex */
	return (*eq == '=' && eq != s) ? strchr(eq, ';') : NULL;
}

/* Reports an error in the line. Returns 0 */
static NOINLINE int syntax_error(const char *what, const char *text)
{
	const char *cr = ENABLE_FEATURE_MDEVD_CHECK ? strchr(text, '\r') : NULL;

	mdev_log(MDEV_LOG_ERR, "%s '%s'%s", what, text, cr ? " (CR)" : "");
	return 0;
}

static int compile(struct mdev_pattern *p, const char *regex, int search)
{
	char *reason;

	errno = 0;
	reason = mdev_pattern_init(p, regex, search);
	if (reason) {
		if (ENABLE_MDEVD && errno == ENOMEM) /* not an error of this line */
			bb_die_memory_exhausted();
		mdev_log(MDEV_LOG_ERR, "bad regex '%s': %s", regex, reason);
		free(reason);
	}
	return !reason;
}

/* parse_numbers(), parse_match() and parse_action() return 1, or report an error and return 0 */

/* @MAJ,MIN[-MIN2] */
static int parse_numbers(struct mdev_rule *rule, const char *s)
{
	char *end = mdev_numbers(s + 1, ',', &rule->major, &rule->minor0);

	rule->minor1 = rule->minor0;
	if (end && *end == '-')
		rule->minor1 = bb_strtou(end + 1, &end, 10);
	if (!end || *end != '\0' || rule->minor1 > MDEV_MINOR_MAX)
		return syntax_error("bad @major,minor", s);
	return compile(&rule->pattern, ".*", /*search:*/ 0);
}

/* First field, in place: [-][VAR=regex;]...{regex|@MAJ,MIN[-MIN2]|$VAR=regex} */
static int parse_match(struct mdev_rule *rule, char *s)
{
	char *end;

	if (*s == '-') {
		rule->keep_matching = 1;
		s++;
	}
#if ENABLE_FEATURE_MDEVD_CHECK
	rule->match = s;
	rule->match_len = strlen(s);
#endif
	while ((end = condition_end(s)) != NULL) {
		struct mdev_condition *c = mdev_condition(rule, rule->n_conditions);

		*end = '\0';
		c->var = s;
		s = strchr(s, '=');
		*s++ = '\0';
		if (!compile(&c->pattern, s, /*search:*/ 1))
			return 0;
		c->is_subsystem = ENABLE_MDEVD && strcmp(c->var, "SUBSYSTEM") == 0;
		if (c->is_subsystem)
			rule->subsystem |= c->pattern.required;
		rule->n_conditions++;
		s = end + 1;
	}
	if (!ENABLE_FEATURE_MDEV_LINKS && (*s == '/' || is_prefixed_with(s, "$/")))
		return syntax_error(needs_links, s);
	if (*s == '@')
		return parse_numbers(rule, s);
	if (*s == '$') {
		end = strchr(s, '=');
		if (!end)
			return syntax_error("no '=' in", s);
		*end = '\0';
		rule->var = s + 1;
		return compile(&rule->pattern, end + 1, /*search:*/ 0);
	}
	if (!compile(&rule->pattern, s, /*search:*/ 0))
		return 0;
	rule->first = rule->pattern.first;
	return 1;
}

/* Returns PATH without the DEV/ that it may begin with; NULL: it is not in DEV */
static char *strip_dev(char *path, const char *dev)
{
	if (*path != '/')
		return path;
	path = is_prefixed_with(path, dev);
	if (!path || (*path != '/' && path[-1] != '/'))
		return NULL;
	while (*path == '/')
		path++;
	return path;
}

#if ENABLE_FEATURE_MDEV_LINKS
/* Returns the first variable of the match that is unknown when the device is removed, or NULL */
static NOINLINE const char *transient_var(const struct mdev_rule *rule)
{
	const char *var = rule->var;
	unsigned i;

	for (i = 0; ; i++) {
		if (var && mdev_value_is_transient(var))
			return var;
		if (i == rule->n_conditions)
			return NULL;
		var = mdev_condition(rule, i)->var;
	}
}

/* With "=" and ">" the rule must match, and PATH be the same, when the device is removed */
static int check_transient(const struct mdev_rule *rule)
{
	const char *var, *fault;

	if (!rule->path)
		return 1;
	var = transient_var(rule);
	if (var)
		return syntax_error("use '<': remove events lack", var);
	fault = mdev_value_check(rule->path, NULL);
	return fault ? syntax_error(fault, rule->path) : 1;
}

static int parse_link(struct mdev_rule *rule, char *path)
{
	struct mdev_link *link = &rule->links[rule->n_links++];
	char *s, *dst = path;
	const char *fault;

	/* Directories are compared: several slashes in a row become one */
	for (s = path; *s; s++)
		if (s[0] != '/' || s[1] != '/')
			*dst++ = *s;
	*dst = '\0';
	if (rule->path_op == '!')
		return syntax_error("no node for the link", path);
	link->rule = rule;
	link->path = path;
	fault = mdev_value_check(path, &link->dir_len);
	if (fault)
		return syntax_error(fault, path);
	/* On remove, a directory with % is known only if the rule matches */
	fault = memchr(path, '%', link->dir_len) ? transient_var(rule) : NULL;
	return fault ? syntax_error("no % in a link's directory: remove events lack", fault) : 1;
}
#else
# define check_transient(rule) 1
#endif

/* [=PATH|>PATH|!] or <PATH. *word is the operator and its PATH */
static int parse_path(struct mdev_rule *rule, char *word, const char *dev)
{
	char *path;

	if (*word == '!') {
		rule->path_op = '!';
		return 1;
	}
	path = strip_dev(word + 1, dev);
	if (!path) {
		mdev_log(MDEV_LOG_ERR, "'%s' is not in %s", word + 1, dev);
		return 0;
	}
#if ENABLE_FEATURE_MDEV_LINKS
	if (*word == '<')
		return parse_link(rule, path);
#else
	if (*word == '<' || strstr(path, "%{"))
		return syntax_error(needs_links, word);
#endif
	rule->path_op = *word;
	/* "=/dev/" leaves the node where it is */
	if (*path || !word[1])
		rule->path = path;
	return 1;
}

/* Fourth field, in place: [=PATH|>PATH|!] [<PATH]... [{@|$|*|+|-|&}CMD] */
static int parse_action(struct mdev_rule *rule, char *s, const char *dev)
{
	const char *ops = "=>!<";

	while (ENABLE_MDEV_RULES_RENAME && *s && strchr(ops, *s)) {
		char *end = skip_non_whitespace(s);
		char *next = skip_whitespace(end);

		*end = '\0';
		if (!parse_path(rule, s, dev))
			return 0;
		s = next;
		ops = "<";
	}
	if (!check_transient(rule))
		return 0;
	if (ENABLE_MDEV_RULES_EXEC && *s) {
		if (!strchr("@$*+-&", *s))
			return syntax_error("neither path nor command:", s);
		rule->command = s;
	}
	return 1;
}

/* USER[:GROUP]. Returns 1, 0 if there is no such user or group, or -1 with errno set if the user
 * database cannot be read. "root" is 0 without a database too: an initramfs has none */
static int parse_owner(struct bb_uidgid_t *ugid, const char *name)
{
	char owner[512]; /* users and groups have 32 chars at most (useradd(8)) */
	char *s = safe_strncpy(owner, name, sizeof(owner));

	do {
		unsigned len = strchrnul(s, ':') - s;

		if (len == 4 && is_prefixed_with(s, "root"))
			memset(s, '0', 4);
		s += len;
	} while (*s++);
	errno = 0;
	if (get_uidgid(ugid, owner))
		return 1;
	/* Other values, ENOENT for one, also mean "not found": getpwnam(3) */
	switch (errno) {
	case EINTR:
	case EIO:
	case EISDIR:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return -1;
	}
	return 0;
}

static void free_rule(struct mdev_rule *rule)
{
	while (rule->n_conditions)
		mdev_pattern_free(&mdev_condition(rule, --rule->n_conditions)->pattern);
	mdev_pattern_free(&rule->pattern);
	free(rule);
}

/* Does the text name a variable that is read from the device? */
static int needs_probe(const char *s)
{
	return strstr(s, "ID_FS_") || strstr(s, "PARTUUID");
}

#if ENABLE_FEATURE_MDEV_LINKS
static void add_links(struct mdev_conf *conf, struct mdev_rule *rule)
{
	unsigned i;

	for (i = 0; i < rule->n_links; i++) {
		rule->links[i].next = conf->links;
		conf->links = &rule->links[i];
	}
}
#else
# define add_links(conf, rule) ((void)0)
#endif

/* Makes a rule from the fields of a line. Returns NULL if the line is skipped, and reports the reason */
static struct mdev_rule *parse_rule(struct mdev_conf *conf, char **token)
{
	struct mdev_rule *rule;
	char *s;
	unsigned n_conditions, n_links, len;
	int mode, found;

	/* At most as many conditions as the field has semicolons */
	n_conditions = count_strstr(token[0], ";");
	n_links = ENABLE_FEATURE_MDEV_LINKS && token[3] ? count_strstr(token[3], "<") : 0;
	len = strlen(token[0]) + 1;
	rule = xzalloc(sizeof(*rule) + n_conditions * sizeof(struct mdev_condition) + n_links * sizeof(struct mdev_link)
			+ len + (token[3] ? strlen(token[3]) + 1 : 0));
	s = (char*)mdev_condition(rule, n_conditions);
#if ENABLE_FEATURE_MDEV_LINKS
	rule->links = (struct mdev_link*)s;
	s = (char*)(rule->links + n_links);
#endif
	rule->file = conf->files->data;
	rule->line = conf->parser->lineno;
	rule->major = -1;
	rule->first = ~(uint32_t)0;
	mdev_log_about(NULL, rule);

	if (!token[2]) {
		mdev_log(MDEV_LOG_ERR, "fewer than 3 fields");
		goto error;
	}
	if (!parse_match(rule, strcpy(s, token[0])))
		goto error;
	found = parse_owner(&rule->ugid, token[1]);
	if (found < 0) {
		conf->failed = 1;
		mdev_log_errno(MDEV_LOG_ERR, "look up", token[1]);
		goto skip;
	}
	if (!found) {
		mdev_log(MDEV_LOG_WARN, "unknown user or group '%s', rule skipped", token[1]);
		goto skip;
	}
	mode = bb_parse_mode(token[2], 0660);
	if (mode < 0) {
		syntax_error("bad mode", token[2]);
		goto error;
	}
	rule->mode = mode & 07777;
	if (!token[3] || parse_action(rule, strcpy(s + len, token[3]), conf->dev)) {
		add_links(conf, rule);
		if (ENABLE_FEATURE_MDEVD_PROBE)
			rule->needs_probe = needs_probe(token[0]) || (token[3] && needs_probe(token[3]));
		return rule;
	}
 error:
	conf->errors++;
 skip:
	if (ENABLE_MDEVD)
		free_rule(rule);
	return NULL;
}

/* Prepares conf. PATHs may begin with dev, an absolute path that outlives conf. */
void FAST_FUNC mdev_conf_init(struct mdev_conf *conf, const char *dev)
{
	memset(conf, 0, sizeof(*conf));
	conf->dev = dev;
}

/* Opens file, whose rules mdev_conf_next() appends to those of earlier files. Returns 0 with
 * errno set if it cannot be opened. */
int FAST_FUNC mdev_conf_open(struct mdev_conf *conf, const char *file)
{
	conf->parser = config_open2(file, fopen_for_read);
	if (!conf->parser)
		return 0;
	llist_add_to(&conf->files, xstrdup(file));
	return 1;
}

/* Returns the rule after prev (NULL: the first one), or NULL after the last one. Reads it from the
 * file if it was not read before. conf owns the rules. Reports lines with errors as FILE:LINE,
 * counts them in conf->errors and skips them. Dies if out of memory. */
struct mdev_rule* FAST_FUNC mdev_conf_next(struct mdev_conf *conf, struct mdev_rule *prev)
{
	struct mdev_rule *rule = prev ? prev->next : conf->first;
	char *token[4];

	if (rule || !conf->parser)
		return rule;
	/* 0: parse_rule() reports a lack of fields, with the file's name. No PARSE_EOL_COMMENTS:
	 * commands may contain '#' */
	while (config_read(conf->parser, token, 4, 0, "# \t", PARSE_NORMAL & ~PARSE_EOL_COMMENTS)) {
		rule = parse_rule(conf, token);
		if (rule) {
			if (conf->last)
				conf->last->next = rule;
			else
				conf->first = rule;
			conf->last = rule;
			return rule;
		}
	}
	mdev_log_about(NULL, NULL);
	if (!feof(conf->parser->fp)) {
		/* A directory, or no memory for the line */
		conf->failed = 1;
		mdev_log_errno(MDEV_LOG_ERR, "read", conf->files->data);
	}
	config_close(conf->parser);
	conf->parser = NULL;
	return NULL;
}

/* Frees all rules and closes the file. conf is then as mdev_conf_init() left it. */
void FAST_FUNC mdev_conf_free(struct mdev_conf *conf)
{
	while (conf->first) {
		struct mdev_rule *next = conf->first->next;

		free_rule(conf->first);
		conf->first = next;
	}
	config_close(conf->parser);
	llist_free(conf->files, free);
	mdev_conf_init(conf, conf->dev);
}
