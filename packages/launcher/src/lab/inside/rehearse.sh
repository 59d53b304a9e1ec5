#!/bin/sh
# Once, before the host is frozen: a Roost is started and ended. So every host has its database, has found out that KVM boots guests
# here, and has what is read at a start in its memory. (On a machine with much else to do the guest of that trial may come too late:
# then again.)
cd /root/roost
for attempt in 1 2 3; do
  timeout --foreground 900 ./roost up --detach --json && break
  ./roost down
done
./roost down || exit 1
grep -q kvm .roost/data/host/vmm-choice.json || { echo "KVM boots no guest here" && exit 1; }
# Roosts of tests are told, too.
mkdir -p .roost/tests
chmod 700 .roost/tests
cp .roost/data/host/vmm-choice.json .roost/tests/
sync
