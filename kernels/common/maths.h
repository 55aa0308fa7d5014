// Complex numbers, parities, and sums over the threads of a block.

template <typename T> using Complex = typename ComplexOf<T>::type;

template <typename T> FN Complex<T> complex(T re, T im) {
    Complex<T> value;
    value.x = re;
    value.y = im;
    return value;
}

template <typename T> FN Complex<T> times(Complex<T> a, Complex<T> b) {
    return complex<T>(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x);
}

// conj(a) b
template <typename T> FN Complex<T> conjugate_times(Complex<T> a, Complex<T> b) {
    return complex<T>(a.x * b.x + a.y * b.y, a.x * b.y - a.y * b.x);
}

// Re(conj(a) b)
template <typename T> FN T inner(Complex<T> a, Complex<T> b) { return a.x * b.x + a.y * b.y; }

// Im(conj(a) b)
template <typename T> FN T cross(Complex<T> a, Complex<T> b) { return a.x * b.y - a.y * b.x; }

FN bool odd(uint bits) { return (POPCOUNT(bits) & 1u) != 0u; }

// Program on the device.
template <typename T> struct Bytecode {
    GLOBAL const uint *code;
    GLOBAL const Angle *numbers;
    GLOBAL const Complex<T> *constants;
};

// Position of a thread.
struct ThreadPos {
    uint block;
    uint rank;
    uint threads;
};

// Whether a parity is odd.
FN bool is_odd(Parity parity, uint local, uint tile) {
    return (((POPCOUNT(local & parity.local) + POPCOUNT(tile & parity.tile)) ^ parity.odd) & 1u) != 0u;
}

// Whether all conditions are odd.
FN bool all_odd(GLOBAL const uint *code, Conditions conditions, uint local, uint tile) {
    for (uint k = 0u; k < conditions.count; ++k) {
        if (!is_odd(load_parity(code, conditions.at + k * PARITY_WORDS), local, tile)) {
            return false;
        }
    }
    return true;
}

// Bits that the qubits at `at` of a matrix read.
FN uint qubit_bits(GLOBAL const uint *code, uint at, uint count, uint local, uint tile) {
    uint bits = 0u;
    for (uint k = 0u; k < count; ++k) {
        bits |= (is_odd(load_qubit(code, at + k * QUBIT_WORDS).parity, local, tile) ? 1u : 0u) << k;
    }
    return bits;
}

// XOR of the flip masks of those qubits that are set in `bits`.
FN uint qubit_flips(GLOBAL const uint *code, uint at, uint count, uint bits) {
    uint flips = 0u;
    for (uint k = 0u; k < count; ++k) {
        flips ^= ((bits >> k) & 1u) != 0u ? load_qubit(code, at + k * QUBIT_WORDS).flip_mask : 0u;
    }
    return flips;
}

// Warps of a block.
FN uint warps_of(uint threads) { return threads < WARP ? 1u : threads / WARP; }

// Sums `value` over runs of `count` neighbouring threads of a warp, a power of two up to 32. All lanes take part.
template <typename T> FN T lane_sum(T value, uint count) {
    for (uint offset = count >> 1u; offset > 0u; offset >>= 1u) {
        value += SHUFFLE_XOR(value, offset);
    }
    return value;
}

// Threads of a block that work on something of their own.
struct Team {
    uint index;
    uint sample;
    uint tile;
    uint rank;
    uint threads;
    uint which;
    bool present;
};

// Sum of `value` over the threads of a team, in all of them. `scratch` has an entry for each warp of the block and may be written again
// after the next barrier.
template <typename T> FN T team_sum(T value, GROUP T *scratch, Team t, ThreadPos p) {
    value = lane_sum<T>(value, t.threads < WARP ? t.threads : WARP);
    if (t.threads <= WARP) {
        return value;
    }
    const uint warps = t.threads / WARP;
    if ((p.rank % WARP) == 0u) {
        scratch[p.rank / WARP] = value;
    }
    BARRIER();
    T sum = 0;
    for (uint warp = 0u; warp < warps; ++warp) {
        sum += scratch[t.which * warps + warp];
    }
    return sum;
}

// Sum of `value` over all threads of the block, in thread 0. `scratch` has an entry for each warp and may be used again after the next
// barrier.
template <typename T> FN T block_sum(T value, GROUP T *scratch, ThreadPos p) {
    const uint lanes = p.threads < WARP ? p.threads : WARP;
    value = lane_sum<T>(value, lanes);
    if (p.threads <= WARP) {
        return value;
    }
    if ((p.rank % WARP) == 0u) {
        scratch[p.rank / WARP] = value;
    }
    BARRIER();
    if (p.rank == 0u) {
        for (uint warp = 1u; warp < p.threads / WARP; ++warp) {
            value += scratch[warp];
        }
    }
    return value;
}

// Largest `value` of all threads of the block, in all of them. `scratch` is as for `block_sum`.
template <typename T> FN T larger(T a, T b) { return b > a ? b : a; }

template <typename T> FN T block_largest(T value, GROUP T *scratch, ThreadPos p) {
    const uint lanes = p.threads < WARP ? p.threads : WARP;
    for (uint offset = lanes >> 1u; offset > 0u; offset >>= 1u) {
        value = larger<T>(value, SHUFFLE_XOR(value, offset));
    }
    if (p.threads <= WARP) {
        return value;
    }
    if ((p.rank % WARP) == 0u) {
        scratch[p.rank / WARP] = value;
    }
    BARRIER();
    value = scratch[0];
    for (uint warp = 1u; warp < p.threads / WARP; ++warp) {
        value = larger<T>(value, scratch[warp]);
    }
    return value;
}

// Broadcasts `value` of thread 0 to all threads. Begins and ends with a barrier.
template <typename T> FN T of_first(T value, GROUP T *scratch, ThreadPos p) {
    BARRIER();
    if (p.rank == 0u) {
        scratch[0] = value;
    }
    BARRIER();
    return scratch[0];
}
