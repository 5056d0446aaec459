#!/bin/sh
# Runs a cross-built program in qemu-user: it must decide as this machine's build does, tell the demo's whole story,
# and pass the fast part of its tests.
#
#   scripts/cross_test.sh RUST_TARGET [PICTURES]      [default: tests/fixtures/derived]
#
#   CROSS_BINARY, HOST_BINARY   the programs [default: release builds, made if missing or old]
#   CROSS_SUITE                 the tests to run, as cargo test wants them; empty: none
#
# Of each picture verdict, reasons and number of faces must be the same.
set -eu

# Everything that is decided, measured, sealed and kept; not what waits for clocks or drives the program by hand.
fast='--lib --test enrollment_session --test measure_fixtures --test measure_ranges --test queue_on_disk'

main() {
    cd "$(dirname -- "$0")/.."
    target=${1:?"usage: scripts/cross_test.sh RUST_TARGET [PICTURES]"}
    pictures=${2:-tests/fixtures/derived}
    suite=${CROSS_SUITE-$fast}
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
    tell_the_demo
    [ -z "$suite" ] || run_the_suite
}

# The demo starts the agent as a process of its own, so the kernel must know what to do with it.
tell_the_demo() {
    if sh scripts/emulated.sh "$target" "$binary" demo >"$scratch/demo" 2>&1; then
        say "$target tells the demo's story: $(tail -n 1 "$scratch/demo")"
    elif [ $? = 77 ]; then
        say "the demo and the tests were SKIPPED: $(tail -n 1 "$scratch/demo")"
        suite=''
    else
        tail -n 20 "$scratch/demo" >&2
        stop "$target does not get to the end of the demo"
    fi
}

# The release profile is that of the program, so nothing but the tests themselves is built anew.
run_the_suite() {
    linker=CARGO_TARGET_$(printf '%s' "$target" | tr 'a-z-' 'A-Z_')_LINKER
    # The words of the list are cargo's arguments.
    # shellcheck disable=SC2086
    env "$linker=$gnu-gcc" sh scripts/emulated.sh "$target" \
        cargo test --release --locked --no-fail-fast --target "$target" $suite >"$scratch/suite" 2>&1 || {
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
