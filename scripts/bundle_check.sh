#!/bin/sh
# Checks that a bundle for a USB stick is whole and says what it must.
#
#   scripts/bundle_check.sh FOLDER
set -eu

main() {
    folder=${1:?"usage: scripts/bundle_check.sh FOLDER"}
    [ -f "$folder/SHA256SUMS" ] || stop "$folder holds no SHA256SUMS: it is no bundle"
    (cd "$folder" && sha256sum --check --quiet --strict SHA256SUMS) || stop "$folder is damaged"
    for file in "$folder"/*; do
        name=${file##*/}
        case $name in
        SHA256SUMS*) ;;
        *) grep -q "  $name\$" "$folder/SHA256SUMS" || stop "$name has no checksum: it does not belong there" ;;
        esac
    done
    for file in README.txt LEEME.txt NOTICE LICENSE-APACHE LICENSE-MIT kiosk-enroll.cdx.json; do
        [ -s "$folder/$file" ] || stop "$folder lacks $file"
    done
    check_packages
    grep -q '"bomFormat": *"CycloneDX"' "$folder/kiosk-enroll.cdx.json" || stop "the bill of materials is none"
    grep -q '"name": *"sled"' "$folder/kiosk-enroll.cdx.json" || stop "the bill of materials names no crates"
}

check_packages() {
    found=''
    for package in "$folder"/*.deb; do
        [ -f "$package" ] || stop "$folder holds no package"
        # These are dpkg-deb's placeholders.
        # shellcheck disable=SC2016
        name=$(dpkg-deb --show --showformat='${Package}_${Version}_${Architecture}.deb' "$package") ||
            stop "$package is no package"
        [ "$name" = "${package##*/}" ] || stop "$package is $name inside"
        found="$found ${name##*_}"
    done
    printf 'bundle: whole; packages:%s\n' "$found"
}

stop() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

main "$@"
