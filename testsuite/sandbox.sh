# Sourced by *.tests after testing.sh: cases for device managers in private namespaces.
# Licensed under GPLv2, see file LICENSE in this source tree.
#
#	. ./testing.sh
#	. ./sandbox.sh
#	sandbox_enter "$@"
#
#	mdevd_case "mdevd: a rule's owner and mode" \
#	'null 0:0 666' \
#	"add $null" \
#	'c 666 0:0 1:3 null'
#
# $null and $zero are the variables of two devices for events.
# A case is rules, events, and the contents of /dev afterwards. Text is literal (backslashes too)
# and needs no newline at its end. Then every device that was added is removed again; what
# remains must be in the case below the line "removed:". Without that line nothing may remain.
# The head of sandbox.c describes other commands among the events, and how /dev is printed.
#
# Environment:
#	SANDBOX_PROGRAM	the program (default: the mdevd in PATH)
#	SANDBOX_KIND	mdevd (default) or mdev: how it is started
#	SANDBOX_UNDER	a program to run it under (valgrind...)
#	SANDBOX_PATIENCE	the longest wait for anything, in seconds (default: 10)
#	SANDBOX_UNDER_WHAT	set by suite.sh if the programs run under something
#	ORACLE		a BusyBox with stock mdev: both_case runs that, too
#	CASE		only cases whose names contain this
#	HOSTCC		compiler (default: gcc)
#
# shellcheck shell=sh
# shellcheck disable=SC2154 # tsdir, SKIP, FAILCOUNT: BusyBox's runtest and testing.sh

SANDBOX="$PWD/sandbox"
SANDBOX_KIND=${SANDBOX_KIND:-mdevd}
# For the cases that follow:
PLAY=	# options for "sandbox play"
FILTER=	# a command that the result is piped through
unset V	# of "make check V=1": cases have variables of that name
# shellcheck disable=SC2034 # for cases
null="/devices/virtual/mem/null SUBSYSTEM=mem MAJOR=1 MINOR=3 DEVNAME=null"
# shellcheck disable=SC2034
zero="/devices/virtual/mem/zero SUBSYSTEM=mem MAJOR=1 MINOR=5 DEVNAME=zero"

# Compiles the helper if its source has changed
sandbox_build()
{
	[ -x "$SANDBOX" ] && cmp -s sandbox.c "$SANDBOX.built" && return
	${HOSTCC:-gcc} -O2 -o "$SANDBOX.$$" sandbox.c || return
	mv "$SANDBOX.$$" "$SANDBOX" && cp sandbox.c "$SANDBOX.built"
}

# Runs the calling script again, in the sandbox. Prints SKIPPED and exits if the sandbox cannot be made
sandbox_enter()
{
	if [ -z "$SANDBOX_ROOT" ]; then
		sandbox_build || exit 1
		sandbox_reason=$("$SANDBOX" enter "$PWD/sandbox.d" true 2>&1) || {
			echo "SKIPPED: ${0##*/} ($sandbox_reason)"
			exit 0
		}
		exec "$SANDBOX" enter "$PWD/sandbox.d" "$0" "$@"
	fi
	R=$SANDBOX_ROOT
	# shellcheck disable=SC2034 # for cases
	CONF=$R/etc/mdev.conf
	if [ -n "$ORACLE" ]; then
		mkdir -p oracle.d
		ln -sf "$(readlink -f "$ORACLE")" oracle.d/mdev
	fi
	[ -n "$SANDBOX_PROGRAM" ] || SANDBOX_PROGRAM=$(command -v "$SANDBOX_KIND")
	world full
}

# The users and groups that the program finds: full, buildroot (its skeleton's), none
world()
{
	case $1 in
	full|buildroot)
		sandbox_accounts root:0 daemon:1 bin:2 sys:3 sync:4 mail:8 www-data:33 operator:37 nobody:65534 >"$R/etc/passwd"
		sandbox_groups root:0 daemon:1 bin:2 sys:3 adm:4 tty:5 disk:6 lp:7 mail:8 kmem:9 wheel:10 \
			cdrom:11 dialout:18 floppy:19 video:28 audio:29 tape:32 www-data:33 operator:37 \
			utmp:43 plugdev:46 staff:50 lock:54 netdev:82 users:100 nobody:65534 >"$R/etc/group"
		;;
	none)
		: >"$R/etc/passwd"
		: >"$R/etc/group"
		return
		;;
	*)
		echo "no such world: $1" >&2
		exit 1
		;;
	esac
	[ "$1" = full ] || return 0
	sandbox_accounts games:5 uucp:10 messagebus:101 ntp:102 >>"$R/etc/passwd"
	sandbox_groups uucp:14 input:104 kvm:105 render:106 usb:107 storage:108 optical:109 scanner:110 \
		power:111 games:60 fuse:112 i2c:113 spi:114 gpio:115 camera:116 network:117 rtc:118 >>"$R/etc/group"
}

