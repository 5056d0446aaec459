#!/bin/sh
# Builds a release for a kiosk: with `cross` where it and a container engine work, else with plain cargo and
# Debian's cross toolchain. Either way scripts/elf.sh checks whether the result will start there.
#
#   scripts/cross.sh RUST_TARGET
#
#   FLOOR   a glibc version, 2.31 for bullseye: zig links for that one, whatever this machine has
set -eu

main() {
    target=${1:?"usage: scripts/cross.sh RUST_TARGET"}
    cd "$(dirname -- "$0")/.."
    root=$(pwd)
    . scripts/target.sh
    know_target || stop "no kiosk is known for $target"
    CROSS_CONFIG=${CROSS_CONFIG:-$root/cross.toml}
    export CROSS_CONFIG
    binary=$(cross_binary)

    if [ -n "${FLOOR-}" ]; then
        say "builds for $target and glibc $FLOOR with zig"
        sh scripts/setup.sh --target "$target"
        zig_build
    elif engine=$(working_engine) && usable_cross; then
        say "builds for $target in a container ($engine)"
        CROSS_CONTAINER_ENGINE=$engine cross build --release --locked --target "$target"
    else
        say "builds for $target with plain cargo: $why_not"
        sh scripts/setup.sh --target "$target"
        plain_build
    fi
    glibc=$(sh scripts/elf.sh "$binary" "$architecture")
    say "$binary is ready; it needs glibc $glibc or newer"
}

say() { printf 'cross: %s\n' "$*"; }

stop() {
    printf 'cross: %s\n' "$*" >&2
    exit 1
}

# --- In a container -----------------------------------------------------------------------------------

why_not='no container engine is running'

# A docker command without its daemon is common, so the engine itself is asked.
working_engine() {
    for engine in ${CROSS_CONTAINER_ENGINE:-docker podman}; do
        if "$engine" info >/dev/null 2>&1; then
            echo "$engine"
            return 0
        fi
    done
    return 1
}

# Release 0.2.5 misreads the toolchain list of rustup 1.28 and newer, and then tries to update the toolchain in use;
# builds of its main branch do not. Cargo is asked which one is here, because running it may do the harm already.
usable_cross() {
    if ! command -v cross >/dev/null 2>&1; then
        why_not='cross is not installed'
        return 1
    fi
    installed=$(cargo install --list | sed -n 's/^cross v\(.*\):$/\1/p')
    rustup=$(rustup --version 2>/dev/null | sed -n 's/^rustup 1\.\([0-9]*\)\..*/\1/p')
    case "$installed" in
    0.2.5 | '')
        if [ "${rustup:-99}" -ge 28 ]; then
            why_not='this cross would change the toolchain of rustup; one built from its main branch does not'
            return 1
        fi
        ;;
    esac
}

# --- With plain cargo ---------------------------------------------------------------------------------

add_target() {
    if command -v rustup >/dev/null 2>&1; then
        rustup target add "$target"
    else
        say "no rustup here: the standard library for $target must be installed already"
    fi
}

plain_build() {
    add_target
    linker=CARGO_TARGET_$(printf '%s' "$target" | tr 'a-z-' 'A-Z_')_LINKER
    env "$linker=$gnu-gcc" cargo build --release --locked --target "$target"
}

# --- With zig -----------------------------------------------------------------------------------------

# zig carries every version of glibc to link against; it and its helper for cargo come from PyPI into target/tools.
zig_build() {
    add_target
    tools=$root/target/tools/zig
    if [ ! -x "$tools/bin/cargo-zigbuild" ]; then
        say "installs zig and cargo-zigbuild into $tools"
        python3 -m venv "$tools" || stop "python3 makes no environment: apt-get install python3-venv"
        "$tools/bin/pip" install --quiet ziglang==0.17.1 cargo-zigbuild==0.24.1
    fi
    # A folder of its own, and no linker from outside: cargo-zigbuild would keep it in silence.
    linker=CARGO_TARGET_$(printf '%s' "$target" | tr 'a-z-' 'A-Z_')_LINKER
    env -u "$linker" PATH="$tools/bin:$PATH" CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/floor-$FLOOR" \
        cargo-zigbuild zigbuild --release --locked --target "$target.$FLOOR"
}

main "$@"
