#!/bin/sh
# Sees to everything that `make demo` and `make test` need on Debian and Raspberry Pi OS, and asks nothing.
#
#   scripts/setup.sh                 for this machine
#   scripts/setup.sh --target T      also Debian's cross toolchain for the Rust target T
#   scripts/setup.sh --emulate T     also what runs programs for T on this machine
#   scripts/setup.sh --tools USE     also what USE needs: lintian, debian (in a folder), boot (it), container, lab[-ARCHITECTURE]
#
# With everything in place it changes nothing and says so in one line. Rust itself is never installed or
# updated here: whose toolchain that is, only its owner knows.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
packages=''
reasons=''
scratch=''

main() {
    target='' emulator='' tools=''
    case "${1-}" in
    '') ;;
    --target) target=${2:?"--target needs a Rust target"} ;;
    --emulate) target=${2:?"--emulate needs a Rust target"} emulator=yes ;;
    --tools) tools=${2:?"--tools needs a use"} ;;
    *) stop "unknown argument $1; known: --target RUST_TARGET, --emulate RUST_TARGET, --tools USE" ;;
    esac
    [ "$(uname -s)" = Linux ] || stop "cameras are read through V4L2, so this builds on Linux only"
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    trap 'exit 1' HUP INT TERM

    check_rust
    find_missing "$target"
    if [ -n "$packages" ]; then
        install_missing
        packages='' reasons=''
        find_missing "$target"
        [ -z "$packages" ] || stop "still missing after the installation:$packages"
    fi
    say "ready: Rust $found"
}

say() { printf 'setup: %s\n' "$*"; }

stop() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}

# --- Rust ---------------------------------------------------------------------------------------------

check_rust() {
    wanted=$(sed -n 's/^rust-version *= *"\([0-9.]*\)".*/\1/p' "$root/Cargo.toml")
    [ -n "$wanted" ] || stop "Cargo.toml names no rust-version"
    if ! command -v cargo >/dev/null 2>&1; then
        if [ -x "${CARGO_HOME:-${HOME-}/.cargo}/bin/cargo" ]; then
            stop "cargo is installed but not in PATH: run '. \"\$HOME/.cargo/env\"' and try again"
        fi
        stop "cargo is missing: install Rust $wanted or newer from https://rustup.rs, open a new shell, try again"
    fi
    found=$(cd "$root" && cargo --version 2>/dev/null | sed -n 's/^cargo \([0-9][0-9.]*\).*/\1/p')
    [ -n "$found" ] || stop "cargo does not run: 'rustup default stable' gives it a toolchain"
    if older "$found" "$wanted"; then
        stop "Rust $found is too old, $wanted is needed: run 'rustup update stable' (https://rustup.rs where Rust came from the distribution)"
    fi
}

# Is version $1 older than $2? Compares major and minor, all that a rust-version promises.
older() {
    awk -v a="$1" -v b="$2" 'BEGIN {
        split(a, x, "."); split(b, y, ".")
        exit !(x[1] + 0 < y[1] + 0 || (x[1] + 0 == y[1] + 0 && x[2] + 0 < y[2] + 0))
    }'
}

# --- What is missing ----------------------------------------------------------------------------------

find_missing() {
    if ! command -v "${CC:-cc}" >/dev/null 2>&1; then
        want 'gcc libc6-dev' 'a C compiler: cryptography and the nets bring C and assembly'
    elif ! compiles '#include <stdio.h>'; then
        want 'libc6-dev' 'the C library headers, to compile and link'
    fi
    if ! has_header /usr/include linux/videodev2.h; then
        want 'linux-libc-dev' 'the V4L2 headers of the kernel, for the camera'
    fi
    has_libclang || want 'libclang1' 'libclang: bindgen reads the V4L2 headers with it while building'
    case "$1" in
    '') ;;
    aarch64-unknown-linux-gnu) find_missing_cross aarch64-linux-gnu arm64 qemu-aarch64-static ;;
    armv7-unknown-linux-gnueabihf) find_missing_cross arm-linux-gnueabihf armhf qemu-arm-static ;;
    *) stop "no cross toolchain is known for $1; known: aarch64-unknown-linux-gnu, armv7-unknown-linux-gnueabihf" ;;
    esac
    case "$tools" in
    '') ;;
    lintian) need lintian lintian 'the checks of Debian packages' ;;
    debian) find_missing_debian ;;
    boot)
        find_missing_debian
        need systemd-nspawn systemd-container 'boots a Debian in a folder'
        need pgrep procps 'finds its first process'
        ;;
    container)
        find_missing_debian
        need podman podman 'a container engine without a daemon'
        need runc runc 'the runtime that runs where control groups are mixed'
        ;;
    lab | lab-x86_64 | lab-aarch64)
        machine=${tools#lab}
        find_missing_lab "${machine#-}"
        ;;
    *) stop "no use $tools is known; known: lintian, debian, boot, container, lab, lab-ARCHITECTURE" ;;
    esac
}

