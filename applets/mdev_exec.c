/* vi: set sw=4 ts=4: */
/*
 * Runs a plan's command: a program and its arguments as they are, all else by
 * BusyBox's own shell in a forked child, or by /bin/sh; or by execlineb
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "busybox.h" /* APPLET_IS_NOEXEC */
#include "mdev_rules.h"

#define HAS_SHELL (BB_MMU && (ENABLE_SH_IS_ASH || ENABLE_SH_IS_HUSH))

enum {
	/* What is longer is for the shell */
	WORDS_MAX = 16,
	WORDS_SIZE = 1024,
};

/* An event's variables are data. These would decide what the command's
 * interpreter or loader does: an event does not set them */
static int is_guarded(const char *var)
{
	static const char names[] ALIGN1 =
		"LD_\0" "PATH=\0" "IFS=\0" "ENV=\0" "BASH_ENV=\0" "SHELLOPTS=\0" "PS4=\0";
	const char *name;

	for (name = names; *name; name += strlen(name) + 1)
		if (is_prefixed_with(var, name))
			return 1;
	return 0;
}

/* Where env has the variable name, of len chars, or its end */
static char **find_env(char **env, const char *name, unsigned len)
{
	while (*env && (strncmp(*env, name, len) != 0 || (*env)[len] != '='))
		env++;
	return env;
}

/* Puts "NAME=value" into env, which has room for it. Unless it is to win, another value stays */
static void put_env(char **env, char *var, int wins)
{
	env = find_env(env, var, strchrnul(var, '=') - var);
	if (!*env)
		env[1] = NULL;
	else if (!wins)
		return;
	*env = var;
}

/* MDEV (a whole "MDEV=node") and the event's variables, if they are not our own. env has room for them */
static void put_event(char **env, const struct mdev_event *ev, char *mdev)
{
	char **var;

	env[0] = NULL;
	if (ev->vars != environ)
		for (var = ev->vars; *var; var++)
			if (!is_guarded(*var))
				put_env(env, *var, 1);
	put_env(env, mdev, 1);
}

/*
 * Most commands are like
 *	ln -sf $MDEV cdrom	modprobe "$MODALIAS"	/lib/mdev/helper ${ACTION}
 * and a shell takes longer to begin than they do. So what is made of blanks, plain
 * chars, quotes (") and the event's variables alone is split here, into the
 * WORDS_SIZE bytes at dst. Returns 0 if a shell could make anything else of it.
 * env has the event's variables alone: those of our own environment may be the shell's (PWD...).
 */
static int split(const char *s, char **env, char **argv, char *dst)
{
	const char *end = dst + WORDS_SIZE - WORDS_MAX; /* room for the NULs */
	unsigned n = 0;

	while (*(s += strspn(s, " \t"))) {
		char *word = dst;
		unsigned quotes = 0; /* seen so far */

		if (n == WORDS_MAX)
			return 0;
		argv[n++] = word;
		do {
			const char *text = s++;
			unsigned len = 1;

			if (*text == '"') {
				quotes++;
				continue;
			}
			if (*text == '\\' || *text == '`')
				return 0;
			if (*text == '$') {
				int brace = (*s == '{');
				const char *var;

				text = s + brace;
				s = endofname(text);
				len = s - text;
				var = *find_env(env, text, len);
				if (!var || (brace && *s++ != '}'))
					return 0;
				text = var + len + 1;
				len = strlen(text);
			}
			while (len--) {
				/* Without quotes, plain chars alone are sure to be what they are */
				if (!(quotes & 1) && !isalnum(*text) && !strchr("%+,-./:=@_", *text))
					return 0;
				if (dst >= end)
					return 0;
				*dst++ = *text++;
			}
		} while (*s && ((quotes & 1) || !strchr(" \t", *s)));
		/* Without quotes, what is empty is no word */
		if ((quotes & 1) || (dst == word && !quotes))
			return 0;
		*dst++ = '\0';
	}
	argv[n] = NULL;
	return n != 0 && !strchr(argv[0], '=');
}

