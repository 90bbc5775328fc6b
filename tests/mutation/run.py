"""Planted faults: what the tests would catch.

Each entry of the lists in `faults/` is a small edit that breaks a rule of the library.
The edit is made in a copy of the checkout, and the tests that belong to it run there; a
fault whose tests all pass is a survivor. A fault that no test can tell apart from the
code as it is has a reason, and is not run. First all tests that are needed run without
a fault: one that fails anyway would seem to catch whatever is planted.

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
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue

ROOT = Path(__file__).resolve().parents[2]
LISTS = Path(__file__).resolve().parent / "faults"

# Of the faults that are run.
MINIMUM_CAUGHT = 0.95

# An endless loop is caught as well. The tests of an entry take seconds.
TIME_LIMIT = 300.0


class FailingTestsError(Exception):
    """Tests fail without a fault."""


class WrongEntryError(Exception):
    """The fault of an entry cannot be planted, or none of its tests can run."""


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
        n = original.count(self.old)
        if n != 1:
            text = f"{self.file} has {n} times, and not once: {self.old}"
            raise WrongEntryError(text)
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


@contextmanager
def copies_of_checkout(n_copies):
    """Copies of the checkout, in each of which one call at a time has its place.

    Yields
    ------
    callable
        ``map_calls(function, values)`` is a list of ``function(value, checkout)``.
    """
    with (
        tempfile.TemporaryDirectory(prefix="faults-") as folder,
        ThreadPoolExecutor(n_copies) as pool,
    ):
        free = SimpleQueue()
        for copy in range(n_copies):
            copy_checkout(Path(folder) / str(copy))
            free.put(Path(folder) / str(copy))

        def call(function, value):
            checkout = free.get()
            try:
                return function(value, checkout)
            finally:
                free.put(checkout)

        yield lambda function, values: list(pool.map(partial(call, function), values))


def run_tests(node_ids, checkout, *arguments):
    """Run tests in a copy of the checkout.

    Returns
    -------
    subprocess.CompletedProcess

    Raises
    ------
    subprocess.TimeoutExpired
    """
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        + [*arguments, *node_ids],
        cwd=checkout,
        env=os.environ | {"PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
    )


def check_tests_pass(faults, map_calls):
    """Raise a FailingTestsError that names tests of the faults that fail without them.

    Parameters
    ----------
    faults : list of Fault
    map_calls : callable
        That of `copies_of_checkout`.
    """
    by_file = defaultdict(set)
    for fault in faults:
        for node_id in fault.node_ids:
            by_file[node_id.partition("::")[0]].add(node_id)

    def failures(file, checkout):
        # With the whole file, its tests would run twice.
        node_ids = [file] if file in by_file[file] else sorted(by_file[file])
        try:
            done = run_tests(node_ids, checkout, "-rfE", "--tb=no")
        except subprocess.TimeoutExpired:
            return [f"{file}: no end within {TIME_LIMIT:.0f} s"]
        if done.returncode == 0:
            return []
        lines = f"{done.stdout}{done.stderr}".splitlines()
        named = [line for line in lines if re.match("(FAILED|ERROR) ?:? ", line)]
        return named or [f"{file}: {line}" for line in lines]

    found = sum(map_calls(failures, sorted(by_file)), [])
    if found:
        raise FailingTestsError(
            "Without a fault not all of the tests pass, and nothing was planted:\n"
            + "\n".join(found)
        )


def is_caught(fault, checkout):
    """Whether a test fails, crashes or does not end with the fault in this copy."""
    path = checkout / fault.file
    if not path.is_file():
        raise WrongEntryError(f"there is no {fault.file}")
    original = path.read_text(encoding="utf-8")
    planted = fault.text(original)
    # numba sees a change of a function's own file, but not of those that it calls.
    kernels = checkout / "skreg/_core/compiled/__pycache__"
    is_compiled = "_core/compiled/" in fault.file
    if is_compiled:
        shutil.rmtree(kernels, ignore_errors=True)
    path.write_text(planted, encoding="utf-8")
    try:
        done = run_tests(fault.node_ids, checkout, "-x")
    except subprocess.TimeoutExpired:
        return True
    finally:
        path.write_text(original, encoding="utf-8")
        if is_compiled:
            shutil.rmtree(kernels, ignore_errors=True)
    # 0: all passed; 1: some failed; 2: a file could not be imported; below 0: a signal
    # ended the process; 3 and more: nothing ran, and the entry is wrong.
    if done.returncode > 2:
        raise WrongEntryError(f"no test ran:\n{done.stdout}{done.stderr}")
    return done.returncode != 0


def run(faults, n_jobs):
    """Run the faults in copies of the checkout.

    Returns
    -------
    survivors : list of Fault
    wrong : list of (Fault, str)
        What could not be planted, and why.
    """
    survivors, wrong = [], []

    def run_one(fault, checkout):
        start = time.perf_counter()
        try:
            if is_caught(fault, checkout):
                outcome = "caught  "
            else:
                outcome = "SURVIVED"
                survivors.append(fault)
        except WrongEntryError as error:
            outcome = "WRONG   "
            wrong.append((fault, str(error)))
        seconds = time.perf_counter() - start
        print(f"{outcome} {seconds:5.1f} s  {fault.file}: {fault.rule}", flush=True)

    with copies_of_checkout(n_jobs) as map_calls:
        print("the tests without a fault", flush=True)
        check_tests_pass(faults, map_calls)
        map_calls(run_one, faults)
    return survivors, wrong


def main(arguments=None):
    """Plant the faults; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="a regular expression")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args(arguments)

    chosen = [
        fault
        for fault in read_faults()
        if re.search(arguments.only, f"{fault.file} {fault.rule}")
    ]
    if not chosen:
        parser.error(f"--only={arguments.only!r}: no file or rule of an entry has this")
    with_reason = [fault for fault in chosen if fault.reason]
    to_run = [fault for fault in chosen if not fault.reason]
    try:
        survivors, wrong = run(to_run, arguments.jobs)
    except FailingTestsError as error:
        print(error)
        return 1

    for fault in survivors:
        print(f"\n{fault.file}: {fault.rule}\n--- \n{fault.old}\n+++\n{fault.new}")
    for fault, why in wrong:
        print(f"\nthe entry is wrong: {fault.file}: {fault.rule}\n    {why}")
    for fault in with_reason:
        print(f"\nno test can see it: {fault.file}: {fault.rule}\n    {fault.reason}")
    print()
    of_wrong = [fault for fault, _ in wrong]
    planted = [fault for fault in to_run if fault not in of_wrong]
    for part, n in sorted(Counter(fault.part for fault in planted).items()):
        n_alive = sum(fault.part == part for fault in survivors)
        print(f"{part:20} {n - n_alive:4} of {n:4} caught")
    share = 1 - len(survivors) / max(len(planted), 1)
    print(f"{len(planted) - len(survivors)} of {len(planted)} caught ({share:.1%})")
    if wrong:
        print(f"wrong entries, not run: {len(wrong)}")
    return 0 if share >= MINIMUM_CAUGHT and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
