# Sourced by other scripts: a Debian that runs with a systemd of its own.
# shellcheck shell=sh disable=SC2034,SC2154

# Boots the system in $root and waits until its systemd is up. It sees no network and no device of this machine.
# To be called where /run is a file system of its own: systemd-nspawn would spread its mounts over the host's.
boot() {
    console=$root.console
    SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn --quiet --register=no --keep-unit --private-network \
        --machine=kiosk --directory="$root" --console=pipe --boot </dev/null >"$console" 2>&1 &
    nspawn=$!
    if ! wait_for 60 find_leader || ! wait_for 120 is_up; then
        tail -n 20 "$console" >&2
        return 1
    fi
}

find_leader() {
    leader=$(pgrep -P "$nspawn" | head -n 1)
    [ -n "$leader" ]
}

# A unit of Debian's own may fail in a container; that is no concern here.
is_up() {
    case $(inside systemctl is-system-running 2>/dev/null) in
    running | degraded) ;;
    *) return 1 ;;
    esac
}

# Runs a command in the booted system.
inside() { nsenter --target "$leader" --all "$@"; }

power_off() {
    if [ -n "${leader-}" ]; then
        kill -s RTMIN+4 "$leader" 2>/dev/null || true
    fi
    if [ -n "${nspawn-}" ]; then
        wait_for 60 is_down || kill -s KILL "$nspawn"
        wait "$nspawn" || true
    fi
    leader='' nspawn=''
}

is_down() { ! kill -s 0 "${leader:-$nspawn}" 2>/dev/null; }

# wait_for SECONDS COMMAND...: asks until it succeeds. The limit only keeps a broken test from hanging.
wait_for() {
    tries=$(($1 * 5))
    shift
    while ! "$@"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.2
    done
}
