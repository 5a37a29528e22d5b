# shellcheck shell=sh disable=SC2154 # init and lib.sh set the variables
# What mdevd does besides the work at boot, under the filter that refuses system calls newer than Linux
# 2.6.26. A second mdevd, with its own directory, receives the same events.
if [ -z "$old" ]; then
	skip "mdevd does its work with old system calls" "there is no filter"
	return
fi
mkdir -p /run/two/dev /run/two/mdev.conf.d /run/two/fw
cat >/run/two/mdev.conf <<'END'
$MODALIAS=.*	root:root 660 @modprobe -b -q "$MODALIAS"
null	root:tty 620 >by/null @ls -l $MDEV | cat >/run/two/said; cd /; pwd >/run/two/cwd; read x </proc/uptime; echo "$?" >/run/two/read
zero	root:tty 620 =by/zero *sleep 20 & wait
full	root:root 600 @exec sleep 20
END
echo 'nothing 0:0 600' >/run/two/mdev.conf.d/10.conf
ln -s /nowhere /run/two/dev/null
$under mdevd -d /run/two/dev -f /run/two/mdev.conf -F /run/two/fw -O 8 -S -v 2 -t 1 -C -D 3 2>/run/two/log & two=$!
await '' 10 || fail "a second mdevd listens"
$under mdevd-coldplug -O 8 -t 60 -q 100 -w null mem
ok "the second mdevd has handled what was asked for" [ $? = 0 ]
ok "a node is where its rule says" [ "$(stat -c '%t,%T' /run/two/dev/by/null)" = 1,3 ]
ok "a link is made over another" [ "$(readlink /run/two/dev/null)" = by/null ]
ok "the shell's read works without ppoll" [ "$(cat /run/two/read)" = 0 ]
echo 'bad line' >>/run/two/mdev.conf
kill -HUP "$two"
$under mdevd-coldplug -O 8 -t 20 net
ok "a command that takes too long is killed" grep -q 'killed after 1 s' /run/two/log
ok "and broken rules are refused" grep -q 'the old rules stay' /run/two/log
echo remove >/sys/class/mem/null/uevent
$under mdevd-coldplug -n -O 8 -t 20
ok "a device that exists keeps its node when its removal is announced" [ "$(stat -c '%t,%T' /run/two/dev/by/null)" = 1,3 ]
kill "$two"
wait "$two"
ok "SIGTERM ends it with 0" [ $? = 0 ]
$under mdevd -n /sys/class/mem/zero >/run/two/explained
ok "-n explains" grep -q 'make node zero' /run/two/explained
$under mdevd -N
ok "-N checks" [ $? = 0 ]
oldcalls -p /run/calls | sed 's/^/@calls /'
