#!/usr/bin/env python3
"""Writes a molecule file for `candlewick::variational::Molecule` from a geometry.

The file has the Hamiltonian of the electrons under the Jordan-Wigner transformation, the Hartree-Fock and the exact
energy, and further observables: dipole moment, total spin, spin projection and particle number. Spin orbitals are
interleaved: qubit 2p is spatial orbital p with spin up, qubit 2p + 1 the same orbital with spin down.

Needs Python 3.10 or later and PySCF: pip install pyscf
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

try:
    import numpy as np
    import pyscf
    from pyscf import ao2mo, fci, gto, mcscf, scf
    from pyscf.data import elements, nist
    from scipy.sparse import csr_matrix

    MISSING = None
except ImportError as error:
    # `--help` needs none of them.
    MISSING = error.name

EXAMPLES = """examples:
  molecule.py --atoms "H 0 0 0; H 0 0 0.7414" -o h2.json
  molecule.py --atoms "Li 0 0 0; H 0 0 1.5949" --active-electrons 2 -o lih.json       the core is frozen
  molecule.py --xyz water.xyz --basis 6-31g --active-electrons 4 --active-orbitals 4 -o water.json
  molecule.py --check                                                                compares itself with PySCF

observables, in atomic units:
  dipole_x, dipole_y, dipole_z   moment of electrons and nuclei about the origin, in e bohr (2.541746 debye)
  spin_squared, spin_z           S^2 and S_z of the active electrons, in hbar^2 and hbar
  particle_number                number of active electrons

The exact energy is the lowest with these numbers of electrons with spin up and with spin down, in the active space.
`Circuit::hartree_fock` prepares the Hartree-Fock determinant for a spin of 0 or 1."""

# The crate's largest circuit: `candlewick::circuit::MAX_QUBITS`.
MAX_QUBITS = 58
# Determinants beyond which an exact energy takes minutes, and gigabytes.
MAX_DETERMINANTS = 2_000_000
# Terms smaller than this are rounding errors, and are left out.
SMALLEST = 1e-12
# Decimals of the coefficients in a file.
DECIMALS = 12
# Distance in angstrom below which two nuclei are at the same place.
CLOSEST = 0.01
# Orbital energies closer than this, in hartree, are one degenerate level.
DEGENERATE = 1e-6


class InputError(Exception):
    """Description of a molecule from which no file can be made."""


# Pauli words. A word is a pair of masks (x, z): X or Y where x has a bit, Z or Y where z has a bit. A sum of words is a
# dictionary of coefficients.

Word = tuple[int, int]
Sum = dict[Word, complex]
IDENTITY: Word = (0, 0)


def times(left: Sum, right: Sum) -> Sum:
    """Product of two sums of words."""
    product: Sum = {}
    for (x1, z1), a in left.items():
        for (x2, z2), b in right.items():
            word = (x1 ^ x2, z1 ^ z2)
            # A word is i^|x & z| X^x Z^z, and Z X = -X Z.
            turns = (x1 & z1).bit_count() + (x2 & z2).bit_count() - (word[0] & word[1]).bit_count()
            turns += 2 * (z1 & x2).bit_count()
            product[word] = product.get(word, 0.0) + a * b * (1, 1j, -1, -1j)[turns % 4]
    return product


def add(total: Sum, other: Sum, factor: float = 1.0) -> None:
    """Adds a multiple of another sum to `total`."""
    for word, coefficient in other.items():
        total[word] = total.get(word, 0.0) + factor * coefficient


def annihilate(spin_orbital: int) -> Sum:
    """Jordan-Wigner: a_p = Z_0 .. Z_(p-1) (X_p + i Y_p)/2."""
    bit = 1 << spin_orbital
    return {(bit, bit - 1): 0.5, (bit, bit - 1 | bit): 0.5j}


def create(spin_orbital: int) -> Sum:
    """Adjoint of `annihilate`."""
    return {word: complex(coefficient).conjugate() for word, coefficient in annihilate(spin_orbital).items()}


def replace(p: int, q: int) -> Sum:
    """E_pq + E_qp, and E_pp for p = q, where E_pq moves an electron of either spin from orbital q to orbital p."""
    moves: Sum = {}
    for spin in (0, 1):
        add(moves, times(create(2 * p + spin), annihilate(2 * q + spin)))
        if p != q:
            add(moves, times(create(2 * q + spin), annihilate(2 * p + spin)))
    return {word: coefficient for word, coefficient in moves.items() if coefficient != 0}


def one_body(constant: float, matrix: np.ndarray) -> Sum:
    """The constant and the sum of matrix[p, q] E_pq, for a real symmetric matrix."""
    total: Sum = {IDENTITY: constant}
    for p, q in itertools.combinations_with_replacement(range(len(matrix)), 2):
        add(total, replace(p, q), matrix[p, q])
    return total


def hamiltonian(constant: float, h1: np.ndarray, h2: np.ndarray) -> Sum:
    """Electronic Hamiltonian of real orbitals; h2[p, q, r, s] is (pq|rs), in chemists' notation."""
    # a†_p a†_r a_s a_q = E_pq E_rs - delta_qr E_ps
    total = one_body(constant, h1 - 0.5 * np.einsum("prrq->pq", h2))
    pairs = list(itertools.combinations_with_replacement(range(len(h1)), 2))
    moves = {pair: replace(*pair) for pair in pairs}
    for left in pairs:
        right: Sum = {}
        for pair in pairs:
            add(right, moves[pair], h2[left + pair])
        add(total, times(moves[left], right), 0.5)
    return total


