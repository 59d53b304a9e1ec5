#!/bin/sh
# customize.sh ROOT: what makes a fresh Debian folder the template "minimal".
set -eu
root=$1

# The user whom commands run as; may become root without a password: the walls are the microVM's.
chroot "$root" useradd --create-home --uid 1000 --user-group --shell /bin/bash --comment '' user
printf 'user ALL=(ALL:ALL) NOPASSWD: ALL\n' >"$root/etc/sudoers.d/user"
chmod 0440 "$root/etc/sudoers.d/user"

printf 'LANG=C.UTF-8\n' >"$root/etc/default/locale"
printf 'roost\n' >"$root/etc/hostname"
printf '127.0.0.1 localhost\n::1 localhost\n' >"$root/etc/hosts"

# envd writes these at every start; each sandbox has its own machine-id.
: >"$root/etc/machine-id"
rm -f "$root/etc/resolv.conf" "$root/var/lib/dbus/machine-id"
: >"$root/etc/resolv.conf"

# The sandbox's own apt: Debian's usual sources, whatever host the image was made on.
rm -f "$root"/etc/apt/sources.list.d/* "$root"/etc/apt/apt.conf.d/99mmdebstrap
cat >"$root/etc/apt/sources.list" <<'SOURCES'
deb http://deb.debian.org/debian trixie main
deb http://deb.debian.org/debian trixie-updates main
deb http://deb.debian.org/debian-security trixie-security main
SOURCES

# Packages that are added later leave their documentation out, too.
cat >"$root/etc/dpkg/dpkg.cfg.d/no-documentation" <<'DPKG'
path-exclude=/usr/share/doc/*
path-include=/usr/share/doc/*/copyright
path-exclude=/usr/share/man/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/locale/*
path-include=/usr/share/locale/locale.alias
DPKG
rm -f "$root"/etc/dpkg/dpkg.cfg.d/99mmdebstrap
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/log/*.log "$root"/var/log/apt "$root"/tmp/*
mkdir -p "$root/var/lib/apt/lists/partial" "$root/var/cache/apt/archives/partial"
