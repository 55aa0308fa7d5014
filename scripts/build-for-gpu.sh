#!/usr/bin/env bash
# Builds, on a machine without CUDA, what scripts/on-gpu.sh runs on one with an NVIDIA GPU: the tests, the main example and the
# timed workloads, for CUDA 13, into target/for-gpu. Fetches NVIDIA's compiler (100 MB) from PyPI into target/; takes some ten
# minutes on two cores. The machine that runs them needs the driver, cuBLAS 13 and cuRAND 10.
#
#     scripts/build-for-gpu.sh             for an H100 or H200
#     CUDA_COMPUTE_CAP=80 scripts/build-for-gpu.sh
set -euo pipefail
cd "$(dirname "$0")/.."

. scripts/cuda-compiler.sh
export CUDARC_CUDA_VERSION=13000 CUDA_COMPUTE_CAP="${CUDA_COMPUTE_CAP:-90}" NVCC="$PWD/scripts/nvcc-in-part" CANDLE_KERNELS=1
export CARGO_TARGET_DIR="$PWD/target/cuda-real"

source_of() {
    cargo metadata --locked --format-version 1 --features cuda |
        python3 -c 'import json, os, sys; print(next(os.path.dirname(p["manifest_path"]) + "/src" for p in json.load(sys.stdin)["packages"] if p["name"] == sys.argv[1]))' "$1"
}
stubs=$CARGO_TARGET_DIR/stubs
python3 scripts/cuda-link-stubs "$(source_of cudarc)" "$(source_of candle-kernels)" "$stubs"
ln -sf "$CUDA_TOOLKIT/lib/libcudart_static.a" "$stubs/libcudart.a"
export RUSTFLAGS="-L native=$stubs -C link-arg=$stubs/unwanted.o"

out=target/for-gpu
mkdir -p "$out"
built() {
    local path
    path=$(cargo "$@" --locked --features cuda --message-format=json-render-diagnostics | sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -1)
    test -x "$path" || { echo "cargo $* built nothing to run" >&2; exit 1; }
    echo "$path"
}
strip -o "$out/suite" "$(built test --release --no-run --test suite)"
strip -o "$out/hybrid_classifier" "$(built build --release --example hybrid_classifier)"
strip -o "$out/step" "$(built bench --no-run --bench step)"
ls -lh "$out"
echo "there: scripts/on-gpu.sh $out/suite $out/hybrid_classifier $out/step"
