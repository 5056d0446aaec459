#!/bin/sh
# Installs the package in a Debian with a systemd of its own, boots it, and provokes what a kiosk lives through.
#
#   scripts/boot_test.sh PACKAGE.deb
#
# Needs root, and a kernel that lets it make namespaces and control groups; says why where that is not so, and ends
# well. Nothing leaves the booted system: it has a loopback network only, with the stand-in in the API's place.
set -eu

unit=kiosk-enroll.service
drop_in=/etc/systemd/system/$unit.d
conf_d=/etc/kiosk-enroll/conf.d

main() {
    package=${1:?"usage: scripts/boot_test.sh PACKAGE.deb"}
    cd "$(dirname -- "$0")/.."
    [ -f "$package" ] || stop "$package is not there: make deb"
    if [ "${BOOT_TEST-}" != inside ]; then
        can_boot
        sh scripts/setup.sh --tools boot
        BOOT_TEST=inside exec unshare --mount --propagation private sh scripts/boot_test.sh "$package"
    fi
    mount -t tmpfs tmpfs /run
    . scripts/booted.sh
    root=${CARGO_TARGET_DIR:-$(pwd)/target}/boot-test
    sh scripts/debian_root.sh "$root"
    cp "$package" "$root/kiosk.deb"
    trap 'power_off; rm -rf "$root"' EXIT
    trap 'exit 1' HUP INT TERM
    boot || stop "the Debian does not boot; its last words are above"

    installation
    readiness
    delivery
    reload
    credentials
    encrypted_credentials
    stop_with_an_update_in_flight
    frozen_loop
    wrong_configuration
    upgrade
    say "everything passed"
}

can_boot() {
    [ "$(id -u)" = 0 ] || skip "only root can boot a system"
    [ -d /run/systemd/system ] || [ -w /sys/fs/cgroup ] || skip "the control groups of this machine are read-only"
    unshare --mount --propagation private mount -t tmpfs tmpfs /run 2>/dev/null ||
        skip "this machine lets root make no mounts"
}

# --- What is provoked ---------------------------------------------------------------------------------

installation() {
    inside dpkg --install /kiosk.deb >"$root/dpkg.log" 2>&1 || { cat "$root/dpkg.log" >&2; stop "no installation"; }
    [ "$(property UnitFileState)" = enabled ] || stop "the service is not enabled"
    [ "$(property ActiveState)" = inactive ] || stop "the service was started without a token"
    say "installed: enabled, and not started without a token"
}

readiness() {
    inside install -d /etc/kiosk-enroll/conf.d "$drop_in"
    write "$conf_d/50-test.toml" <<END
[verifik]
base_url = "http://127.0.0.1:8481"
[delivery]
spread = "0s"
backoff_max = "1s"
END
    write /root/token <<END
boot-test-token
END
    inside kiosk-enroll token set /root/token >/dev/null
    start
    [ "$(property ActiveState)" = active ] || stop "the agent is not active after its start"
    wait_for 60 says 'camera absent' || stop "without a camera the state reads: $(property StatusText)"
    began=$(property ExecMainStartTimestampMonotonic)
    ready=$(property ActiveEnterTimestampMonotonic)
    say "READY $(((ready - began) / 1000)) ms after its start, without camera and network: $(property StatusText)"
}

delivery() {
    kiosk update person_1 --notes waiting
    wait_for 60 says '1 waiting.*offline' || stop "without a network the state reads: $(property StatusText)"
    stand_in
    wait_for 60 nothing_waits || stop "the update is not delivered"
    say "an update waited offline, and was delivered when the API came"
}

reload() {
    pid=$(property MainPID)
    write "$conf_d/60-paused.toml" <<END
[delivery]
paused = true
END
    inside systemctl reload "$unit"
    wait_for 60 says 'delivery paused' || stop "after the reload the state reads: $(property StatusText)"
    write "$conf_d/60-paused.toml" <<END
[delivery]
pausd = false
END
    inside systemctl reload "$unit" || true
    wait_for 60 logged 'unknown key' || stop "a reload of a broken configuration says nothing"
    says 'delivery paused' || stop "a reload of a broken configuration changed something"
    inside rm "$conf_d/60-paused.toml"
    inside systemctl reload "$unit"
    wait_for 60 says 'delivery idle' || stop "after the last reload the state reads: $(property StatusText)"
    [ "$(property MainPID)" = "$pid" ] || stop "a reload ends the agent"
    say "reloaded by SIGHUP: paused and let go again, a broken file refused, the same process all along"
}

