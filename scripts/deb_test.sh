#!/bin/sh
# Installs, upgrades, removes and purges the package in a Debian root of its own. Root only.
#
#   scripts/deb_test.sh PACKAGE.deb
#
# There is no systemd running in it: what the service does is not tested here.
set -eu

state=/var/lib/kiosk-enroll

main() {
    package=${1:?"usage: scripts/deb_test.sh PACKAGE.deb"}
    cd "$(dirname -- "$0")/.."
    [ -f "$package" ] || stop "$package is not there: make deb"
    [ "$(id -u)" = 0 ] || stop "only root can make a system: run it with sudo"
    root=$(pwd)/target/deb-test
    sh scripts/debian_root.sh "$root"
    mount -t proc proc "$root/proc"
    trap 'umount "$root/proc"; rm -rf "$root"' EXIT
    trap 'exit 1' HUP INT TERM
    cp "$package" "$root/package.deb"

    install_package
    inside getent passwd kiosk-enroll >/dev/null || stop "the installation makes no account"
    [ "$(stat -c %a "$root$state")" = 700 ] || stop "$state is not for its owner alone"
    enabled || stop "the service is not enabled"
    inside kiosk-enroll config check >/dev/null || stop "the installed configuration is refused"
    queue_something
    say "installed; an update waits in the queue"

    install_package
    waits || stop "the upgrade lost the update"
    say "upgraded; the update still waits"

    inside dpkg --remove kiosk-enroll >/dev/null 2>&1 || stop "the package cannot be removed"
    [ ! -e "$root/usr/bin/kiosk-enroll" ] || stop "the removal leaves the program"
    [ -d "$root$state/queue" ] || stop "the removal takes the queue"
    install_package
    waits || stop "the update is gone after a removal"
    say "removed and installed again; the update still waits"

    inside dpkg --purge kiosk-enroll >/dev/null 2>&1 || stop "the package cannot be purged"
    left=$(find "$root/etc/kiosk-enroll" "$root$state" "$root/run/kiosk-enroll" 2>/dev/null || true)
    [ -z "$left" ] || stop "the purge leaves $left"
    say "purged; nothing of it is left"
}

inside() { chroot "$root" "$@"; }

install_package() {
    inside dpkg --install /package.deb >"$root/dpkg.log" 2>&1 || {
        cat "$root/dpkg.log" >&2
        stop "the package cannot be installed"
    }
}

enabled() { [ -L "$root/etc/systemd/system/multi-user.target.wants/kiosk-enroll.service" ]; }

queue_something() { inside kiosk-enroll update person_1 --notes package --json >/dev/null; }

waits() { inside kiosk-enroll queue list --json | grep -q '"person_1"'; }

say() { printf 'deb-test: %s\n' "$*"; }

stop() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

main "$@"
