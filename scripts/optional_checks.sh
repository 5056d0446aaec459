#!/bin/sh
# Runs the checks whose tools not everyone has, and says in one line each which could not run.
set -eu

cd "$(dirname -- "$0")/.."

if cargo deny --version >/dev/null 2>&1; then
    cargo deny --locked check --hide-inclusion-graph licenses bans sources
    # Known weaknesses stand in a database of the day, which not every machine can reach.
    if cargo deny fetch db >/dev/null 2>&1; then
        cargo deny --locked check --disable-fetch --hide-inclusion-graph advisories
    else
        echo "check: advisories were NOT checked: their database (github.com/rustsec/advisory-db) cannot be reached"
    fi
else
    echo "check: licences, bans, sources and advisories were NOT checked: 'cargo install --locked cargo-deny' gives the tool"
fi

if command -v shellcheck >/dev/null 2>&1; then
    shellcheck scripts/*.sh lab/*.sh benches/python/*.sh models/*.sh packaging/debian/postinst packaging/debian/prerm \
        packaging/debian/postrm .ci/run
else
    echo "check: the shell scripts were NOT checked: 'apt-get install shellcheck' gives the tool"
fi
