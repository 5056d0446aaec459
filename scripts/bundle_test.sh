#!/bin/sh
# Packs this machine's package a second time, makes a bundle of it twice, and spoils copies of that: the same must
# come out each time, and the check must notice each spoiling.
#
#   scripts/bundle_test.sh PACKAGE.deb
set -eu

main() {
    package=${1:?"usage: scripts/bundle_test.sh PACKAGE.deb"}
    cd "$(dirname -- "$0")/.."
    [ -f "$package" ] || stop "$package is not there: make deb"
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    trap 'exit 1' HUP INT TERM
    version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
    made=${CARGO_TARGET_DIR:-target}/bundle/kiosk-enroll-$version

    pack_again
    # Stands in for a signer: what is signed, and a signature beside it.
    BUNDLE_SIGN='cp SHA256SUMS SHA256SUMS.signature && test'
    export BUNDLE_SIGN
    sh scripts/bundle.sh "$package"
    cp "$made.tar" "$scratch/first.tar"
    sh scripts/bundle.sh "$package" >/dev/null
    cmp "$scratch/first.tar" "$made.tar" || stop "two bundles of one package differ"
    [ -s "$made/SHA256SUMS.signature" ] || stop "the bundle is not signed"
    if BUNDLE_SIGN=false sh scripts/bundle.sh "$package" >/dev/null 2>&1; then
        stop "a signer that fails is passed over"
    fi

    mkdir "$scratch/whole"
    tar -C "$scratch/whole" --strip-components=1 -xf "$scratch/first.tar"
    sh scripts/bundle_check.sh "$scratch/whole" >/dev/null || stop "an unpacked bundle is not whole"
    refused 'a byte too many' 'printf x >>LEEME.txt'
    refused 'a package cut short' 'truncate -s -1000 ./*.deb'
    refused 'a package under another name' \
        'mv ./*.deb kiosk-enroll_9.9-1_arm64.deb && sha256sum ./* | sed "s# ./# #" | grep -v SHA256SUMS >sums; mv sums SHA256SUMS'
    refused 'a file of somebody else' 'touch autorun.inf'
    refused 'no quick start' 'rm README.txt && sed -i /README.txt/d SHA256SUMS'
    printf 'bundle-test: package and bundle made twice alike; signed, whole; five spoilt copies refused\n'
}

# The same program in the same sources must make the same package, at another hour in another folder.
pack_again() {
    tree=$(dirname "$package")/tree-$(dpkg --print-architecture)
    [ -x "$tree/usr/bin/kiosk-enroll" ] || stop "$tree is not there: make deb"
    DEB_BINARY=$tree/usr/bin/kiosk-enroll CARGO_TARGET_DIR=$scratch/again sh scripts/deb.sh >/dev/null
    cmp "$package" "$scratch/again/debian/${package##*/}" || stop "packed twice, the package differs"
}

# refused WHAT COMMAND: a copy spoilt by the command must not pass.
refused() {
    rm -rf "$scratch/spoilt"
    cp -r "$scratch/whole" "$scratch/spoilt"
    (cd "$scratch/spoilt" && eval "$2")
    if sh scripts/bundle_check.sh "$scratch/spoilt" >/dev/null 2>"$scratch/said"; then
        stop "$1 is not noticed"
    fi
    grep -q '^error: ' "$scratch/said" || stop "$1 is refused without a word"
}

stop() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

main "$@"
