#!/bin/sh
# Packs a release build as a Debian package: target/debian/kiosk-enroll_VERSION_ARCHITECTURE.deb
#
#   scripts/deb.sh [RUST_TARGET]      [default: this machine's; else what scripts/cross.sh knows]
#
#   DEB_BINARY   the program to pack [default: a release build, made if it is missing or old]
#
# Uses dpkg-deb alone: the package holds a program, a dozen files and three short scripts, for which a packaging
# tool from elsewhere would have to be installed first. Manual page and completions come from the program itself;
# that of another architecture runs in qemu-user.
set -eu
umask 022

main() {
    cd "$(dirname -- "$0")/.."
    target=${1:-$(rustc -vV | sed -n 's/^host: //p')}
    . scripts/target.sh
    know_target || stop "no package is known for $target"
    version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)-1
    out=${CARGO_TARGET_DIR:-target}/debian
    tree=$out/tree-$architecture
    # The newest change dates everything, so that the same sources give the same package.
    SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}

    command -v dpkg-deb >/dev/null || stop "dpkg-deb is missing: packages are made on Debian or its relatives"
    [ "$target" = "$host" ] || sh scripts/setup.sh --emulate "$target"
    build
    # Exported only now: crates that build C would be built anew for it.
    export SOURCE_DATE_EPOCH
    glibc=$(sh scripts/elf.sh "$binary" "$architecture")
    rm -rf "$tree"
    lay_out_program
    lay_out_service
    lay_out_documents
    control
    package=$out/kiosk-enroll_${version}_$architecture.deb
    find "$tree" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
    dpkg-deb --root-owner-group -Zxz --build "$tree" "$package" >/dev/null
    say "$package: $(du -h "$package" | cut -f 1), needs glibc $glibc"
    check
}

build() {
    binary=${DEB_BINARY-}
    [ -z "$binary" ] || return 0
    if [ "$target" = "$host" ]; then
        sh scripts/setup.sh
        cargo build --release --locked
        binary=${CARGO_TARGET_DIR:-target}/release/kiosk-enroll
    else
        sh scripts/cross.sh "$target"
        binary=$(cross_binary)
    fi
}

# --- The tree -----------------------------------------------------------------------------------------

# put MODE SOURCE DESTINATION: a file into the tree.
put() { install -D -m "$1" "$2" "$tree$3"; }

# put_gz DESTINATION: standard input, packed as Debian wants documents.
put_gz() {
    mkdir -p "$tree$(dirname "$1")"
    gzip -9 -n >"$tree$1"
}

lay_out_program() {
    put 755 "$binary" /usr/bin/kiosk-enroll
    run_program man | put_gz /usr/share/man/man1/kiosk-enroll.1.gz
    while read -r shell file; do
        mkdir -p "$tree/usr/share/$(dirname "$file")"
        run_program completions "$shell" >"$tree/usr/share/$file"
    done <<END
bash bash-completion/completions/kiosk-enroll
zsh zsh/vendor-completions/_kiosk-enroll
fish fish/vendor_completions.d/kiosk-enroll.fish
END
}

lay_out_service() {
    put 644 systemd/kiosk-enroll.service /usr/lib/systemd/system/kiosk-enroll.service
    put 644 systemd/kiosk-enroll.sysusers /usr/lib/sysusers.d/kiosk-enroll.conf
    put 644 systemd/kiosk-enroll.tmpfiles /usr/lib/tmpfiles.d/kiosk-enroll.conf
    put 644 systemd/60-kiosk-enroll.rules /usr/lib/udev/rules.d/60-kiosk-enroll.rules
    put 644 config/kiosk-enroll.toml /etc/kiosk-enroll/kiosk-enroll.toml
}

lay_out_documents() {
    documents=/usr/share/doc/kiosk-enroll
    copyright
    put 644 NOTICE $documents/NOTICE
    sh scripts/crate_licences.sh "$target" | put_gz $documents/CRATES.gz
    debian_changelog | put_gz $documents/changelog.Debian.gz
    put_gz $documents/changelog.gz <CHANGELOG.md
    put_gz $documents/install.md.gz <docs/install.md
    put 644 src/web/openapi.json $documents/openapi.json
    put 644 systemd/kiosk-screen.service $documents/examples/kiosk-screen.service
    for text in config/guidance/*.toml; do
        put 644 "$text" "$documents/guidance/${text##*/}"
    done
    put 644 packaging/debian/lintian-overrides /usr/share/lintian/overrides/kiosk-enroll
}

copyright() {
    mkdir -p "$tree$documents"
    {
        cat packaging/debian/copyright
        echo 'License: MIT'
        sed -e 's/^$/./' -e 's/^/ /' LICENSE-MIT
    } >"$tree$documents/copyright"
    chmod 644 "$tree$documents/copyright"
}

debian_changelog() {
    cat <<END
kiosk-enroll ($version) stable; urgency=medium

  * Packages release ${version%-*}; changelog.gz tells what is new.

 -- The kiosk-enroll authors <kiosk-enroll@localhost>  $(date -R -u -d "@$SOURCE_DATE_EPOCH")
END
}

# --- What dpkg reads ----------------------------------------------------------------------------------

control() {
    mkdir -p "$tree/DEBIAN"
    for script in postinst prerm postrm; do
        put 755 packaging/debian/$script /DEBIAN/$script
    done
    echo /etc/kiosk-enroll/kiosk-enroll.toml >"$tree/DEBIAN/conffiles"
    (cd "$tree" && find usr etc -type f -print0 | sort -z | xargs -0 md5sum) >"$tree/DEBIAN/md5sums"
    chmod 644 "$tree/DEBIAN/conffiles" "$tree/DEBIAN/md5sums"
    size=$(du -sk --apparent-size --exclude=DEBIAN "$tree" | cut -f 1)
    sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@SIZE@/$size/" \
        -e "s/@GLIBC@/$glibc/" packaging/debian/control >"$tree/DEBIAN/control"
}

check() {
    if command -v lintian >/dev/null 2>&1; then
        # As root, in CI, lintian warns about being root.
        lintian --allow-root --fail-on error,warning --tag-display-limit 0 "$package" ||
            stop "$package: lintian is not content"
        say "lintian is content"
    else
        say "the package was NOT checked: 'apt-get install lintian' gives the tool"
    fi
}

say() { printf 'deb: %s\n' "$*"; }

stop() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

main "$@"