/* Who runs the shell's sh[2]: the number of the applet that a child becomes, or -1:
 * it executes what *argv, the shell's until here, is then */
static int choose(char **env, char **sh, char **words, char *text, char ***argv)
{
	int applet = -1;

	if (ENABLE_MDEVD && split(sh[2], env, words, text)
	 /* a path or the name of an applet is a program's, another may be the shell's own word */
	 && (strchr(words[0], '/') || (applet = find_applet_by_name(words[0])) >= 0)
	) {
		*argv = words;
		return (HAS_SHELL && ENABLE_FEATURE_SH_STANDALONE && applet >= 0 && APPLET_IS_NOEXEC(applet)) ? applet : -1;
	}
	return HAS_SHELL ? find_applet_by_name("sh") : -1;
}

/* In the child, which may share our memory (vfork) if applet is -1. It becomes the applet,
 * or executes the program, that argv names; else the interpreter: sh is its argv */
static void NORETURN exec_command(int applet, char **argv, const char *interpreter, char **sh)
{
	if (BB_MMU && applet >= 0) {
		/* What a NOEXEC applet finds: docs/nofork_noexec.txt */
		logmode = LOGMODE_STDIO;
		xfunc_error_retval = EXIT_FAILURE;
		GETOPT_RESET();
		run_applet_no_and_exit(applet, argv[0], argv);
	}
	if (argv != sh) {
		/* Applets or PATH first: as the shell does it */
		if (ENABLE_FEATURE_SH_STANDALONE)
			BB_EXECVP(argv[0], argv);
		execvp(argv[0], argv);
		/* A script without "#!", or none that can be run: the shell knows */
		if (HAS_SHELL)
			execv(bb_busybox_exec_path, sh);
	}
	execvp(interpreter, sh);
	bb_perror_msg("can't run '%s'", interpreter);
	_exit(127);
}

/* Starts the plan's command and returns its pid, which the caller waits for, or
 * -1 with errno set. Signals are blocked in the child until in_child (may be NULL),
 * which gives it signals, mask and descriptors of its own and writes to no memory of
 * ours, has run there. Does not block, but for a vfork until the child has execed. */
pid_t FAST_FUNC mdev_exec(const struct mdev_plan *plan, void (*in_child)(void))
{
	char mdev[sizeof("MDEV=") + strlen(plan->node)];
	char *env[ENABLE_MDEVD ? string_array_len(environ) + string_array_len(plan->event->vars) + 2 : 1];
	char text[ENABLE_MDEVD ? WORDS_SIZE : 1];
	char *words[WORDS_MAX + 1], *sh[4];
	char **argv = sh;
	char **saved_environ = environ;
	const char *interpreter = "/bin/sh";
	int applet = -1;
	sigset_t mask;
	pid_t pid;

	stpcpy(stpcpy(mdev, "MDEV="), plan->node);
	if (ENABLE_MDEVD)
		put_event(env, plan->event, mdev);
	sh[0] = (char*)"sh";
	sh[1] = (char*)"-c";
	sh[2] = (char*)plan->command + 1;
	sh[3] = NULL;
	if (strchr("+-&", *plan->command)) {
		interpreter = sh[0] = (char*)"execlineb";
		sh[1] = (char*)"-Pc";
	} else {
		applet = choose(env, sh, words, text, &argv);
	}

	if (ENABLE_MDEVD) {
		char **own;

		sigfillset(&mask);
		sigprocmask2(SIG_SETMASK, &mask);
		for (own = environ; *own; own++)
			put_env(env, *own, 0);
		environ = env; /* a vfork'ed child must not write to it */
	} else {
		putenv(mdev);
	}
	/* Who executes at once needs no copy of us */
	pid = (BB_MMU && (applet >= 0 || !ENABLE_MDEVD)) ? fork() : vfork();
	if (pid == 0) {
		if (ENABLE_MDEVD && in_child)
			in_child();
		else if (ENABLE_MDEVD) /* not sigprocmask2(): a vfork'ed child would write to our mask */
			sigprocmask(SIG_SETMASK, &mask, NULL);
		exec_command(applet, argv, interpreter, sh);
	}
	if (ENABLE_MDEVD) {
		environ = saved_environ;
		sigprocmask2(SIG_SETMASK, &mask);
	} else {
		bb_unsetenv(mdev);
	}
	if (pid < 0)
		mdev_warn(plan->event, plan->rule, "can't run '%s': "STRERROR_FMT, plan->command + 1 STRERROR_ERRNO);
	return pid;
}

