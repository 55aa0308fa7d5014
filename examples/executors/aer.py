"""Runs OpenQASM 3 on Qiskit Aer, for candlewick's `CommandExecutor`: one text, or a JSON list of texts.

    pip install qiskit qiskit-aer qiskit-qasm3-import
"""

import json
import os
import sys

from qiskit import qasm3
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer import AerSimulator

# Another backend of Qiskit, such as a device's, stands in the place of the simulator.
simulator = AerSimulator(max_parallel_threads=1)
passes = generate_preset_pass_manager(optimization_level=0, backend=simulator)


def run(program, shots, seed):
    circuit = passes.run(qasm3.loads(program))
    return simulator.run(circuit, shots=shots, seed_simulator=seed).result().get_counts()


text = sys.stdin.read()
if text.startswith("["):
    answer = [run(**job) for job in json.loads(text)]
else:
    answer = run(text, int(os.environ["CANDLEWICK_SHOTS"]), int(os.environ["CANDLEWICK_SEED"]))
print(json.dumps(answer))
