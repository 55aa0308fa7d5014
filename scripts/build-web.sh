#!/usr/bin/env bash
# Builds the web page below target/web/, ready for any server of files: WebAssembly twice, with SIMD128 and without, and what stands
# in web/page/.
#
#     scripts/build-web.sh && python3 -m http.server --directory target/web
#
# With PROFILE another profile than `static`, then of any size. The standard library is built from its sources. Installs Debian
# packages if they are missing, as root or through sudo, and wasm-bindgen's program below target/. Whatever is missing then is an
# error.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/debian-rust.sh

install_packages rustc-web cargo-web rust-web-src gcc lld-19
page=$(realpath -m target/web)
profile=${PROFILE:-static}
tools=$(realpath -m target/tools)
version=$(sed -n '/^name = "wasm-bindgen"$/{n;s/^version = "\(.*\)"/\1/p}' Cargo.lock)
if [ "$("$tools/bin/wasm-bindgen" --version 2>/dev/null)" != "wasm-bindgen $version" ]; then
    cargo install --quiet --debug --root "$tools" wasm-bindgen-cli --version "$version"
fi

use_debian_rust gcc wasm-ld-19
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld-19
target=$(realpath -m "${CARGO_TARGET_DIR:-target}/wasm")
rm -rf "$page"
mkdir -p "$page"
cp web/page/* "$page"
# Files are modules for Node, too.
echo '{ "type": "module" }' >"$page/package.json"
[ $# -gt 0 ] || set -- simd128 scalar
for instructions in "$@"; do
    flags='--cfg getrandom_backend="wasm_js"'
    case $instructions in
        scalar) ;;
        simd128) flags="$flags -Ctarget-feature=+simd128" ;;
        *) echo "usage: scripts/build-web.sh [simd128|scalar]" >&2; exit 2 ;;
    esac
    CARGO_TARGET_DIR=$target/$instructions CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS=$flags \
        cargo build --locked -Zbuild-std=std,panic_abort --target wasm32-unknown-unknown --profile "$profile" --package candlewick-web
    folder=$target/$instructions/wasm32-unknown-unknown/$profile
    "$tools/bin/wasm-bindgen" --target web --no-typescript --out-dir "$page/$instructions" \
        "$folder/candlewick_web.wasm"
    size=$(gzip -9 -c "$page/$instructions/candlewick_web_bg.wasm" | wc -c)
    echo "$instructions: $size bytes compressed"
    [ "$profile" != static ] || [ "$size" -lt 2000000 ] || { echo "2 MB are the limit" >&2; exit 1; }
done