#if ENABLE_UNIT_TEST

BBUNIT_DEFINE_TEST(mdev_exec_split)
{
	static const struct {
		const char *command;
		const char *words; /* NULL: for the shell */
	} tests[] = {
		{ "chmod 666 $MDEV", "chmod|666|bus/1|" },
		{ "ln -sf $MDEV cdrom ", "ln|-sf|bus/1|cdrom|" },
		{ "\t /lib/mdev/helper\t${ACTION}", "/lib/mdev/helper|add|" },
		{ "modprobe \"$MODALIAS\"", "modprobe|of:N*T<NULL> x|" },
		{ "modprobe $MODALIAS", NULL },
		{ "a x\"$SPACE $ACTION\"y\"\"z", "a|x  addyz|" },
		{ "a \"\" ${ACTION}d d$ACTION", "a||addd|dadd|" },
		{ "a $SPACE", NULL },
		{ "a $EMPTY", NULL },
		{ "a x$EMPTY", "a|x|" },
		{ "a x$ACTIO", NULL },
		{ "a $ACTIONS", NULL },
		{ "a ${ACTION", NULL },
		{ "a ${ACTION#a}", NULL },
		{ "a ${}", NULL },
		{ "a $", NULL },
		{ "a $$", NULL },
		{ "a \"$\"", NULL },
		{ "a \"b", NULL },
		{ "a \"b\\n\"", NULL },
		{ "a \"`b`\"", NULL },
		{ "a 'b'", NULL },
		{ "a b;c", NULL },
		{ "a b #c", NULL },
		{ "a ~", NULL },
		{ "a b*", NULL },
		{ "a b>c", NULL },
		{ "a {b,c}", NULL },
		{ "a\r", NULL },
		{ "a b=c", "a|b=c|" },
		{ "A=b c", NULL },
		{ "a $PATH", NULL },
		{ "a $LD_X", NULL },
		{ "", NULL },
		{ " ", NULL },
		{ "a 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", "a|2|3|4|5|6|7|8|9|10|11|12|13|14|15|16|" },
		{ "a 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17", NULL },
		{ "a $LONG", NULL },
		{ "a \"$LONG\"", NULL },
	};
	char longer[sizeof("LONG=") + WORDS_SIZE];
	char *vars[] = {
		(char*)"ACTION=add", (char*)"MODALIAS=of:N*T<NULL> x", (char*)"SPACE= ", (char*)"EMPTY=",
		(char*)"PATH=x", (char*)"LD_X=x", longer, NULL
	};
	char *env[ARRAY_SIZE(vars) + 1];
	struct mdev_event ev;
	int i, j;

	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	memcpy(longer, "LONG=", 5);
	memset(&ev, 0, sizeof(ev));
	ev.vars = vars;
	put_event(env, &ev, (char*)"MDEV=bus/1");
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		char text[WORDS_SIZE], buf[WORDS_SIZE];
		char *argv[WORDS_MAX + 1];
		char *b = buf;

		if (!split(tests[i].command, env, argv, text)) {
			BBUNIT_ASSERT_NULL(tests[i].words);
			continue;
		}
		for (j = 0; argv[j]; j++)
			b = stpcpy(stpcpy(b, argv[j]), "|");
		BBUNIT_ASSERT_NOTNULL(tests[i].words);
		BBUNIT_ASSERT_STREQ(tests[i].words, buf);
	}

	BBUNIT_ENDTEST;
}

#endif /* ENABLE_UNIT_TEST */
