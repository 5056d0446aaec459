#!/bin/sh
# Makes what a technician carries to a kiosk without a network: target/bundle/kiosk-enroll-VERSION.tar, and beside it
# the same as a folder, to be copied to a USB stick.
#
#   scripts/bundle.sh [RUST_TARGET | PACKAGE.deb]...      [default: packages for every known kind of kiosk]
#
#   BUNDLE_SIGN   a command that is run in the folder with SHA256SUMS as its last argument and leaves a signature
#                 SHA256SUMS.SOMETHING there, for example: gpg --armor --detach-sign
#
# Packages that are not given are made by scripts/deb.sh. The list of what is in the program (CycloneDX) comes from
# cargo-cyclonedx, which is installed into target/tools.
set -eu
umask 022

cyclonedx=cargo-cyclonedx@0.5.9

main() {
    cd "$(dirname -- "$0")/.."
    [ $# -gt 0 ] || set -- x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu armv7-unknown-linux-gnueabihf
    version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
    out=${CARGO_TARGET_DIR:-target}/bundle
    folder=$out/kiosk-enroll-$version
    # Not exported: crates that build C would be built anew for it.
    date=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}

    rm -rf "$folder" "$folder.tar"
    mkdir -p "$folder"
    for what in "$@"; do
        add_package "$what"
    done
    cp packaging/bundle/README.txt packaging/bundle/LEEME.txt NOTICE LICENSE-APACHE LICENSE-MIT "$folder"
    add_bill_of_materials
    (cd "$folder" && find . -type f ! -name 'SHA256SUMS*' -printf '%P\0' | sort -z | xargs -0 sha256sum >SHA256SUMS)
    sign
    # The same packages make the same bundle, whoever makes it and whenever.
    tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$date" --mode=u+rw,go+r,go-w \
        -C "$out" -cf "$folder.tar" "${folder##*/}"
    sh scripts/bundle_check.sh "$folder"
    say "$folder.tar: $(du -h "$folder.tar" | cut -f 1)"
}

add_package() {
    case $1 in
    *.deb) package=$1 ;;
    *)
        sh scripts/deb.sh "$1"
        target=$1
        . scripts/target.sh
        know_target
        package=$(ls "${CARGO_TARGET_DIR:-target}/debian/kiosk-enroll_$version"-*_"$architecture".deb)
        ;;
    esac
    [ -f "$package" ] || stop "$package is not there: make deb"
    cp "$package" "$folder"
}

# Crates that only help to build or to test are left out: they are not in the program.
add_bill_of_materials() {
    tools=$(pwd)/target/tools
    if [ ! -x "$tools/bin/cargo-cyclonedx" ]; then
        say "installs $cyclonedx into $tools"
        env -u CARGO_TARGET_DIR cargo install --locked --quiet --root "$tools" "$cyclonedx"
    fi
    PATH=$tools/bin:$PATH SOURCE_DATE_EPOCH=$date cargo cyclonedx --quiet --format json --spec-version 1.5 --no-build-deps \
        --override-filename kiosk-enroll.cdx
    # It names the package by where its sources lie, which is nobody's business.
    sed "s#path+file://$(pwd)#path+file:///kiosk-enroll#g" kiosk-enroll.cdx.json >"$folder/kiosk-enroll.cdx.json"
    rm kiosk-enroll.cdx.json
}

sign() {
    if [ -z "${BUNDLE_SIGN-}" ]; then
        say "SHA256SUMS is NOT signed: BUNDLE_SIGN='gpg --armor --detach-sign' would do it"
        return
    fi
    (cd "$folder" && sh -c "$BUNDLE_SIGN \"\$@\"" sign SHA256SUMS) || stop "BUNDLE_SIGN failed: $BUNDLE_SIGN"
    ls "$folder"/SHA256SUMS.* >/dev/null 2>&1 || stop "BUNDLE_SIGN left no SHA256SUMS.*: $BUNDLE_SIGN"
}

say() { printf 'bundle: %s\n' "$*"; }

stop() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

main "$@"
