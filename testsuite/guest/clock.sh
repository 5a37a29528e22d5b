# shellcheck shell=sh disable=SC2154 # init and lib.sh set the variables
# The clock is set again and again, by a day each time, while the time limit of a command or of
# mdevd-coldplug runs: both limits must be kept. Only the guest's clock is set.
mkdir -p /run/clock/dev
cat >/run/clock/mdev.conf <<'END'
null	0:0 600 @exec sleep 1000
END
mdevd -d /run/clock/dev -f /run/clock/mdev.conf -O 16 -t 3 -D 3 2>/run/clock/log & clock=$!
await '' 10 || fail "mdevd -t 3 listens"

# between FROM TO NAME: did it take so many ms, and was the clock set meanwhile?
between() {
	took=$((took - from))
	if [ "$took" -ge "$1" ] && [ "$took" -lt "$2" ] && [ "$sets" -gt 9 ]; then
		pass "$3 ($took ms, the clock was set $sets times)"
	else
		fail "$3 ($took ms, the clock was set $sets times)"
	fi
}

# under_storm ARG...: mdevd-coldplug while the clock is set; gives status, took, sets
under_storm() {
	from=$(now)
	mdevd-coldplug -O 16 "$@" 2>/run/clock/why & waiting=$!
	setclock "$step" "$waiting" >/run/clock/sets & storm=$!
	wait "$waiting"
	status=$?
	took=$(now)
	wait "$storm"
	sets=$(cat /run/clock/sets)
}

for step in 86400 -86400; do
	case $step in
	-*) where=backwards ;;
	*) where=forwards ;;
	esac
	: >/run/clock/log
	under_storm -t 30 mem
	between 3000 20000 "mdevd -t 3 and mdevd-coldplug -t 30, the clock goes $where"
	ok "... the command was killed, and that was waited for" \
		[ "$status $(grep -c 'killed after 3 s' /run/clock/log)" = "0 1" ]

	kill -STOP "$clock"
	under_storm -t 3 none
	between 3000 9000 "mdevd-coldplug -t 3 of an mdevd that hangs, the clock goes $where"
	ok "... it says so" [ "$status $(grep -c . /run/clock/why)" = "1 1" ]
	kill -CONT "$clock"
done
kill "$clock"
wait "$clock"
