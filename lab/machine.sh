# Sourced by run.sh: what each of the lab's machines is emulated with, and what of Debian runs in it.
# shellcheck shell=sh disable=SC2034,SC2154

# Sets what depends on the architecture.
know_machine() {
    arch=$1
    triple=$arch-unknown-linux-gnu gnu=$arch-linux-gnu
    case $arch in
    x86_64) debian=amd64 ;;
    aarch64) debian=arm64 ;;
    *) stop "the lab has no machine for $arch; known: x86_64, aarch64" ;;
    esac
}

# The machine's clock counts instructions, a nanosecond each: to the program it is a steady computer of a kiosk's
# speed, however busy this one is, and time in which nothing happens costs nothing.
start_machine() {
    case $arch in
    x86_64) set -- "$1" ttyS0 qemu-system-x86_64 -cpu max ;;
    aarch64) set -- "$1" ttyAMA0 qemu-system-aarch64 -machine virt -cpu cortex-a72 ;;
    esac
    initrd=$1 serial=$2
    shift 2
    exec "$@" -accel tcg -icount shift=0,sleep=off -smp 1 -m 1536 \
        -display none -no-reboot -nic none -monitor none -serial stdio \
        -kernel "$kernel" -initrd "$initrd" -append "console=$serial quiet panic=-1 rdinit=/init"
}

# --- What of Debian runs in it: a kernel and busybox, only unpacked; nothing on this machine changes ----

fetch_debian() {
    package=${LAB_KERNEL-}
    [ -n "$package" ] || package=$(fetched 'linux-image-*.deb')
    if [ -z "$package" ] || [ -z "$(fetched 'busybox-static_*.deb')" ]; then
        read_lists
        if [ -z "$package" ]; then
            name=$(lists apt-cache depends "linux-image-$debian" |
                sed -n 's/.*Depends: \(linux-image-[0-9][^:]*\).*/\1/p' | head -n 1)
            [ -n "$name" ] || stop "apt knows no linux-image-$debian; set LAB_KERNEL"
            download "$name"
            package=$(fetched 'linux-image-*.deb')
        fi
        download busybox-static
    fi
    unpack "$package" "$work/kernel"
    unpack "$(fetched 'busybox-static_*.deb')" "$work/busybox"
    kernel=$(find "$work/kernel/boot" -name 'vmlinuz-*')
    busybox=$work/busybox/bin/busybox
}

fetched() { find "$work" -maxdepth 1 -name "$1" | sort | tail -n 1; }

# Lists of their own: this machine's may be old, and know only its own architecture.
read_lists() {
    mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial"
    : >"$work/apt/status"
    lists apt-get -qq update || stop "the package lists of $debian cannot be read"
}

lists() {
    tool=$1
    shift
    "$tool" -o APT::Architecture="$debian" -o APT::Architectures="$debian" \
        -o Dir::State="$work/apt" -o Dir::State::status="$work/apt/status" -o Dir::Cache="$work/apt/cache" \
        -o APT::Sandbox::User=root "$@"
}

download() { (cd "$work" && lists apt-get -qq download "$1") || stop "apt cannot download $1 for $debian"; }

unpack() {
    if [ ! -e "$2/.$(basename "$1")" ]; then
        rm -rf "$2"
        dpkg-deb -x "$1" "$2"
        touch "$2/.$(basename "$1")"
    fi
}

# --- Libraries ----------------------------------------------------------------------------------------

# Copies the libraries that a program names, and those that they name, into a disk's /lib.
copy_libraries() {
    mkdir -p "$2/lib" "$2/lib64"
    for name in $(readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
        [ ! -e "$2/lib/$name" ] || continue
        file=$(library "$name")
        [ -n "$file" ] || stop "$1 needs $name, which is not here"
        cp -L "$file" "$2/lib/$name"
        copy_libraries "$2/lib/$name" "$2"
    done
    # The loader that x86-64 programs name.
    [ ! -e "$2/lib/ld-linux-x86-64.so.2" ] || cp "$2/lib/ld-linux-x86-64.so.2" "$2/lib64/"
}

library() {
    for folder in "/usr/$gnu/lib" "/lib/$gnu" "/usr/lib/$gnu" /lib64 /usr/lib64; do
        if [ -e "$folder/$1" ]; then
            echo "$folder/$1"
            return
        fi
    done
}
