#!/usr/bin/env bash
# The example on 1, 2 and 4 processes of this machine: the same energies, digit by digit, since the state has 4 shards.
#
#     examples/cluster/run.sh --qubits 20 --steps 10
set -euo pipefail
cd "$(dirname "$0")/../.."
export BINDGEN_EXTRA_CLANG_ARGS="${BINDGEN_EXTRA_CLANG_ARGS:--I$(gcc -print-file-name=include)}"
cargo build --release --locked --features mpi,train --example cluster
for processes in 1 2 4; do
    mpirun --oversubscribe -n "$processes" target/release/examples/cluster --shards 4 "$@"
done
