#!/usr/bin/env bash
# Makes the package as the registry would get it and checks that the library compiles from it; then the licences and the declared
# Rust versions of everything that a user of the library compiles. (Security advisories need a database that is fetched from outside
# the package registries, so they are not checked here.)
set -euo pipefail
cd "$(dirname "$0")/.."

target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
cargo package --locked --no-verify --allow-dirty --package candlewick
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
tar -xzf "$target/package/candlewick-$version.crate" -C "$folder"
# The dependencies are there already, from the checks of the repository.
(cd "$folder/candlewick-$version" && CARGO_TARGET_DIR="$target" cargo check --locked --lib --features train)

cargo metadata --locked --format-version 1 --features train >"$folder/metadata.json"
python3 scripts/dependencies.py "$folder/metadata.json"
