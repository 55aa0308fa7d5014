// Metal's words for the names that common/ uses.

#include <metal_stdlib>
using namespace metal;

typedef ulong wide;

#define FN static inline
#define GLOBAL device
#define GROUP threadgroup
#define LOCAL thread
#define CONSTANT constant
#define UNROLL _Pragma("clang loop unroll(full)")
#define BARRIER() threadgroup_barrier(mem_flags::mem_threadgroup)
#define BARRIER_GLOBAL() threadgroup_barrier(mem_flags::mem_device)
#define SHUFFLE_XOR(value, offset) simd_shuffle_xor(value, static_cast<ushort>(offset))
#define POPCOUNT(bits) popcount(bits)

template <typename T> struct ComplexOf;
template <> struct ComplexOf<float> { typedef float2 type; };

// Metal has no double precision.
typedef float Angle;
typedef float Sum;

FN void cos_sin(Angle angle, LOCAL Angle &cosine, LOCAL Angle &sine) {
    cosine = precise::cos(angle);
    sine = precise::sin(angle);
}
FN float root(float value) { return precise::sqrt(value); }
