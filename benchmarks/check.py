"""What has become slower between two commits, beyond noise: short cases, in pairs.

    python benchmarks/check.py [--base REV] [--head REV] [--rounds 10] [--cases NAME...]

or ``make bench-check``. The head is the working tree as it lies there, or a commit. The
base is the commit at which the branch has left main; on main it is the last commit
where something in skreg/ is not committed, and the one before it otherwise.

Each side is a copy in a temporary folder, and every case runs once on it before, so
that numba has compiled. Then there are rounds. In each of them both sides have a fresh
process, with one BLAS thread, and take turns, base, head, head, base or the other way
round: what is constant in a process (where its memory lies) is another thing in each
round, and what drifts or is busy beside them meets both alike. A round says one ratio,
head / base. Of all rounds there are the median and an interval, that of the sign test:
its ends are ordered ratios, it contains the true median with at least 95 % probability,
and nothing is assumed about how the ratios are distributed. A case is slower if its
interval lies above 1 and its median above 1.05. It is then measured once more, in new
rounds, and is reported if it is slower again; the exit status is 1 then.

Times are processor seconds, which other processes affect least. Threads of BLAS
that wait for each other spend them as well, which the case with the threads that BLAS
takes by default is about. What sleeps, or waits for a disk, is not seen.

asv interleaves commits, but rounds of whole suites in an environment that it builds for
each of them (``asv continuous --interleave-rounds``), so that what it compares lies
minutes apart, and it takes no working tree. pytest-benchmark times the one version that
is installed and compares the files of two runs, which differ on a busy machine by more
than what is looked for here.
"""

import argparse
import math
import shutil
import subprocess
import sys
import tarfile
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from statistics import median

import _threads

if __name__ == "__main__":
    _threads.use_one_thread()

ROOT = Path(__file__).resolve().parents[1]

# What is slower by less is not worth a developer's time, nor a false alarm.
THRESHOLD = 1.05
# The probability of an interval that lies above 1 though the median ratio is 1.
LEVEL = 0.025


# -- the cases: each prepares, and returns what is timed -------------------------------


def _data(n_rows, n_inputs, dtype="float64"):
    import numpy as np

    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, n_inputs)).astype(dtype)
    y = X[:, 0] + X[:, 1] ** 2 + 0.3 * rng.normal(size=n_rows)
    return X, y, (y > y.mean()).astype(int)


def _quiet(function, *arguments):
    """What calls a function and hides its warnings: few epochs do not converge."""

    def call():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            function(*arguments)

    return call


def _network(kind, epochs, hidden=(100,), **params):
    """A network that trains for all of its epochs, whatever rounding makes of them."""
    import skreg

    shared = dict(max_iter=epochs, n_iter_no_change=epochs, random_state=0)
    return getattr(skreg, kind)(hidden, **shared, **params)


def fit_of_classifier(engine, epochs, solver="adam"):
    import skreg

    X, _, y = _data(1_000, 20)
    network = _network("MLPClassifier", epochs, solver=solver, tol=0)

    def fit():
        with skreg.config_context(engine=engine):
            network.fit(X, y)
        assert engine in ("auto", network.engine_)

    return _quiet(fit)


def fit_of_regressor():
    X, y, _ = _data(1_000, 20)
    return _quiet(_network("MLPRegressor", 120, early_stopping=True).fit, X, y)


def fit_with_default_threads():
    # On two cores it took up to fifteen times as long with threads for its products.
    X, _, y = _data(600, 264)
    return _quiet(_network("MLPClassifier", 30).fit, X, y)


def fit_of_wide_network():
    X, _, y = _data(1_000, 200, "float32")
    return _quiet(_network("MLPClassifier", 6, (1_000,)).fit, X, y)


def path_over_inputs():
    from skreg.feature_selection import feature_path

    X, _, y = _data(200, 8)
    network = _network("MLPClassifier", 10, (10,), alpha=1e-3)
    return _quiet(feature_path, network, X, y)


def search_of_penalties():
    from skreg.model_selection import GridSearchCV

    X, _, y = _data(400, 20)
    alphas = [10.0**power for power in range(-6, 2)]
    network = _network("MLPClassifier", 40, (50,))
    return _quiet(GridSearchCV(network, {"alpha": alphas}, cv=3).fit, X, y)


def fit_of_ensemble():
    from skreg.ensemble import FoldEnsembleClassifier

    X, _, y = _data(500, 20)
    network = _network("MLPClassifier", 30, (50,), early_stopping=True)
    return _quiet(FoldEnsembleClassifier(network, random_state=0).fit, X, y)


