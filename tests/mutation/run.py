"""Planted faults: what the tests would catch.

Each entry of the lists in `faults/` is a small edit that breaks a rule of the library.
The edit is made in a copy of the checkout, and the tests that belong to it run there; a
fault whose tests all pass is a survivor. A fault that no test can tell apart from the
code as it is has a reason, and is not run.

    python tests/mutation/run.py                        every fault
    python tests/mutation/run.py --only ensemble        whose file or rule has this
    python tests/mutation/run.py --jobs 1               one after another

The lists are written by hand, and not drawn by mutmut or cosmic-ray: those change
operators and constants, but a user is hurt by a row that leaks or a weight that is
forgotten.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

ROOT = Path(__file__).resolve().parents[2]
LISTS = Path(__file__).resolve().parent / "faults"

# Of the faults that are run.
MINIMUM_CAUGHT = 0.95

# An endless loop is caught as well. The tests of an entry take seconds.
TIME_LIMIT = 300.0


@dataclass(frozen=True)
class Fault:
    """An edit that breaks a rule, and the tests that say so.

    Parameters
    ----------
    rule : str
        What holds without the edit, in a sentence.
    file : str
        Below the root of the repository.
    old, new : str
        The text that is replaced, which stands in the file once, and what replaces it.
    tests : list of str
        Names of test files without `.py`, or of tests inside (`test_fista::test_x`).
    reason : str, default=""
        Why no test can see the fault.
    """

    rule: str
    file: str
    old: str
    new: str
    tests: list
    reason: str = ""

    @property
    def part(self):
        """The part of the package that the file belongs to."""
        return self.file.split("/")[1]

    @property
    def node_ids(self):
        """The tests, as pytest names them."""
        names = (test.partition("::") for test in self.tests)
        return [f"tests/{file}.py{sep}{test}" for file, sep, test in names]

    def text(self, original):
        """The text of the file with the fault."""
        if original.count(self.old) != 1:
            n = original.count(self.old)
            raise ValueError(f"{self.file} has {n} times, and not once: {self.old}")
        return original.replace(self.old, self.new)


def read_faults():
    """All faults of the lists, in their order."""
    return [
        Fault(**entry)
        for path in sorted(LISTS.glob("*.toml"))
        for entry in tomllib.loads(path.read_text(encoding="utf-8"))["fault"]
    ]


def copy_checkout(folder):
    """Copy what the tests read, without what was built."""
    built = (".*", "_build", "auto_gallery", "generated", "*.egg-info", "dist", "build")
    ignored = shutil.ignore_patterns(*built)

    def ignore(path, names):
        keep = {".ci", ".github", ".pre-commit-config.yaml"}
        return set(ignored(path, names)) - keep

    shutil.copytree(ROOT, folder, ignore=ignore)


def is_caught(fault, checkout):
    """Whether a test fails, crashes or does not end with the fault in this copy."""
    path = checkout / fault.file
    original = path.read_text(encoding="utf-8")
    # numba sees a change of a function's own file, but not of those that it calls.
    kernels = checkout / "skreg/_core/compiled/__pycache__"
    is_compiled = "_core/compiled/" in fault.file
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    if is_compiled:
        shutil.rmtree(kernels, ignore_errors=True)
    path.write_text(fault.text(original), encoding="utf-8")
    try:
        done = subprocess.run(
            [*command, *fault.node_ids],
            cwd=checkout,
            env=os.environ | {"PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
        )
    except subprocess.TimeoutExpired:
        return True
    finally:
        path.write_text(original, encoding="utf-8")
        if is_compiled:
            shutil.rmtree(kernels, ignore_errors=True)
    # 0: all passed; 1: some failed; 2: a file could not be imported; below 0: a signal
    # ended the process; 3 and more: nothing ran, and the entry is wrong.
    if done.returncode > 2:
        raise RuntimeError(f"{fault.rule}: no test ran:\n{done.stdout}{done.stderr}")
    return done.returncode != 0


def run(faults, n_jobs):
    """Run the faults in copies of the checkout; return those that survive."""
    survivors = []
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        copies = SimpleQueue()
        for job in range(n_jobs):
            copies.put(Path(folder) / str(job))
            copy_checkout(Path(folder) / str(job))

        def run_one(fault):
            checkout = copies.get()
            start = time.perf_counter()
            try:
                caught = is_caught(fault, checkout)
            finally:
                copies.put(checkout)
            if not caught:
                survivors.append(fault)
            outcome = "caught  " if caught else "SURVIVED"
            seconds = time.perf_counter() - start
            print(f"{outcome} {seconds:5.1f} s  {fault.file}: {fault.rule}", flush=True)

        with ThreadPoolExecutor(n_jobs) as pool:
            list(pool.map(run_one, faults))
    return survivors


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="a regular expression")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()

    chosen = [
        fault
        for fault in read_faults()
        if re.search(arguments.only, f"{fault.file} {fault.rule}")
    ]
    with_reason = [fault for fault in chosen if fault.reason]
    to_run = [fault for fault in chosen if not fault.reason]
    survivors = run(to_run, arguments.jobs)

    for fault in survivors:
        print(f"\n{fault.file}: {fault.rule}\n--- \n{fault.old}\n+++\n{fault.new}")
    for fault in with_reason:
        print(f"\nno test can see it: {fault.file}: {fault.rule}\n    {fault.reason}")
    print()
    for part, n in sorted(Counter(fault.part for fault in to_run).items()):
        n_alive = sum(fault.part == part for fault in survivors)
        print(f"{part:20} {n - n_alive:4} of {n:4} caught")
    share = 1 - len(survivors) / max(len(to_run), 1)
    print(f"{len(to_run) - len(survivors)} of {len(to_run)} caught ({share:.1%})")
    return 0 if share >= MINIMUM_CAUGHT else 1


if __name__ == "__main__":
    sys.exit(main())
