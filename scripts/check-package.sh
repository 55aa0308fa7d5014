#!/usr/bin/env bash
# Makes both packages as the registry would get them and checks that the library compiles from them; then the licences and the
# declared Rust versions of everything that a user of the library compiles. Needs cargo 1.90 or later, which packages crates that
# depend on each other. (Security advisories need a database that is fetched from outside the package registries, so they are not
# checked here.)
set -euo pipefail
cd "$(dirname "$0")/.."

target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
cargo package --locked --no-verify --allow-dirty --package candlewick --package candlewick-kernels
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for package in candlewick candlewick-kernels; do
    tar -xzf "$target/package/$package-$version.crate" -C "$folder"
    for licence in LICENSE-MIT LICENSE-APACHE; do cmp "$licence" "$folder/$package-$version/$licence"; done
done
cd "$folder/candlewick-$version"
# The kernels come from their package, which no registry has yet.
sed -i '/^name = "candlewick-kernels"$/,/^$/ { /^source = /d; /^checksum = /d; }' Cargo.lock
patch="patch.crates-io.candlewick-kernels.path='$folder/candlewick-kernels-$version'"
# The other dependencies are there already, from the checks of the repository. The emulator's feature needs the kernels, and no GPU.
CARGO_TARGET_DIR=$target cargo check --locked --lib --features train,plot,emulator --config "$patch"
cd "$OLDPWD"

if cargo tree --locked --package candlewick --edges normal,build | grep candlewick-kernels; then
    echo "without a feature for GPUs, the library needs no kernels" >&2
    exit 1
fi
cargo metadata --locked --format-version 1 --features cli,plot >"$folder/metadata.json"
python3 scripts/dependencies.py "$folder/metadata.json"
