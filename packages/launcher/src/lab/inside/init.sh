#!/bin/bash
# The lab's host comes up: what an init system does, and no more. Called by busybox's init, which then keeps the agent alive.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mountpoint -q /dev || mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts -o gid=5,mode=620,ptmxmode=666 pts /dev/pts
for folder in /dev/shm /run /tmp; do mount -t tmpfs -o mode=1777 tmp "$folder"; done
chmod 755 /run
mkdir -p /run/lock
mount -t cgroup2 -o nsdelegate cgroup /sys/fs/cgroup
ln -sf /proc/self/fd /dev/fd
ln -sf fd/0 /dev/stdin
ln -sf fd/1 /dev/stdout
ln -sf fd/2 /dev/stderr
# No udev: nothing is loaded because a device was found.
for module in virtio_pci virtio_console virtio_net virtio_rng vmgenid kvm_amd kvm_intel dm_snapshot loop tun; do
  modprobe -q "$module"
done
mount -o remount,rw /
[ -e /swapfile ] || { fallocate -l 1G /swapfile && chmod 600 /swapfile && mkswap -q /swapfile; }
swapon /swapfile
hostname roost-lab
ip link set lo up
