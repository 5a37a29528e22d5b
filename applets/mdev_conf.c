/* vi: set sw=4 ts=4: */
/*
 * mdev.conf: text to rules, one line at a time
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdev_rules.h"

/* End of a leading VAR=regex; condition, or NULL if s begins with something else */
static char *condition_end(const char *s)
{
	const char *eq = endofname(s);

	/* endofname() does not move on an empty name: "=x;" is a device regex */
	return (*eq == '=' && eq != s) ? strchr(eq, ';') : NULL;
}

/* Says what is wrong with the rule. Returns 0 */
static NOINLINE int bad(const struct mdev_rule *rule, const char *what, const char *text)
{
	mdev_log(NULL, rule, "%s '%s'", what, text);
	return 0;
}

static int compile(const struct mdev_rule *rule, struct mdev_pattern *p, const char *regex, int search)
{
	char *reason;

	errno = 0;
	reason = mdev_pattern_init(p, regex, search);
	if (reason) {
		if (ENABLE_MDEVD && errno == ENOMEM) /* not the line's fault, and not that of the next ones */
			bb_die_memory_exhausted();
		mdev_log(NULL, rule, "bad regex '%s': %s", regex, reason);
		free(reason);
	}
	return !reason;
}

/* These return 0 if something is wrong, which they have said then */

/* @MAJ,MIN[-MIN2] */
static int parse_numbers(struct mdev_rule *rule, const char *s)
{
	char *end;

	end = mdev_numbers(s + 1, ',', &rule->major, &rule->minor0);
	rule->minor1 = rule->minor0;
	if (end && *end == '-')
		rule->minor1 = bb_strtou(end + 1, &end, 10);
	if (!end || *end != '\0' || rule->minor1 > MDEV_MINOR_MAX)
		return bad(rule, "bad @major,minor", s);
	return compile(rule, &rule->pattern, ".*", /*search:*/ 0);
}

/* First field, in place: [-][VAR=regex;]...{regex|@MAJ,MIN[-MIN2]|$VAR=regex} */
static int parse_match(struct mdev_rule *rule, char *s)
{
	char *end;

	if (*s == '-') {
		rule->keep_matching = 1;
		s++;
	}
	while ((end = condition_end(s)) != NULL) {
		struct mdev_condition *c = mdev_condition(rule, rule->n_conditions);

		*end = '\0';
		c->var = s;
		s = strchr(s, '=');
		*s++ = '\0';
		if (!compile(rule, &c->pattern, s, /*search:*/ 1))
			return 0;
		if (ENABLE_MDEVD && strcmp(c->var, mdev_subsystem) == 0) {
			c->var = mdev_subsystem;
			rule->letters.subsystem |= mdev_letters(s, c->pattern.prefix);
		}
		rule->n_conditions++;
		s = end + 1;
	}
	if (*s == '@')
		return parse_numbers(rule, s);
	if (*s == '$') {
		end = strchr(s, '=');
		if (!end)
			return bad(rule, "no '=' in", s);
		*end = '\0';
		rule->var = s + 1;
		return compile(rule, &rule->pattern, end + 1, /*search:*/ 0);
	}
	if (!compile(rule, &rule->pattern, s, /*search:*/ 0))
		return 0;
	if (ENABLE_MDEVD && rule->pattern.prefix)
		rule->letters.first = mdev_letters(s, 1);
	return 1;
}

/* PATH without the DEV/ that it may begin with; NULL: it lies elsewhere */
static char *strip_dev(char *path, const char *dev)
{
	if (*path != '/')
		return path;
	path = is_prefixed_with(path, dev);
	if (!path || *path != '/')
		return NULL;
	while (*path == '/')
		path++;
	return path;
}

/* Fourth field, in place: [=PATH|>PATH|!] [{@|$|*|+|-|&}CMD] */
static int parse_action(struct mdev_rule *rule, char *s, const char *dev)
{
	if (ENABLE_MDEV_RULES_RENAME && strchr("=>!", *s)) {
		char *end = skip_non_whitespace(s);
		char *next = skip_whitespace(end);

		*end = '\0';
		rule->path_op = *s;
		if (*s != '!') {
			char *path = strip_dev(s + 1, dev);

			if (!path) {
				mdev_log(NULL, rule, "'%s' is not in %s", s + 1, dev);
				return 0;
			}
			rule->path = path;
			/* "=/dev/" says as much as nothing at all */
			if (*path == '\0' && s[1] != '\0')
				rule->path_op = '\0';
		}
		s = next;
	}
	if (ENABLE_MDEV_RULES_EXEC && *s) {
		if (!strchr("@$*+-&", *s))
			return bad(rule, "neither path nor command:", s);
		rule->command = s;
	}
	return 1;
}

