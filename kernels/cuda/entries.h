// Printed from the table in kernels/src/: `just kernels` writes it again.

// Entry points for CUDA, for the precision that REAL names. Threads stand in one row.

extern __shared__ double group_memory[];

#define SWEEP_BOUNDS __launch_bounds__(sizeof(REAL) == 4 ? SWEEP_THREADS_F32 : SWEEP_THREADS_F64)

FN ThreadPos thread_pos() {
    ThreadPos p;
    p.block = blockIdx.x;
    p.rank = threadIdx.x;
    p.threads = blockDim.x;
    return p;
}

extern "C" __global__ void cw_prepare(
    const uint *__restrict__ code,
    const Angle *__restrict__ numbers,
    const Complex<REAL> *__restrict__ constants,
    const REAL *__restrict__ inputs,
    const REAL *__restrict__ weights,
    Complex<REAL> *shared,
    Complex<REAL> *cos_sins,
    Complex<REAL> *tables,
    const PrepareArgs a)
{
    prepare<REAL>(code, numbers, constants, inputs, weights, shared, cos_sins, tables, a, thread_pos());
}

extern "C" __global__ void cw_flags(
    const Complex<REAL> *__restrict__ shared,
    const Complex<REAL> *__restrict__ cos_sins,
    const Complex<REAL> *__restrict__ states,
    REAL *flags,
    const FlagArgs a)
{
    fill_flags<REAL>(shared, cos_sins, states, flags, a, thread_pos());
}

extern "C" __global__ void cw_embed(
    const REAL *__restrict__ inputs,
    Complex<REAL> *states,
    const EmbedArgs a)
{
    embed_features<REAL>(inputs, states, reinterpret_cast<Angle *>(group_memory), a, thread_pos());
}

extern "C" __global__ void SWEEP_BOUNDS cw_forward(
    const uint *__restrict__ code,
    const Angle *__restrict__ numbers,
    const Complex<REAL> *__restrict__ shared,
    const Complex<REAL> *__restrict__ cos_sins,
    const Complex<REAL> *__restrict__ tables,
    const Complex<REAL> *__restrict__ constants,
    Complex<REAL> *states,
    REAL *flags,
    REAL *outputs,
    const SweepArgs a)
{
    forward_sweep<REAL>(code, numbers, shared, cos_sins, tables, constants, states, flags, outputs, reinterpret_cast<REAL *>(group_memory), a, thread_pos());
}

extern "C" __global__ void SWEEP_BOUNDS cw_reverse(
    const uint *__restrict__ code,
    const Angle *__restrict__ numbers,
    const Complex<REAL> *__restrict__ shared,
    const Complex<REAL> *__restrict__ cos_sins,
    const Complex<REAL> *__restrict__ tables,
    const Complex<REAL> *__restrict__ constants,
    Complex<REAL> *states,
    Complex<REAL> *lambdas,
    REAL *partials,
    const REAL *__restrict__ cotangent,
    const REAL *__restrict__ flags,
    Sum *slots,
    const REAL *__restrict__ inputs,
    const REAL *__restrict__ weights,
    REAL *gradient,
    const SweepArgs a)
{
    reverse_sweep<REAL>(code, numbers, shared, cos_sins, tables, constants, states, lambdas, partials, cotangent, flags, slots, inputs, weights, gradient, reinterpret_cast<REAL *>(group_memory), a, thread_pos());
}

extern "C" __global__ void cw_expect(
    const uint *__restrict__ code,
    const Angle *__restrict__ numbers,
    const Complex<REAL> *__restrict__ constants,
    const Complex<REAL> *__restrict__ states,
    REAL *sums,
    const ReadArgs a)
{
    expect_terms<REAL>(code, numbers, constants, states, sums, reinterpret_cast<REAL *>(group_memory), a, thread_pos());
}

extern "C" __global__ void cw_outputs(
    const uint *__restrict__ code,
    const Angle *__restrict__ numbers,
    const REAL *__restrict__ sums,
    const REAL *__restrict__ flags,
    REAL *outputs,
    const OutputArgs a)
{
    collect_outputs<REAL>(code, numbers, sums, flags, outputs, reinterpret_cast<Sum *>(group_memory), a, thread_pos());
}