find_missing_debian() { need debootstrap debootstrap 'makes a Debian in a folder'; }

# The camera lab's machine, of another architecture if one is named.
find_missing_lab() {
    case "${1:-$(uname -m)}" in
    aarch64) need qemu-system-aarch64 qemu-system-arm 'is the camera lab machine' ;;
    *) need qemu-system-x86_64 qemu-system-x86 'is the camera lab machine' ;;
    esac
    need cpio cpio 'packs its memory disk'
    need xz xz-utils 'unpacks its kernel modules'
    need readelf binutils 'tells which libraries go along'
}

# need COMMAND PACKAGE REASON
need() { command -v "$1" >/dev/null 2>&1 || want "$2" "$3"; }

find_missing_cross() {
    command -v "$1-gcc" >/dev/null 2>&1 || want "gcc-$1" "the C compiler and linker for $1"
    has_header "/usr/$1/include" stdio.h || want "libc6-dev-$2-cross" "the C library for $1"
    if [ -n "$emulator" ] && ! command -v "$3" >/dev/null 2>&1; then
        want 'qemu-user-static' "the emulator: manual page and completions come from the program itself"
    fi
}

want() {
    packages="$packages $1"
    reasons="$reasons
  $1 - $2"
}

compiles() {
    printf '%s\nint main(void) { return 0; }\n' "$1" >"$scratch/probe.c"
    "${CC:-cc}" -o "$scratch/probe" "$scratch/probe.c" >/dev/null 2>&1
}

has_header() { [ -e "$1/$2" ]; }

# Looks where clang-sys, which loads the library for bindgen, looks. It searches nowhere else once LIBCLANG_PATH is set.
has_libclang() {
    if [ -n "${LIBCLANG_PATH-}" ]; then
        [ -f "$LIBCLANG_PATH" ] || libclang_in "$LIBCLANG_PATH" ||
            stop "LIBCLANG_PATH is $LIBCLANG_PATH, where no libclang is: correct or unset it"
        return 0
    fi
    for dir in /usr/local/llvm*/lib* /usr/local/lib*/*/* /usr/local/lib*/* /usr/local/lib* \
        /usr/lib*/*/* /usr/lib*/* /usr/lib*; do
        if libclang_in "$dir"; then return 0; fi
    done
    dir=$("${LLVM_CONFIG_PATH:-llvm-config}" --libdir 2>/dev/null) && libclang_in "$dir"
}

libclang_in() {
    for file in "$1"/libclang.so "$1"/libclang-*.so "$1"/libclang.so.* "$1"/libclang-*.so.*; do
        case "$file" in
        *-cpp.*) ;;
        *) if [ -e "$file" ]; then return 0; fi ;;
        esac
    done
    return 1
}

# --- Installation -------------------------------------------------------------------------------------

install_missing() {
    # The names are split on purpose: each is one argument.
    # shellcheck disable=SC2086
    set -- $packages
    if ! command -v apt-get >/dev/null 2>&1; then
        stop "these are missing and there is no apt here; install what your system calls them:$reasons"
    fi
    if [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; then
        stop "these are missing, and neither root nor sudo without a password is to be had:$reasons
run as root: apt-get install --no-install-recommends $*"
    fi
    say "installs with apt:$reasons"
    if ! apt --simulate install "$@" >/dev/null 2>&1; then
        apt update
    fi
    # Lists that are merely old name files the mirrors no longer have: fresh lists, one more try.
    apt install "$@" || { apt update && apt install "$@"; } ||
        stop "apt could not install: $*"
}

apt() {
    if [ "$(id -u)" = 0 ]; then
        set -- env DEBIAN_FRONTEND=noninteractive apt-get -qq --yes --no-install-recommends "$@"
    else
        set -- sudo -n env DEBIAN_FRONTEND=noninteractive apt-get -qq --yes --no-install-recommends "$@"
    fi
    "$@" </dev/null
}

main "$@"
