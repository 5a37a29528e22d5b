/* vi: set sw=4 ts=4: */
/*
 * Starts a rule's command. One program with plain arguments is executed directly,
 * anything else is run by BusyBox's own shell in a forked child, or by /bin/sh.
 * Commands of '+', '-' and '&' are run by execlineb.
 *
 * Copyright (C) 2026 mdevd for BusyBox maintainers
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "busybox.h" /* APPLET_IS_NOEXEC */
#include "mdev_rules.h"

#if ENABLE_MDEVD

#define SHELL_IS_OURS (ENABLE_SH_IS_ASH || ENABLE_SH_IS_HUSH)
/* A forked child can be the shell without exec */
#define SHELL_IN_CHILD (BB_MMU && SHELL_IS_OURS)
/* The shell prefers applets to PATH. FEATURE_PREFER_APPLETS makes no difference to it */
#define SHELL_RUNS_APPLETS (SHELL_IS_OURS && ENABLE_FEATURE_SH_STANDALONE)

enum {
	/* Longer commands are left to the shell */
	WORDS_MAX = 16,
	WORDS_SIZE = 1024,

	/* Results of find_program() besides the number of an applet */
	EXECUTE = -1,
	USE_SHELL = -2,
};

/* Does the variable control which code a shell or the loader runs? Then it is not taken from an event */
static int is_protected(const char *var)
{
	static const char names[] ALIGN1 =
		"LD_\0" "GCONV_PATH=\0" "PATH=\0" "IFS=\0" "ENV=\0" "PS4=\0" "SHELLOPTS=\0"
		"BASH\0"; /* BASH_ENV, BASHOPTS, BASH_FUNC_x%% */
	const char *name;

	for (name = names; *name; name += strlen(name) + 1)
		if (is_prefixed_with(var, name))
			return 1;
	return 0;
}

/* Appends to env, which has room for them, the variables whose names are not there yet */
static void add_vars(char **env, char **vars, int is_event)
{
	char *var;

	while ((var = *vars++) != NULL) {
		char **end = mdev_find_var(env, var, strchrnul(var, '=') - var);

		if (!*end && !(is_event && is_protected(var))) {
			end[0] = var;
			end[1] = NULL;
		}
	}
}

/*
 * Most commands are like
 *	ln -sf $MDEV cdrom	modprobe "$MODALIAS"	/lib/mdev/helper ${ACTION}
 * and take less time than a shell needs to start. A command made of blanks, plain
 * characters, double quotes and the event's variables is split into argv here, into the
 * WORDS_SIZE bytes at dst. Returns 0 if a shell might read it differently.
 * env has only the event's variables: a shell replaces some of our environment (PWD...).
 */
static int split_words(const char *s, char **env, char **argv, char *dst)
{
	const char *end = dst + WORDS_SIZE - WORDS_MAX; /* leaves room for the NULs */
	unsigned n = 0;

	while (*(s += strspn(s, " \t"))) {
		char *word = dst;
		unsigned quotes = 0; /* seen so far: odd inside quotes */

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
				var = *mdev_find_var(env, text, len);
				if (!var || (brace && *s++ != '}'))
					return 0;
				text = var + len + 1;
				len = strlen(text);
			}
			while (len--) {
				/* Outside quotes, other characters may be special */
				if (!(quotes & 1) && !isalnum(*text) && !strchr("%+,-./:=@_", *text))
					return 0;
				if (dst >= end)
					return 0;
				*dst++ = *text++;
			}
		} while (*s && ((quotes & 1) || !strchr(" \t", *s)));
		/* Without quotes, an empty expansion is no word */
		if ((quotes & 1) || (dst == word && !quotes))
			return 0;
		*dst++ = '\0';
	}
	argv[n] = NULL;
	return n != 0 && !strchr(argv[0], '=');
}

/* Returns EXECUTE if the program is to be executed, the number of an applet that
 * a forked child can run without exec, or USE_SHELL: the name may be the shell's own */
static int find_program(const char *name)
{
	static const char builtins[] ALIGN1 = /* those that are applets, too */
		"echo\0" "false\0" "kill\0" "printf\0" "pwd\0" "sleep\0" "test\0" "true\0";
	int applet;

	if (strchr(name, '/'))
		return EXECUTE;
	applet = find_applet_by_name(name);
	if (applet < 0)
		return USE_SHELL;
	if (!SHELL_RUNS_APPLETS) /* else the applet is the same code */
		return index_in_strings(builtins, name) < 0 ? EXECUTE : USE_SHELL;
	return (BB_MMU && APPLET_IS_NOEXEC(applet)) ? applet : EXECUTE;
}

/* In a forked child: becomes the applet */
static void NORETURN run_applet(int applet, char **argv)
{
	if (SHELL_RUNS_APPLETS)
		run_noexec_applet_and_exit(applet, argv[0], argv);
	/* docs/nofork_noexec.txt, for the shell */
	logmode = LOGMODE_STDIO;
	xfunc_error_retval = EXIT_FAILURE;
	GETOPT_RESET();
	run_applet_no_and_exit(applet, argv[0], argv);
}

/* In a child that shares our memory: executes the program as the shell would.
 * Returns, with errno set, if it cannot: 1 if the file is a script without "#!" */
static int exec_program(char **argv)
{
	if (strchr(argv[0], '/')) {
		execv(argv[0], argv); /* execvp() may run such a script with /bin/sh, which may not exist */
	} else {
		if (SHELL_RUNS_APPLETS)
			execv(bb_busybox_exec_path, argv);
		execvp(argv[0], argv);
	}
	return errno == ENOEXEC;
}

