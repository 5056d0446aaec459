#!/bin/sh
# Runs the checks whose tools not everyone has, and says in one line each which could not run.
set -eu

cd "$(dirname -- "$0")/.."

if cargo deny --version >/dev/null 2>&1; then
    cargo deny --locked check --hide-inclusion-graph licenses bans sources
else
    echo "check: licences, bans and sources were NOT checked: 'cargo install --locked cargo-deny' gives the tool"
fi

if command -v shellcheck >/dev/null 2>&1; then
    shellcheck scripts/*.sh lab/*.sh .ci/run
else
    echo "check: the shell scripts were NOT checked: 'apt-get install shellcheck' gives the tool"
fi