def predictions(n_rows, n_calls):
    X, _, y = _data(max(n_rows, 200), 50)
    network = _network("MLPClassifier", 1)
    _quiet(network.fit, X[:200], y[:200])()
    X = X[:n_rows]

    def predict():
        for _ in range(n_calls):
            network.predict_proba(X)

    return predict


def partial_fits():
    X, _, y = _data(200, 20)

    def fit():
        network = _network("MLPClassifier", 1)
        for _ in range(60):
            network.partial_fit(X, y, classes=[0, 1])

    return _quiet(fit)


def import_of_package():
    # -P: not the package in the folder in which this was called.
    command = [sys.executable, "-P", "-c", "import skreg"]
    return lambda: subprocess.run(command, check=True)


# By name: a function above and its arguments.
CASES = {
    "classifier, compiled": ("fit_of_classifier", "compiled", 200),
    "classifier, NumPy": ("fit_of_classifier", "numpy", 100),
    "regressor, early stopping": ("fit_of_regressor",),
    "wide network": ("fit_of_wide_network",),
    "lbfgs": ("fit_of_classifier", "auto", 100, "lbfgs"),
    "fista": ("fit_of_classifier", "auto", 100, "fista"),
    "feature path": ("path_over_inputs",),
    "penalty search": ("search_of_penalties",),
    "fold ensemble": ("fit_of_ensemble",),
    "predict 20,000 rows": ("predictions", 20_000, 8),
    "predict one row": ("predictions", 1, 4_000),
    "partial_fit": ("partial_fits",),
    "default threads": ("fit_with_default_threads",),
    "import skreg": ("import_of_package",),
}
# With the threads that BLAS takes by default.
_DEFAULT_THREADS = {"default threads"}
# A process is all that is timed, so that it needs no turn before, and one is enough.
_PROCESSES = {"import skreg"}


# -- the statistic ---------------------------------------------------------------------


def interval_of_median(values, level=LEVEL):
    """Ordered values between which the median of their distribution lies.

    Parameters
    ----------
    values : sequence of float
        Independent of each other.
    level : float
        The most that the probability may be with which the median lies below the
        interval; and with which it lies above.

    Returns
    -------
    (float, float)
        The k-th of the values from each end, with the largest k for which so few of n
        fair coins fall on one side. With too few values for any k, all there is.
    """
    values, n = sorted(values), len(values)
    k, n_outcomes = 0, 1
    while n_outcomes <= level * 2**n:
        k += 1
        n_outcomes += math.comb(n, k)
    if k == 0:
        return -math.inf, math.inf
    return values[k - 1], values[n - k]


def verdict(ratios):
    """ "slower", "faster" or "" of a case whose ratios head / base these are."""
    low, high = interval_of_median(ratios)
    if low > 1 and median(ratios) > THRESHOLD:
        return "slower"
    if high < 1 and median(ratios) < 1 / THRESHOLD:
        return "faster"
    return ""


# -- the two sides ---------------------------------------------------------------------


def _git(*arguments, folder=ROOT, **options):
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, **options).stdout


def _revision(name, folder):
    """The commit of a name, or None where there is none."""
    try:
        found = _git("rev-parse", "--verify", f"{name}^{{commit}}", folder=folder)
    except subprocess.CalledProcessError:
        return None
    return found.decode().strip()


def default_base(head, folder=ROOT):
    """The commit to which a head is compared when nobody names one.

    Parameters
    ----------
    head : str or None
        A commit; the working tree by default.
    folder : path
    """
    commit = _revision(head or "HEAD", folder)
    if _revision("main", folder) is not None:
        left_main = _git("merge-base", "main", commit, folder=folder).decode().strip()
        if left_main != commit:
            return left_main
    is_changed = head is None and _git(
        "status", "--porcelain", "--", "skreg", folder=folder
    )
    return commit if is_changed else _revision(f"{commit}~1", folder)


def check_out(revision, target, folder=ROOT):
    """Put the package as it is in a commit, or in the working tree, into a folder."""
    if revision is not None:
        archive = _git("archive", revision, "skreg", folder=folder)
        with tarfile.open(fileobj=BytesIO(archive)) as tar:
            tar.extractall(target, filter="data")
        return
    listed = _git(
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
        "skreg",
        folder=folder,
    )
    for name in filter(None, listed.decode().split("\0")):
        # What is deleted is listed until that is committed.
        if (folder / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / name, target / name)


# -- measuring -------------------------------------------------------------------------


def _runnable(folder, cases):
    """The cases that a side can run. Each runs once, and what it compiled is kept."""
    runnable = []
    with ExitStack() as stack:
        timer = stack.enter_context(_threads.Timer(True, folder))
        for case in cases:
            try:
                timer(_piece(case))
            except RuntimeError:
                timer = stack.enter_context(_threads.Timer(True, folder))
            else:
                runnable.append(case)
    return runnable


