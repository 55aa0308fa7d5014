#!/usr/bin/env bash
# Checks and times the kernels on a machine with an NVIDIA GPU, where nothing is built or fetched. The stages come in the order of
# their worth, each with a limit of its time; results are in OUT as they come, so that a run that is cut short has told the most.
#
#     scripts/on-gpu.sh ARCHIVE OUT           with what scripts/build-for-gpu.sh has made: eight minutes at most
#     scripts/on-gpu.sh --dry ARCHIVE OUT     every stage here, with the emulator in the GPU's place: seconds
#     scripts/on-gpu.sh --dry PROGRAM OUT     the same with the example `on_gpu` of candlewick-emulator
#
# A machine has the driver, and CUDA 13's cuBLAS, cuRAND and NVRTC: in the loader's path, in a CUDA image, or among Python's packages.
set -uo pipefail

dry=()
if [ "${1:-}" = --dry ]; then dry=(--dry); shift; fi
[ $# -eq 2 ] || { sed -n '2,/^set/ { /^#/ s/^# \{0,1\}//p }' "$0" >&2; exit 2; }
root=$(cd "$(dirname "$0")/.." && pwd)
archive=$1 out=$2
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
summary=$out/summary.txt
: >"$summary"
say() { echo "$*" | tee -a "$summary"; }

case $archive in
    *.tar.gz) tar --extract --gzip --file "$archive" --directory "$work" || { say "the archive $archive cannot be unpacked"; exit 1; } ;;
    *) cp "$archive" "$work/on_gpu" && cp "$root/benches/peers.py" "$work/" || { say "the program $archive is not there"; exit 1; } ;;
esac
program=$work/on_gpu
[ -f "$work/build.txt" ] && say "$(cat "$work/build.txt")"

# Folders where libraries of CUDA may be besides the loader's own.
python=$(command -v python3 || true)
site() { [ -z "$python" ] || "$python" -c 'import site, sys; print("\n".join({*site.getsitepackages(), *sys.path}))' 2>/dev/null; }
candidates() {
    printf '%s\n' /usr/local/nvidia/lib64 /usr/local/nvidia/lib /usr/local/cuda*/lib64 /usr/local/cuda*/compat /usr/lib/x86_64-linux-gnu /usr/lib64
    site | while read -r folder; do [ -n "$folder" ] && printf '%s\n' "$folder"/nvidia/*/lib; done
}
find_libraries() {
    local library folder found folders missing=0
    folders=$(candidates | awk '!seen[$0]++')
    for library in libcuda.so.1 libcublas.so.13 libcublasLt.so.13 libcurand.so.10 libnvrtc.so.13; do
        found=$(ldconfig -p 2>/dev/null | awk -v name="$library" '$1 == name { print $NF; exit }')
        for folder in $folders; do
            [ -z "$found" ] || break
            if [ -e "$folder/$library" ]; then
                found=$folder/$library
                LD_LIBRARY_PATH=$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
            fi
        done
        say "$library: ${found:-not found}"
        [ -n "$found" ] || missing=1
    done
    export LD_LIBRARY_PATH
    [ "$missing" -eq 0 ] || say "looked in the loader's path and in: $(tr '\n' ' ' <<<"$folders")"
}

# stage NAME SECONDS FILE COMMAND..: runs a command within its time; its output goes to FILE in OUT. 1 if it was not done.
begin=$SECONDS
stage() {
    local name=$1 limit=$2 file=$3 start=$SECONDS status
    shift 3
    timeout --kill-after=5 "$limit" "$@" >>"$out/$file" 2>&1
    status=$?
    case $status in
        0) status=done ;;
        124 | 137) status="cut short after $limit s" ;;
        4) status='FAILED: no device' ;;
        *) status="FAILED with status $status" ;;
    esac
    say "$name: $status, $((SECONDS - start)) s; $file ends with: $(grep -v '^$' "$out/$file" | tail -1 | cut -c1-200)"
    [ "$status" = done ]
}
failed=0
rm -f "$out"/{log,cases,train,steps,peers,sanitizers}.txt "$out/failures.json"

if [ ${#dry[@]} -eq 0 ]; then
    nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader >>"$out/log.txt" 2>&1
    find_libraries
    train_there=cuda epochs=() every=1 cases=abcdef seconds=0.8
else
    train_there=cpu epochs=(--epochs 1) every=${CASES_EVERY:-40} cases=a seconds=0.2
fi
on_gpu=("$program" "${dry[@]}")
# What does not come from the GPU may use all cores; candle reads /proc/cpuinfo at each product unless their number is set.
export RAYON_NUM_THREADS=${RAYON_NUM_THREADS:-$(nproc)}

stage 'a. device' 40 log.txt "${on_gpu[@]}" device || failed=1
! grep -q 'FAILED: no device' "$summary" || { say 'the other stages are left out'; exit 1; }
stage 'b. values and gradients' 80 log.txt "${on_gpu[@]}" cases --every "$every" --output "$out" || failed=1
stage 'c. main example, CPU' 20 train.txt "$program" train --device cpu "${epochs[@]}" --output "$work/cpu" || failed=1
stage 'c. main example, GPU' 40 train.txt "${on_gpu[@]}" train --device "$train_there" "${epochs[@]}" --output "$work/gpu" || failed=1
say "main example, CPU and GPU: $(grep '^test accuracy' "$out/train.txt" | paste -sd' ')"
stage 'd. timed workloads' 90 steps.txt "${on_gpu[@]}" steps --cases "$cases" --seconds "$seconds" || failed=1
if [ -n "$python" ]; then
    stage 'e. other systems' 120 peers.txt "$python" "$work/peers.py" --device "$([ ${#dry[@]} -eq 0 ] && echo cuda || echo cpu)" --cases "$cases"
else
    say 'e. other systems: there is no python3'
fi
if [ ${#dry[@]} -gt 0 ]; then
    say "f. NVIDIA's sanitizers: they have nothing to look at in an emulator; its own are in scripts/check-emulator.sh"
elif command -v compute-sanitizer >/dev/null; then
    for tool in memcheck racecheck initcheck; do
        stage "f. $tool" 30 sanitizers.txt compute-sanitizer --tool "$tool" --error-exitcode 9 "$program" worker --every 150 --from 0 || failed=1
    done
else
    say 'f. compute-sanitizer is not here'
fi
say "$((SECONDS - begin)) s in all; $([ "$failed" -eq 0 ] && echo 'every stage is done' || echo 'not every stage is right')"
exit "$failed"
