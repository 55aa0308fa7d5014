// What a state expects of observables, and observables applied to a state.
//
// An observable is a sum of terms. A term stands on the tape as: kind + 256 count, output, number of its coefficient, and
//   word:      bits it flips, bits whose parity gives its sign, power of i
//   diagonal:  number of its first value, parities whose bits are the index of a value
//   projector: conditions
//   matrix:    its first entry among the constants, a displacement and a parity for each qubit
// all in stored indices, so that parities have no tile bits.

#define TERM_WORD 0u
#define TERM_DIAGONAL 1u
#define TERM_PROJECTOR 2u
#define TERM_MATRIX 3u
#define TERM_WORDS 6u

FN uint parities(GLOBAL const uint *tape, uint at, uint count, uint stride, uint index) {
    uint bits = 0u;
    for (uint k = 0u; k < count; ++k) {
        bits |= (parity(tape, at + k * stride, index, 0u) ? 1u : 0u) << k;
    }
    return bits;
}

FN uint gathered(GLOBAL const uint *tape, uint at, uint count, uint stride, uint bits) {
    uint index = 0u;
    for (uint k = 0u; k < count; ++k) {
        index ^= ((bits >> k) & 1u) != 0u ? tape[at + k * stride] : 0u;
    }
    return index;
}

// An amplitude of a state in either kind of memory.
template <typename T> FN Complex<T> amplitude(GLOBAL const Complex<T> *state, uint, uint index) { return state[index]; }

template <typename T> FN Complex<T> amplitude(GROUP const T *state, uint size, uint index) {
    return complex<T>(state[index], state[size + index]);
}

// Entry `index` of the term applied to a state of `size` amplitudes, without the coefficient.
template <typename T, typename P>
FN Complex<T> applied(
    P state, uint size, uint index, GLOBAL const uint *tape, uint at, GLOBAL const Angle *numbers,
    GLOBAL const Complex<T> *constants)
{
    const uint kind = tape[at] & 255u, count = tape[at] >> 8u;
    if (kind == TERM_WORD) {
        const uint from = index ^ tape[at + 3u];
        const Complex<T> a = amplitude<T>(state, size, from);
        switch ((tape[at + 5u] + 2u * POPCOUNT(from & tape[at + 4u])) & 3u) {
        case 0u:
            return a;
        case 1u:
            return complex<T>(-a.y, a.x);
        case 2u:
            return complex<T>(-a.x, -a.y);
        default:
            return complex<T>(a.y, -a.x);
        }
    }
    if (kind == TERM_DIAGONAL) {
        const T value = static_cast<T>(numbers[tape[at + 3u] + parities(tape, tape[at + 4u], count, PARITY_WORDS, index)]);
        const Complex<T> a = amplitude<T>(state, size, index);
        return complex<T>(value * a.x, value * a.y);
    }
    if (kind == TERM_PROJECTOR) {
        return all_odd(tape, tape[at + 3u], count, index, 0u) ? amplitude<T>(state, size, index) : complex<T>(0, 0);
    }
    const uint qubits = tape[at + 4u], stride = 1u + PARITY_WORDS;
    const uint row = parities(tape, qubits + 1u, count, stride, index);
    const uint base = index ^ gathered(tape, qubits, count, stride, row);
    Complex<T> sum = complex<T>(0, 0);
    for (uint j = 0u; j < 1u << count; ++j) {
        const Complex<T> entry = constants[tape[at + 3u] + (row << count) + j];
        const Complex<T> product =
            times<T>(entry, amplitude<T>(state, size, base ^ gathered(tape, qubits, count, stride, j)));
        sum = complex<T>(sum.x + product.x, sum.y + product.y);
    }
    return sum;
}

// <ψ|term|ψ> over a chunk of a state, for each term: a group of threads a chunk.
template <typename T>
FN void expect_terms(
    GLOBAL const uint *tape, GLOBAL const Angle *numbers, GLOBAL const Complex<T> *constants,
    GLOBAL const Complex<T> *states, GLOBAL T *sums, GROUP T *room, CONSTANT ReadArgs &a, Place p)
{
    const uint chunk_count = a.qubits - a.chunk_bits;
    const uint sample = p.group >> chunk_count, chunk = p.group & ((1u << chunk_count) - 1u);
    GLOBAL const Complex<T> *state = states + (static_cast<wide>(sample) << a.qubits);
    for (uint term = a.first; term < a.last; ++term) {
        T sum = 0;
        for (uint e = p.rank; e < 1u << a.chunk_bits; e += p.threads) {
            const uint index = (chunk << a.chunk_bits) | e;
            sum += inner<T>(state[index], applied<T>(state, 0u, index, tape, a.terms + term * TERM_WORDS, numbers, constants));
        }
        sum = group_sum<T>(sum, room + ((term & 1u) << 5u), p);
        if (p.rank == 0u) {
            sums[static_cast<wide>(p.group) * a.term_count + term] = sum;
        }
    }
}

