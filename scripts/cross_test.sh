#!/bin/sh
# Runs a cross-built program in qemu-user: it must decide as this machine's build does, and carry an update from the
# camera to the persons API.
#
#   scripts/cross_test.sh RUST_TARGET [PICTURES]      [default: tests/fixtures/derived]
#
#   CROSS_BINARY, HOST_BINARY   the programs [default: release builds, made if missing or old]
#   CROSS_SUITE                 tests to run there too, as cargo test wants them: "--lib" [default: none]
#
# Of each picture verdict, reasons and number of faces must be the same.
set -eu

main() {
    cd "$(dirname -- "$0")/.."
    target=${1:?"usage: scripts/cross_test.sh RUST_TARGET [PICTURES]"}
    pictures=${2:-tests/fixtures/derived}
    suite=${CROSS_SUITE-}
    . scripts/target.sh
    know_target || stop "no kiosk is known for $target"
    sh scripts/setup.sh --emulate "$target"
    binary=${CROSS_BINARY-}
    if [ -z "$binary" ]; then
        sh scripts/cross.sh "$target"
        binary=$(cross_binary)
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
    carry_an_update
    [ -z "$suite" ] || run_the_suite
}

# The whole way of an update: the clip of the demo, shots, the sealed queue, the persons API. Without an agent the clip
# is judged frame by frame, however slow the emulator is; the demo itself would be a race against its clock.
carry_an_update() {
    become_program stand-in --listen 127.0.0.1:0 --json >"$scratch/stand-in" &
    stand_in=$!
    trap 'kill "$stand_in" 2>/dev/null; rm -rf "$scratch"' EXIT
    until api=$(sed -n 's/.*"base_url": *"\([^"]*\)".*/\1/p' "$scratch/stand-in") && [ -n "$api" ]; do
        kill -s 0 "$stand_in" || stop "$target runs no stand-in"
        sleep 0.2
    done
    echo emulated >"$scratch/token"
    on_the_kiosk enroll person_1 >"$scratch/enrolled" || stop "$target enrolls nobody"
    on_the_kiosk flush --timeout 10m >"$scratch/flushed" || stop "$target delivers nothing"
    [ "$(on_the_kiosk queue list)" = '[]' ] || stop "the update of $target is still in the queue"
    shots=$(sed -n 's/.*"images": *\([0-9]*\).*/\1/p' "$scratch/enrolled")
    say "$target enrolls a person from the demo's clip and delivers ${shots:-no} shots"
}

on_the_kiosk() {
    : >"$scratch/empty.toml"
    run_program "$@" --json --config "$scratch/empty.toml" --state-dir "$scratch" \
        --set 'camera.source=frames:assets/walkup?fps=10&once' --set "verifik.base_url=$api"
}

# The release profile is that of the program, so nothing but the tests themselves is built anew.
run_the_suite() {
    linker=CARGO_TARGET_$(printf '%s' "$target" | tr 'a-z-' 'A-Z_')_LINKER
    # The words of the list are cargo's arguments.
    # shellcheck disable=SC2086
    env "$linker=$gnu-gcc" sh scripts/emulated.sh "$target" \
        cargo test --release --locked --no-fail-fast --target "$target" $suite >"$scratch/suite" 2>&1 || {
        [ $? != 77 ] || stop "the tests cannot run: $(tail -n 1 "$scratch/suite")"
        grep -E '^(test .* FAILED|---- |thread|error)' "$scratch/suite" >&2 || tail -n 30 "$scratch/suite" >&2
        stop "$target does not pass its tests"
    }
    passed=$(sed -n 's/^test result: ok. \([0-9]*\) passed.*/\1/p' "$scratch/suite" | awk '{ n += $1 } END { print n + 0 }')
    [ "$passed" -gt 0 ] || stop "no test of $target ran"
    say "$target passes $passed tests"
}

# Path, verdict, reasons, faces: what stands before the score in each line.
decisions() { sed 's/,"score".*//'; }

say() { printf 'cross-test: %s\n' "$*"; }

stop() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

main "$@"
