// Printed from the table in kernels/src/: `just kernels` writes it again.

// Entry points for Metal. Threads stand in one row.

FN ThreadPos thread_pos(uint block, uint rank, uint threads) {
    ThreadPos p;
    p.block = block;
    p.rank = rank;
    p.threads = threads;
    return p;
}

kernel void cw_prepare(
    device const uint *code [[buffer(0)]],
    device const Angle *numbers [[buffer(1)]],
    device const float2 *constants [[buffer(2)]],
    device const float *inputs [[buffer(3)]],
    device const float *weights [[buffer(4)]],
    device float2 *shared [[buffer(5)]],
    device float2 *cos_sins [[buffer(6)]],
    device float2 *tables [[buffer(7)]],
    constant PrepareArgs &a [[buffer(8)]],
    uint block [[threadgroup_position_in_grid]],
    uint rank [[thread_index_in_threadgroup]],
    uint threads [[threads_per_threadgroup]])
{
    prepare<float>(code, numbers, constants, inputs, weights, shared, cos_sins, tables, a, thread_pos(block, rank, threads));
}

kernel void cw_flags(
    device const float2 *shared [[buffer(0)]],
    device const float2 *cos_sins [[buffer(1)]],
    device const float2 *states [[buffer(2)]],
    device float *flags [[buffer(3)]],
    constant FlagArgs &a [[buffer(4)]],
    uint block [[threadgroup_position_in_grid]],
    uint rank [[thread_index_in_threadgroup]],
    uint threads [[threads_per_threadgroup]])
{
    fill_flags<float>(shared, cos_sins, states, flags, a, thread_pos(block, rank, threads));
}

kernel void cw_embed(
    device const float *inputs [[buffer(0)]],
    device float2 *states [[buffer(1)]],
    constant EmbedArgs &a [[buffer(2)]],
    threadgroup Angle *memory [[threadgroup(0)]],
    uint block [[threadgroup_position_in_grid]],
    uint rank [[thread_index_in_threadgroup]],
    uint threads [[threads_per_threadgroup]])
{
    embed_features<float>(inputs, states, memory, a, thread_pos(block, rank, threads));
}

kernel void cw_forward(
    device const uint *code [[buffer(0)]],
    device const Angle *numbers [[buffer(1)]],
    device const float2 *shared [[buffer(2)]],
    device const float2 *cos_sins [[buffer(3)]],
    device const float2 *tables [[buffer(4)]],
    device const float2 *constants [[buffer(5)]],
    device float2 *states [[buffer(6)]],
    device float *flags [[buffer(7)]],
    device float *outputs [[buffer(8)]],
    constant SweepArgs &a [[buffer(9)]],
    threadgroup float *memory [[threadgroup(0)]],
    uint block [[threadgroup_position_in_grid]],
    uint rank [[thread_index_in_threadgroup]],
    uint threads [[threads_per_threadgroup]])
{
    forward_sweep<float>(code, numbers, shared, cos_sins, tables, constants, states, flags, outputs, memory, a, thread_pos(block, rank, threads));
}

kernel void cw_reverse(
    device const uint *code [[buffer(0)]],
    device const Angle *numbers [[buffer(1)]],
    device const float2 *shared [[buffer(2)]],
    device const float2 *cos_sins [[buffer(3)]],
    device const float2 *tables [[buffer(4)]],
    device const float2 *constants [[buffer(5)]],
    device float2 *states [[buffer(6)]],
    device float2 *lambdas [[buffer(7)]],
    device float *partials [[buffer(8)]],
    device const float *cotangent [[buffer(9)]],
    device const float *flags [[buffer(10)]],
    device Sum *slots [[buffer(11)]],
    device const float *inputs [[buffer(12)]],
    device const float *weights [[buffer(13)]],
    device float *gradient [[buffer(14)]],
    constant SweepArgs &a [[buffer(15)]],
    threadgroup float *memory [[threadgroup(0)]],
    uint block [[threadgroup_position_in_grid]],
    uint rank [[thread_index_in_threadgroup]],
    uint threads [[threads_per_threadgroup]])
{
    reverse_sweep<float>(code, numbers, shared, cos_sins, tables, constants, states, lambdas, partials, cotangent, flags, slots, inputs, weights, gradient, memory, a, thread_pos(block, rank, threads));
}

