#!/bin/sh
# install-inside.sh ROOT CHECKOUT: lets the checkout that is at CHECKOUT in ROOT install itself there. Called in a mount namespace of its
# own (unshare --mount): every mount made here is gone when it has ended.
set -eu
root=$1 checkout=$2

# A mount point of its own: programs inside change the propagation of `/`, which must be one.
mount --bind "$root" "$root"
for folder in proc sys dev; do mount --rbind "/$folder" "$root/$folder"; done
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
for file in /etc/resolv.conf /etc/hosts; do
  [ ! -e "$file" ] || cat "$file" >"$root$file"
done
# A certificate authority that the machine trusts, its installation must, too.
certificates=/etc/ssl/certs/ca-certificates.crt
[ ! -e "$certificates" ] || mount --bind "$certificates" "$root$certificates"

exec chroot "$root" "$checkout/roost" install