credentials() {
    inside systemctl stop "$unit"
    inside rm /var/lib/kiosk-enroll/token
    inside install -m 600 /root/token /etc/kiosk-enroll/credentials/token
    inside sh -c 'umask 077; head -c 32 /dev/urandom >/etc/kiosk-enroll/credentials/device-key'
    # The queue is empty, so its key may change.
    inside sh -c 'rm -rf /var/lib/kiosk-enroll/queue /var/lib/kiosk-enroll/device.key*'
    write "$drop_in/credentials.conf" <<END
[Service]
LoadCredential=token:/etc/kiosk-enroll/credentials/token
LoadCredential=device-key:/etc/kiosk-enroll/credentials/device-key
END
    inside systemctl daemon-reload
    start
    delivered person_2 || stop "with credentials nothing is delivered"
    left=$(inside find /var/lib/kiosk-enroll -name 'token' -o -name 'device.key*')
    [ -z "$left" ] || stop "with credentials $left is in the state directory"
    say "token and device key came as credentials; neither lies in the state directory"
}

encrypted_credentials() {
    inside systemctl stop "$unit"
    inside systemd-creds setup >/dev/null 2>&1 || stop "systemd-creds makes no host key"
    for name in token device-key; do
        inside systemd-creds encrypt --with-key=host --name=$name /etc/kiosk-enroll/credentials/$name \
            /etc/kiosk-enroll/credentials/$name.cred 2>/dev/null
        inside rm /etc/kiosk-enroll/credentials/$name
    done
    write "$drop_in/credentials.conf" <<END
[Service]
LoadCredentialEncrypted=token:/etc/kiosk-enroll/credentials/token.cred
LoadCredentialEncrypted=device-key:/etc/kiosk-enroll/credentials/device-key.cred
END
    inside systemctl daemon-reload
    start
    delivered person_3 || stop "with encrypted credentials nothing is delivered"
    say "the same with credentials encrypted by the host's key; no plain copy is left"
}

stop_with_an_update_in_flight() {
    stand_in --fault slow --slowness 4s
    kiosk update person_4 --notes slow
    wait_for 60 in_flight || stop "no update is in flight"
    stopping
    logged 'update delivered' || stop "an update that could finish did not"
    say "stopped within $took s while the API answered late: the update was finished"
    if inside kiosk-enroll queue list >/dev/null 2>&1; then
        stop "a command opens the queue with a key of its own"
    fi

    stand_in --fault slow --slowness 10m
    start
    kiosk update person_5 --notes never
    wait_for 60 in_flight || stop "no update is in flight"
    stopping
    start
    [ "$(waiting)" = 1 ] || stop "the update in flight is lost"
    stand_in
    wait_for 60 nothing_waits || stop "the update is not repeated"
    say "stopped within $took s while the API did not answer: the update stayed, and was repeated after the start"
}

# Stops the service and sets took to whole seconds, rounded up.
stopping() {
    before=$(date +%s%3N)
    inside systemctl stop "$unit"
    took=$((($(date +%s%3N) - before + 999) / 1000))
    [ "$(property Result)" = success ] || stop "the stop ended as $(property Result)"
}

frozen_loop() {
    write "$drop_in/watchdog.conf" <<END
[Service]
WatchdogSec=2
RestartSec=1
END
    inside systemctl daemon-reload
    inside systemctl restart "$unit"
    pid=$(property MainPID)
    restarts=$(property NRestarts)
    freeze "$pid" booth
    wait_for 120 restarted || stop "a frozen loop is not noticed, or the agent not started again"
    inside journalctl --no-pager --output=cat --unit="$unit" >"$root/journal.log"
    grep -q 'Watchdog timeout' "$root/journal.log" || stop "the agent ended, but not by the watchdog"
    # Without a camera the loop that looks for one is as alive as with one.
    grep -Eq 'silent="?booth"?$' "$root/journal.log" || stop "another loop than the frozen one was found silent"
    inside systemctl stop freezer 2>/dev/null || true
    inside kiosk-enroll status >/dev/null || stop "the new agent does not answer"
    inside rm "$drop_in/watchdog.conf"
    inside systemctl daemon-reload
    say "one of its loops was frozen: the watchdog ended the agent, and a new one runs"
}

restarted() { [ "$(property NRestarts)" -gt "$restarts" ] && [ "$(property ActiveState)" = active ]; }