def warm_up(folders, cases):
    """Run each case once on each side, and return those that the base can run.

    An older commit may lack what a case is about.

    Raises
    ------
    RuntimeError
        If the head cannot run a case.
    """
    with ThreadPoolExecutor() as pool:
        of_base, of_head = pool.map(_runnable, folders, [cases] * 2)
    if of_head != cases:
        missing = ", ".join(case for case in cases if case not in of_head)
        raise RuntimeError(f"The head cannot run: {missing}.")
    for case in cases:
        if case not in of_base:
            print(f"{case}: left out, because the base cannot run it.", flush=True)
    return of_base


def _piece(case):
    return (__file__, *CASES[case])


def measure(folders, cases, n_rounds):
    """Time cases on both sides, in pairs.

    Parameters
    ----------
    folders : (path, path)
        Of the base and of the head.
    cases : list of str
    n_rounds : int

    Returns
    -------
    dict of str to (list of float, list of float)
        By case, of the rounds: the ratios head / base, and the base's seconds.
    """
    found = {case: ([], []) for case in cases}
    for number in range(n_rounds):
        for has_one_thread in (True, False):
            chosen = [
                case
                for case in cases
                if (case not in _DEFAULT_THREADS) == has_one_thread
            ]
            if not chosen:
                continue
            with ExitStack() as stack:
                timers = [
                    stack.enter_context(_threads.Timer(has_one_thread, folder))
                    for folder in folders
                ]
                for case in chosen:
                    base, head = _seconds(case, timers, number)
                    ratios, bases = found[case]
                    ratios.append(head / base)
                    bases.append(base)
    return found


def _seconds(case, timers, number):
    """The mean seconds of both sides in a round. Who begins changes with its number."""
    first = number % 2
    turns = [first, 1 - first]
    if case not in _PROCESSES:
        for side in turns:
            timers[side](_piece(case))
        turns += turns[::-1]
    seconds = [[], []]
    for side in turns:
        _, of_processor = timers[side].times(_piece(case))
        seconds[side].append(of_processor)
    return [sum(each) / len(each) for each in seconds]


def _line(case, ratios, bases):
    low, high = interval_of_median(ratios)
    cells = [
        case,
        f"{median(bases):.3f}",
        f"{median(ratios):.3f}",
        f"{low:.3f} to {high:.3f}",
        verdict(ratios),
    ]
    return "| " + " | ".join(cells) + " |"


def compare(folders, cases, n_rounds):
    """Print a table of cases, and return what is slower twice."""
    print("| case | base s | head / base | 95 % interval | |\n|---|---|---|---|---|")
    suspects = []
    for case, (ratios, bases) in measure(folders, cases, n_rounds).items():
        print(_line(case, ratios, bases))
        if verdict(ratios) == "slower":
            suspects.append(case)
    if not suspects:
        return []
    print("\nOnce more, what is slower:", flush=True)
    slower = []
    for case, (ratios, bases) in measure(folders, suspects, n_rounds).items():
        print(_line(case, ratios, bases))
        if verdict(ratios) == "slower":
            slower.append(case)
    return slower


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", help="a commit; see above for what it is by default")
    parser.add_argument("--head", help="a commit; the working tree by default")
    parser.add_argument(
        "--rounds", type=int, default=10, help="at least 6; default: 10"
    )
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    args = parser.parse_args()
    if args.rounds < 6:
        parser.error("fewer than 6 rounds say nothing at all.")
    for name in filter(None, (args.base, args.head)):
        if _revision(name, ROOT) is None:
            parser.error(f"there is no commit {name}.")
    base = args.base or default_base(args.head)
    if base is None:
        parser.error("there is no commit before this one: name one by --base.")
    print(f"base: {_git('log', '-1', '--format=%h %s', base).decode().strip()}")
    head = "the working tree"
    if args.head:
        head = _git("log", "-1", "--format=%h %s", args.head).decode().strip()
    print(f"head: {head}\n", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        # Names of one length: what the environment holds moves what lies behind it.
        folders = Path(temporary, "base"), Path(temporary, "head")
        for folder, revision in zip(folders, (base, args.head), strict=True):
            folder.mkdir()
            check_out(revision, folder)
        slower = compare(folders, warm_up(folders, args.cases), args.rounds)
    if slower:
        sys.exit(f"\nSlower than the base: {', '.join(slower)}.")
    print("\nNothing is slower than the base beyond noise.")


if __name__ == "__main__":
    main()
