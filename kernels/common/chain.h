// From variables to cosines and sines, and from the gradients of angles back to those of variables.
//
// A slot is an angle: a number plus a sum of terms; a term stands on the tape as its number, a variable, and a second one or
// NONE. A variable is the index of a weight, or of a feature with the bit of OWN set.

#define SLOT_TERM_WORDS 3u

template <typename T>
FN Angle variable(uint name, GLOBAL const T *features, GLOBAL const T *weights) {
    return static_cast<Angle>((name & OWN) != 0u ? features[name & ~OWN] : weights[name]);
}

// Turns of all slots and constants; φ of those that all samples share also goes into `values`.
template <typename T>
FN void fill_angles(
    GLOBAL const uint *tape, GLOBAL const Angle *numbers, GLOBAL const Complex<T> *constants, GLOBAL const T *inputs,
    GLOBAL const T *weights, GLOBAL Angle *values, GLOBAL Complex<T> *shared, GLOBAL Complex<T> *turns,
    CONSTANT AngleArgs &a, Place p)
{
    const wide item = static_cast<wide>(p.group) * p.threads + p.rank;
    const uint before = a.shared + a.fixed;
    if (item >= a.shared && item < before) {
        shared[item] = constants[a.constants + static_cast<uint>(item) - a.shared];
        return;
    }
    if (item >= before + static_cast<wide>(a.batch) * a.own) {
        return;
    }
    const bool common = item < before;
    const uint sample = common ? 0u : static_cast<uint>((item - before) / a.own);
    const uint slot = common ? static_cast<uint>(item) : a.shared + static_cast<uint>((item - before) % a.own);
    const uint at = a.slots + 3u * slot;
    Angle angle = numbers[tape[at]];
    for (uint term = tape[at + 1u]; term < tape[at + 2u]; term += SLOT_TERM_WORDS) {
        GLOBAL const T *features = inputs + static_cast<wide>(sample) * a.inputs;
        Angle product = numbers[tape[term]] * variable<T>(tape[term + 1u], features, weights);
        if (tape[term + 2u] != NONE) {
            product *= variable<T>(tape[term + 2u], features, weights);
        }
        angle += product;
    }
    Angle cosine, sine;
    cos_sin(angle, cosine, sine);
    const Complex<T> turn = complex<T>(static_cast<T>(cosine), static_cast<T>(sine));
    if (common) {
        values[item] = angle;
        shared[item] = turn;
    } else {
        turns[item - before] = turn;
    }
}

// 0 for each sample, or NaN if one of its angles is NaN or infinite: their cosines are NaN.
template <typename T>
FN void fill_flags(
    GLOBAL const Complex<T> *shared, GLOBAL const Complex<T> *turns, GLOBAL T *flags, CONSTANT FlagArgs &a, Place p)
{
    const uint sample = p.group * p.threads + p.rank;
    if (sample < a.batch) {
        T sum = 0;
        for (uint k = 0u; k < a.shared; ++k) {
            sum += shared[k].x;
        }
        for (uint k = 0u; k < a.own; ++k) {
            sum += turns[static_cast<wide>(sample) * a.own + k].x;
        }
        flags[sample] = sum - sum;
    }
}

// Tables of phases: entry `e` of a table is exp(i Σ ±angle), with the sign of term `t` the parity of `e & mask`.
// A term stands on the tape as its mask, the number of a constant, first and last part; a part as slot and number.
#define TABLE_TERM_WORDS 4u

template <typename T>
FN void fill_tables(
    GLOBAL const uint *tape, GLOBAL const Angle *numbers, GLOBAL const Angle *values, GLOBAL Complex<T> *tables,
    CONSTANT TableArgs &a, Place p)
{
    const wide item = static_cast<wide>(p.group) * p.threads + p.rank;
    const uint table = static_cast<uint>(item >> a.bits), e = static_cast<uint>(item) & ((1u << a.bits) - 1u);
    if (table >= a.count) {
        return;
    }
    Angle sum = 0;
    for (uint term = tape[a.tables + 2u * table]; term < tape[a.tables + 2u * table + 1u]; term += TABLE_TERM_WORDS) {
        Angle angle = numbers[tape[term + 1u]];
        for (uint part = tape[term + 2u]; part < tape[term + 3u]; part += 2u) {
            angle += numbers[tape[part + 1u]] * values[tape[part]];
        }
        sum += odd(e & tape[term]) ? -angle : angle;
    }
    Angle cosine, sine;
    cos_sin(sum, cosine, sine);
    tables[item] = complex<T>(static_cast<T>(cosine), static_cast<T>(sine));
}

// The gradient in each slot of each sample, from the cells of its tiles.
template <typename T>
FN void sum_slots(
    GLOBAL const uint *tape, GLOBAL const Angle *numbers, GLOBAL const T *cells, GLOBAL Sum *slots, GROUP Sum *room,
    CONSTANT SlotArgs &a, Place p)
{
    const wide item = a.per_item == 1u ? static_cast<wide>(p.group) * p.threads + p.rank : p.group;
    const uint sample = static_cast<uint>(item / a.slots), slot = static_cast<uint>(item % a.slots);
    if (sample >= a.batch) {
        return;
    }
    const uint start = a.per_item == 1u ? 0u : p.rank;
    Sum total = 0;
    for (uint k = tape[a.lists + 2u * slot]; k < tape[a.lists + 2u * slot + 1u]; k += 2u) {
        Sum sum = 0;
        for (uint tile = start; tile < 1u << a.tile_bits; tile += a.per_item) {
            const wide row = (static_cast<wide>(sample) << a.tile_bits) + tile;
            sum += cells[row * a.cells + tape[k]];
        }
        total += numbers[tape[k + 1u]] * sum;
    }
    if (a.per_item != 1u) {
        total = group_sum<Sum>(total, room, p);
    }
    if (start == 0u) {
        slots[item] = total;
    }
}

