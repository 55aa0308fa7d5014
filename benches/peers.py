#!/usr/bin/env python3
"""Times the workloads of benches/cases on JAX and PyTorch, on the same numbers as `on_gpu steps`: peers.py [--device cuda|cpu] [--cases abcdef]

Each system is a state vector as a strong user would write it. JAX: jitted, a scan over the layers, the ring of CX one gather. PyTorch:
the gates of up to five qubits multiplied out to a matrix, a product a group, the ring one gather. Both in complex64; a step is
outputs, gradients in inputs and gradients in weights. Prints Markdown, a row as soon as it is measured: the first step with
compilation, the median of steps that each wait for the device, and the sums of the sizes of outputs and gradients.
"""
import argparse
import math
import subprocess
import sys
import time

try:
    import numpy as np
except ImportError:
    print("numpy, jax and torch are not here: nothing is compared")
    sys.exit(0)

# Name: qubits, layers, batch.
CASES = {"a": (4, 2, 32), "b": (8, 4, 256), "c": (10, 6, 1024), "d": (16, 4, 16), "e": (20, 4, 1), "f": (24, 4, 1)}
SYSTEMS = ["jax", "torch"]
SECONDS_A_SYSTEM = 55


def numbers(shape, step):
    count = np.arange(1, math.prod(shape) + 1)
    return (3 * np.sin(step * count)).astype(np.float32).reshape(shape)


def data(case):
    """Returns qubits, layers, batch, inputs, weights and cotangent."""
    qubits, layers, batch = CASES[case]
    return qubits, layers, batch, numbers((batch, qubits), 1.3), numbers((layers, qubits, 3), 0.7), numbers((batch, qubits), 2.1)


def ring(qubits):
    """Returns the indices from which, and to which, CX(q, q + 1) for all q in turn moves amplitudes."""
    at = np.arange(2**qubits)
    for q in range(qubits):
        at = at ^ ((at >> q & 1) << (q + 1) % qubits)
    return np.argsort(at), at


def signs(qubits):
    """Returns the eigenvalues of each qubit's Z, a column a qubit."""
    return (1 - 2 * (np.arange(2**qubits)[:, None] >> np.arange(qubits) & 1)).astype(np.float32)


def jax_step(case, device):
    import jax
    import jax.numpy as jnp

    platform = {"cuda": "gpu"}.get(device, device)
    jax.config.update("jax_default_device", jax.devices(platform)[0])
    qubits, _, _, x, w, c = data(case)
    x, w, c = map(jnp.asarray, (x, w, c))
    from_, to = ring(qubits)
    of_z = jnp.asarray(signs(qubits))

    @jax.custom_vjp
    def exchange(state):
        return state[from_]

    exchange.defvjp(lambda state: (state[from_], None), lambda _, slope: (slope[to],))

    def turn(state, matrix, q):
        state = state.reshape(-1, 2, 2**q)
        low, high = state[:, 0], state[:, 1]
        pair = [matrix[0][0] * low + matrix[0][1] * high, matrix[1][0] * low + matrix[1][1] * high]
        return jnp.stack(pair, 1).reshape(-1)

    def ry(angle):
        cos, sin = jnp.cos(angle / 2), jnp.sin(angle / 2)
        return [[cos, -sin], [sin, cos]]

    def rz_ry_rz(angles):
        cos, sin = jnp.cos(angles[1] / 2), jnp.sin(angles[1] / 2)
        plus, minus = jnp.exp(-0.5j * (angles[0] + angles[2])), jnp.exp(0.5j * (angles[0] - angles[2]))
        return [[cos * plus, -sin * minus], [sin * minus.conj(), cos * plus.conj()]]

    def outputs(features, weights):
        state = jnp.zeros(2**qubits, jnp.complex64).at[0].set(1)
        for q in range(qubits):
            state = turn(state, ry(features[q]), q)

        def layer(state, angles):
            for q in range(qubits):
                state = turn(state, rz_ry_rz(angles[q]), q)
            return exchange(state), None

        state, _ = jax.lax.scan(layer, state, weights)
        return (state.real**2 + state.imag**2) @ of_z

    def loss(x, w):
        y = jax.vmap(outputs, (0, None))(x, w)
        return jnp.sum(y * c), y

    both = jax.jit(jax.value_and_grad(loss, (0, 1), has_aux=True))

    def step():
        (_, y), (dx, dw) = jax.block_until_ready(both(x, w))
        return y, dx, dw

    return step


