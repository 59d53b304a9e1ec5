#!/bin/sh
# in-build-root.sh ROOT NATIVE CACHE CERTIFICATES COMMAND…: runs COMMAND in ROOT's /native, which is NATIVE. Called in a mount
# namespace of its own (unshare --mount): every mount made here is gone when the command has ended.
set -eu
root=$1 native=$2 cache=$3 certificates=$4
shift 4

# A mount point of its own: programs under test change the propagation of `/`, which must be one.
mount --bind "$root" "$root"
mount --bind "$native" "$root/native"
mount --bind "$cache/target" "$root/target"
mount --bind "$cache/cargo-home" "$root/cargo-home"
for folder in proc sys dev; do mount --rbind "/$folder" "$root/$folder"; done
mount -t tmpfs tmpfs "$root/run"
[ ! -e "$certificates" ] || mount --bind "$certificates" "$root/etc/ssl/certs/ca-certificates.crt"
for file in /etc/resolv.conf /etc/hosts; do
  [ ! -e "$file" ] || cat "$file" >"$root$file"
done

exec chroot "$root" /usr/bin/env HOME=/root CARGO_HOME=/cargo-home CARGO_TARGET_DIR=/target \
  SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt CARGO_HTTP_CAINFO=/etc/ssl/certs/ca-certificates.crt \
  sh -c 'cd /native && exec "$@"' in-native "$@"
