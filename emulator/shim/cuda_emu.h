// The part of CUDA's device dialect that kernels use, for a CPU C++17 compiler (clang or gcc).
#pragma once
#include "gpu_emu.h"
#include <cmath>
#define __global__
#define __device__
#define __host__
#define __constant__ const
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __restrict__
#define group_memory (emu::group_memory())

struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(16) double2 { double x, y; };
struct uint2 { unsigned x, y; };
struct uint3 { unsigned x, y, z; };
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline double2 make_double2(double x, double y) { return {x, y}; }

namespace emu {
inline Dim t_idx() { return Engine::get().thread_pos(); }
inline Dim b_idx() { return Engine::get().group_id; }
inline Dim b_dim() { return Engine::get().full_dim; }
inline Dim g_dim() { return Engine::get().grid_groups; }
template <class T> unsigned wrap(unsigned l, unsigned w) { return l % w; }
}
#define threadIdx (emu::t_idx())
#define blockIdx (emu::b_idx())
#define blockDim (emu::b_dim())
#define gridDim (emu::g_dim())
constexpr int warpSize = 32;

inline void __syncthreads(int line = __builtin_LINE()) { emu::group_barrier(line); }
inline void __syncwarp(unsigned = ~0u, int line = __builtin_LINE()) { emu::exchange(0, line); }
inline void __threadfence() {}
template <class T> T __shfl_sync(unsigned, T v, int l, int = 32, int line = __builtin_LINE()) { return emu::from_lane(v, unsigned(l), true, line); }
template <class T> T __shfl_xor_sync(unsigned, T v, int m, int = 32, int line = __builtin_LINE()) { return emu::from_lane(v, emu::lane() ^ unsigned(m), true, line); }
template <class T> T __shfl_down_sync(unsigned, T v, unsigned d, int = 32, int line = __builtin_LINE()) { return emu::from_lane(v, emu::lane() + d, true, line); }
template <class T> T __shfl_up_sync(unsigned, T v, unsigned d, int = 32, int line = __builtin_LINE()) { return emu::from_lane(v, emu::lane() - d, emu::lane() >= d, line); }
inline unsigned __ballot_sync(unsigned, int p, int line = __builtin_LINE()) { return emu::reduce(p ? 1u << emu::lane() : 0u, [](unsigned a, unsigned b) { return a | b; }, line); }
template <class T> T atomicAdd(T *p, T d) { return emu::atomic_rmw(p, [d](T o) { return T(o + d); }); }
template <class T> T atomicMax(T *p, T d) { return emu::atomic_rmw(p, [d](T o) { return o < d ? d : o; }); }
inline unsigned __popc(unsigned x) { return unsigned(__builtin_popcount(x)); }
inline int __clz(int x) { return x ? __builtin_clz(unsigned(x)) : 32; }
inline float __ldg(const float *p) { return *p; }
inline float2 __ldg(const float2 *p) { return *p; }
inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }
#if !defined(_GNU_SOURCE)
inline void sincosf(float x, float *s, float *c) { *s = std::sin(x); *c = std::cos(x); }
#endif
template <class T> T min(T a, T b) { return a < b ? a : b; }
template <class T> T max(T a, T b) { return a < b ? b : a; }