def spin_sums(orbitals: int) -> dict[str, Sum]:
    """S^2, S_z and the particle number."""
    number, spin_z, raising, lowering = ({}, {}, {}, {})
    for p in range(orbitals):
        up, down = 2 * p, 2 * p + 1
        for spin_orbital, projection in ((up, 0.5), (down, -0.5)):
            occupation = times(create(spin_orbital), annihilate(spin_orbital))
            add(number, occupation)
            add(spin_z, occupation, projection)
        add(raising, times(create(up), annihilate(down)))
        add(lowering, times(create(down), annihilate(up)))
    spin_squared = times(lowering, raising)
    add(spin_squared, times(spin_z, spin_z))
    add(spin_squared, spin_z)
    return {"spin_squared": spin_squared, "spin_z": spin_z, "particle_number": number}


def letters(word: Word) -> list[tuple[int, str]]:
    """Qubits and letters of a word, in the order of the qubits."""
    x, z = word
    present = (qubit for qubit in range((x | z).bit_length()) if (x | z) >> qubit & 1)
    return [(qubit, "IXZY"[(x >> qubit & 1) + 2 * (z >> qubit & 1)]) for qubit in present]


def terms(total: Sum) -> list[list]:
    """Coefficients and words as in a file, the identity first, in the order of qubits and letters."""
    rows = []
    for word in sorted(total, key=letters):
        coefficient = complex(total[word])
        if abs(coefficient.imag) > 1e-10:
            raise AssertionError(f"{letters(word)} has the coefficient {coefficient}: the sum is not Hermitian")
        if abs(coefficient.real) >= SMALLEST:
            text = " ".join(f"{letter}{qubit}" for qubit, letter in letters(word))
            rows.append([round(coefficient.real, DECIMALS), text])
    return rows


# Geometry.

Atom = tuple[str, tuple[float, float, float]]


def parse_atoms(lines: list[str]) -> list[Atom]:
    """Reads lines such as `H 0 0 0.74`, in angstrom."""
    atoms: list[Atom] = []
    for line in lines:
        fields = line.replace(",", " ").split()
        if len(fields) != 4:
            raise InputError(f"`{line.strip()}` is no atom: expected an element and coordinates, as in `H 0 0 0.74`")
        symbol = fields[0].capitalize()
        if symbol not in elements.ELEMENTS[1:]:
            raise InputError(f"`{fields[0]}` is no element")
        try:
            x, y, z = (float(field) for field in fields[1:])
        except ValueError:
            raise InputError(f"`{line.strip()}` has a coordinate that is no number") from None
        if not all(map(math.isfinite, (x, y, z))):
            raise InputError(f"`{line.strip()}` has a coordinate that is not finite")
        atoms.append((symbol, (x, y, z)))
    if not atoms:
        raise InputError("there are no atoms")
    for (first, a), (second, b) in itertools.combinations(atoms, 2):
        if math.dist(a, b) < CLOSEST:
            raise InputError(f"{first} and {second} are {math.dist(a, b):.3g} angstrom apart, at the same place")
    return atoms