sandbox_accounts()
{
	for i; do
		echo "${i%:*}:x:${i#*:}:${i#*:}::/:/bin/false"
	done
}

sandbox_groups()
{
	for i; do
		echo "${i%:*}:x:${i#*:}:"
	done
}

# Sets $quoted to $1 as testing wants it: backslashes doubled, a newline at the end of text
sandbox_quote()
{
	quoted=$1
	case $quoted in
	*\\*)
		quoted=$(printf '%sx' "$quoted" | sed 's/\\/\\\\/g')
		quoted=${quoted%x}
		;;
	esac
	case $quoted in
	''|*"$sandbox_nl") ;;
	*) quoted=$quoted$sandbox_nl ;;
	esac
}
sandbox_nl='
'

# sandbox_skip NAME REASON
sandbox_skip()
{
	echo "SKIPPED: $1 ($2)"
}

# Is the case sandbox_name one of those that CASE asks for?
sandbox_wanted()
{
	case $sandbox_name in
	*"$CASE"*) ;;
	*) return 1 ;;
	esac
}

# sandbox_case KIND PROGRAM NAME RULES EVENTS EXPECTED [ARG]...
# RULES "-": there is no mdev.conf. ARGs go to the program
sandbox_case()
{
	sandbox_command="'$SANDBOX' play -u -k $1 $PLAY"
	[ -z "$SANDBOX_UNDER" ] || sandbox_command="$sandbox_command -x '$SANDBOX_UNDER'"
	sandbox_program=$2
	sandbox_name=$3
	sandbox_wanted || return 0
	case $SANDBOX_NODES$sandbox_nl$6 in
	"0$sandbox_nl"[cb]" "*|"0$sandbox_nl"*"$sandbox_nl"[cb]" "*)
		sandbox_skip "$3" "device nodes take root"
		return
		;;
	esac
	if [ "$4" = - ]; then
		sandbox_rules=
	else
		sandbox_quote "$4"
		sandbox_rules=$quoted
		sandbox_command="$sandbox_command -r input"
	fi
	sandbox_quote "$5"
	sandbox_events=$quoted
	sandbox_quote "$6"
	sandbox_expected=$quoted
	shift 6
	sandbox_command="$sandbox_command '$sandbox_program'"
	for i; do
		sandbox_command="$sandbox_command '$i'"
	done
	# a filter hides no TIMEOUT
	[ -z "$FILTER" ] || sandbox_command="$sandbox_command >played || grep ^TIMEOUT played; { $FILTER; } <played"
	testing "$sandbox_name" "$sandbox_command" "$sandbox_expected" "$sandbox_rules" "$sandbox_events"
}

# mdevd_case NAME RULES EVENTS EXPECTED [ARG]...
mdevd_case()
{
	if [ "$SANDBOX_KIND" != mdevd ]; then
		sandbox_skip "$1" "not a matter of mdev"
		return
	fi
	sandbox_case mdevd "$SANDBOX_PROGRAM" "$@"
}

# both_case NAME RULES EVENTS EXPECTED: stock mdev does the same
both_case()
{
	sandbox_case "$SANDBOX_KIND" "$SANDBOX_PROGRAM" "$@"
	[ -z "$ORACLE" ] || {
		sandbox_both=$1
		shift
		sandbox_case mdev "$PWD/oracle.d/mdev" "$sandbox_both (stock mdev)" "$@"
	}
}

# needs_nodes CASE NAME ...: where device nodes are made that the expected text does not show
needs_nodes()
{
	if [ "$SANDBOX_NODES" = 1 ]; then
		"$@"
	elif [ "$1" = sandbox_case ]; then
		sandbox_skip "$4" "device nodes take root"
	else
		sandbox_skip "$2" "device nodes take root"
	fi
}

# run_case NAME EXPECTED ARG...: the program with just these arguments, to its end
run_case()
{
	sandbox_name=$1
	sandbox_wanted || return 0
	if [ "$SANDBOX_KIND" != mdevd ]; then
		sandbox_skip "$1" "not a matter of mdev"
		return
	fi
	sandbox_quote "$2"
	sandbox_expected=$quoted
	shift 2
	sandbox_command="'$SANDBOX' play -k plain $PLAY '$SANDBOX_PROGRAM'"
	for i; do
		sandbox_command="$sandbox_command '$i'"
	done
	testing "$sandbox_name" "$sandbox_command" "$sandbox_expected" "" ".start
.exit
"
}