def torch_step(case, device):
    import torch

    qubits, layers, batch, *tensors = data(case)
    x, w, c = (torch.tensor(tensor, device=device) for tensor in tensors)
    x.requires_grad_(), w.requires_grad_()
    from_, to = (torch.tensor(indices, device=device) for indices in ring(qubits))
    of_z = torch.tensor(signs(qubits), device=device)
    groups = -(-qubits // 5)
    cuts = [round(part * qubits / groups) for part in range(groups + 1)]

    class Exchange(torch.autograd.Function):
        @staticmethod
        def forward(_, state):
            return state.index_select(1, from_)

        @staticmethod
        def backward(_, slope):
            return slope.index_select(1, to)

    def matrices(first, second, third):
        cos, sin = torch.cos(second / 2), torch.sin(second / 2)
        plus, minus = (first + third) / 2, (first - third) / 2
        diagonal = torch.complex(cos * torch.cos(plus), -cos * torch.sin(plus))
        side = torch.complex(sin * torch.cos(minus), sin * torch.sin(minus))
        return torch.stack([torch.stack([diagonal, -side], -1), torch.stack([side.conj(), diagonal.conj()], -1)], -2)

    def product(factors):
        """Multiplies out matrices of single qubits, the last of which acts on the highest bit."""
        whole = factors[-1]
        for factor in reversed(factors[:-1]):
            whole = torch.einsum("...ab,...cd->...acbd", whole, factor).flatten(-2).flatten(-3, -2)
        return whole

    def apply(state, groups_of_factors):
        # A group's bits are the last axis in turn; each product moves them to the front.
        for factors in groups_of_factors:
            matrix = product(factors)
            size = matrix.shape[-1]
            state = torch.matmul(state.reshape(batch, -1, size), matrix.transpose(-1, -2)).transpose(1, 2).reshape(batch, -1)
        return state

    def step():
        x.grad = w.grad = None
        zero = torch.zeros_like(x)
        encoded, turned = matrices(zero, x, zero), matrices(w[..., 0], w[..., 1], w[..., 2])
        state = torch.zeros(batch, 2**qubits, dtype=torch.complex64, device=device)
        state[:, 0] = 1
        state = apply(state, [[encoded[:, q] for q in range(*cut)] for cut in zip(cuts, cuts[1:])])
        for layer in range(layers):
            state = apply(state, [[turned[layer, q] for q in range(*cut)] for cut in zip(cuts, cuts[1:])])
            state = Exchange.apply(state)
        y = (state.real**2 + state.imag**2) @ of_z
        (y * c).sum().backward()
        if device == "cuda":
            torch.cuda.synchronize()
        return y.detach(), x.grad, w.grad

    return step


def measure(system, device, cases):
    for case in cases:
        try:
            begin = time.perf_counter()
            step = {"jax": jax_step, "torch": torch_step}[system](case, device)
            found = step()
            first = time.perf_counter() - begin
            step()
            times, begin = [], time.perf_counter()
            while not times or time.perf_counter() - begin < 1:
                start = time.perf_counter()
                step()
                times.append(time.perf_counter() - start)
            sums = " / ".join(f"{float(abs(tensor).sum()):.4g}" for tensor in found)
            print(f"| {system} | {case} | {first:.1f} s | {1e6 * sorted(times)[len(times) // 2]:.0f} µs | {sums} |", flush=True)
        except Exception as error:
            print(f"| {system} | {case} | {type(error).__name__}: {str(error).splitlines()[0][:120] if str(error) else ''} | | |", flush=True)
            if isinstance(error, ImportError):
                return


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--cases", default="abcdef")
    parser.add_argument("--system", choices=SYSTEMS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.system:
        return measure(arguments.system, arguments.device, arguments.cases)
    print("| system | case | first step | step | sums |\n|---|---|---|---|---|", flush=True)
    for system in SYSTEMS:
        # A process of its own, which neither an abort nor a long compilation can take the other system with.
        command = [sys.executable, __file__, "--device", arguments.device, "--cases", arguments.cases, "--system", system]
        try:
            status = subprocess.run(command, timeout=SECONDS_A_SYSTEM).returncode
            if status != 0:
                print(f"| {system} | | ended with status {status} | | |", flush=True)
        except subprocess.TimeoutExpired:
            print(f"| {system} | | cut short after {SECONDS_A_SYSTEM} s | | |", flush=True)


if __name__ == "__main__":
    main()