def read_xyz(path: Path) -> list[Atom]:
    """Reads an .xyz file: the number of atoms, a comment, and a line an atom."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from None
    count = lines[0].strip() if lines else ""
    if not count.isdecimal():
        raise InputError(f"{path} is no .xyz file: its first line must be the number of atoms, and is `{count}`")
    rows = [line for line in lines[2:] if line.strip()]
    if len(rows) != int(count):
        raise InputError(f"{path} declares {count} atoms and has {len(rows)}")
    return parse_atoms(rows)


@dataclass(frozen=True)
class Description:
    """Everything that a user says about a molecule."""

    atoms: list[Atom]
    basis: str = "sto-3g"
    charge: int = 0
    spin: int = 0
    active_electrons: int | None = None
    active_orbitals: int | None = None
    active_indices: list[int] | None = None
    name: str | None = None


def molecule_of(description: Description) -> gto.Mole:
    """The molecule in its basis."""
    atoms, charge, spin = description.atoms, description.charge, description.spin
    electrons = sum(elements.charge(symbol) for symbol, _ in atoms) - charge
    if electrons < 1:
        raise InputError(f"a charge of {charge} leaves {electrons} electrons; at least 1 is needed")
    if not 0 <= spin <= electrons:
        raise InputError(f"the spin is {spin}; with {electrons} electrons it must be 0 to {electrons}")
    if (electrons - spin) % 2:
        wanted = "odd" if electrons % 2 else "even"
        raise InputError(f"{electrons} electron(s) need an {wanted} number of unpaired ones, --spin, not {spin}")
    try:
        with warnings.catch_warnings():
            # For an unknown basis PySCF also recommends another package.
            warnings.simplefilter("ignore")
            # Some sets of heavy elements are made for effective core potentials: alone they would be wrong.
            symbols = sorted({symbol for symbol, _ in atoms})
            potentials = {symbol: description.basis for symbol in symbols if has_potential(description.basis, symbol)}
            options = dict(charge=charge, spin=spin, unit="Angstrom", verbose=0, parse_arg=False)
            return gto.M(atom=atoms, basis=description.basis, ecp=potentials, **options)
    except Exception as error:  # PySCF raises errors of many types for a basis that it does not have.
        reason = " ".join(str(error).split())
        raise InputError(f"no basis `{description.basis}` for these elements: {reason}") from None


def has_potential(basis: str, symbol: str) -> bool:
    """Whether a basis comes with an effective core potential for an element."""
    try:
        return bool(gto.basis.load_ecp(basis, symbol))
    except Exception:  # For a basis that it does not have; its own error follows.
        return False


# Orbitals.


def hartree_fock(molecule: gto.Mole) -> scf.hf.SCF:
    """Converged restricted Hartree-Fock, open-shell where there are unpaired electrons, with fixed orbitals."""
    field = scf.RHF(molecule) if molecule.spin == 0 else scf.ROHF(molecule)
    field.conv_tol, field.conv_tol_grad, field.max_cycle = 1e-13, 1e-8, 200
    field.kernel()
    if not field.converged:
        field = field.newton()
        field.kernel(field.mo_coeff, field.mo_occ)
    if not field.converged:
        raise InputError("the Hartree-Fock equations did not converge for this geometry, basis, charge and spin")
    field.mo_coeff = fixed_orbitals(field)
    return field


def fixed_orbitals(field: scf.hf.SCF) -> np.ndarray:
    """Orbitals with definite signs, and definite directions in each degenerate level, whatever the solver returned."""
    coefficients = field.mo_coeff.copy()
    values, vectors = np.linalg.eigh(field.get_ovlp())
    root = (vectors * np.sqrt(values)) @ vectors.T
    first = 0
    while first < len(field.mo_energy):
        last = first + 1
        while (
            last < len(field.mo_energy)
            and field.mo_energy[last] - field.mo_energy[last - 1] < DEGENERATE
            and field.mo_occ[last] == field.mo_occ[first]
        ):
            last += 1
        coefficients[:, first:last] = turned(coefficients[:, first:last], root)
        first = last
    return coefficients


def turned(level: np.ndarray, root: np.ndarray) -> np.ndarray:
    """Orbitals of one level, turned so that the basis function with the largest share in the level is in the first of
    them alone, with a positive coefficient; and so on with the others."""
    level = level.copy()
    for k in range(level.shape[1]):
        rows = root @ level[:, k:]
        shares = np.linalg.norm(rows, axis=1)
        row = rows[np.flatnonzero(shares > shares.max() - 1e-5)[0]]
        # The first column of Q is the row or its negative, normalised; the others are orthogonal to it.
        turn = np.linalg.qr(row[:, None], mode="complete")[0]
        turn[:, 0] *= math.copysign(1.0, turn[:, 0] @ row)
        level[:, k:] = level[:, k:] @ turn
    return level


@dataclass(frozen=True)
class ActiveSpace:
    """Frozen and active orbitals, and active electrons with spin up and down."""

    core: list[int]
    active: list[int]
    electrons: tuple[int, int]


def active_space(field: scf.hf.SCF, description: Description) -> ActiveSpace:
    """Chooses the orbitals: the lowest ones that are not active are frozen, doubly occupied."""
    orbitals, everything = len(field.mo_occ), field.mol.nelectron
    electrons, spin = description.active_electrons, description.spin
    if electrons is None:
        if description.active_orbitals is not None or description.active_indices is not None:
            raise InputError("active orbitals need a number of active electrons, --active-electrons")
        electrons = everything
    if not 1 <= electrons <= everything:
        raise InputError(f"{electrons} active electrons do not fit: the molecule has {everything}")
    if (everything - electrons) % 2 or electrons < spin:
        raise InputError(
            f"{electrons} of {everything} electrons cannot be active: the others are in pairs, and the {spin} unpaired "
            "ones are active"
        )
    frozen = (everything - electrons) // 2
    if description.active_indices is not None:
        active = sorted(set(description.active_indices))
        if len(active) != len(description.active_indices) or not active or active[0] < 0 or active[-1] >= orbitals:
            given = ", ".join(map(str, description.active_indices))
            raise InputError(f"active indices must be different and 0 to {orbitals - 1}, not {given}")
        core = [p for p in range(orbitals) if p not in active][:frozen]
    else:
        count = orbitals - frozen if description.active_orbitals is None else description.active_orbitals
        if not 1 <= count <= orbitals - frozen:
            raise InputError(f"{count} active orbitals do not fit: {orbitals} orbitals, of which {frozen} are frozen")
        core, active = list(range(frozen)), list(range(frozen, frozen + count))
    up, down = (electrons + spin) // 2, (electrons - spin) // 2
    if up > len(active):
        raise InputError(f"{electrons} electrons with spin {spin} do not fit into {len(active)} active orbital(s)")
    if any(field.mo_occ[p] != 2 for p in core):
        raise InputError(f"the frozen orbitals {core} must be doubly occupied; choose other active indices")
    if 2 * len(active) > MAX_QUBITS:
        raise InputError(
            f"{len(active)} active orbitals are {2 * len(active)} qubits, more than {MAX_QUBITS}; choose fewer with "
            "--active-electrons and --active-orbitals"
        )
    return ActiveSpace(core, active, (up, down))


@dataclass(frozen=True)
class Integrals:
    """Operators on the active orbitals, with the constants of nuclei and frozen orbitals."""

    constant: float
    h1: np.ndarray
    h2: np.ndarray
    dipole_constant: np.ndarray
    dipole: np.ndarray


def integrals_of(field: scf.hf.SCF, space: ActiveSpace) -> Integrals:
    """Integrals of energy and dipole moment, in atomic units."""
    molecule, count = field.mol, len(space.active)
    core, active = field.mo_coeff[:, space.core], field.mo_coeff[:, space.active]
    density = 2.0 * core @ core.T
    coulomb, exchange = field.get_jk(molecule, density)
    bare, mean = field.get_hcore(), coulomb - 0.5 * exchange
    constant = molecule.energy_nuc() + np.einsum("ij,ji->", density, bare + 0.5 * mean)
    h1 = active.T @ (bare + mean) @ active
    h2 = ao2mo.restore(1, ao2mo.kernel(molecule, active), count)
    with molecule.with_common_orig((0.0, 0.0, 0.0)):
        # An electron has the charge -1.
        position = -molecule.intor_symmetric("int1e_r", comp=3)
    nuclei = molecule.atom_charges() @ molecule.atom_coords()
    dipole_constant = nuclei + np.einsum("xij,ji->x", position, density)
    dipole = np.einsum("ip,xij,jq->xpq", active, position, active)
    return Integrals(float(constant), h1, h2, dipole_constant, dipole)


def determinants(space: ActiveSpace) -> int:
    """Number of determinants with these electrons."""
    up, down = space.electrons
    return math.comb(len(space.active), up) * math.comb(len(space.active), down)


def exact_energy(integrals: Integrals, space: ActiveSpace) -> float:
    """Lowest energy of full configuration interaction in the active space, without counting the spin."""
    count, size = len(space.active), determinants(space)
    if size > MAX_DETERMINANTS:
        raise InputError(
            f"the exact energy needs {size} determinants, more than {MAX_DETERMINANTS}; leave it out with --no-exact, "
            "or choose a smaller active space"
        )
    solver = fci.direct_spin1.FCI()
    solver.conv_tol, solver.max_cycle, solver.max_space, solver.pspace_size = 1e-12, 300, 30, 1000
    # Several roots, because a single one may have the symmetry of the start.
    solver.nroots = min(4, size)
    energies, _ = solver.kernel(integrals.h1, integrals.h2, count, space.electrons, ecore=integrals.constant)
    if not np.all(solver.converged):
        raise InputError("the exact energy did not converge; leave it out with --no-exact")
    return float(np.min(energies))


# The file.


@dataclass(frozen=True)
class Result:
    """Contents of a file, and the numbers from which they come."""

    field: scf.hf.SCF
    space: ActiveSpace
    sums: dict[str, Sum]
    record: dict


def name_of(description: Description, space: ActiveSpace) -> str:
    """Name such as `LiH, STO-3G, 2 electrons in orbitals 1, 2, 5`."""
    counts: dict[str, int] = {}
    for symbol, _ in description.atoms:
        counts[symbol] = counts.get(symbol, 0) + 1
    formula = "".join(symbol + (str(count) if count > 1 else "") for symbol, count in counts.items())
    charge = description.charge
    if charge:
        formula += (str(abs(charge)) if abs(charge) > 1 else "") + ("+" if charge > 0 else "-")
    parts = [formula]
    if len(description.atoms) == 2:
        parts.append(f"{distance(description):g} A")
    parts.append(description.basis.upper())
    if description.active_electrons is not None:
        parts.append(f"{sum(space.electrons)} electrons in orbitals {', '.join(map(str, space.active))}")
    return ", ".join(parts + ["Jordan-Wigner"])


def distance(description: Description) -> float:
    """Distance of the two atoms of a molecule of two, in angstrom."""
    (_, a), (_, b) = description.atoms
    return round(math.dist(a, b), 10)


def compute(description: Description, with_exact: bool = True) -> Result:
    """Computes the contents of a file."""
    field = hartree_fock(molecule_of(description))
    space = active_space(field, description)
    integrals = integrals_of(field, space)
    ground = exact_energy(integrals, space) if with_exact else None
    sums = {"energy": hamiltonian(integrals.constant, integrals.h1, integrals.h2)}
    for axis, constant, matrix in zip("xyz", integrals.dipole_constant, integrals.dipole):
        sums[f"dipole_{axis}"] = one_body(float(constant), matrix)
    sums |= spin_sums(len(space.active))
    record = {
        "molecule": description.name or name_of(description, space),
        "qubits": 2 * len(space.active),
        "electrons": sum(space.electrons),
        "unit": "hartree",
        "hartree_fock_energy": round(float(field.e_tot), 10),
    }
    if ground is not None:
        record["ground_energy"] = round(ground, 10)
    if len(description.atoms) == 2:
        record["distance"] = distance(description)
    if field.mol.has_ecp():
        symbols = sorted({symbol for symbol, _ in description.atoms})
        record["core_potentials"] = [symbol for symbol in symbols if has_potential(description.basis, symbol)]
    record |= {
        "basis": description.basis,
        "charge": description.charge,
        "spin": description.spin,
        "atoms": [[symbol, *position] for symbol, position in description.atoms],
        "orbitals": space.active,
        "note": "Jordan-Wigner, spin orbitals interleaved (even up, odd down); atoms in angstrom; "
        f"scripts/molecule.py with PySCF {pyscf.__version__}",
        "terms": terms(sums["energy"]),
        "observables_unit": "atomic",
        "observables": {name: terms(total) for name, total in sums.items() if name != "energy"},
    }
    return Result(field, space, sums, record)


def text_of(record: dict) -> str:
    """JSON with a line for each field and for each term."""

    def lines(rows: list[list], indent: str) -> str:
        return "[\n" + ",\n".join(f"{indent} {json.dumps(row)}" for row in rows) + f"\n{indent}]" if rows else "[]"

    fields = []
    for key, value in record.items():
        if key == "terms":
            body = lines(value, "")
        elif key == "observables":
            named = (f" {json.dumps(name)}: {lines(rows, ' ')}" for name, rows in value.items())
            body = "{\n" + ",\n".join(named) + "\n}"
        else:
            body = json.dumps(value, ensure_ascii=False)
        fields.append(f"{json.dumps(key)}: {body}")
    return "{\n" + ",\n".join(fields) + "\n}\n"


# The check: the same numbers by PySCF's own ways.


def matrix_of(total: Sum, qubits: int) -> csr_matrix:
    """Sparse matrix of a sum; bit q of an index is qubit q."""
    columns = np.arange(1 << qubits)
    matrix = csr_matrix((1 << qubits, 1 << qubits), dtype=complex)
    for (x, z), coefficient in total.items():
        signs = np.array([1.0, -1.0])[parity(columns & z)]
        values = coefficient * 1j ** (x & z).bit_count() * signs
        matrix += csr_matrix((values, (columns ^ x, columns)), shape=matrix.shape)
    return matrix


def parity(numbers: np.ndarray) -> np.ndarray:
    """Number of ones of each number, modulo 2."""
    folded = numbers.copy()
    for shift in (32, 16, 8, 4, 2, 1):
        folded ^= folded >> shift
    return folded & 1


def sector(qubits: int, electrons: tuple[int, int]) -> np.ndarray:
    """Basis states with these numbers of electrons with spin up and down."""
    even = sum(1 << qubit for qubit in range(0, qubits, 2))
    counts = (((index & even).bit_count(), (index & ~even).bit_count()) for index in range(1 << qubits))
    return np.flatnonzero([count == electrons for count in counts])


def deviations(result: Result) -> dict[str, float]:
    """Differences between a result and the same numbers by PySCF's own ways."""
    field, space, qubits = result.field, result.space, 2 * len(result.space.active)
    states = sector(qubits, space.electrons)
    full = matrix_of(result.sums["energy"], qubits)
    outside = np.setdiff1d(np.arange(1 << qubits), states)
    values, vectors = np.linalg.eigh(full[states][:, states].toarray())
    solver = mcscf.CASCI(field, len(space.active), space.electrons)
    solver.fcisolver.conv_tol, solver.fcisolver.pspace_size = 1e-12, 1000
    solver.fcisolver.nroots = min(4, determinants(space))
    orbitals = field.mo_coeff[:, space.core + space.active]
    rest = [p for p in range(len(field.mo_occ)) if p not in space.core + space.active]
    solver.kernel(np.hstack([orbitals, field.mo_coeff[:, rest]]))
    energies, vector = np.atleast_1d(solver.e_tot), solver.ci[0] if solver.fcisolver.nroots > 1 else solver.ci
    density = solver.make_rdm1(ci=vector)
    moment = field.dip_moment(field.mol, density, unit="AU", verbose=0)
    square = fci.spin_op.spin_square0(vector, len(space.active), space.electrons)[0]
    expected = dict(zip(("dipole_x", "dipole_y", "dipole_z"), moment))
    expected |= {"spin_squared": square, "particle_number": sum(space.electrons)}
    expected["spin_z"] = (space.electrons[0] - space.electrons[1]) / 2
    found = {"exact energy": abs(values[0] - energies[0])}
    found["energy in the file"] = abs(values[0] - result.record["ground_energy"])
    found["leak to other electrons"] = abs(full[outside][:, states]).max() if len(outside) else 0.0
    ground = vectors[:, 0]
    for name, value in expected.items():
        matrix = matrix_of(result.sums[name], qubits)[states][:, states]
        found[name] = abs((ground.conj() @ matrix @ ground).real - value)
    lowest = sum(1 << 2 * p for p in range(space.electrons[0])) + sum(2 << 2 * p for p in range(space.electrons[1]))
    if space.active == list(range(len(space.core), len(space.core) + len(space.active))):
        found["Hartree-Fock energy"] = abs(full[lowest, lowest].real - field.e_tot)
    return found


