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

chroot "$root" "$checkout/roost" install

# Anyone's programs keep their compiled code there, as at every run inside.
NODE_COMPILE_CACHE=/var/cache/roost-node
export NODE_COMPILE_CACHE
mkdir -p "$root$NODE_COMPILE_CACHE"
chmod 1777 "$root$NODE_COMPILE_CACHE"
chroot "$root" sh -c 'cd "$1" && .roost/cache/node-*/bin/node packages/launcher/src/lab/inside/warm.ts' warm "$checkout"
chroot "$root" "$checkout/roost" config >/dev/null
