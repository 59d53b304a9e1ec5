#!/bin/bash
# wake.sh NUMBER SECONDS: makes this machine host NUMBER of its lab and sets its clock. After a start, and after a thaw: every host was
# the same machine until now.
set -e
number=$1
date --set="@$2" >/dev/null
hostname "host$number"
echo "127.0.0.1 localhost host$number" >/etc/hosts
ip link set eth0 down
ip address flush dev eth0
ip link set eth0 address "52:54:00:77:00:0$number"
ip address add "192.168.77.$number/24" dev eth0
ip address add "fd77::$number/64" dev eth0 nodad
ip link set eth0 up
ip route add default via 192.168.77.254
ip -6 route add default via fd77::254
