#!/usr/bin/env bash
# Builds the web page and uses it, in Node and in headless Chromium, with SIMD128 and without, or one of the two: it trains, predicts,
# saves and reloads, and everything is compared with native programs. Pictures of the page are left in target/smoke/web/.
#
#     scripts/check-web.sh [simd128|scalar]                    little optimised, with overflow checks
#     PROFILE=static scripts/check-web.sh [simd128|scalar]     as scripts/build-web.sh compiles it, which takes minutes longer
#
# Installs Debian packages if they are missing, as root or through sudo, and npm packages below web/test/. Whatever is missing then is
# an error.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/debian-rust.sh

install_packages chromium
command -v npm >/dev/null || install_packages nodejs npm
smoke=$(realpath -m target/smoke)
program=$(scripts/built.sh . candlewick)
native=$(scripts/built.sh web native)
mkdir -p "$smoke"
# Natively on one thread, with the instructions that any page has.
model=tests/suite/model/golden/v1/hybrid.safetensors
RAYON_NUM_THREADS=1 CANDLEWICK_SIMD=scalar "$native" "$model" >"$smoke/native.json"
"$program" train examples/data/flowers.csv --label species --output "$smoke/flowers.safetensors"

[ $# -gt 0 ] || set -- simd128 scalar
export PROFILE=${PROFILE:-quick}
scripts/build-web.sh "$@"
(cd web/test && npm ci --no-audit --no-fund)
for instructions in "$@"; do
    node web/test/node.mjs "target/web/$instructions" "$smoke/native.json" "$model"
    node web/test/page.mjs target/web "$smoke/native.json" "$smoke/flowers.safetensors" examples/data/flowers.csv \
        "$program" "$smoke/web/$instructions" "$instructions"
done