// Outputs from sums over chunks. `flags` is 0, or NaN for samples whose outputs are.
template <typename T>
FN void collect_outputs(
    GLOBAL const uint *tape, GLOBAL const Angle *numbers, GLOBAL const T *sums, GLOBAL const T *flags, GLOBAL T *outputs,
    GROUP Sum *room, CONSTANT OutputArgs &a, Place p)
{
    const wide item = a.per_item == 1u ? static_cast<wide>(p.group) * p.threads + p.rank : p.group;
    const uint sample = static_cast<uint>(item / a.outputs), output = static_cast<uint>(item % a.outputs);
    if (sample >= a.batch) {
        return;
    }
    const uint start = a.per_item == 1u ? 0u : p.rank;
    Sum total = 0;
    for (uint k = tape[a.first + 2u * output]; k < tape[a.first + 2u * output + 1u]; ++k) {
        const uint term = tape[k];
        Sum sum = 0;
        for (uint chunk = start; chunk < a.chunks; chunk += a.per_item) {
            sum += sums[(static_cast<wide>(sample) * a.chunks + chunk) * a.term_count + term];
        }
        total += numbers[tape[a.terms + term * TERM_WORDS + 2u]] * sum;
    }
    if (a.per_item != 1u) {
        total = group_sum<Sum>(total, room, p);
    }
    if (start == 0u) {
        outputs[static_cast<wide>(sample) * a.width + a.column + output] = static_cast<T>(total) + flags[sample];
    }
}

// to = (what is there +) (sum of factor * term - mean) from, with factors of the cotangent if asked for.
template <typename T>
FN void apply_terms(
    GLOBAL const uint *tape, GLOBAL const Angle *numbers, GLOBAL const Complex<T> *constants,
    GLOBAL const Complex<T> *from, GLOBAL Complex<T> *to, GLOBAL const T *cotangent, GLOBAL const T *means,
    GLOBAL const T *flags, CONSTANT ReadArgs &a, Place p)
{
    const wide item = static_cast<wide>(p.group) * p.threads + p.rank;
    const uint sample = static_cast<uint>(item >> a.qubits), index = static_cast<uint>(item) & ((1u << a.qubits) - 1u);
    if (sample >= a.batch) {
        return;
    }
    GLOBAL const Complex<T> *state = from + (static_cast<wide>(sample) << a.qubits);
    Complex<T> sum = a.keep != 0u ? to[item] : complex<T>(flags[sample], 0);
    for (uint term = a.first; term < a.last; ++term) {
        const uint at = a.terms + term * TERM_WORDS;
        T factor = static_cast<T>(numbers[tape[at + 2u]]);
        if (a.cotangent != 0u) {
            factor *= cotangent[static_cast<wide>(sample) * a.outputs + tape[at + 1u]];
        }
        const Complex<T> value = applied<T>(state, 0u, index, tape, at, numbers, constants);
        sum = complex<T>(sum.x + factor * value.x, sum.y + factor * value.y);
    }
    if (a.shift != NONE) {
        T factor = -means[static_cast<wide>(sample) * a.outputs + a.shift];
        if (a.cotangent != 0u) {
            factor *= cotangent[static_cast<wide>(sample) * a.outputs + a.shift];
        }
        sum = complex<T>(sum.x + factor * state[index].x, sum.y + factor * state[index].y);
    }
    to[item] = sum;
}

// For a state in group memory: the outputs of its sample. `sums` has an entry a term.
template <typename T>
FN void read_outputs(
    GROUP const T *psi, GLOBAL const uint *tape, GLOBAL const Angle *numbers, GLOBAL const Complex<T> *constants, T flag,
    GLOBAL T *outputs, GROUP T *sums, GROUP T *rooms, uint room_size, CONSTANT SweepArgs &a, Unit u, Place p)
{
    const uint size = 1u << a.bits;
    for (uint term = 0u; term < a.term_count; ++term) {
        T sum = 0;
        for (uint e = u.rank; e < size; e += u.threads) {
            const Complex<T> there =
                applied<T>(psi, size, e, tape, a.terms + term * TERM_WORDS, numbers, constants);
            sum += inner<T>(amplitude<T>(psi, size, e), there);
        }
        sum = unit_sum<T>(sum, rooms + ((term & 1u) != 0u ? room_size : 0u), u, p);
        if (u.rank == 0u) {
            sums[term] = sum;
        }
    }
    BARRIER();
    for (uint output = u.rank; u.present && output < a.outputs; output += u.threads) {
        Sum total = 0;
        for (uint k = tape[a.lists + 2u * output]; k < tape[a.lists + 2u * output + 1u]; ++k) {
            total += numbers[tape[a.terms + tape[k] * TERM_WORDS + 2u]] * static_cast<Sum>(sums[tape[k]]);
        }
        outputs[static_cast<wide>(u.sample) * a.outputs + output] = static_cast<T>(total) + flag;
    }
}