/* libbb's get_uidgid() knows root only from the user database,
 * but an initramfs has none */
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
	return get_uidgid(ugid, owner);
}

static void free_rule(struct mdev_rule *rule)
{
	while (rule->n_conditions)
		mdev_pattern_free(&mdev_condition(rule, --rule->n_conditions)->pattern);
	mdev_pattern_free(&rule->pattern);
	free(rule);
}

/* One line's fields to a rule. Returns it, or NULL if the line is to be
 * skipped, which has then been said */
static struct mdev_rule *parse_rule(struct mdev_conf *conf, char **token)
{
	struct mdev_rule *rule;
	char *s;
	unsigned n, len;
	int mode;

	/* As many conditions as the field has semicolons, at the most */
	n = 0;
	for (s = token[0]; *s; s++)
		n += (*s == ';');
	len = s - token[0] + 1;
	rule = xzalloc(sizeof(*rule) + n * sizeof(struct mdev_condition) + len + (token[3] ? strlen(token[3]) + 1 : 0));
	s = (char*)mdev_condition(rule, n);
	rule->file = conf->files->data;
	rule->line = conf->parser->lineno;
	rule->major = -1;

	if (!token[2]) {
		mdev_log(NULL, rule, "fewer than 3 fields");
		goto error;
	}
	if (!parse_match(rule, strcpy(s, token[0])))
		goto error;
	if (!parse_owner(&rule->ugid, token[1])) {
		mdev_warn(NULL, rule, "unknown user or group '%s', rule skipped", token[1]);
		goto skip;
	}
	mode = bb_parse_mode(token[2], 0660);
	if (mode < 0) {
		bad(rule, "bad mode", token[2]);
		goto error;
	}
	rule->mode = mode & 07777;
	if (!token[3] || parse_action(rule, strcpy(s + len, token[3]), conf->dev))
		return rule;
 error:
	conf->errors++;
 skip:
	if (ENABLE_MDEVD) /* which may read it anew */
		free_rule(rule);
	return NULL;
}

/* Prepares conf, whose PATHs may begin with dev (an absolute path that outlives it). */
void FAST_FUNC mdev_conf_init(struct mdev_conf *conf, const char *dev)
{
	memset(conf, 0, sizeof(*conf));
	conf->dev = dev;
}

/* Opens file, whose rules mdev_conf_next() then appends; several files may be
 * read one after the other. Returns 0 with errno set if it cannot be opened. */
int FAST_FUNC mdev_conf_open(struct mdev_conf *conf, const char *file)
{
	conf->parser = config_open2(file, fopen_for_read);
	if (!conf->parser)
		return 0;
	llist_add_to(&conf->files, xstrdup(file));
	return 1;
}

/* The rule after prev (NULL: the first one), read from the file if need be;
 * NULL: there are no more. Rules belong to conf. Lines that are wrong are
 * reported as FILE:LINE, counted in conf->errors and skipped. Dies if there is
 * no memory. */
struct mdev_rule* FAST_FUNC mdev_conf_next(struct mdev_conf *conf, struct mdev_rule *prev)
{
	struct mdev_rule *rule = prev ? prev->next : conf->first;
	char *token[4];

	if (rule || !conf->parser)
		return rule;
	/* Too few fields are our own error: config_read() would print one without
	 * the file's name. No PARSE_EOL_COMMENTS: commands may contain '#' */
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
	if (!feof(conf->parser->fp)) {
		/* A directory opens, but does not read; memory for the line may be short */
		conf->failed = 1;
		mdev_log(NULL, NULL, "can't read '%s': "STRERROR_FMT, conf->files->data STRERROR_ERRNO);
	}
	config_close(conf->parser);
	conf->parser = NULL;
	return NULL;
}

/* Frees all rules and closes the file; conf is as mdev_conf_init() left it. */
void FAST_FUNC mdev_conf_free(struct mdev_conf *conf)
{
	while (conf->first) {
		struct mdev_rule *next = conf->first->next;

		free_rule(conf->first);
		conf->first = next;
	}
	free(conf->table);
	config_close(conf->parser);
	llist_free(conf->files, free);
	mdev_conf_init(conf, conf->dev);
}
