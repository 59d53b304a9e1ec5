#!/bin/busybox sh
# The first process of a lab's host: only what its disk needs, then the disk's own init.
/bin/busybox mount -t devtmpfs dev /dev
for module in /modules/*.ko; do /bin/busybox insmod "$module"; done
/bin/busybox mount -t ext4 -o ro /dev/vda /new
/bin/busybox mount -o move /dev /new/dev
exec /bin/busybox switch_root /new /lab/init
