#!/bin/sh
# Checks that a built program will start on a kiosk: the right processor, no library that a bare system lacks, a
# C library no newer than the kiosk's. Prints the version of the C library it needs.
#
#   scripts/elf.sh BINARY ARCHITECTURE        ARCHITECTURE is Debian's name: amd64, arm64, armhf
set -eu

# What Raspberry Pi OS and Debian bookworm have, unless the program is for others.
newest_glibc=${FLOOR:-2.36}

# What every Debian has: the C library in its parts, the unwinder of gcc.
bare='libc.so.6 libm.so.6 libpthread.so.0 libdl.so.2 librt.so.1 libgcc_s.so.1 ld-linux-x86-64.so.2 ld-linux-aarch64.so.1 ld-linux-armhf.so.3'

main() {
    binary=${1:?"usage: scripts/elf.sh BINARY ARCHITECTURE"}
    architecture=${2:?"usage: scripts/elf.sh BINARY ARCHITECTURE"}
    # What readelf says is searched for English words.
    export LC_ALL=C
    command -v readelf >/dev/null 2>&1 || stop "readelf is missing: apt-get install binutils"
    [ -f "$binary" ] || stop "$binary is not there"

    check_machine
    check_libraries
    check_glibc
}

check_machine() {
    header=$(readelf --file-header "$binary") || stop "$binary is no ELF file"
    case $architecture in
    amd64) machine='Advanced Micro Devices X86-64' ;;
    arm64) machine='AArch64' ;;
    armhf) machine='ARM' ;;
    *) stop "no kiosk of the architecture $architecture is known; known: amd64, arm64, armhf" ;;
    esac
    printf '%s\n' "$header" | grep -q "Machine: *$machine\$" || stop "$binary is not for $architecture"
    if [ "$architecture" = armhf ]; then
        printf '%s\n' "$header" | grep -q 'hard-float ABI' || stop "$binary passes floats in the soft way"
        readelf --arch-specific "$binary" | grep -q 'Tag_CPU_arch: v7' || stop "$binary is not for ARMv7"
    fi
}

check_libraries() {
    for library in $(readelf --dynamic "$binary" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
        case " $bare " in
        *" $library "*) ;;
        *) stop "$binary needs $library, which a bare kiosk may lack" ;;
        esac
    done
}

check_glibc() {
    asked=$(readelf --wide --version-info "$binary" | sed -n 's/.*Name: GLIBC_\([0-9.]*\) .*/\1/p' |
        sort -V | tail -n 1)
    [ -n "$asked" ] || stop "$binary asks for no GNU C library: that is not the expected result"
    newest=$(printf '%s\n%s\n' "$asked" "$newest_glibc" | sort -V | tail -n 1)
    [ "$newest" = "$newest_glibc" ] ||
        stop "$binary asks for glibc $asked; the kiosks have $newest_glibc"
    printf '%s\n' "$asked"
}

stop() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

main "$@"