kernel void cw_expect(
    device const uint *code [[buffer(0)]],
    device const Angle *numbers [[buffer(1)]],
    device const float2 *constants [[buffer(2)]],
    device const float2 *states [[buffer(3)]],
    device float *sums [[buffer(4)]],
    constant ReadArgs &a [[buffer(5)]],
    threadgroup float *memory [[threadgroup(0)]],
    uint block [[threadgroup_position_in_grid]],
    uint rank [[thread_index_in_threadgroup]],
    uint threads [[threads_per_threadgroup]])
{
    expect_terms<float>(code, numbers, constants, states, sums, memory, a, thread_pos(block, rank, threads));
}

kernel void cw_outputs(
    device const uint *code [[buffer(0)]],
    device const Angle *numbers [[buffer(1)]],
    device const float *sums [[buffer(2)]],
    device const float *flags [[buffer(3)]],
    device float *outputs [[buffer(4)]],
    constant OutputArgs &a [[buffer(5)]],
    threadgroup Sum *memory [[threadgroup(0)]],
    uint block [[threadgroup_position_in_grid]],
    uint rank [[thread_index_in_threadgroup]],
    uint threads [[threads_per_threadgroup]])
{
    collect_outputs<float>(code, numbers, sums, flags, outputs, memory, a, thread_pos(block, rank, threads));
}

kernel void cw_apply(
    device const uint *code [[buffer(0)]],
    device const Angle *numbers [[buffer(1)]],
    device const float2 *constants [[buffer(2)]],
    device const float2 *from [[buffer(3)]],
    device float2 *to [[buffer(4)]],
    device const float *cotangent [[buffer(5)]],
    device const float *means [[buffer(6)]],
    device const float *flags [[buffer(7)]],
    constant ReadArgs &a [[buffer(8)]],
    threadgroup float *memory [[threadgroup(0)]],
    uint block [[threadgroup_position_in_grid]],
    uint rank [[thread_index_in_threadgroup]],
    uint threads [[threads_per_threadgroup]])
{
    apply_terms<float>(code, numbers, constants, from, to, cotangent, means, flags, memory, a, thread_pos(block, rank, threads));
}

kernel void cw_probabilities(
    device const uint *code [[buffer(0)]],
    device const float2 *states [[buffer(1)]],
    device const float *flags [[buffer(2)]],
    device float *outputs [[buffer(3)]],
    constant BasisArgs &a [[buffer(4)]],
    threadgroup Sum *memory [[threadgroup(0)]],
    uint block [[threadgroup_position_in_grid]],
    uint rank [[thread_index_in_threadgroup]],
    uint threads [[threads_per_threadgroup]])
{
    collect_probabilities<float>(code, states, flags, outputs, memory, a, thread_pos(block, rank, threads));
}

kernel void cw_seed_probabilities(
    device const uint *code [[buffer(0)]],
    device const float2 *states [[buffer(1)]],
    device const float *cotangent [[buffer(2)]],
    device const float *flags [[buffer(3)]],
    device float2 *lambdas [[buffer(4)]],
    constant BasisArgs &a [[buffer(5)]],
    uint block [[threadgroup_position_in_grid]],
    uint rank [[thread_index_in_threadgroup]],
    uint threads [[threads_per_threadgroup]])
{
    seed_probabilities<float>(code, states, cotangent, flags, lambdas, a, thread_pos(block, rank, threads));
}

kernel void cw_amplitudes(
    device const uint *code [[buffer(0)]],
    device const float2 *states [[buffer(1)]],
    device const float *flags [[buffer(2)]],
    device float *outputs [[buffer(3)]],
    constant BasisArgs &a [[buffer(4)]],
    uint block [[threadgroup_position_in_grid]],
    uint rank [[thread_index_in_threadgroup]],
    uint threads [[threads_per_threadgroup]])
{
    collect_amplitudes<float>(code, states, flags, outputs, a, thread_pos(block, rank, threads));
}

