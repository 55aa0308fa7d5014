"""Checks the licence and the Rust version of each package that the library is compiled with, from the output of `cargo metadata`."""

import json
import re
import sys

ALLOWED = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "ISC", "MIT",
    "MIT-0", "OFL-1.1", "Ubuntu-font-1.0", "Unicode-3.0", "Unlicense", "Zlib",
}


def allows(licence: str) -> bool:
    """Whether one alternative of a licence expression has allowed licences alone. (Expressions here have no nested parentheses.)"""
    parts = re.findall(r"\(([^()]*)\)|([^()]+)", licence.replace("/", " OR "))
    conjuncts = []
    for inner, outer in parts:
        if inner:
            conjuncts.append(inner)
        else:
            conjuncts += [part for part in re.split(r"\bAND\b", outer) if part.strip()]
    return all(any(one.strip() in ALLOWED for one in re.split(r"\bOR\b", part)) for part in conjuncts)


def numbers(version: str) -> list[int]:
    return ([int(part) for part in version.split(".")] + [0, 0])[:3]


def compiled(metadata: dict) -> list[dict]:
    """Packages that the library needs on Linux: not those of tests, examples and benchmarks."""
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = next(package["id"] for package in metadata["packages"] if package["name"] == "candlewick")
    seen, todo = {root}, [root]
    while todo:
        for dependency in nodes[todo.pop()]["deps"]:
            is_used = any(kind["kind"] != "dev" for kind in dependency["dep_kinds"])
            if is_used and dependency["pkg"] not in seen:
                seen.add(dependency["pkg"])
                todo.append(dependency["pkg"])
    return [packages[package] for package in sorted(seen)]


def main() -> int:
    with open(sys.argv[1], encoding="utf-8") as file:
        packages = compiled(json.load(file))
    ours = next(package["rust_version"] for package in packages if package["name"] == "candlewick")
    faults = []
    for package in packages:
        name, licence, needs = f"{package['name']} {package['version']}", package["license"] or "none", package["rust_version"]
        if not allows(licence):
            faults.append(f"{name}: the licence `{licence}` is not among the allowed ones")
        if needs and numbers(needs) > numbers(ours):
            faults.append(f"{name}: needs Rust {needs}, the crate declares {ours}")
    print("\n".join(faults) if faults else f"{len(packages)} packages: licences allowed, Rust {ours} is enough for all that say so")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
