#!/bin/sh
# Builds for a kiosk with the real `cross` in a container, by the letter of cross.toml, and checks the result.
#
#   scripts/cross_container.sh RUST_TARGET [CRATE]...     [default: the whole program]
#
# With crates only these are built: "ring v4l2-sys-mit" are the two that need the image's C compiler and libclang.
#
# Everything it needs is installed: podman with apt, cross 0.2.5 into target/tools. Where the image of cross.toml
# cannot be downloaded, a Debian of the same release takes its place, made by debootstrap on this machine; the
# pre-build steps run in it all the same. Needs root, and a kernel that gives it namespaces.
set -eu

main() {
    target=${1:?"usage: scripts/cross_container.sh RUST_TARGET [CRATE]..."}
    shift
    cd "$(dirname -- "$0")/.."
    . scripts/target.sh
    know_target || stop "no kiosk is known for $target"
    [ "$target" != "$host" ] || stop "cross.toml has no table for $target: that is this machine"
    [ "$(id -u)" = 0 ] || stop "rootless podman was not tried: run it with sudo"
    sh scripts/setup.sh --tools container
    tools=$(pwd)/target/tools
    # A folder of its own: what plain cargo has built must not be taken for the container's.
    CARGO_TARGET_DIR=$(pwd)/target/cross-container
    export CARGO_TARGET_DIR
    mkdir -p "$CARGO_TARGET_DIR"

    install_cross
    engine_that_runs_anywhere
    image_for_the_target
    build "$@"
    [ $# = 0 ] || {
        say "$* came out of $image for $target"
        return
    }
    binary=$CARGO_TARGET_DIR/$target/release/kiosk-enroll
    glibc=$(sh scripts/elf.sh "$binary" "$architecture")
    say "$binary came out of $image; it needs glibc $glibc or newer"
}

install_cross() {
    if [ ! -x "$tools/bin/cross" ]; then
        say "installs cross 0.2.5 into $tools"
        env -u CARGO_TARGET_DIR cargo install --locked --quiet --root "$tools" cross@0.2.5
    fi
    # Release 0.2.5 misreads the list of toolchains that rustup 1.28 and newer print, and then updates the one in
    # use. It gets the list as it knows it, and may change nothing.
    mkdir -p "$tools/shield"
    cat >"$tools/shield/rustup" <<END
#!/bin/sh
case "\$*" in
"toolchain list"*) "$(command -v rustup)" "\$@" | sed -e 's/(active, default)/(default)/' -e 's/ (active)//' ;;
*install* | *update* | *' add '*) ;;
*) exec "$(command -v rustup)" "\$@" ;;
esac
END
    chmod 755 "$tools/shield/rustup"
    rustup target add "$target"
}

# Neither a bridge, nor control groups in one hierarchy, nor higher limits than its own are asked of this machine.
engine_that_runs_anywhere() {
    CONTAINERS_CONF=$CARGO_TARGET_DIR/containers.conf
    CROSS_CONTAINER_ENGINE=podman
    export CONTAINERS_CONF CROSS_CONTAINER_ENGINE
    cat >"$CONTAINERS_CONF" <<'END'
[containers]
netns = "host"
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
END
    podman info >/dev/null 2>&1 || stop "podman does not run here: 'podman info' says why"
}

image_for_the_target() {
    image=$(sed -n "/^\[target.$target\]/,/^\[/s/^image = \"\(.*\)\"/\1/p" cross.toml)
    [ -n "$image" ] || stop "cross.toml names no image for $target"
    if podman image exists "$image" || podman pull --quiet "$image" >/dev/null 2>&1; then
        return
    fi
    say "$image cannot be downloaded: a Debian made here takes its place"
    image=localhost/kiosk-debian:bookworm
    if ! podman image exists "$image"; then
        sh scripts/debian_root.sh "$CARGO_TARGET_DIR/debian"
        tar -C "$CARGO_TARGET_DIR/debian" -c . | podman import --quiet - "$image" >/dev/null
        rm -rf "$CARGO_TARGET_DIR/debian"
    fi
    variable=CROSS_TARGET_$(printf '%s' "$target" | tr 'a-z-' 'A-Z_')_IMAGE
    export "$variable=$image"
}

# build [CRATE]...
build() {
    for crate in "$@"; do
        shift
        set -- "$@" --package "$crate"
    done
    CROSS_CONFIG=$(pwd)/cross.toml
    export CROSS_CONFIG
    log=$CARGO_TARGET_DIR/$target.log
    say "builds in $image; $log has what cross says"
    PATH=$tools/shield:$PATH "$tools/bin/cross" build --release --locked --target "$target" "$@" >"$log" 2>&1 || {
        tail -n 30 "$log" >&2
        stop "cross failed"
    }
    # What cross does not know or does not use it only mentions.
    if grep -E 'unused key|configuration file|not be considered' "$log" >&2; then
        stop "cross did not obey cross.toml"
    fi
}

say() { printf 'cross-container: %s\n' "$*"; }

stop() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

main "$@"
