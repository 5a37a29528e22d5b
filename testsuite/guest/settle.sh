# shellcheck shell=sh disable=SC2154 # init and lib.sh set the variables
# The machine was started with a USB disk in it, and the boot has waited for it.
ok "mdevd-coldplug -O 4 -w $want comes back in time" [ "$settled" = 0 ]
ok "the disk's node is there then" [ -b /dev/disk/sda ]
ok "and its link" [ "$(readlink /dev/sda)" = disk/sda ]
ok "its partition's node too" [ -b /dev/disk/sda1 ]
fact "settled ms=$((finish - start))"

# Asking for them all once more loads nothing that is not there.
before=$(loaded)
load_all
ok "every module that a MODALIAS asks for was loaded" [ "$(loaded)" = "$before" ]