CHECKED = {
    "H2": dict(atoms="H 0 0 0; H 0 0 0.7414"),
    "H2, 6-31G": dict(atoms="H 0 0 0; H 0.3 -0.2 0.7", basis="6-31g"),
    "HeH+": dict(atoms="He 0 0 0; H 0.1 0.2 0.76", charge=1),
    "H3, one unpaired electron": dict(atoms="H 0 0 0; H 0 0.2 0.9; H 0 0 1.9", spin=1),
    "H4": dict(atoms="H 0 0 0; H 0 0 1; H 0 0 2; H 0 0 3"),
    "LiH, all orbitals": dict(atoms="Li 0 0 0; H 0 0 1.5949"),
    "LiH, frozen core": dict(atoms="Li 0 0 0; H 0 0 1.5949", active_electrons=2),
    "LiH, chosen orbitals": dict(atoms="Li 0 0 0; H 0 0 1.5949", active_electrons=2, active_indices=[1, 2, 5]),
    "CH2, triplet, valence": dict(
        atoms="C 0 0 0; H 0.99 0 0.3; H -0.99 0 0.3", spin=2, active_electrons=4, active_orbitals=4
    ),
    "NaH, with a core potential": dict(
        atoms="Na 0 0 0; H 0 0 1.89", basis="lanl2dz", active_electrons=2, active_orbitals=4
    ),
    "H2O, valence": dict(
        atoms="O 0 0 0; H 0.757 0.1 0.587; H -0.757 0 0.587", active_electrons=6, active_orbitals=5
    ),
}

