#!/usr/bin/env bash
# On a machine with an NVIDIA GPU: the tests, NVIDIA's sanitizers over a part of them, and the timed workloads.
#
#     scripts/on-gpu.sh                    builds (needs nvcc) and runs
#     scripts/on-gpu.sh SUITE STEP         runs the test and the bench binary that were built elsewhere
set -euo pipefail
cd "$(dirname "$0")/.."

nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
if [ $# -eq 2 ]; then
    suite=$1 step=$2
else
    built() { cargo "$@" --features cuda --no-run --message-format=json | sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -1; }
    suite=$(built test --test suite)
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
"$step" --bench '/(forward|gradient)/'
