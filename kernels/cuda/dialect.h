// CUDA's words for the names that common/ uses.

typedef unsigned int uint;
typedef unsigned long long wide;

#define FN static __device__ __forceinline__
#define GLOBAL
#define GROUP
#define LOCAL
#define CONSTANT const
#define UNROLL _Pragma("unroll")
#define BARRIER() __syncthreads()
#define BARRIER_GLOBAL() __syncthreads()
#define SHUFFLE_XOR(value, offset) __shfl_xor_sync(0xffffffffu, value, offset)
#define POPCOUNT(bits) static_cast<uint>(__popc(bits))

template <typename T> struct ComplexOf;
template <> struct ComplexOf<float> { typedef float2 type; };
template <> struct ComplexOf<double> { typedef double2 type; };

// Angles and long sums are in double precision.
typedef double Angle;
typedef double Sum;

FN void cos_sin(Angle angle, Angle &cosine, Angle &sine) { sincos(angle, &sine, &cosine); }
FN float root(float value) { return sqrtf(value); }
FN double root(double value) { return sqrt(value); }
