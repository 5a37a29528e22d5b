/* vi: set sw=4 ts=4: */
/*
 * Runs a plan's command: in a forked child by BusyBox's own shell,
 * else by /bin/sh; or by execlineb
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdev_rules.h"

#define HAS_SHELL (BB_MMU && (ENABLE_SH_IS_ASH || ENABLE_SH_IS_HUSH))

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

/* Puts "NAME=value" into env, which has room for it */
static void put_env(char **env, char *var)
{
	unsigned len = strchrnul(var, '=') - var + 1;

	while (*env && strncmp(*env, var, len) != 0)
		env++;
	if (!*env)
		env[1] = NULL;
	*env = var;
}

/* Our environment, the event's variables on top, and MDEV (a whole "MDEV=node").
 * env has room for all of them */
static void build_environment(char **env, const struct mdev_event *ev, char *mdev)
{
	char **var;

	memcpy(env, environ, (string_array_len(environ) + 1) * sizeof(*env));
	if (ev->vars != environ)
		for (var = ev->vars; *var; var++)
			if (!is_guarded(*var))
				put_env(env, *var);
	put_env(env, mdev);
}

/* In the child. Takes the command with its operator */
static void NORETURN exec_command(char *command)
{
	char *argv[4];

	argv[0] = (char*)"sh";
	argv[1] = (char*)"-c";
	argv[2] = command + 1;
	argv[3] = NULL;
	if (strchr("+-&", *command)) {
		argv[0] = (char*)"execlineb";
		argv[1] = (char*)"-Pc";
		execvp(argv[0], argv);
	} else {
		if (HAS_SHELL) {
			/* What a NOEXEC applet finds: docs/nofork_noexec.txt */
			logmode = LOGMODE_STDIO;
			GETOPT_RESET();
			run_applet_no_and_exit(find_applet_by_name("sh"), "sh", argv);
		}
		execv("/bin/sh", argv);
	}
	bb_perror_msg("can't run '%s'", argv[0]);
	_exit(127);
}

/* Starts the plan's command and returns its pid, which the caller waits for, or
 * -1 with errno set. Signals are blocked in the child until in_child (may be NULL),
 * which gives it signals, mask and descriptors of its own, has run there. Does not
 * block, but for a vfork until the child has execed. */
pid_t FAST_FUNC mdev_exec(const struct mdev_plan *plan, void (*in_child)(void))
{
	char mdev[sizeof("MDEV=") + strlen(plan->node)];
	char *env[ENABLE_MDEVD ? string_array_len(environ) + string_array_len(plan->event->vars) + 2 : 1];
	char **saved_environ = environ;
	sigset_t all, mask;
	pid_t pid;

	stpcpy(stpcpy(mdev, "MDEV="), plan->node);
	fflush_all();
	if (ENABLE_MDEVD) {
		build_environment(env, plan->event, mdev);
		sigfillset(&all);
		sigprocmask(SIG_SETMASK, &all, &mask);
		environ = env; /* a vfork'ed child must not write to it */
	} else {
		putenv(mdev);
	}
	pid = BB_MMU ? fork() : vfork();
	if (pid == 0) {
		if (ENABLE_MDEVD && in_child)
			in_child();
		else if (ENABLE_MDEVD)
			sigprocmask(SIG_SETMASK, &mask, NULL);
		exec_command((char*)plan->command);
	}
	if (ENABLE_MDEVD) {
		environ = saved_environ;
		sigprocmask(SIG_SETMASK, &mask, NULL);
	} else {
		bb_unsetenv(mdev);
	}
	if (pid < 0)
		mdev_warn(plan->event, plan->rule, "can't run '%s': "STRERROR_FMT, plan->command + 1 STRERROR_ERRNO);
	return pid;
}
