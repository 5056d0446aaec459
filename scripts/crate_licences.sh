#!/bin/sh
# Prints the crates in the program with their licences, and the text of each: what their authors ask to go along.
#
#   scripts/crate_licences.sh RUST_TARGET
#
# The texts are those in the crates' own packages, each printed once. A crate without one is named with its
# licence, whose text the others have.
set -eu

main() {
    target=${1:?"usage: scripts/crate_licences.sh RUST_TARGET"}
    cd "$(dirname -- "$0")/.."
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    trap 'exit 1' HUP INT TERM

    crates >"$scratch/crates"
    [ -s "$scratch/crates" ] || stop "cargo names no crates for $target"
    echo "The crates in kiosk-enroll, with their licences. The texts follow."
    echo
    sed 's/^\([^ ]*\) \([^ ]*\) /\1 \2: /' "$scratch/crates"
    while read -r name version _; do
        collect "$name" "$version"
    done <"$scratch/crates"
    print_texts
}

# One line a crate: name, version, licence. What only helps to build is not in the program.
crates() {
    cargo tree --locked --edges normal,no-proc-macro --target "$target" --prefix none --format '{p} {l}' |
        sed -n -e '/^kiosk-enroll /d' -e 's/ (\*)$//' -e 's/^\([^ ]*\) v\([^ ]*\) /\1 \2 /p' | sort -u
}

# Files each text under its checksum, with the crates that have it.
collect() {
    for file in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/"$1-$2"/*; do
        case ${file##*/} in
        [Ll][Ii][Cc][Ee][Nn][CcSs][Ee]* | COPYING* | NOTICE* | COPYRIGHT*) ;;
        *) continue ;;
        esac
        [ -f "$file" ] || continue
        sum=$(sha256sum <"$file" | cut -c 1-64)
        [ -e "$scratch/text-$sum" ] || cp "$file" "$scratch/text-$sum"
        echo "$1 $2" >>"$scratch/users-$sum"
    done
}

print_texts() {
    for text in "$scratch"/text-*; do
        printf '\n---- '
        sort -u "$scratch/users-${text##*/text-}" | paste -s -d, | sed 's/,/, /g' | fold -s -w 110
        echo
        cat "$text"
    done
}

stop() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

main "$@"
