#!/bin/sh
# Makes a small Debian with systemd in a folder, for tests that need one. Root only.
#
#   scripts/debian_root.sh FOLDER [--from CACHE]
#
# debootstrap downloads about 120 MB and takes a minute; the result is kept in CACHE [default:
# target/debian-root] and copied from there the next time. FOLDER is replaced.
set -eu

# What most kiosks run: Raspberry Pi OS bookworm is made of it.
suite=bookworm
with=systemd,systemd-sysv,dbus,udev,procps

main() {
    folder=${1:?"usage: scripts/debian_root.sh FOLDER [--from CACHE]"}
    cd "$(dirname -- "$0")/.."
    cache=$(pwd)/target/debian-root
    [ "${2-}" != --from ] || cache=${3:?"--from needs a folder"}
    [ "$(id -u)" = 0 ] || stop "only root can make a system: run it with sudo"

    if [ ! -e "$cache/.complete" ]; then
        sh scripts/setup.sh --tools debian
        say "makes a Debian $suite in $cache; the next time it is only copied"
        rm -rf "$cache"
        mkdir -p "$cache"
        # Without a mirror debootstrap takes its own.
        site=$(mirror)
        debootstrap --variant=minbase --include="$with" "$suite" "$cache" ${site:+"$site"} >"$cache.log" 2>&1 ||
            stop "debootstrap failed; $cache.log says why"
        rm -rf "$cache"/var/cache/apt/archives/*.deb
        touch "$cache/.complete"
    fi
    rm -rf "$folder"
    mkdir -p "$(dirname "$folder")"
    cp -a --reflink=auto "$cache" "$folder"
    rm -f "$folder/.complete"
}

# The mirror that this machine's apt uses for Debian, if it tells.
mirror() {
    # $(SITE) is apt's own placeholder.
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(SITE) $(LABEL)' 2>/dev/null | sed -n 's/ Debian$//p' | head -n 1
}

say() { printf 'debian-root: %s\n' "$*"; }

stop() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

main "$@"
