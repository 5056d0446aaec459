#!/bin/sh
# Runs a cross-built program in qemu-user and compares what it decides with this machine's build.
#
#   scripts/cross_test.sh RUST_TARGET [PICTURES]      [default: tests/fixtures/derived]
#
#   CROSS_BINARY, HOST_BINARY   the programs [default: release builds, made if missing or old]
#
# Of each picture verdict, reasons and number of faces must be the same. A full run takes two minutes of a core.
set -eu

main() {
    cd "$(dirname -- "$0")/.."
    target=${1:?"usage: scripts/cross_test.sh RUST_TARGET [PICTURES]"}
    pictures=${2:-tests/fixtures/derived}
    . scripts/target.sh
    know_target || stop "no kiosk is known for $target"
    sh scripts/setup.sh --emulate "$target"
    binary=${CROSS_BINARY-}
    if [ -z "$binary" ]; then
        sh scripts/cross.sh "$target"
        binary=${CARGO_TARGET_DIR:-target}/$target/release/kiosk-enroll
    fi
    here=${HOST_BINARY-}
    if [ -z "$here" ]; then
        cargo build --release --locked
        here=${CARGO_TARGET_DIR:-target}/release/kiosk-enroll
    fi
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    trap 'exit 1' HUP INT TERM

    sh scripts/elf.sh "$binary" "$architecture" >/dev/null
    run_program --version
    run_program config check --config config/kiosk-enroll.toml --state-dir "$scratch" >/dev/null ||
        stop "the shipped configuration is refused"
    "$here" assess --json "$pictures" | decisions >"$scratch/here"
    run_program assess --json "$pictures" | decisions >"$scratch/there"
    [ -s "$scratch/here" ] || stop "no picture of $pictures was judged"
    diff "$scratch/here" "$scratch/there" || stop "$target decides otherwise ('<' here, '>' there)"
    say "$target decides $(wc -l <"$scratch/here") pictures as this machine does"
}

# Path, verdict, reasons, faces: what stands before the score in each line.
decisions() { sed 's/,"score".*//'; }

say() { printf 'cross-test: %s\n' "$*"; }

stop() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

main "$@"