REFUSED = {
    "an unknown element": dict(atoms="Xx 0 0 0"),
    "an atom without coordinates": dict(atoms="H 0 0"),
    "a coordinate that is no number": dict(atoms="H 0 0 nan"),
    "two atoms at one place": dict(atoms="H 0 0 0; H 0 0 0"),
    "an unknown basis": dict(atoms="He 0 0 0", basis="no-such-basis"),
    "an odd number of electrons with spin 0": dict(atoms="H 0 0 0"),
    "no electrons": dict(atoms="H 0 0 0", charge=1),
    "a spin above the electrons": dict(atoms="H 0 0 0; H 0 0 1", spin=4),
    "active orbitals without electrons": dict(atoms="He 0 0 0", active_orbitals=1),
    "too many active electrons": dict(atoms="He 0 0 0", active_electrons=4),
    "too many active orbitals": dict(atoms="He 0 0 0", active_electrons=2, active_orbitals=3),
    "an odd number of frozen electrons": dict(atoms="Li 0 0 0; H 0 0 1.6", active_electrons=3),
    "active indices out of range": dict(atoms="He 0 0 0", active_electrons=2, active_indices=[1]),
    "frozen orbitals that are empty": dict(atoms="Li 0 0 0; H 0 0 1.6", active_electrons=2, active_indices=[0, 1]),
    "more qubits than a circuit has": dict(
        atoms="; ".join(f"H 0 0 {k}" for k in range(30)), active_electrons=30, active_orbitals=30
    ),
}


