#!/usr/bin/env bash
# Builds what `cargo test --workspace` builds, and programs, and prints where the executable of one target is. Checks take executables
# from here so that all are of one build: cargo compiles dependencies anew where a command selects other packages.
#
#     scripts/built.sh FOLDER TARGET [CARGO OPTION...]     FOLDER of the package; TARGET: a program, an example or a test
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$1 target=$2
shift 2
cargo build --locked --profile test --workspace --bins --examples --tests --message-format json-render-diagnostics "$@" |
    python3 -c '
import json, os, sys
manifest, name = os.path.realpath(sys.argv[1] + "/Cargo.toml"), sys.argv[2]
found = []
for message in map(json.loads, sys.stdin):
    if message["reason"] == "compiler-artifact" and message["executable"] and message["manifest_path"] == manifest:
        target = message["target"]
        # Programs are also built as tests of themselves.
        if target["name"] == name and message["profile"]["test"] == ("test" in target["kind"]):
            found.append(message["executable"])
sys.exit(f"no executable {name} in {manifest}") if len(found) != 1 else print(found[0])
' "$folder" "$target"
