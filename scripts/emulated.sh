#!/bin/sh
# Runs a command in whose processes the programs of another processor run too, in qemu-user.
#
#   scripts/emulated.sh RUST_TARGET COMMAND...
#
# The kernel learns how to start them (binfmt_misc) in a user namespace of its own, so nothing changes for the rest
# of the machine and root is not needed; that takes Linux 6.7. Exit code 77: not possible here.
set -eu

main() {
    target=${1:?"usage: scripts/emulated.sh RUST_TARGET COMMAND..."}
    shift
    if [ "${EMULATED-}" = "$target" ]; then
        register
        # A mark for the next level only.
        unset EMULATED
        exec "$@"
    fi
    script=$(dirname -- "$0")
    # shellcheck source=scripts/target.sh
    . "$script/target.sh"
    know_target || stop "no kiosk is known for $target"
    if [ "$target" = "$host" ]; then
        exec "$@"
    fi
    unshare --user --map-root-user --mount mount -t binfmt_misc none /proc/sys/fs/binfmt_misc 2>/dev/null || {
        printf 'emulated: this kernel gives no binfmt_misc to a user namespace\n' >&2
        exit 77
    }
    QEMU_LD_PREFIX=/usr/$gnu QEMU_CPU=$cpu EMULATED=$target EMULATOR=$emulator
    export QEMU_LD_PREFIX QEMU_CPU EMULATED EMULATOR
    exec unshare --user --map-root-user --mount sh "$0" "$target" "$@"
}

# Debian's own lines for qemu, which come with it.
register() {
    mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
    name=${EMULATOR%-static}
    cat "/usr/lib/binfmt.d/$name.conf" >/proc/sys/fs/binfmt_misc/register
}

stop() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

main "$@"
