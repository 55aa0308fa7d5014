// Entry points for CUDA, for the precision that REAL names. Threads stand in one row.

extern __shared__ double group_memory[];

// The most threads of a group: as many as have registers for eight amplitudes of two states.
#define SWEEP_BOUNDS __launch_bounds__(sizeof(REAL) == 4 ? 512 : 256)

FN Place place() {
    Place p;
    p.group = blockIdx.x;
    p.rank = threadIdx.x;
    p.threads = blockDim.x;
    return p;
}

extern "C" __global__ void cw_prepare(
    const uint *tape, const Angle *numbers, const Complex<REAL> *constants, const REAL *inputs, const REAL *weights,
    Complex<REAL> *shared, Complex<REAL> *turns, Complex<REAL> *tables, const PrepareArgs a)
{
    prepare<REAL>(tape, numbers, constants, inputs, weights, shared, turns, tables, a, place());
}

extern "C" __global__ void cw_flags(
    const Complex<REAL> *shared, const Complex<REAL> *turns, REAL *flags, const FlagArgs a)
{
    fill_flags<REAL>(shared, turns, flags, a, place());
}

extern "C" __global__ void cw_embed(
    const REAL *inputs, Complex<REAL> *states, const EmbedArgs a)
{
    embed_features<REAL>(inputs, states, a, place());
}

extern "C" __global__ void SWEEP_BOUNDS cw_forward(
    const uint *tape, const Angle *numbers, const Complex<REAL> *shared, const Complex<REAL> *turns,
    const Complex<REAL> *tables, const Complex<REAL> *constants, Complex<REAL> *states, REAL *flags, REAL *outputs,
    const SweepArgs a)
{
    forward_sweep<REAL>(reinterpret_cast<REAL *>(group_memory), tape, numbers, shared, turns, tables, constants,
        states, flags, outputs, a, place());
}

extern "C" __global__ void SWEEP_BOUNDS cw_reverse(
    const uint *tape, const Angle *numbers, const Complex<REAL> *shared, const Complex<REAL> *turns,
    const Complex<REAL> *tables, const Complex<REAL> *constants, Complex<REAL> *states, Complex<REAL> *lambdas,
    REAL *cells, const REAL *cotangent, const REAL *flags, Sum *slots, const REAL *inputs, const REAL *weights,
    REAL *gradient, const SweepArgs a)
{
    reverse_sweep<REAL>(reinterpret_cast<REAL *>(group_memory), tape, numbers, shared, turns, tables, constants,
        states, lambdas, cells, cotangent, flags, slots, inputs, weights, gradient, a, place());
}

extern "C" __global__ void cw_expect(
    const uint *tape, const Angle *numbers, const Complex<REAL> *constants, const Complex<REAL> *states, REAL *sums,
    const ReadArgs a)
{
    expect_terms<REAL>(tape, numbers, constants, states, sums, reinterpret_cast<REAL *>(group_memory), a, place());
}

extern "C" __global__ void cw_outputs(
    const uint *tape, const Angle *numbers, const REAL *sums, const REAL *flags, REAL *outputs, const OutputArgs a)
{
    collect_outputs<REAL>(tape, numbers, sums, flags, outputs, reinterpret_cast<Sum *>(group_memory), a, place());
}

extern "C" __global__ void cw_apply(
    const uint *tape, const Angle *numbers, const Complex<REAL> *constants, const Complex<REAL> *from,
    Complex<REAL> *to, const REAL *cotangent, const REAL *means, const REAL *flags, const ReadArgs a)
{
    apply_terms<REAL>(tape, numbers, constants, from, to, cotangent, means, flags, a, place());
}

extern "C" __global__ void cw_probabilities(
    const uint *tape, const Complex<REAL> *states, const REAL *flags, REAL *outputs, const BasisArgs a)
{
    collect_probabilities<REAL>(tape, states, flags, outputs, reinterpret_cast<Sum *>(group_memory), a, place());
}

extern "C" __global__ void cw_seed_probabilities(
    const uint *tape, const Complex<REAL> *states, const REAL *cotangent, const REAL *flags, Complex<REAL> *lambdas,
    const BasisArgs a)
{
    seed_probabilities<REAL>(tape, states, cotangent, flags, lambdas, a, place());
}

extern "C" __global__ void cw_amplitudes(
    const uint *tape, const Complex<REAL> *states, const REAL *flags, Complex<REAL> *outputs, const BasisArgs a)
{
    collect_amplitudes<REAL>(tape, states, flags, outputs, a, place());
}

extern "C" __global__ void cw_seed_amplitudes(
    const uint *tape, const REAL *cotangent, const REAL *flags, Complex<REAL> *lambdas, const BasisArgs a)
{
    seed_amplitudes<REAL>(tape, cotangent, flags, lambdas, a, place());
}

extern "C" __global__ void cw_slots(
    const uint *tape, const Angle *numbers, const REAL *cells, Sum *slots, const SlotArgs a)
{
    sum_slots<REAL>(tape, numbers, cells, slots, reinterpret_cast<Sum *>(group_memory), a, place());
}

extern "C" __global__ void cw_inputs(
    const uint *tape, const Angle *numbers, const Sum *slots, const REAL *flags, const REAL *inputs,
    const REAL *weights, REAL *gradient, const ChainArgs a)
{
    collect_inputs<REAL>(tape, numbers, slots, flags, inputs, weights, gradient, a, place());
}

extern "C" __global__ void cw_weights(
    const uint *tape, const Angle *numbers, const Sum *slots, const REAL *inputs, const REAL *weights, REAL *gradient,
    const ChainArgs a)
{
    collect_weights<REAL>(tape, numbers, slots, inputs, weights, gradient, reinterpret_cast<Sum *>(group_memory), a,
    place());
}

extern "C" __global__ void cw_unembed(
    const REAL *inputs, const Complex<REAL> *lambdas, REAL *gradient, const EmbedArgs a)
{
    unembed_features<REAL>(inputs, lambdas, gradient, reinterpret_cast<Sum *>(group_memory), a, place());
}
