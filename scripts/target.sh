# Sourced by other scripts: what goes with the Rust target in $target.
# shellcheck shell=sh disable=SC2034,SC2154

# Sets architecture (Debian's name), gnu (Debian's prefix of cross tools and libraries), and emulator and cpu (what
# runs its programs elsewhere, as the weakest kiosk of its kind). Returns 1 for a target without kiosks.
know_target() {
    case $target in
    x86_64-unknown-linux-gnu) architecture=amd64 gnu=x86_64-linux-gnu emulator=qemu-x86_64-static cpu=max ;;
    # Raspberry Pi 3.
    aarch64-unknown-linux-gnu) architecture=arm64 gnu=aarch64-linux-gnu emulator=qemu-aarch64-static cpu=cortex-a53 ;;
    # Raspberry Pi 2.
    armv7-unknown-linux-gnueabihf) architecture=armhf gnu=arm-linux-gnueabihf emulator=qemu-arm-static cpu=cortex-a7 ;;
    *) return 1 ;;
    esac
    host=$(rustc -vV | sed -n 's/^host: //p')
}

# Runs $binary, wherever it is for.
run_program() { (become_program "$@"); }

# The same in this very process, so that what is started with & can be ended by its number.
become_program() {
    if [ "$target" = "$host" ]; then
        exec "$binary" "$@"
    else
        exec "$emulator" -cpu "$cpu" -L "/usr/$gnu" "$binary" "$@"
    fi
}

# Where scripts/cross.sh leaves the program for $target.
cross_binary() { echo "${CARGO_TARGET_DIR:-target}/${FLOOR:+floor-$FLOOR/}$target/release/kiosk-enroll"; }
