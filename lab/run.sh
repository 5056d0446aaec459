#!/bin/sh
# Boots Debian's kernel in an emulated machine and lets the real kiosk-enroll go through the lab's scenarios
# with a USB camera in user space. Needs no hardware, no root and no KVM.
#
#   lab/run.sh [--quick] [PART OF A SCENARIO'S NAME]...
#
#   --quick      only those scenarios that continuous integration has time for
#   ARCH         x86_64 or aarch64 [default: this machine's]
#   LAB_BINARY   the program under test [default: a release build, for another architecture a cross build]
#   LAB_KERNEL   a linux-image package [default: Debian's own, downloaded once]
#   SOAK         how long to soak after the scenarios, like 600, 10m or 2h [default: not at all]
#   LAB_LIMIT    seconds after which the machine is switched off [default: 2700, and three times the soak]
#   LAB_SILENCE  seconds without a sign of life after which it is switched off [default: 300]
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
modules='usb-common usbcore usbip-core vhci-hcd mc videodev videobuf2-common videobuf2-memops
    videobuf2-v4l2 videobuf2-vmalloc uvc uvcvideo'
# The scenario that needs these loads them itself.
later='rc-core v4l2-dv-timings v4l2-tpg cec videobuf2-dma-contig vivid'

. "$root/lab/machine.sh"

main() {
    began=$(date +%s)
    know_machine "${ARCH:-$(uname -m)}"
    work=$target/camera-lab/$arch
    mkdir -p "$work"
    soak=$(seconds "${SOAK-0}")
    if [ "$arch" = "$(uname -m)" ]; then
        sh "$root/scripts/setup.sh" --tools lab
    else
        sh "$root/scripts/setup.sh" --tools "lab-$arch"
        sh "$root/scripts/setup.sh" --target "$triple"
    fi
    build
    fetch_debian
    fill_disk "$@"
    say "ready to boot $(basename "$kernel") ($(took)); what the machine says lies in $work/console.log"
    boot
    say "everything took $(took)"
}

took() { echo "$(($(date +%s) - began)) s"; }

build() {
    binary=${LAB_BINARY-}
    if [ "$arch" = "$(uname -m)" ]; then
        [ -n "$binary" ] || cargo build --release --locked --manifest-path "$root/Cargo.toml"
        CARGO_TARGET_DIR=$target/camera-lab/cargo cargo build --locked --manifest-path "$root/lab/Cargo.toml"
        binary=${binary:-$target/release/kiosk-enroll}
        lab=$target/camera-lab/cargo/debug/camera-lab
        maker=$lab
    else
        [ -n "$binary" ] || sh "$root/scripts/cross.sh" "$triple"
        binary=${binary:-$target/$triple/release/kiosk-enroll}
        # The pictures are made here, by a build for here.
        CARGO_TARGET_DIR=$target/camera-lab/cargo cargo build --locked --manifest-path "$root/lab/Cargo.toml"
        maker=$target/camera-lab/cargo/debug/camera-lab
        if command -v rustup >/dev/null; then rustup target add "$triple"; fi
        linker=CARGO_TARGET_$(printf '%s' "$triple" | tr 'a-z-' 'A-Z_')_LINKER
        env "$linker=$gnu-gcc" CARGO_TARGET_DIR="$target/camera-lab/cargo" \
            cargo build --locked --target "$triple" --manifest-path "$root/lab/Cargo.toml"
        lab=$target/camera-lab/cargo/$triple/debug/camera-lab
    fi
}

