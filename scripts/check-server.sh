#!/usr/bin/env bash
# Serves a model file and tests the server: answers, errors, a load, a graceful stop.
#
#     scripts/check-server.sh MODEL BODY [LEAST]     BODY is a request that fits the model; LEAST requests a second are needed
set -euo pipefail
cd "$(dirname "$0")/.."

model=$1 body=$2 least=${3:-0}
cargo build --locked --profile test --package candlewick-serve
bin=${CARGO_TARGET_DIR:-target}/debug
log=$(mktemp)
"$bin/serve" "$model" --address 127.0.0.1:0 >"$log" &
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -f "$log"' EXIT
for _ in $(seq 100); do
    address=$(sed -n 's|^listening on http://||p' "$log")
    if [ -n "$address" ]; then break; fi
    sleep 0.1
done
[ -n "$address" ] || { echo "the server does not listen" >&2; exit 1; }

# Sends a request and compares the status.
status() {
    local expected=$1 found
    shift
    found=$(curl -s -o /dev/null -w '%{http_code}' "$@")
    [ "$found" = "$expected" ] || { echo "status $found instead of $expected: $*" >&2; exit 1; }
}
status 200 "http://$address/"
status 200 "http://$address/health"
status 200 "http://$address/predict" -d "$body"
status 400 "http://$address/predict" -d '{"rows": []}'
status 400 "http://$address/predict" -d '{"rows": [[1, "a"]]}'
status 400 "http://$address/predict" -d '{"rows": [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]]}'
status 400 "http://$address/predict" -d 'no JSON'
status 404 "http://$address/nothing"
status 405 "http://$address/predict"
head -c 5000000 /dev/zero >"$log.large"
status 413 "http://$address/predict" --data-binary "@$log.large"
rm "$log.large"
"$bin/load" "$address" "$body" --seconds 3 --least "$least"

kill -TERM "$server"
wait "$server"
grep -q '^stopped$' "$log" || { echo "the server did not stop by itself" >&2; exit 1; }
trap 'rm -f "$log"' EXIT
