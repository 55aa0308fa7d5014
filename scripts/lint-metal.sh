#!/usr/bin/env bash
# Checks the Metal kernels without Apple's compiler: clang reads them as C++ for OpenCL, whose address spaces are Metal's.
# Any error, any warning, `double`, and pointers or references without an address space are failures.
#
#     scripts/lint-metal.sh [FILE]      FILE: a whole text; without it, the text that the crate compiles
#
# Needs clang 19 (CLANG names another one); a second in all.
set -euo pipefail
cd "$(dirname "$0")/.."

clang=${CLANG:-clang-19}
for tool in "$clang" grep sed; do
    command -v "$tool" >/dev/null || { echo "missing tool: $tool" >&2; exit 1; }
done
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

# The text in the order of kernels/src/text.rs.
text() {
    local common
    common=$(grep -o 'common/[a-z]*\.h' kernels/src/text.rs)
    # shellcheck disable=SC2086
    (cd kernels && cat metal/dialect.h $common metal/entries.metal)
}

# Prints what is wrong with a text; 1 if anything is.
lint() {
    local flags=(
        --target=spir64 -x clcpp -cl-std=clc++2021 -cl-no-stdinc -I scripts/metal-lint -fno-color-diagnostics
        # Without any extension there is no double. Copies of structures need the generic address space.
        -Xclang -cl-ext=-all,+__opencl_c_generic_address_space
        -fsyntax-only
    )
    # Attributes say where arguments come from; `threadgroup` among them would meet the macro of that name.
    sed 's/\[\[[^]]*\]\]//g' "$1" >"$work/text"
    "$clang" "${flags[@]}" -Wall -Wextra -Wconversion -Wdouble-promotion -Wshadow -Werror "$work/text" >"$work/report" 2>&1 || {
        sed "s#$work/text#$1#" "$work/report"
        return 1
    }
    # Metal has no generic address space: whatever a text declares in it lacks its own. Nameless parameters are those of the
    # constructors that structures come with.
    "$clang" "${flags[@]}" -w -Xclang -ast-dump "$work/text" >"$work/tree" 2>&1
    if grep -E '(Var|Field|Function|Method|Alias|Typedef)Decl .*__generic' "$work/tree" |
        grep -Ev " implicit |ParmVarDecl [^']*:[0-9]+( used)? '" >"$work/report"; then
        echo "$1: no address space:"
        sed -E 's/^[^A-Z]*//; s/0x[0-9a-f]+ //g' "$work/report"
        return 1
    fi
}

# A linter that accepts everything would be worse than none.
reject() {
    printf '#include <metal_stdlib>\nusing namespace metal;\n%s\n' "$1" >"$work/bad"
    if lint "$work/bad" >/dev/null; then
        echo "accepted, but should not be: $1" >&2
        exit 1
    fi
}
reject 'kernel void k(device float *a) { double b = 1.0; a[0] = static_cast<float>(b); }'
reject 'kernel void k(device float *a) { a[0] = a[0] * 0.5; }'
reject 'static float first(float *a) { return a[0]; } kernel void k(device float *a) { a[0] = first(a); }'
reject 'static void set(float &a) { a = 0.0f; } kernel void k(device float *a) { float b; set(b); a[0] = b; }'
reject 'struct S { float *p; }; kernel void k(device float *a) { float b = 0.0f; S s; s.p = &b; a[0] = s.p[0]; }'
reject 'kernel void k(device float *a, threadgroup float *b) { b = a; }'
reject 'kernel void k(device const float *a) { a[0] = 0.0f; }'
reject 'kernel void k(device float *a) { uint half = 1u; a[half] = 0.0f; }'
reject 'template <typename T> static void matrix(device T *a) { a[0] = 0; } kernel void k(device float *a) { matrix<float>(a); }'
reject 'kernel void k(device uint *a) { a[0] = popcont(a[0]); }'
reject 'kernel void k(device uint *a, device ulong *b) { a[0] = b[0]; }'

file=${1:-$work/kernels.metal}
[ $# -gt 0 ] || text >"$file"
[ -s "$file" ] || { echo "$file: no text" >&2; exit 1; }
lint "$file"
echo "$(grep -c '^kernel void' "$file") kernels, nothing to complain about"