def described(atoms: str, **options) -> Description:
    """Description of atoms in one text, separated by `;`."""
    return Description(parse_atoms([line for line in atoms.split(";") if line.strip()]), **options)


def check() -> bool:
    """Compares results with PySCF and with a file of the examples, and bad inputs with errors."""
    sound = True

    def report(name: str, deviation: float, allowed: float) -> None:
        nonlocal sound
        sound &= deviation <= allowed
        print(f"{'ok   ' if deviation <= allowed else 'WRONG'} {name}: {deviation:.1e}")

    for name, options in CHECKED.items():
        found = deviations(compute(described(**options)))
        worst = max(found, key=found.get)
        report(f"{name}, {len(found)} comparisons, the worst is {worst}", found[worst], 1e-7)
        report(f"{name}, exact energy", found["exact energy"], 1e-9)
    path = Path(__file__).resolve().parent.parent / "examples/data/hamiltonians/h2_0.7414.json"
    published = {tuple(word.split()): value for value, word in json.loads(path.read_text(encoding="utf-8"))["terms"]}
    ours = {tuple(word.split()): value for value, word in compute(described(**CHECKED["H2"])).record["terms"]}
    gap = max(abs(published.get(word, 0.0) - ours.get(word, 0.0)) for word in published | ours)
    report(f"H2, {len(published)} coefficients of {path.name}", gap, 1e-8)
    for name, options in REFUSED.items():
        try:
            compute(described(**options))
            report(f"{name} is refused", 1.0, 0.0)
        except InputError as error:
            print(f"ok    {name}: {error}")
    return sound


