"""Mutation testing: change one place of the package at a time, and check that a test fails.

::

    python benchmarks/mutants.py --seed 0                     # takes 20 to 60 minutes
    python benchmarks/mutants.py --only _topk.py:31:0         # repeat a mutant, which is named in the first column

The package is copied to a temporary folder, and the changes are made there. Mutants are sampled from the kernels, the
metrics, the splitters and the validation; within these groups, they are spread over the files and over the kinds of
changes. Each mutant first runs the tests of its own file and its doctests, then those of the same folder and the tests
in other folders that are nearest in imports. The tests of kernels then also run with kernels as Python functions, which
check indices. The run of a mutant ends at the first failure. A crash or an endless loop also counts as a failure. Slow
tests are left out. The script needs the resource limits of Linux or macOS.

Not mutated are annotations, docstrings and other strings, imports, prefetches, and constants that only affect speed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from pathlib import Path

from mutations import Mutation, mutations_of

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "sklearn_recsketch"
# Files of each group, its number of mutants, and the folders of related tests.
GROUPS = {
    "kernels": (["kernels"], 30, ["kernels", "_ranking", "_data", "_linalg", "recommenders", "metrics"]),
    "metrics": (["metrics"], 14, ["metrics", "model_selection"]),
    "splitters": (
        [f"model_selection/{name}.py" for name in ("_split", "_temporal_split", "_cold_split")],
        10,
        ["model_selection"],
    ),
    "validation": (
        ["_data", "utils/_validation.py", "_ranking/candidates.py"],
        24,
        ["_data", "_ranking", "preprocessing", "utils", "recommenders", "model_selection", "metrics"],
    ),
}
PYTEST = ["-q", "-x", "--tb=no", "-rfE", "-p", "no:cacheprovider", "-p", "no:xdist"]
PYTEST += ["--hypothesis-profile=fast", "--hypothesis-seed=0"]
PYTEST += ["-m", "not slow and not spark and not cluster and not browser and not engines"]
NEAREST = 12  # files of related tests in other folders that a mutant runs
# Limits of the tests of the file itself, and of further tests, in seconds of the processor: only endless loops reach
# them. Beyond so many bytes, allocations fail.
LIMITS = 60, 600
MEMORY = 8 * 2**30


def files_of(group: str) -> list[Path]:
    """Return the files of a group, relative to the root."""
    places = [ROOT / PACKAGE / name for name in GROUPS[group][0]]
    found = [path for place in places for path in (sorted(place.rglob("*.py")) if place.is_dir() else [place])]
    return [path.relative_to(ROOT) for path in found if path.stem != "__init__"]


def sample(group: str, n: int, rng: random.Random) -> list[tuple[Path, Mutation]]:
    """Sample mutants: one per file in turn, and within a file, a kind of change first, then a place."""
    left = {}
    for path in files_of(group):
        kinds: dict[str, list[Mutation]] = {}
        for mutation in mutations_of((ROOT / path).read_bytes(), path.stem):
            kinds.setdefault(mutation.kind, []).append(mutation)
        left[path] = kinds
    chosen: list[tuple[Path, Mutation]] = []
    while len(chosen) < n and any(left.values()):
        for path in rng.sample(sorted(left), len(left)):
            if left[path] and len(chosen) < n:
                kind = rng.choice(sorted(left[path]))
                places = left[path][kind]
                chosen.append((path, places.pop(rng.randrange(len(places)))))
                if not places:
                    del left[path][kind]
    return chosen


class Imports:
    """Modules that each file of the package and of the tests imports, at the top or in functions."""

    def __init__(self) -> None:
        self.of = {path: self._imported(path) for folder in (PACKAGE, "tests") for path in Path(folder).rglob("*.py")}

    @staticmethod
    def _imported(path: Path) -> set[Path]:
        found = set()
        for module, names in re.findall(rf"^\s*from ({PACKAGE}[\w.]*) import (\([^)]*\)|.*)", path.read_text(), re.M):
            place = Path(*module.split("."))
            for name in [*re.findall(r"\w+", names), ""]:
                candidates = (place / f"{name}.py", place / "__init__.py", place.with_suffix(".py"))
                found.add(next((one for one in candidates if one.exists()), place))
        return found

    def distances(self, target: Path) -> dict[Path, int]:
        """Return the number of imports from each file to the target."""
        users: dict[Path, list[Path]] = {}
        for path, imported in self.of.items():
            for one in imported:
                users.setdefault(one, []).append(path)
        found, queue = {target: 0}, deque([target])
        while queue:
            path = queue.popleft()
            for user in users.get(path, []):
                if user not in found:
                    found[user] = found[path] + 1
                    queue.append(user)
        return found


def stages_of(path: Path, group: str, imports: Imports) -> list[list[str]]:
    """Return the arguments of pytest for each run of tests of a mutant of a file."""
    mirrored = Path("tests", *path.parts[1:-1], f"test_{path.stem.strip('_')}.py")
    folders = {Path("tests", folder) for folder in GROUPS[group][2]}
    distance = imports.distances(path)
    related = [
        test for test in distance if test.name.startswith("test_") and test != mirrored and folders & {*test.parents}
    ]
    related.sort(key=lambda test: (distance[test], test))
    first = mirrored if mirrored.exists() else related.pop(0)
    near = [test for test in related if test.parent == mirrored.parent]
    near += [test for test in related if test not in near][:NEAREST]
    stages = [[str(first), str(path)], [str(test) for test in near]]
    if group == "kernels":
        line = next(line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith("KERNEL_TESTS"))
        stages.append(["-p", "tests.helpers.plain_kernels", *line.split(":=")[1].split()])
    return stages


def run_tests(arguments: list[str], scratch: Path, limit: int | None = None) -> str | None:
    """Run pytest in the current folder. Return the test that fails, or None if all pass."""
    environment = os.environ | {
        "PYTHONPATH": os.getcwd(),
        "NUMBA_CACHE_DIR": str(scratch / "numba"),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(scratch / "hypothesis"),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }

    def set_limits() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        if limit:
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))

    command = [sys.executable, "-m", "pytest", *PYTEST, f"--basetemp={scratch / 'tmp'}", *arguments]
    done = subprocess.run(command, env=environment, preexec_fn=set_limits, capture_output=True, text=True)
    if done.returncode == 0:
        return None
    if done.returncode == -signal.SIGKILL:
        return "time limit"
    if failed := re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", done.stdout, re.M):
        return failed[1]
    if done.returncode < 0:
        return signal.Signals(-done.returncode).name
    if "while loading conftest" in done.stderr:
        return "import of the package"
    sys.exit(f"Pytest has stopped with code {done.returncode}.\n{done.stdout}\n{done.stderr}")


def try_mutant(path: Path, mutation: Mutation, stages: list[list[str]], imports: Imports, warm: Path) -> str | None:
    """Return the test that kills a mutant, or None if it survives."""
    original, times = path.read_bytes(), path.stat()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        shutil.copytree(warm, scratch / "numba")
        # Kernels are cached with the helpers that they call, and numba does not see that a helper has changed.
        for user in imports.distances(path):
            for cached in (scratch / "numba").rglob(f"{user.stem}.*.nb*"):
                cached.unlink()
        path.write_bytes(mutation.apply(original))
        try:
            killers = (run_tests(stage, scratch, LIMITS[n > 0]) for n, stage in enumerate(stages))
            return next(filter(None, killers), None)
        finally:
            path.write_bytes(original)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def check_baseline(stages: list[list[list[str]]], scratch: Path) -> None:
    """Check that all tests pass without a mutation, and fill the cache of compiled kernels."""
    files = {test for run in stages for tests in run[:2] for test in tests if test.endswith(".py")}
    for arguments in [sorted(files), *[run[2] for run in stages if len(run) > 2][:1]]:
        if failed := run_tests(arguments, scratch):
            sys.exit(f"{failed} fails without any change.")
    (scratch / "passed").touch()


def copy_of_sources(folder: str) -> None:
    """Copy what the tests need to a folder, and change to it."""
    for name in (PACKAGE, "tests", "examples", "benchmarks", "docs", ".ci"):
        ignore = shutil.ignore_patterns("__pycache__", "_build")
        shutil.copytree(ROOT / name, Path(folder, name), ignore=ignore, dirs_exist_ok=True)
    for path in ROOT.glob("*.*"):
        if path.is_file():
            shutil.copy2(path, folder)
    os.chdir(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--group", choices=GROUPS, action="append", help="only mutate the files of this group")
    parser.add_argument("--only", action="append", help="file:line:number of a mutant to repeat")
    parser.add_argument("--folder", help="keep the copy of the package, and what has been compiled, for the next run")
    parser.add_argument("--skip", type=int, default=0, help="continue a run after this number of mutants")
    parser.add_argument("--list", action="store_true", help="print the mutants, and run nothing")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    mutants = [(group, *one) for group, (_, n, _) in GROUPS.items() for one in sample(group, n, rng)]
    if options.only:
        every = [(group, *one) for group in GROUPS for one in sample(group, 10**9, rng)]
        mutants = [one for one in every if f"{one[1].name}:{one[2].label}" in options.only]
    mutants = [one for one in mutants if one[0] in (options.group or GROUPS)][options.skip :]
    if options.list:
        print("\n".join(f"{path}:{mutation.label}  {mutation.change}" for _, path, mutation in mutants))
        return
    killed = dict.fromkeys(GROUPS, 0)
    with contextlib.ExitStack() as stack:
        folder = options.folder or stack.enter_context(tempfile.TemporaryDirectory())
        copy_of_sources(folder)
        imports, baseline = Imports(), Path(folder, "baseline")
        (baseline / "numba").mkdir(parents=True, exist_ok=True)
        stages = [stages_of(path, group, imports) for group, path, _ in mutants]
        if not (baseline / "passed").exists():
            check_baseline(stages, baseline)
        for (group, path, mutation), tests in zip(mutants, stages, strict=True):
            begin = time.perf_counter()
            test = try_mutant(path, mutation, tests, imports, baseline / "numba")
            killed[group] += test is not None
            took = f"{time.perf_counter() - begin:.0f} s"
            place = f"{path.relative_to(PACKAGE).as_posix()}:{mutation.label}"
            print(f"| {place} | `{mutation.change}` | {test or '**survived**'} | {took} |", flush=True)
    for group in GROUPS:
        n = sum(one[0] == group for one in mutants)
        print(f"{group}: {killed[group]} of {n} killed")
    print(f"all: {sum(killed.values())} of {len(mutants)} killed")


if __name__ == "__main__":
    main()