// The derivative of a slot in a variable stands on the tape as: slot, number, and a second variable or NONE.
#define DERIVATIVE_WORDS 3u

template <typename T>
FN Sum derivative(GLOBAL const uint *tape, uint at, GLOBAL const Angle *numbers, GLOBAL const T *features, GLOBAL const T *weights) {
    const Sum number = numbers[tape[at + 1u]];
    return tape[at + 2u] == NONE ? number : number * variable<T>(tape[at + 2u], features, weights);
}

// The gradient in the features of each sample.
template <typename T>
FN void collect_inputs(
    GLOBAL const uint *tape, GLOBAL const Angle *numbers, GLOBAL const Sum *slots, GLOBAL const T *flags,
    GLOBAL const T *inputs, GLOBAL const T *weights, GLOBAL T *gradient, CONSTANT ChainArgs &a, Place p)
{
    const wide item = static_cast<wide>(p.group) * p.threads + p.rank;
    const uint sample = static_cast<uint>(item / a.variables), feature = static_cast<uint>(item % a.variables);
    if (sample >= a.batch) {
        return;
    }
    GLOBAL const T *features = inputs + static_cast<wide>(sample) * a.inputs;
    Sum total = 0;
    for (uint k = tape[a.lists + 2u * feature]; k < tape[a.lists + 2u * feature + 1u]; k += DERIVATIVE_WORDS) {
        const Sum slot = slots[static_cast<wide>(sample) * a.slots + tape[k]];
        total += slot * derivative<T>(tape, k, numbers, features, weights);
    }
    gradient[item] = static_cast<T>(total) + flags[sample];
}

// The gradient in the weights, summed over the samples in an order that depends on their number alone: a group a weight.
template <typename T>
FN void collect_weights(
    GLOBAL const uint *tape, GLOBAL const Angle *numbers, GLOBAL const Sum *slots, GLOBAL const T *inputs,
    GLOBAL const T *weights, GLOBAL T *gradient, GROUP Sum *room, CONSTANT ChainArgs &a, Place p)
{
    Sum total = 0;
    for (uint k = tape[a.lists + 2u * p.group]; k < tape[a.lists + 2u * p.group + 1u]; k += DERIVATIVE_WORDS) {
        for (uint sample = p.rank; sample < a.batch; sample += p.threads) {
            GLOBAL const T *features = inputs + static_cast<wide>(sample) * a.inputs;
            const Sum slot = slots[static_cast<wide>(sample) * a.slots + tape[k]];
            total += slot * derivative<T>(tape, k, numbers, features, weights);
        }
    }
    total = group_sum<Sum>(total, room, p);
    if (p.rank == 0u) {
        gradient[p.group] = static_cast<T>(total);
    }
}

// Features as amplitudes: a group of threads a sample.
template <typename T>
FN Angle norm_of(GLOBAL const T *features, uint count) {
    Angle largest = 0;
    for (uint k = 0u; k < count; ++k) {
        const Angle size = features[k] < 0 ? -static_cast<Angle>(features[k]) : static_cast<Angle>(features[k]);
        largest = size > largest || size != size ? size : largest;
    }
    Angle sum = 0;
    for (uint k = 0u; k < count; ++k) {
        const Angle ratio = static_cast<Angle>(features[k]) / largest;
        sum += ratio * ratio;
    }
    return largest * root(sum);
}

template <typename T>
FN void embed_features(GLOBAL const T *inputs, GLOBAL Complex<T> *states, CONSTANT EmbedArgs &a, Place p) {
    GLOBAL const T *features = inputs + static_cast<wide>(p.group) * a.inputs + a.first;
    GLOBAL Complex<T> *state = states + (static_cast<wide>(p.group) << a.qubits);
    const Angle norm = norm_of<T>(features, a.count);
    for (uint e = p.rank; e < 1u << a.qubits; e += p.threads) {
        state[e] = complex<T>(e < a.count ? static_cast<T>(static_cast<Angle>(features[e]) / norm) : static_cast<T>(0), 0);
    }
}

// Adds the gradient in the embedded features: with y = x / |x| and g = 2 Re λ it is (g - y (y . g)) / |x|.
template <typename T>
FN void unembed_features(
    GLOBAL const T *inputs, GLOBAL const Complex<T> *lambdas, GLOBAL T *gradient, GROUP Sum *room,
    CONSTANT EmbedArgs &a, Place p)
{
    GLOBAL const T *features = inputs + static_cast<wide>(p.group) * a.inputs + a.first;
    GLOBAL T *row = gradient + static_cast<wide>(p.group) * a.inputs + a.first;
    GLOBAL const Complex<T> *lambda = lambdas + (static_cast<wide>(p.group) << a.qubits);
    const Angle norm = norm_of<T>(features, a.count);
    Sum along = 0;
    for (uint k = p.rank; k < a.count; k += p.threads) {
        along += static_cast<Angle>(features[k]) / norm * static_cast<Angle>(lambda[k].x) * 2;
    }
    along = group_sum<Sum>(along, room, p);
    BARRIER();
    if (p.rank == 0u) {
        room[0] = along;
    }
    BARRIER();
    along = room[0];
    for (uint k = p.rank; k < a.count; k += p.threads) {
        const Angle slope = static_cast<Angle>(lambda[k].x) * 2 - static_cast<Angle>(features[k]) / norm * along;
        row[k] += static_cast<T>(slope / norm);
    }
}
