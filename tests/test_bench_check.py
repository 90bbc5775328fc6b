"""What ``make bench-check`` says of ratios, and which commits it compares."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
pytestmark = [
    pytest.mark.skipif(not FOLDER.exists(), reason="benchmarks are not packed"),
    pytest.mark.skipif(shutil.which("git") is None, reason="git is missing"),
]


@pytest.fixture(scope="module")
def check():
    sys.path.insert(0, str(FOLDER))
    try:
        spec = importlib.util.spec_from_file_location("check", FOLDER / "check.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(str(FOLDER))


# -- the statistic ---------------------------------------------------------------------


@pytest.mark.parametrize("n", [6, 9, 10, 20])
def test_the_interval_is_that_of_the_sign_test(check, n):
    """The largest k with P(fewer than k of n fair coins) of at most the level."""
    values = np.random.default_rng(n).permutation(n) + 1.0
    low, high = check.interval_of_median(values)
    k = int(low)
    assert (low, high) == (k, n + 1 - k)
    assert binom.cdf(k - 1, n, 0.5) <= check.LEVEL < binom.cdf(k, n, 0.5)


def test_five_rounds_say_nothing(check):
    assert check.interval_of_median([2.0] * 5) == (-np.inf, np.inf)
    assert check.verdict([2.0] * 5) == ""


@pytest.mark.parametrize(
    "ratios, expected",
    [
        ([1.2] * 10, "slower"),
        ([0.8] * 10, "faster"),
        # One round beside a busy process hides nothing and shows nothing.
        ([0.5] + [1.2] * 9, "slower"),
        ([5.0] + [1.0] * 9, ""),
        # Two of ten on the other side: it may be noise.
        ([0.9] * 2 + [1.2] * 8, ""),
        # Certain, and too little.
        ([1.04] * 10, ""),
        ([0.97] * 10, ""),
    ],
)
def test_verdicts(check, ratios, expected):
    assert check.verdict(ratios) == expected
    assert check.verdict(ratios[::-1]) == expected


class FakeTimer:
    """Seconds without a process: the head's of one case are three times the base's."""

    def __init__(self, has_one_thread, checkout):
        self._is_head = checkout == "head"
        self._has_one_thread = has_one_thread
        self.turns = []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def __call__(self, piece):
        return self.times(piece)[0]

    def times(self, piece):
        name, self.turns = piece[1], [*self.turns, piece]
        is_slow = self._is_head and name == "fit_of_regressor"
        # What waits for another process has the same seconds of the processor.
        busy = 7.0 if len(self.turns) % 3 else 1.0
        return [busy, 3.0 if is_slow else 1.0]


def test_what_is_slower_is_measured_twice_and_named(check, monkeypatch, capsys):
    made = []

    def timer(*arguments):
        made.append(FakeTimer(*arguments))
        return made[-1]

    monkeypatch.setattr(check._threads, "Timer", timer)
    cases = ["lbfgs", "regressor, early stopping", "import skreg"]
    slower = check.compare(("base", "head"), cases, 6)
    assert slower == ["regressor, early stopping"]
    # Six rounds of two sides, and once more.
    assert len(made) == 24
    table, again = capsys.readouterr().out.split("Once more")
    assert (
        "| regressor, early stopping | 1.000 | 3.000 | 3.000 to 3.000 | slower" in table
    )
    assert "lbfgs" in table and "lbfgs" not in again


def test_sides_take_turns_and_each_begins_in_every_other_round(check):
    order = []

    class Side:
        def __init__(self, name):
            self.name = name

        def __call__(self, piece):
            order.append(self.name.lower())

        def times(self, piece):
            order.append(self.name)
            return [5.0, 2.0 if self.name == "H" else 1.0]

    sides = [Side("B"), Side("H")]
    assert check._seconds("lbfgs", sides, 0) == [1.0, 2.0]
    assert check._seconds("lbfgs", sides, 1) == [1.0, 2.0]
    assert "".join(order) == "bhBHHB" + "hbHBBH"


# -- the two sides ---------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path):
    """Two commits on main; returns the folder and what runs git in it."""

    def git(*arguments):
        identity = "-c", "user.name=A", "-c", "user.email=a@example.org"
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(
            command, check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init", "--initial-branch", "main")
    (tmp_path / "skreg").mkdir()
    for number in range(2):
        (tmp_path / "skreg" / "module.py").write_text(f"number = {number}\n")
        (tmp_path / "README").write_text(f"{number}\n")
        git("add", ".")
        git("commit", "--message", str(number))
    return tmp_path, git


def test_the_base_is_where_the_branch_left_main(check, repository):
    folder, git = repository
    first, second = git("rev-parse", "main~1"), git("rev-parse", "main")
    # Nothing has changed: the last commit against the one before.
    assert check.default_base(None, folder) == first
    (folder / "README").write_text("what does not train\n")
    assert check.default_base(None, folder) == first
    (folder / "skreg" / "new.py").touch()
    assert check.default_base(None, folder) == second
    assert check.default_base("main", folder) == first
    git("switch", "--create", "branch")
    assert check.default_base(None, folder) == second
    git("add", ".")
    git("commit", "--message", "of the branch")
    assert check.default_base(None, folder) == second
    assert check.default_base("branch", folder) == second
    # A fresh clone of one branch has no main.
    git("branch", "--delete", "--force", "main")
    assert check.default_base(None, folder) == second


def test_a_side_is_a_commit_or_what_lies_there(check, repository):
    folder, _ = repository
    (folder / "skreg" / "module.py").write_text("number = 2\n")
    (folder / "skreg" / "new.py").touch()
    (folder / ".gitignore").write_text("*.pyc\n")
    (folder / "skreg" / "module.pyc").touch()
    base, head = folder / "base", folder / "head"
    for target, revision in ((base, "main~1"), (head, None)):
        target.mkdir()
        check.check_out(revision, target, folder)
    assert (base / "skreg" / "module.py").read_text() == "number = 0\n"
    assert (head / "skreg" / "module.py").read_text() == "number = 2\n"
    names = {path.name for path in (head / "skreg").iterdir()}
    assert names == {"module.py", "new.py"}


def test_the_package_that_is_imported_is_the_sides(check, tmp_path, monkeypatch):
    side, called_in = tmp_path / "side", tmp_path / "called_in"
    for folder in (side, called_in):
        (folder / "skreg").mkdir(parents=True)
    (side / "skreg" / "__init__.py").write_text("open('done', 'w').close()\n")
    (called_in / "skreg" / "__init__.py").write_text("raise ImportError\n")
    monkeypatch.chdir(called_in)
    monkeypatch.setenv("PYTHONPATH", str(side))
    check.import_of_package()()
    assert (called_in / "done").exists()


def test_every_case_is_a_function_that_can_be_timed(check):
    for name, *_ in check.CASES.values():
        assert callable(getattr(check, name))
    assert check._DEFAULT_THREADS | check._PROCESSES <= set(check.CASES)
