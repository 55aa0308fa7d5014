#!/usr/bin/env bash
# Builds, on a machine without CUDA, the archive that scripts/on-gpu.sh takes to one with an NVIDIA GPU: one program with the suite's
# cases, the main example, the timed workloads and the emulator, and the script of the other systems. Fetches NVIDIA's compiler
# (100 MB) from PyPI into target/.
#
#     scripts/build-for-gpu.sh             for an H100 or H200: target/for-gpu.tar.gz
#     CUDA_COMPUTE_CAP=80 scripts/build-for-gpu.sh
set -euo pipefail
cd "$(dirname "$0")/.."

. scripts/cuda-compiler.sh
export CUDARC_CUDA_VERSION=13000 CUDA_COMPUTE_CAP="${CUDA_COMPUTE_CAP:-90}" NVCC="$PWD/scripts/nvcc-in-part" CANDLE_KERNELS=1
export CARGO_TARGET_DIR="$PWD/target/cuda-real"

kernels=$(cargo metadata --locked --format-version 1 --features candlewick/cuda |
    python3 -c 'import json, os, sys; print(next(os.path.dirname(p["manifest_path"]) + "/src" for p in json.load(sys.stdin)["packages"] if p["name"] == "candle-kernels"))')
stubs=$CARGO_TARGET_DIR/stubs
python3 scripts/cuda-link-stubs "$kernels" "$stubs"
ln -sf "$CUDA_TOOLKIT/lib/libcudart_static.a" "$stubs/libcudart.a"
# cudarc opens the driver and CUDA's libraries when it first calls them, so that the program starts without any. candle asks for
# linking, which cudarc's build script does not allow beside; with a target named, flags do not reach build scripts.
export RUSTFLAGS="--cfg feature=\"dynamic-loading\" -L native=$stubs -C link-arg=$stubs/unwanted.o"
target=$(rustc -vV | sed -n 's/^host: //p')
cargo build --locked --release --package candlewick-emulator --features cuda --example on_gpu --target "$target"

pack=target/for-gpu
rm -rf "$pack"
mkdir -p "$pack"
strip -o "$pack/on_gpu" "$CARGO_TARGET_DIR/$target/release/examples/on_gpu"
cp benches/peers.py "$pack/"
{
    git log -1 --format='commit %H, %ci' 2>/dev/null || echo 'no commit'
    git diff --quiet HEAD 2>/dev/null || echo 'with changes that are not committed'
    echo "compute capability $CUDA_COMPUTE_CAP, $(rustc --version), $("$REAL_NVCC" --version | sed -n 's/.*\(V[0-9.]*\)$/nvcc \1/p')"
} >"$pack/build.txt"
tar --create --gzip --file "$pack.tar.gz" --directory "$pack" .
cat "$pack/build.txt"
ls -l --block-size=1 "$pack" | awk 'NR > 1 { printf "%10.1f MB  %s\n", $5 / 1e6, $NF }'
size=$(stat -c %s "$pack.tar.gz")
awk -v size="$size" 'BEGIN { printf "%10.1f MB  target/for-gpu.tar.gz\n", size / 1e6 }'
[ "$size" -lt 48000000 ] || { echo "the archive must stay under 48 MB" >&2; exit 1; }
echo "there: scripts/on-gpu.sh target/for-gpu.tar.gz OUT"