fill_disk() {
    disk=$work/disk
    rm -rf "$disk"
    mkdir -p "$disk/bin" "$disk/usr/bin" "$disk/proc" "$disk/sys" "$disk/dev" "$disk/tmp" "$disk/modules/later"
    cp "$busybox" "$disk/bin/busybox"
    cp "$root/lab/init" "$disk/init"
    cp "$lab" "$disk/usr/bin/camera-lab"
    # Where the machine has strip, the memory disk is spared the debugging symbols.
    "${gnu}-strip" -o "$disk/usr/bin/kiosk-enroll" "$binary" 2>/dev/null || cp "$binary" "$disk/usr/bin/kiosk-enroll"
    chmod 755 "$disk/init" "$disk/usr/bin/"*
    for program in "$lab" "$binary"; do
        copy_libraries "$program" "$disk"
    done
    for module in $modules; do
        # A kernel before 6.3 has no uvc.ko.
        if copy_module "$module" "$disk/modules"; then
            echo "$module.ko" >>"$disk/modules/order"
        fi
    done
    for module in $later; do
        copy_module "$module" "$disk/modules/later" || true
    done
    [ "$soak" = 0 ] || echo "$soak" >"$disk/soak"
    printf '%s\n' "$@" >"$disk/wanted"
    "$maker" pictures "$root" "$disk/pictures"
    (cd "$disk" && find . | cpio --quiet -o -H newc) >"$work/disk.cpio"
}

# Copies a module of the kernel into a folder; fails where the kernel has none.
copy_module() {
    file=$(find "$work/kernel" -name "$1.ko*" | head -n 1)
    case $file in
    '') return 1 ;;
    *.xz) xz -dc "$file" >"$2/$1.ko" ;;
    *) cp "$file" "$2/$1.ko" ;;
    esac
}

# A length of time in seconds: 600, 600s, 10m or 2h.
seconds() {
    number=${1%[smh]}
    case $number in
    '' | *[!0-9]*) stop "SOAK is \"$1\"; allowed are lengths like 600, 10m or 2h" ;;
    esac
    case $1 in
    *m) echo $((number * 60)) ;;
    *h) echo $((number * 3600)) ;;
    *) echo "$number" ;;
    esac
}

# --- The machine's run --------------------------------------------------------------------------------

boot() {
    console=$work/console.log
    : >"$console"
    start_machine "$work/disk.cpio" </dev/null >"$console" 2>&1 &
    machine=$!
    trap 'kill "$machine" 2>/dev/null || true' EXIT
    trap 'exit 1' HUP INT TERM
    watch
    trap - EXIT
    if grep -q '^LAB END [1-9][0-9]* passed, 0 failed' "$console"; then return; fi
    if grep -q '^LAB END' "$console"; then stop "not every scenario passed; see $console"; fi
    end_early "the machine ended before its scenarios did"
}

# Shows results as they come, and switches off a machine that says nothing for too long or takes too long.
watch() {
    limit=${LAB_LIMIT:-$((2700 + 3 * soak))} silence=${LAB_SILENCE:-300}
    booted=$(date +%s) heard=$booted length=0 shown=0
    while kill -0 "$machine" 2>/dev/null; do
        sleep 1
        now=$(date +%s)
        show_new_lines
        grown=$(wc -c <"$console")
        if [ "$grown" != "$length" ]; then length=$grown heard=$now; fi
        [ $((now - heard)) -lt "$silence" ] || end_early "the machine has shown no sign of life for $silence s"
        [ $((now - booted)) -lt "$limit" ] || out_of_time
    done
    wait "$machine" || true
    show_new_lines
}

# Every result with the time since the machine was switched on.
show_new_lines() {
    lines=$(grep -c '^LAB ' "$console" || true)
    [ "$lines" -gt "$shown" ] || return 0
    grep '^LAB ' "$console" | sed -n "$((shown + 1)),${lines}p" | tr -d '\r' | while read -r line; do
        printf '%5d s  %s\n' "$(($(date +%s) - booted))" "$line"
    done
    shown=$lines
}

# Nothing failed, but the host is too slow for the rest: 75, as for whatever is worth another try.
out_of_time() {
    words="the scenarios are not through after $limit s"
    if grep -q '^LAB FAILED' "$console" || ! grep -q '^LAB ok' "$console"; then end_early "$words"; fi
    printf 'error: %s; those that ran have passed\n' "$words" >&2
    exit 75
}

end_early() {
    printf 'The last lines of %s:\n' "$console" >&2
    grep -v '^TICK' "$console" | tail -n 30 >&2
    stop "$1"
}

say() { printf 'camera-lab: %s\n' "$*"; }

stop() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# Should this file change while it runs, nothing of the new one is read.
main "$@"; exit