extern "C" __global__ void cw_apply(
    const uint *__restrict__ code,
    const Angle *__restrict__ numbers,
    const Complex<REAL> *__restrict__ constants,
    const Complex<REAL> *__restrict__ from,
    Complex<REAL> *to,
    const REAL *__restrict__ cotangent,
    const REAL *__restrict__ means,
    const REAL *__restrict__ flags,
    const ReadArgs a)
{
    apply_terms<REAL>(code, numbers, constants, from, to, cotangent, means, flags, reinterpret_cast<REAL *>(group_memory), a, thread_pos());
}

extern "C" __global__ void cw_probabilities(
    const uint *__restrict__ code,
    const Complex<REAL> *__restrict__ states,
    const REAL *__restrict__ flags,
    REAL *outputs,
    const BasisArgs a)
{
    collect_probabilities<REAL>(code, states, flags, outputs, reinterpret_cast<Sum *>(group_memory), a, thread_pos());
}

extern "C" __global__ void cw_seed_probabilities(
    const uint *__restrict__ code,
    const Complex<REAL> *__restrict__ states,
    const REAL *__restrict__ cotangent,
    const REAL *__restrict__ flags,
    Complex<REAL> *lambdas,
    const BasisArgs a)
{
    seed_probabilities<REAL>(code, states, cotangent, flags, lambdas, a, thread_pos());
}

extern "C" __global__ void cw_amplitudes(
    const uint *__restrict__ code,
    const Complex<REAL> *__restrict__ states,
    const REAL *__restrict__ flags,
    REAL *outputs,
    const BasisArgs a)
{
    collect_amplitudes<REAL>(code, states, flags, outputs, a, thread_pos());
}

extern "C" __global__ void cw_seed_amplitudes(
    const uint *__restrict__ code,
    const REAL *__restrict__ cotangent,
    const REAL *__restrict__ flags,
    Complex<REAL> *lambdas,
    const BasisArgs a)
{
    seed_amplitudes<REAL>(code, cotangent, flags, lambdas, a, thread_pos());
}

extern "C" __global__ void cw_slots(
    const uint *__restrict__ code,
    const Angle *__restrict__ numbers,
    const REAL *__restrict__ partials,
    Sum *slots,
    const SlotArgs a)
{
    sum_slots<REAL>(code, numbers, partials, slots, reinterpret_cast<Sum *>(group_memory), a, thread_pos());
}

extern "C" __global__ void cw_inputs(
    const uint *__restrict__ code,
    const Angle *__restrict__ numbers,
    const Sum *__restrict__ slots,
    const REAL *__restrict__ flags,
    const REAL *__restrict__ inputs,
    const REAL *__restrict__ weights,
    REAL *gradient,
    const ChainArgs a)
{
    collect_inputs<REAL>(code, numbers, slots, flags, inputs, weights, gradient, a, thread_pos());
}

extern "C" __global__ void cw_weights(
    const uint *__restrict__ code,
    const Angle *__restrict__ numbers,
    const Sum *__restrict__ slots,
    const REAL *__restrict__ inputs,
    const REAL *__restrict__ weights,
    const REAL *__restrict__ flags,
    Sum *sums,
    REAL *gradient,
    const ChainArgs a)
{
    collect_weights<REAL>(code, numbers, slots, inputs, weights, flags, sums, gradient, reinterpret_cast<Sum *>(group_memory), a, thread_pos());
}

extern "C" __global__ void cw_totals(
    const Sum *__restrict__ sums,
    REAL *gradient,
    const ChainArgs a)
{
    total_weights<REAL>(sums, gradient, a, thread_pos());
}

extern "C" __global__ void cw_unembed(
    const REAL *__restrict__ inputs,
    const Complex<REAL> *__restrict__ lambdas,
    REAL *gradient,
    const EmbedArgs a)
{
    unembed_features<REAL>(inputs, lambdas, gradient, reinterpret_cast<Sum *>(group_memory), a, thread_pos());
}
