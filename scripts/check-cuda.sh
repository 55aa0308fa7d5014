#!/usr/bin/env bash
# Proves what can be proven of the CUDA engine without a GPU: NVIDIA's compiler takes the kernels, for two architectures and
# without spilling registers, and the host's side passes clippy. Fetches the compiler (100 MB) from PyPI into target/.
set -euo pipefail
cd "$(dirname "$0")/.."

. scripts/cuda-compiler.sh

for precision in f32 f64; do
    for architecture in sm_80 sm_90; do
        log=$("$REAL_NVCC" -O3 -std=c++17 -arch="$architecture" --cubin -Xptxas -v \
            -o "target/$precision-$architecture.cubin" "kernels/cuda/$precision.cu" 2>&1) || { echo "$log" >&2; exit 1; }
        if grep -E '[1-9][0-9]* bytes spill' <<<"$log"; then
            echo "$precision for $architecture spills registers" >&2
            exit 1
        fi
        echo "$precision for $architecture: at most $(grep -oE 'Used [0-9]+' <<<"$log" | sort -k2n | tail -1 | cut -d' ' -f2) registers"
    done
done

export CUDARC_CUDA_VERSION=13000 CUDA_COMPUTE_CAP=90 NVCC="$PWD/scripts/nvcc-in-part"
cargo clippy --locked --all-targets --features cuda -- -D warnings
cargo clippy --locked --package candlewick-emulator --features cuda --example on_gpu -- -D warnings