# freeze PID THREAD: stops one thread of a process as a debugger does, until it is killed.
freeze() {
    thread=$(inside sh -c "grep -lx '$2' /proc/$1/task/*/comm" | cut -d / -f 5)
    [ -n "$thread" ] || stop "the agent has no thread $2"
    case $(uname -m) in
    x86_64) ptrace=101 ;;
    aarch64) ptrace=117 ;;
    *) ptrace=26 ;;
    esac
    # PTRACE_SEIZE and PTRACE_INTERRUPT; then __WALL, for a thread ends only when its tracer has taken note.
    inside systemd-run --quiet --collect --unit=freezer perl -e "
        syscall($ptrace, 0x4206, $thread, 0, 0) == 0 && syscall($ptrace, 0x4207, $thread, 0, 0) == 0 or die;
        1 while waitpid(-1, 0x40000000) > 0"
}

wrong_configuration() {
    write "$conf_d/60-wrong.toml" <<END
[camera]
widht = 1280
END
    inside systemctl restart "$unit" 2>/dev/null || true
    wait_for 60 has_failed || stop "a wrong configuration leaves the service $(property ActiveState)"
    [ "$(property ExecMainStatus)" = 78 ] || stop "a wrong configuration ends with $(property ExecMainStatus)"
    [ "$(property NRestarts)" = 0 ] || stop "systemd restarts a wrong configuration"
    inside rm "$conf_d/60-wrong.toml"
    start
    say "a wrong configuration: status 78, not started again until it is put right"
}

has_failed() { [ "$(property ActiveState)" = failed ]; }

upgrade() {
    stand_in --fault slow --slowness 10m
    kiosk update person_6 --notes upgraded
    pid=$(property MainPID)
    inside dpkg --install /kiosk.deb >"$root/dpkg.log" 2>&1 || { cat "$root/dpkg.log" >&2; stop "no upgrade"; }
    [ "$(property ActiveState)" = active ] || stop "after an upgrade the agent is $(property ActiveState)"
    [ "$(property MainPID)" != "$pid" ] || stop "after an upgrade the old agent runs"
    [ "$(waiting)" = 1 ] || stop "the upgrade lost the update"
    stand_in
    wait_for 60 nothing_waits || stop "the update is not delivered after the upgrade"
    inside dpkg --purge kiosk-enroll >"$root/dpkg.log" 2>&1 || { cat "$root/dpkg.log" >&2; stop "no purge"; }
    [ "$(property ActiveState)" = inactive ] || stop "the purge leaves the agent running"
    [ ! -e "$root/var/lib/kiosk-enroll" ] || stop "the purge leaves the state directory"
    say "upgraded while it ran: the new one took over and the queue was kept; then purged"
}

# --- Words --------------------------------------------------------------------------------------------

start() { inside systemctl start "$unit" || { inside journalctl --no-pager -n 30 -u "$unit" >&2; stop "no start"; }; }

property() { inside systemctl show --property="$1" --value "$unit"; }

says() { property StatusText | grep -q "$1"; }

# logged WORDS: by the agent since its last start, or by systemd about it.
logged() {
    run=$(property InvocationID)
    inside journalctl --no-pager --output=cat "_SYSTEMD_INVOCATION_ID=$run" + "INVOCATION_ID=$run" | grep -q "$1"
}

kiosk() { inside kiosk-enroll "$@" >/dev/null; }

# Asks the running agent, which alone has the key when that is a credential.
waiting() { inside kiosk-enroll queue list --json | grep -c '"person_id"' || true; }

nothing_waits() { [ "$(waiting)" = 0 ]; }

in_flight() { inside kiosk-enroll queue list --json | grep -q '"in_flight"'; }

delivered() { kiosk update "$1" --notes "$1" && wait_for 60 nothing_waits; }

# Starts the persons API anew, with the faults that the arguments ask for. It takes no token but the agent's.
stand_in() {
    inside systemctl stop stand-in 2>/dev/null || true
    inside systemd-run --quiet --collect --unit=stand-in kiosk-enroll stand-in --token-file /root/token "$@"
}

# write FILE: standard input into a file of the booted system.
write() { cat >"$root$1"; }

say() { printf 'boot-test: %s\n' "$*"; }

skip() {
    say "SKIPPED: $*"
    exit 0
}

stop() {
    printf 'error: %s\n' "$*" >&2
    if [ -n "${leader-}" ]; then
        inside journalctl --no-pager -n 15 -u "$unit" >&2 || true
    fi
    exit 1
}

main "$@"