// For a state in group memory: λ.
template <typename T>
FN void seed_lambda(
    GROUP const T *psi, GROUP T *lambda, GLOBAL const uint *tape, GLOBAL const Angle *numbers,
    GLOBAL const Complex<T> *constants, GLOBAL const T *cotangent, T flag, CONSTANT SweepArgs &a, Unit u)
{
    const uint size = 1u << a.bits;
    for (uint e = u.rank; e < size; e += u.threads) {
        Complex<T> sum = complex<T>(flag, 0);
        for (uint term = 0u; term < a.term_count; ++term) {
            const uint at = a.terms + term * TERM_WORDS;
            const T factor = static_cast<T>(numbers[tape[at + 2u]]) * cotangent[static_cast<wide>(u.sample) * a.outputs + tape[at + 1u]];
            const Complex<T> value = applied<T>(psi, size, e, tape, at, numbers, constants);
            sum = complex<T>(sum.x + factor * value.x, sum.y + factor * value.y);
        }
        lambda[e] = sum.x;
        lambda[size + e] = sum.y;
    }
}

// Probabilities of the basis states of the measured qubits.
template <typename T>
FN void collect_probabilities(
    GLOBAL const uint *tape, GLOBAL const Complex<T> *states, GLOBAL const T *flags, GLOBAL T *outputs, GROUP Sum *room,
    CONSTANT BasisArgs &a, Place p)
{
    const wide item = a.per_item == 1u ? static_cast<wide>(p.group) * p.threads + p.rank : p.group;
    const uint sample = static_cast<uint>(item >> a.count), output = static_cast<uint>(item) & ((1u << a.count) - 1u);
    if (sample >= a.batch) {
        return;
    }
    const uint rest = a.qubits - a.count, start = a.per_item == 1u ? 0u : p.rank;
    GLOBAL const Complex<T> *state = states + (static_cast<wide>(sample) << a.qubits);
    const uint base = a.origin ^ gathered(tape, a.columns, a.count, 1u, output);
    Sum total = 0;
    for (uint k = start; k < 1u << rest; k += a.per_item) {
        const Complex<T> value = state[base ^ gathered(tape, a.columns + a.count, rest, 1u, k)];
        total += inner<T>(value, value);
    }
    if (a.per_item != 1u) {
        total = group_sum<Sum>(total, room, p);
    }
    if (start == 0u) {
        outputs[item] = static_cast<T>(total) + flags[sample];
    }
}

template <typename T>
FN void seed_probabilities(
    GLOBAL const uint *tape, GLOBAL const Complex<T> *states, GLOBAL const T *cotangent, GLOBAL const T *flags,
    GLOBAL Complex<T> *lambdas, CONSTANT BasisArgs &a, Place p)
{
    const wide item = static_cast<wide>(p.group) * p.threads + p.rank;
    const uint sample = static_cast<uint>(item >> a.qubits), index = static_cast<uint>(item) & ((1u << a.qubits) - 1u);
    if (sample < a.batch) {
        const uint output = parities(tape, a.rows, a.count, PARITY_WORDS, index);
        const T factor = cotangent[(static_cast<wide>(sample) << a.count) + output] + flags[sample];
        lambdas[item] = complex<T>(factor * states[item].x, factor * states[item].y);
    }
}

// Amplitudes in the order of logical indices.
template <typename T>
FN void collect_amplitudes(
    GLOBAL const uint *tape, GLOBAL const Complex<T> *states, GLOBAL const T *flags, GLOBAL Complex<T> *outputs,
    CONSTANT BasisArgs &a, Place p)
{
    const wide item = static_cast<wide>(p.group) * p.threads + p.rank;
    const uint sample = static_cast<uint>(item >> a.qubits), index = static_cast<uint>(item) & ((1u << a.qubits) - 1u);
    if (sample < a.batch) {
        const uint from = a.origin ^ gathered(tape, a.columns, a.count, 1u, index);
        const Complex<T> value = states[(static_cast<wide>(sample) << a.qubits) + from];
        outputs[item] = complex<T>(value.x + flags[sample], value.y + flags[sample]);
    }
}

// A tensor may start at any of its numbers, so the cotangent is no array of complex ones, which stand at even places.
template <typename T>
FN void seed_amplitudes(
    GLOBAL const uint *tape, GLOBAL const T *cotangent, GLOBAL const T *flags, GLOBAL Complex<T> *lambdas,
    CONSTANT BasisArgs &a, Place p)
{
    const wide item = static_cast<wide>(p.group) * p.threads + p.rank;
    const uint sample = static_cast<uint>(item >> a.qubits), index = static_cast<uint>(item) & ((1u << a.qubits) - 1u);
    if (sample < a.batch) {
        const uint to = a.origin ^ gathered(tape, a.columns, a.count, 1u, index);
        const T scale = static_cast<T>(0.5f);
        const T re = scale * cotangent[2u * item], im = scale * cotangent[2u * item + 1u];
        lambdas[(static_cast<wide>(sample) << a.qubits) + to] = complex<T>(re + flags[sample], im + flags[sample]);
    }
}
