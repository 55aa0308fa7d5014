#!/usr/bin/env bash
# On a machine with an NVIDIA GPU: the tests, NVIDIA's sanitizers over a part of them, the main example, and the timed workloads.
#
#     scripts/on-gpu.sh                        builds (needs nvcc) and runs
#     scripts/on-gpu.sh SUITE HYBRID STEP      runs the test, example and bench binaries that were built elsewhere
set -euo pipefail
cd "$(dirname "$0")/.."

nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
if [ $# -eq 3 ]; then
    suite=$1 hybrid=$2 step=$3
else
    built() { cargo "$@" --features cuda --no-run --message-format=json | sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -1; }
    suite=$(built test --release --test suite)
    cargo build --release --features cuda --example hybrid_classifier
    hybrid=target/release/examples/hybrid_classifier
    step=$(built bench --bench step)
fi

"$suite" values:: gradients::
if command -v compute-sanitizer >/dev/null; then
    for tool in memcheck racecheck initcheck; do
        compute-sanitizer --tool "$tool" --error-exitcode 1 "$suite" gradients::every_measurement
    done
else
    echo "compute-sanitizer is not here: no sanitizer has run" >&2
fi
# The same accuracy as on the CPU, up to the order of sums.
"$hybrid" --device cpu --output target/on-gpu/cpu
"$hybrid" --device cuda --output target/on-gpu/cuda
"$step" --bench '/(forward|gradient|engine-.*)/'
