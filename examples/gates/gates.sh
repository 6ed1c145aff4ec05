#!/bin/sh
# What a change to this program must pass. The first gate that fails is named; status 1.
#
#   sh gates.sh [BASE.wbc]
#
# BASE.wbc is what the main branch compiles to: a loop or function that both have must not be less sure to be native,
# nor cost more.
set -u
cd "$(dirname "$0")" || exit 2
made=$(mktemp -d) || exit 2
trap 'rm -rf "$made"' EXIT

gate() {
    name=$1
    shift
    if ! "$@" >"$made/log" 2>&1; then
        cat "$made/log"
        echo "gate failed: $name"
        exit 1
    fi
    echo "gate passed: $name"
}

gate format walrus fmt --check .
gate native walrusc --check --deny jit-incompatible main.walrus
gate proven walrusc --check --deny jit-conditional main.walrus
gate warnings walrusc --check --deny warnings main.walrus
gate tests walrus test .
gate compiles walrusc main.walrus -o "$made/main.wbc"
if [ $# -gt 0 ]; then
    gate cost walrusc diff --exit-code "$1" "$made/main.wbc"
fi
gate promises walrus-run --jit --jit-wait --audit-verdicts "$made/main.wbc"