kernel void cw_seed_amplitudes(
    device const uint *code [[buffer(0)]],
    device const float *cotangent [[buffer(1)]],
    device const float *flags [[buffer(2)]],
    device float2 *lambdas [[buffer(3)]],
    constant BasisArgs &a [[buffer(4)]],
    uint block [[threadgroup_position_in_grid]],
    uint rank [[thread_index_in_threadgroup]],
    uint threads [[threads_per_threadgroup]])
{
    seed_amplitudes<float>(code, cotangent, flags, lambdas, a, thread_pos(block, rank, threads));
}

kernel void cw_slots(
    device const uint *code [[buffer(0)]],
    device const Angle *numbers [[buffer(1)]],
    device const float *partials [[buffer(2)]],
    device Sum *slots [[buffer(3)]],
    constant SlotArgs &a [[buffer(4)]],
    threadgroup Sum *memory [[threadgroup(0)]],
    uint block [[threadgroup_position_in_grid]],
    uint rank [[thread_index_in_threadgroup]],
    uint threads [[threads_per_threadgroup]])
{
    sum_slots<float>(code, numbers, partials, slots, memory, a, thread_pos(block, rank, threads));
}

kernel void cw_inputs(
    device const uint *code [[buffer(0)]],
    device const Angle *numbers [[buffer(1)]],
    device const Sum *slots [[buffer(2)]],
    device const float *flags [[buffer(3)]],
    device const float *inputs [[buffer(4)]],
    device const float *weights [[buffer(5)]],
    device float *gradient [[buffer(6)]],
    constant ChainArgs &a [[buffer(7)]],
    uint block [[threadgroup_position_in_grid]],
    uint rank [[thread_index_in_threadgroup]],
    uint threads [[threads_per_threadgroup]])
{
    collect_inputs<float>(code, numbers, slots, flags, inputs, weights, gradient, a, thread_pos(block, rank, threads));
}

kernel void cw_weights(
    device const uint *code [[buffer(0)]],
    device const Angle *numbers [[buffer(1)]],
    device const Sum *slots [[buffer(2)]],
    device const float *inputs [[buffer(3)]],
    device const float *weights [[buffer(4)]],
    device const float *flags [[buffer(5)]],
    device Sum *sums [[buffer(6)]],
    device float *gradient [[buffer(7)]],
    constant ChainArgs &a [[buffer(8)]],
    threadgroup Sum *memory [[threadgroup(0)]],
    uint block [[threadgroup_position_in_grid]],
    uint rank [[thread_index_in_threadgroup]],
    uint threads [[threads_per_threadgroup]])
{
    collect_weights<float>(code, numbers, slots, inputs, weights, flags, sums, gradient, memory, a, thread_pos(block, rank, threads));
}

kernel void cw_totals(
    device const Sum *sums [[buffer(0)]],
    device float *gradient [[buffer(1)]],
    constant ChainArgs &a [[buffer(2)]],
    uint block [[threadgroup_position_in_grid]],
    uint rank [[thread_index_in_threadgroup]],
    uint threads [[threads_per_threadgroup]])
{
    total_weights<float>(sums, gradient, a, thread_pos(block, rank, threads));
}

kernel void cw_unembed(
    device const float *inputs [[buffer(0)]],
    device const float2 *lambdas [[buffer(1)]],
    device float *gradient [[buffer(2)]],
    constant EmbedArgs &a [[buffer(3)]],
    threadgroup Sum *memory [[threadgroup(0)]],
    uint block [[threadgroup_position_in_grid]],
    uint rank [[thread_index_in_threadgroup]],
    uint threads [[threads_per_threadgroup]])
{
    unembed_features<float>(inputs, lambdas, gradient, memory, a, thread_pos(block, rank, threads));
}
