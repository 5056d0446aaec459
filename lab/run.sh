#!/bin/sh
# Boots Debian's kernel in an emulated machine and lets the real kiosk-enroll go through the lab's scenarios
# with a USB camera in user space. Needs no hardware, no root and no KVM.
#
#   lab/run.sh [PART OF A SCENARIO'S NAME]...
#
#   LAB_BINARY   the program under test [default: a release build]
#   LAB_KERNEL   a linux-image package [default: Debian's own, downloaded once]
#   SOAK         how long to soak after the scenarios, like 600, 10m or 2h [default: not at all]
#   LAB_LIMIT    seconds after which the machine is switched off [default: 1800, and twice the soak]
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
work=$target/camera-lab
modules='usb-common usbcore usbip-core vhci-hcd mc videodev videobuf2-common videobuf2-memops
    videobuf2-v4l2 videobuf2-vmalloc uvc uvcvideo'
# The scenario that needs these loads them itself.
later='rc-core v4l2-dv-timings v4l2-tpg cec videobuf2-dma-contig vivid'

main() {
    for tool in qemu-system-x86_64 busybox cpio dpkg-deb; do
        command -v "$tool" >/dev/null ||
            stop "$tool is missing: apt install qemu-system-x86 busybox-static cpio dpkg"
    done
    [ "$(uname -m)" = x86_64 ] || stop "the lab's machine is an x86-64 one; run it on such a host"
    mkdir -p "$work"
    soak=$(seconds "${SOAK-0}")
    build
    unpack_kernel
    fill_disk "$@"
    boot
}

build() {
    binary=${LAB_BINARY-}
    if [ -z "$binary" ]; then
        cargo build --release --locked --manifest-path "$root/Cargo.toml"
        binary=$target/release/kiosk-enroll
    fi
    CARGO_TARGET_DIR=$work/cargo cargo build --locked --manifest-path "$root/lab/Cargo.toml"
    lab=$work/cargo/debug/camera-lab
}

# The package is only unpacked: nothing on this machine changes.
unpack_kernel() {
    package=${LAB_KERNEL-}
    if [ -z "$package" ]; then
        package=$(find "$work" -maxdepth 1 -name 'linux-image-*.deb' | sort | tail -n 1)
    fi
    if [ -z "$package" ]; then
        name=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
        [ -n "$name" ] || stop "no kernel package is known: apt-get update, or set LAB_KERNEL"
        (cd "$work" && apt-get download "$name")
        package=$(find "$work" -maxdepth 1 -name 'linux-image-*.deb' | sort | tail -n 1)
    fi
    if [ ! -e "$work/kernel/.$(basename "$package")" ]; then
        rm -rf "$work/kernel"
        dpkg-deb -x "$package" "$work/kernel"
        touch "$work/kernel/.$(basename "$package")"
    fi
    kernel=$(find "$work/kernel/boot" -name 'vmlinuz-*')
}

fill_disk() {
    disk=$work/disk
    rm -rf "$disk"
    mkdir -p "$disk/bin" "$disk/usr/bin" "$disk/proc" "$disk/sys" "$disk/dev" "$disk/tmp" "$disk/modules"
    cp "$(command -v busybox)" "$disk/bin/busybox"
    cp "$root/lab/init" "$disk/init"
    cp "$lab" "$disk/usr/bin/camera-lab"
    # Where the machine has strip, the memory disk is spared the debugging symbols.
    strip -o "$disk/usr/bin/kiosk-enroll" "$binary" 2>/dev/null || cp "$binary" "$disk/usr/bin/kiosk-enroll"
    chmod 755 "$disk/init" "$disk/usr/bin/"*
    for program in "$lab" "$binary"; do
        ldd "$program" | grep -o '/[^ ]*' | while read -r library; do
            mkdir -p "$disk$(dirname "$library")"
            cp -L "$library" "$disk$library"
        done
    done
    for module in $modules; do
        # A kernel before 6.3 has no uvc.ko.
        if copy_module "$module" "$disk/modules"; then
            echo "$module.ko" >>"$disk/modules/order"
        fi
    done
    mkdir -p "$disk/modules/later"
    for module in $later; do
        copy_module "$module" "$disk/modules/later" || true
    done
    [ "$soak" = 0 ] || echo "$soak" >"$disk/soak"
    printf '%s\n' "$@" >"$disk/wanted"
    "$lab" pictures "$root" "$disk/pictures"
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

boot() {
    say "booting $(basename "$kernel"); what the machine says lies in $work/console.log"
    began=$(date +%s)
    # The machine's clock counts instructions, a nanosecond each: to the program it is a steady computer of a
    # kiosk's speed, however busy this one is, and time in which nothing happens costs nothing.
    timeout "${LAB_LIMIT:-$((1800 + 2 * soak))}" qemu-system-x86_64 -accel tcg -icount shift=0,sleep=off -cpu max -smp 1 -m 1536 \
        -display none -no-reboot -nic none -monitor none -serial stdio \
        -kernel "$kernel" -initrd "$work/disk.cpio" \
        -append 'console=ttyS0 quiet panic=-1 rdinit=/init' </dev/null 2>&1 |
        tee "$work/console.log" | grep --line-buffered '^LAB' || true
    say "$(($(date +%s) - began)) s"
    grep -q '^LAB END [1-9][0-9]* passed, 0 failed' "$work/console.log" ||
        stop "not every scenario passed; see $work/console.log"
}

say() { printf 'camera-lab: %s\n' "$*"; }

stop() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

main "$@"
