"""Mutation testing of a random sample: ``make mutants``.

Draws one-token mutations over all packages from a fixed seed, applies each to a copy of the
checkout, and runs the unit tests that mirror the mutated module: first its own test file, then its
package's folder. A mutant that no test notices has survived. The seed chooses, not a person, and an
edit changes the choice only where it stands.

Why no library: mutmut 3 mutates the bodies of functions only (tables and constants of modules count
here as well) and draws no sample, so it would run some twenty thousand mutants. cosmic-ray has no
operator for strings, and one test command for all modules. (mutmut 3.8.1, cosmic-ray 8.7.0.)
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from queue import SimpleQueue

from tests.mutation.sites import Mutant, mutants_of

ROOT = Path(__file__).resolve().parents[2]
EQUIVALENT = Path(__file__).with_name("equivalent.toml")
LEAST_CAUGHT = 0.9
TIMEOUT_S = 600
"""A mutant whose tests take longer hangs, which counts as caught. No test file takes this long."""
_NO_TESTS = 5
"""pytest's exit code when it found none."""


def all_mutants() -> list[Mutant]:
    """Return every mutation of the code."""
    return [
        mutant
        for folder in ("app", "workers")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for mutant in mutants_of(
            path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
        )
    ]


def drawn(mutants: Iterable[Mutant], count: int, seed: int) -> list[Mutant]:
    """Draw mutants: every package at least once, the rest in proportion to the sites they have.

    Each mutant has a fixed place in the draw, by a hash of its site and the seed.
    """
    ordered = sorted(
        mutants, key=lambda one: hashlib.sha256(f"{seed} {one.site}".encode()).digest()
    )
    firsts: dict[str, Mutant] = {}
    for mutant in ordered:
        firsts.setdefault(_package(mutant.path), mutant)
    taken = dict.fromkeys(firsts.values())
    rest = (mutant for mutant in ordered if mutant not in taken)
    taken |= dict.fromkeys(islice(rest, max(0, count - len(taken))))
    return sorted(taken, key=lambda one: (one.path, one.line, one.column))


def _package(path: str) -> str:
    """Return ``app/store`` for ``app/store/runs/runs.py``, and ``app`` for ``app/errors.py``."""
    return "/".join(path.split("/")[:-1][:2])


def mirrored_tests(path: str) -> list[list[str]]:
    """Return what to give pytest, in turn: the nearest tests first, and none twice.

    First the mirrored test file, then those of the package that import the module, then the folders
    around it.
    """
    parts = Path(path).with_suffix("").parts
    mirrored = parts[1:] if parts[0] == "app" else parts
    unit = Path("tests/unit")
    folders = [unit.joinpath(*mirrored[:depth]) for depth in range(len(mirrored) - 1, 0, -1)]
    files = (ROOT / folders[-1]).rglob("test_*.py") if folders else (ROOT / unit).glob("test_*.py")
    package = [file.relative_to(ROOT) for file in sorted(files)]
    own = unit.joinpath(*mirrored[:-1], f"test_{mirrored[-1]}.py")
    whole = [[folder] for folder in folders if (ROOT / folder).is_dir()] or [package]
    tries = [[own] if own in package else [], _importing(package, parts), *whole]
    return list(_without_repetition(tries))


def _importing(files: Iterable[Path], module: Sequence[str]) -> list[Path]:
    """Return the files with an import of a module."""
    *package, name = module
    dotted = re.escape(".".join(package))
    imports = re.compile(
        rf"^(import|from) {dotted}"
        rf"(\.{name}\b| import ([^(\n]*\b{name}\b|\([^)]*\b{name}\b))",
        re.MULTILINE,
    )
    return [file for file in files if imports.search((ROOT / file).read_text(encoding="utf-8"))]


def _without_repetition(tries: Iterable[Sequence[Path]]) -> Iterator[list[str]]:
    done: list[Path] = []
    for paths in tries:
        if left := [path for path in paths if path not in done]:
            yield [*map(str, left), *(f"--ignore={path}" for path in done)]
            done += left


def survives(mutant: Mutant, copy: Path) -> bool:
    """Apply a mutant to a copy of the checkout; return True when all its unit tests pass."""
    target = copy / mutant.path
    source = target.read_text(encoding="utf-8")
    _write(target, mutant.applied(source))
    try:
        return all(_pass(paths, copy) for paths in mirrored_tests(mutant.path))
    finally:
        _write(target, source)


def _write(module: Path, source: str) -> None:
    """Write a module and remove its bytecode, which an edit within a second would leave current."""
    module.write_text(source, encoding="utf-8")
    for compiled in module.parent.glob(f"__pycache__/{module.stem}.*.pyc"):
        compiled.unlink()


def _pass(paths: Sequence[str], copy: Path) -> bool:
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *paths]
    quiet = subprocess.DEVNULL
    try:
        done = subprocess.run(
            command,
            cwd=copy,
            env=environment,
            stdin=quiet,
            stdout=quiet,
            stderr=quiet,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode in {0, _NO_TESTS}


def equivalent() -> dict[str, str]:
    """Return the mutants that change nothing a unit test could see, with the reasons."""
    entries = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8")).get("mutant", [])
    return {entry["site"]: entry["reason"] for entry in entries}


@contextmanager
def copies(count: int) -> Iterator[SimpleQueue[Path]]:
    """Give copies of the checkout, as it is in the working tree, until the block ends."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    made: SimpleQueue[Path] = SimpleQueue()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            copy = Path(folder) / str(number)
            for name in names:
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, copy / name)
            made.put(copy)
        yield made


def main() -> None:
    """Draw, run, report; exit with 1 when too many survive."""
    parser = argparse.ArgumentParser(description="Run unit tests against random mutations.")
    parser.add_argument("--count", type=int, default=80, help="mutants to draw")
    parser.add_argument("--seed", type=int, default=20261130, help="random seed of the draw")
    parser.add_argument("--jobs", type=int, default=2, help="mutants to test at a time")
    parser.add_argument("--only", default="", help="only those whose path begins so")
    asked = parser.parse_args()
    every = all_mutants()
    known = equivalent()
    if gone := known.keys() - {mutant.site for mutant in every}:
        sys.exit("\n".join(["no such mutants; change equivalent.toml:", *sorted(gone)]))
    sample = drawn(every, asked.count, asked.seed)
    mutants = [mutant for mutant in sample if mutant.path.startswith(asked.only)]
    with copies(asked.jobs) as free, ThreadPoolExecutor(asked.jobs) as threads:

        def verdict(mutant: Mutant) -> str:
            said = "equivalent"
            if mutant.site not in known:
                copy = free.get()
                try:
                    said = "SURVIVED" if survives(mutant, copy) else "caught"
                finally:
                    free.put(copy)
            print(f"{said:10}  {mutant.line:4}  {mutant.site}", flush=True)
            return said

        verdicts = list(threads.map(verdict, mutants))
    line, passed = closing_line(verdicts)
    print(line)
    sys.exit(not passed)


def closing_line(verdicts: Sequence[str]) -> tuple[str, bool]:
    """Return the counts in words, and True when enough mutants were caught."""
    real = [said for said in verdicts if said != "equivalent"]
    caught = real.count("caught")
    share = caught / len(real) if real else 1.0
    counts = f"{caught} of {len(real)} mutants caught ({share:.1%}, wanted {LEAST_CAUGHT:.0%})"
    return f"{counts}, {len(verdicts) - len(real)} equivalent", share >= LEAST_CAUGHT


if __name__ == "__main__":
    main()