/* In a child that may share our memory: executes the program of argv, or the shell for it. Returns,
 * with errno set, if it cannot */
static void exec_command(char **argv, char **shell, const char *shell_path)
{
	if (argv != shell) {
		if (!exec_program(argv))
			return;
		if (SHELL_IN_CHILD)
			execv(bb_busybox_exec_path, shell);
	}
	execvp(shell_path, shell);
}

/* Starts the plan's command and returns its pid, which the caller waits for. Logs a failure to
 * start it, and returns -1. All signals are blocked in the child until in_child,
 * if not NULL, has run there. It sets up signals, mask and descriptors, and must not
 * write to memory, which may be ours. Blocks only until a vforked child has execed.
 * Stack: 1.5 kB, the node's name, and a pointer for each variable of our environment
 * and the event: exec() limits an environment to a quarter of the stack. */
pid_t FAST_FUNC mdev_exec(const struct mdev_plan *plan, void (*in_child)(void))
{
	const struct mdev_event *ev = plan->event;
	char mdev[sizeof("MDEV=") + strlen(plan->node)];
	char *path[] = { (char*)bb_PATH_root_path, NULL };
	char *env[string_array_len(environ) + string_array_len(ev->vars) + 3];
	char text[WORDS_SIZE];
	char *words[WORDS_MAX + 1];
	char *shell[] = { (char*)"sh", (char*)"-c", (char*)plan->command + 1, NULL };
	const char *shell_path = "/bin/sh";
	char **argv = shell;
	char **saved_environ = environ;
	volatile int error = 0; /* a vforked child writes to it */
	int applet = EXECUTE;
	sigset_t mask;
	pid_t pid;

	stpcpy(stpcpy(mdev, "MDEV="), plan->node);
	env[0] = mdev;
	env[1] = NULL;
	if (ev->vars != environ) /* else mdev is a helper */
		add_vars(env, ev->vars, 1);
	if (strchr("+-&", *plan->command)) {
		shell_path = shell[0] = (char*)"execlineb";
		shell[1] = (char*)"-Pc";
	} else if (split_words(shell[2], env, words, text)
	 && (applet = find_program(words[0])) != USE_SHELL
	) {
		argv = words;
	} else {
		applet = SHELL_IN_CHILD ? find_applet_by_name("sh") : EXECUTE;
	}
	add_vars(env, environ, 0);
	add_vars(env, path, 0); /* a shell has this default, libc one without /sbin */
	sigfillset(&mask);
	sigprocmask2(SIG_SETMASK, &mask);
	environ = env; /* here, as a vforked child must not write to it */
	pid = (SHELL_IN_CHILD && applet >= 0) ? fork() : vfork();
	if (pid == 0) {
		if (in_child)
			in_child();
		else /* not sigprocmask2(): a vforked child would write to our mask */
			sigprocmask(SIG_SETMASK, &mask, NULL);
		if (SHELL_IN_CHILD && applet >= 0)
			run_applet(applet, argv);
		exec_command(argv, shell, shell_path);
		/* No message here: if stderr is a full pipe, the child would block, and the daemon with it */
		error = errno;
		_exit(127);
	}
	environ = saved_environ;
	sigprocmask2(SIG_SETMASK, &mask);
	if (error) {
		safe_waitpid(pid, NULL, 0);
		errno = error;
		pid = -1;
	}
	if (pid < 0)
		mdev_log_errno(MDEV_LOG_WARN, "run", argv[0]);
	return pid;
}

#else /* mdev alone */

/* As the other mdev_exec(), but always runs /bin/sh, as system() does, or execlineb. exec closes the
 * netlink socket of "mdev -d", which a process left behind by the command would otherwise keep */
pid_t FAST_FUNC mdev_exec(const struct mdev_plan *plan, void (*in_child)(void) UNUSED_PARAM)
{
	char mdev[sizeof("MDEV=") + strlen(plan->node)];
	char *argv[] = { (char*)"/bin/sh", (char*)"-c", (char*)plan->command + 1, NULL };
	pid_t pid;

	if (strchr("+-&", *plan->command)) {
		argv[0] = (char*)"execlineb";
		argv[1] = (char*)"-Pc";
	}
	stpcpy(stpcpy(mdev, "MDEV="), plan->node);
	putenv(mdev);
	pid = spawn(argv);
	bb_unsetenv(mdev);
	if (pid < 0)
		mdev_log_errno(MDEV_LOG_WARN, "run", argv[0]);
	return pid;
}

#endif /* ENABLE_MDEVD */

#if ENABLE_UNIT_TEST && ENABLE_MDEVD

BBUNIT_DEFINE_TEST(mdev_exec_split_words)
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
		(char*)"PATH=x", (char*)"LD_X=x", (char*)"ACTION=twice", (char*)"MDEV=x", longer, NULL
	};
	char *env[ARRAY_SIZE(vars) + 1];
	int i, j;

	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	memcpy(longer, "LONG=", 5);
	env[0] = (char*)"MDEV=bus/1";
	env[1] = NULL;
	add_vars(env, vars, 1);
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		char text[WORDS_SIZE], buf[WORDS_SIZE];
		char *argv[WORDS_MAX + 1];
		char *b = buf;

		if (!split_words(tests[i].command, env, argv, text)) {
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

#endif /* ENABLE_UNIT_TEST && ENABLE_MDEVD */
