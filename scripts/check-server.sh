#!/usr/bin/env bash
# Serves a model file and tests the server: the answers for a table against the command line's, errors, a load, a graceful stop.
#
#     scripts/check-server.sh MODEL TABLE [LEAST]     MODEL is of classes; LEAST requests a second are needed
set -euo pipefail
cd "$(dirname "$0")/.."

model=$1 table=$2 least=${3:-0}
program=$(scripts/built.sh . candlewick)
serve=$(scripts/built.sh examples/serve serve)
load=$(scripts/built.sh examples/serve load)
log=$(mktemp)
"$program" predict --probabilities "$model" "$table" >"$log.expected"
"$serve" "$model" --address 127.0.0.1:0 >"$log" &
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -f "$log"*' EXIT
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
# The rows of a table as a request, all of them and the first.
request() {
    python3 -c 'import csv, json, sys; print(json.dumps({"rows": list(csv.DictReader(sys.stdin))[:int(sys.argv[1])]}))' "$1" <"$table"
}
request 1000 | curl -s --fail "http://$address/predict" -d @- >"$log.found"
python3 - "$log.expected" "$log.found" <<'COMPARE'
import csv, json, sys
(_, *expected), found = list(csv.reader(open(sys.argv[1]))), json.load(open(sys.argv[2]))
assert [row[0] for row in expected] == found["labels"]
pairs = zip((p for row in expected for p in row[1:]), (p for row in found["probabilities"] for p in row), strict=True)
off = max(abs(float(a) - b) for a, b in pairs)
assert off < 1e-6, off
print(f"{len(expected)} rows as the command line predicts them, within {off:.1e}")
COMPARE
body=$(request 1)
status 400 "http://$address/predict" -d '{"rows": []}'
status 400 "http://$address/predict" -d '{"rows": [[1, "a"]]}'
status 400 "http://$address/predict" -d '{"rows": [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]]}'
status 400 "http://$address/predict" -d 'no JSON'
status 404 "http://$address/nothing"
status 405 "http://$address/predict"
head -c 5000000 /dev/zero >"$log.large"
status 413 "http://$address/predict" --data-binary "@$log.large"
"$load" "$address" "$body" --seconds 3 --least "$least"

kill -TERM "$server"
wait "$server"
grep -q '^stopped$' "$log" || { echo "the server did not stop by itself" >&2; exit 1; }
trap 'rm -f "$log"*' EXIT