# The command line.


def arguments() -> argparse.ArgumentParser:
    """Options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    geometry = parser.add_mutually_exclusive_group(required=True)
    geometry.add_argument("--atoms", metavar="TEXT", help='atoms in angstrom, as in "H 0 0 0; H 0 0 0.74"')
    geometry.add_argument("--xyz", metavar="FILE", type=Path, help="file with the atoms, in angstrom")
    geometry.add_argument("--check", action="store_true", help="compare this script with PySCF on small molecules")
    parser.add_argument("--basis", default="sto-3g", help="one of PySCF's basis sets (default: sto-3g)")
    parser.add_argument("--charge", type=int, default=0, metavar="N", help="charge in units of e (default: 0)")
    parser.add_argument("--spin", type=int, default=0, metavar="N", help="number of unpaired electrons (default: 0)")
    parser.add_argument(
        "--active-electrons", type=int, metavar="N", help="electrons in active orbitals; the others are frozen in pairs"
    )
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument(
        "--active-orbitals", type=int, metavar="N", help="active spatial orbitals above the frozen ones (default: all)"
    )
    chosen.add_argument(
        "--active-indices", metavar="I,J,..", help="active spatial orbitals by their numbers, the lowest is 0"
    )
    parser.add_argument("--no-exact", action="store_true", help="leave out the exact energy, which takes longest")
    parser.add_argument("--name", help="name of the molecule (default: formula, basis, active orbitals)")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="file to write (default: standard output)")
    return parser


def run(args: argparse.Namespace) -> None:
    """Writes the file that the arguments describe."""
    indices = None
    if args.active_indices is not None:
        try:
            indices = [int(index) for index in args.active_indices.split(",")]
        except ValueError:
            raise InputError(f"`{args.active_indices}` is no list of orbitals such as 1,2,5") from None
    options = dict(basis=args.basis, charge=args.charge, spin=args.spin, name=args.name)
    options |= dict(
        active_electrons=args.active_electrons, active_orbitals=args.active_orbitals, active_indices=indices
    )
    if args.xyz is not None:
        description = Description(read_xyz(args.xyz), **options)
    else:
        description = described(args.atoms, **options)
    record = compute(description, not args.no_exact).record
    if args.output is None:
        sys.stdout.write(text_of(record))
        return
    try:
        args.output.write_text(text_of(record), encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {args.output}: {error}") from None
    ground = record.get("ground_energy")
    print(record["molecule"])
    print(f"{record['qubits']} qubits, {record['electrons']} electrons, {len(record['terms'])} Pauli words")
    exact = "" if ground is None else f", exact {ground:.7f} Ha"
    print(f"Hartree-Fock {record['hartree_fock_energy']:.7f} Ha{exact}")
    print(f"wrote {args.output}")


def main() -> int:
    args = arguments().parse_args()
    if MISSING is not None:
        print(f"error: {MISSING} is missing; install PySCF with `pip install pyscf`", file=sys.stderr)
        return 1
    try:
        if args.check:
            return 0 if check() else 1
        run(args)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
