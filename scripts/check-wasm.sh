#!/usr/bin/env bash
# Builds the functions of the web page for WebAssembly, and runs them in Node: it trains, predicts, saves and reloads, and compares
# with the same functions run natively.
#
#     scripts/check-wasm.sh
#
# The standard library is built from its sources. Installs Debian packages if they are missing, as root or through sudo, and
# wasm-bindgen's program below target/. Whatever is missing then is an error.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/debian-rust.sh

command -v node >/dev/null || install_packages nodejs
node=$(command -v node)
install_packages rustc-web cargo-web rust-web-src gcc lld-19
model=tests/suite/model/golden/v1/hybrid.safetensors
# Natively on one thread, with the instructions that the page has.
native=$(realpath -m target/smoke/native.json)
mkdir -p target/smoke
RAYON_NUM_THREADS=1 CANDLEWICK_SIMD=scalar cargo run --locked --profile test --package candlewick-web --example native -- "$model" >"$native"

tools=$(realpath -m target/tools)
version=$(sed -n '/^name = "wasm-bindgen"$/{n;s/^version = "\(.*\)"/\1/p}' Cargo.lock)
if [ "$("$tools/bin/wasm-bindgen" --version 2>/dev/null)" != "wasm-bindgen $version" ]; then
    cargo install --quiet --root "$tools" wasm-bindgen-cli --version "$version"
fi

CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-target}/wasm")
export CARGO_TARGET_DIR
use_debian_rust gcc wasm-ld-19
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld-19
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS='--cfg getrandom_backend="wasm_js"'
cargo build --locked -Zbuild-std=std,panic_abort --target wasm32-unknown-unknown --profile static --package candlewick-web
wasm=$CARGO_TARGET_DIR/wasm32-unknown-unknown/static/candlewick_web.wasm
"$tools/bin/wasm-bindgen" --target nodejs --out-dir "$CARGO_TARGET_DIR/node" "$wasm"
size=$(gzip -9 -c "$CARGO_TARGET_DIR/node/candlewick_web_bg.wasm" | wc -c)
echo "$size bytes compressed"
[ "$size" -lt 2000000 ] || { echo "2 MB are the limit" >&2; exit 1; }
"$node" web/node/check.mjs "$CARGO_TARGET_DIR/node/candlewick_web.js" "$native" "$model"
