"""Fits of whatever a user may give: each succeeds soundly, or says what is wrong.

A fit is drawn from a seed (see `strategies`). It either gives finite predictions,
probabilities that sum to one, a score and the columns that were selected, or raises a
documented error that names a parameter or the data. It is never an internal error, a
hang, a storm of one warning or a warning of NumPy's; its input stays as it was, and so
does an estimator that it fails for.

    python tests/fuzz.py 20000                 seeds 0 to 19999, on two processes
    python tests/fuzz.py 500 --first 20000     seeds 20000 to 20499
    python tests/fuzz.py --seed 123            one of them, here, with its traceback
"""

import argparse
import copy
import itertools
import multiprocessing
import re
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from pathlib import Path

import joblib
import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, is_classifier
from sklearn.exceptions import FitFailedWarning, NotFittedError
from strategies import draw_case
from threadpoolctl import threadpool_limits

from skreg import MLPClassifier, MLPRegressor, config_context
from skreg._utils.wrappers import fit_parameter
from skreg.diagnosis import bias_variance_decomposition, diagnose
from skreg.feature_selection import feature_path
from skreg.model_selection import alpha_grid

__all__ = ["check", "Outcome"]

# The limits of each call (of `fit`, of `predict`) in seconds of a processor and on the
# wall, and how often it may give one and the same warning.
SECONDS, SECONDS_ON_THE_WALL = 20, 120
MOST_WARNINGS = 3

# What the errors of Python's and NumPy's own arithmetic and indexing look like.
_RAW = re.compile(
    "broadcast|math domain|cannot convert float|out of bounds|zero-size array|"
    "not enough values to unpack|too many values to unpack|Array must not contain|"
    "unsupported operand|object is not|has no len|not supported between|"
    "invalid literal|could not convert string to float: ''|setting an array element|"
    "The truth value|shapes .* not aligned|mismatch in its core dimension|"
    "Maximum allowed|probabilities do not sum|division by zero|cannot reshape"
)
_OF_DATA = re.compile(
    r"\b(X|X_val|n_samples|y|y_val|sample_weight\w*|target\w*|row\w*|sample\w*|class\w*|"
    r"feature\w*|input\w*|column\w*|label\w*|fits failed|data|array|"
    r"weight\w*)\b",
    re.IGNORECASE,
)


@dataclass
class Outcome:
    """How a fit ended, with the traceback of its error, and what is wrong with it."""

    ended: str = "fitted"
    trace: str = ""
    findings: list = field(default_factory=list)


def check(case, limited_time=nullcontext):
    """Make the calls of a case and look at all that must hold.

    Parameters
    ----------
    case : strategies.Case
    limited_time : callable, default=nullcontext
        ``limited_time(name)`` is a context manager around each call.

    Returns
    -------
    Outcome
    """
    outcome = Outcome()
    given = case.data.make()
    before = [_frozen(part) for part in given]
    estimator = case.estimator
    params = _params_of(estimator)
    # A Pipeline of scikit-learn fits its own steps, and checks data in its own way.
    is_ours = not type(estimator).__module__.startswith("sklearn.")
    for call in _calls_of(case, *given):
        fitted, copied = dict(vars(estimator)), copy.deepcopy(vars(estimator))
        with (
            warnings.catch_warnings(record=True) as caught,
            config_context(engine=case.engine),
            _threads(case.n_jobs),
        ):
            warnings.simplefilter("always")
            try:
                with limited_time(call.__name__):
                    call(outcome)
            except Exception as error:
                outcome.ended = f"{type(error).__name__}: {_first_words(error)}"
                outcome.trace = traceback.format_exc()
                outcome.findings += _faults_of_error(error, estimator)
                is_same = _is_same_state(fitted, vars(estimator))
                if is_ours and not (is_same and _is_equal(copied, vars(estimator))):
                    outcome.findings.append("the failed call changed the estimator")
        outcome.findings += _faults_of_warnings(caught, is_ours)
        if outcome.ended != "fitted":
            break
    if any(not _is_equal(a, _frozen(b)) for a, b in zip(before, given, strict=True)):
        outcome.findings.append("the data were changed")
    if is_ours and not _is_equal(params, _params_of(estimator)):
        outcome.findings.append("the parameters were changed")
    if case.watcher is not None:
        outcome.findings += case.watcher.findings
    return outcome


def _threads(n_jobs):
    """A context in which joblib has so many threads; None leaves it as it is."""
    if n_jobs is None:
        return nullcontext()
    # Its successor came with joblib 1.3.
    return joblib.parallel_backend("threading", n_jobs=n_jobs)


def _calls_of(case, X, y, weight):
    """The steps of a case, functions of the outcome."""
    estimator = case.estimator
    # Pipelines, and searches over them, hand weights on to a step that is named.
    steps = getattr(estimator, "estimator", estimator)
    is_handed_on = estimator is steps or case.call in ("grid", "halving")
    name = fit_parameter(steps, "sample_weight") if is_handed_on else "sample_weight"
    if case.call in ("feature_path", "alpha_grid"):
        name = "sample_weight"
    weights = {} if weight is None else {name: weight}

    def fit(outcome):
        if case.call == "X_val":
            weights_val = {"sample_weight_val": weight} if weights else {}
            estimator.fit(X, y, X_val=X, y_val=y, **weights, **weights_val)
        else:
            estimator.fit(X, y, **weights)

    def partial_fit(outcome):
        classes = {}
        if is_classifier(estimator) and not hasattr(estimator, "classes_"):
            # What `fit` would find in the target.
            classes = {"classes": _classes_of(y)}
        estimator.partial_fit(X, y, **classes, **weights)

    def predict(outcome):
        if hasattr(estimator, "predict"):
            outcome.findings.extend(_faults_of_predictions(estimator, X))

    def score(outcome):
        # It may be NaN: that of a single row, or of targets whose squares overflow.
        if hasattr(estimator, "score") and estimator.score(X, y) > 1 + 1e-6:
            outcome.findings.append("the score is above that of a perfect prediction")

    def transform(outcome):
        if hasattr(estimator, "transform"):
            outcome.findings.extend(_faults_of_columns(estimator, X))

    def path(outcome):
        found = feature_path(estimator, X, y, **weights)
        for coefs in found.coefs:
            if not all(np.isfinite(W).all() for W in coefs):
                outcome.findings.append("the path has coefficients that are not finite")

    def grid_of_alphas(outcome):
        if not np.isfinite(alpha_grid(estimator, X, y, **weights)).all():
            outcome.findings.append("the alphas are not finite")

    def rounds(outcome):
        bias_variance_decomposition(
            estimator, X, y, X_test=X, y_test=y, n_rounds=2, random_state=0
        )

    def diagnosis(outcome):
        found = diagnose(estimator, X, y, cv=2, random_state=0)
        if not np.isfinite([found.train_error, found.validation_error]).all():
            outcome.findings.append("the errors of the diagnosis are not finite")

    functions = {
        "feature_path": path,
        "alpha_grid": grid_of_alphas,
        "rounds": rounds,
        "diagnose": diagnosis,
    }
    if case.call in functions:
        return [functions[case.call]]
    if case.call == "partial_fit" and hasattr(estimator, "partial_fit"):
        return [partial_fit, predict] * 2 + [fit, predict, partial_fit, predict, score]
    if case.call == "warm_start":
        return [fit, predict, score] * 2
    return [fit, predict, score, transform]


def _classes_of(y):
    y = np.asarray(y)
    return np.arange(y.shape[1]) if y.ndim == 2 else np.unique(y)


def _faults_of_predictions(estimator, X):
    found = []
    if is_classifier(estimator):
        probabilities = estimator.predict_proba(X)
        if not np.isfinite(probabilities).all():
            found.append("probabilities are not finite")
        elif getattr(estimator, "classes_", None) is not None:
            is_multilabel = np.asarray(estimator.predict(X)).ndim == 2
            tolerance = 1e-3 if probabilities.dtype == np.float32 else 1e-6
            sums = probabilities.sum(axis=1)
            if not is_multilabel and (np.abs(sums - 1) > tolerance).any():
                found.append(f"probabilities sum to {sums}")
            if (probabilities < 0).any() or (probabilities > 1 + 1e-6).any():
                found.append("probabilities are not within 0 and 1")
    elif not np.isfinite(np.asarray(estimator.predict(X), dtype=float)).all():
        found.append("predictions are not finite")
    return found


def _faults_of_columns(selector, X):
    """What is wrong with the columns that a selector has left."""
    mask = selector.get_support()
    if mask.dtype != bool:
        return ["get_support() is no mask"]
    transformed = selector.transform(X)
    n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
    expected = n_rows, int(mask.sum())
    found = []
    if transformed.shape != expected:
        found.append(f"transformed to {transformed.shape}, and not to {expected}")
    values = transformed.data if sparse.issparse(transformed) else transformed
    if not np.isfinite(np.asarray(values, dtype=float)).all():
        found.append("transformed data are not finite")
    return found


def _faults_of_error(error, estimator):
    text = str(error)
    if type(error) not in (ValueError, TypeError, NotFittedError):
        name = type(error).__name__
        if name not in ("InvalidParameterError", "MemoryError"):
            return [f"{name} is an internal error: {text[:200]}"]
    names = {name.rpartition("__")[2] for name in estimator.get_params()}
    # A search may have the networks in its grid alone.
    names |= {*MLPClassifier().get_params(), *MLPRegressor().get_params()}
    if _RAW.search(text):
        return [f"a raw {type(error).__name__}: {text[:300]}"]
    named = re.search(rf"\b({'|'.join(map(re.escape, names))})\b", text)
    if not named and not _OF_DATA.search(text):
        return [f"the error names neither a parameter nor the data: {text[:300]}"]
    return []


def _faults_of_warnings(caught, is_ours):
    found = []
    # scikit-learn's metrics say the same of each fold, which Python shows once.
    kinds = Counter(
        (each.category, _words(each.message))
        for each in caught
        if "metrics" not in Path(each.filename).parts
    )
    for (category, words), n_times in kinds.items():
        if is_ours and _is_of_numpy(category, words):
            found.append(f"RuntimeWarning: {words[:200]}")
        elif n_times > MOST_WARNINGS:
            found.append(f"{n_times} times {category.__name__}: {words[:200]}")
    return found


def _is_of_numpy(category, text):
    """Whether a warning is one of arithmetic, or hands on the words of one."""
    if re.search("(flow|invalid value|divide by zero) encountered in ", text):
        return True
    # This library has no other warnings of this category.
    is_ours = issubclass(category, FitFailedWarning)
    return issubclass(category, RuntimeWarning) and not is_ours


def _words(message):
    """A message without its numbers."""
    return re.sub(r"[-+]?\d[\d.e+-]*", "#", str(message))


def _first_words(error):
    return " ".join(_words(error).split())[:70]


def _params_of(estimator):
    """The parameters as they are, those that can change copied."""
    return {
        name: _frozen(value)
        for name, value in estimator.get_params().items()
        if not isinstance(value, BaseEstimator)
    }


def _frozen(value):
    return value.copy() if sparse.issparse(value) else copy.deepcopy(value)


def _is_same_state(before, after):
    return before.keys() == after.keys() and all(
        before[name] is after[name] for name in before
    )


def _is_equal(a, b):
    """Whether two values are the same, bit by bit."""
    if type(a) is not type(b):
        return False
    if sparse.issparse(a):
        return a.format == b.format and _is_equal(vars(a), vars(b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_is_equal(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(_is_equal, a, b))
    if isinstance(a, np.ndarray):
        if a.dtype != b.dtype or a.shape != b.shape:
            return False
        return (
            a.tolist() == b.tolist()
            if a.dtype == object
            else (a.tobytes() == b.tobytes())
        )
    if hasattr(a, "equals"):
        return a.equals(b)
    if isinstance(a, float):
        return a == b or (a != a and b != b)
    if isinstance(a, np.random.RandomState) or callable(a):
        # A fit may draw from it, or tell it something.
        return True
    if isinstance(a, np.random.Generator):
        return _is_equal(a.bit_generator.state, b.bit_generator.state)
    if hasattr(a, "__dict__"):
        return _is_equal(vars(a), vars(b))
    return bool(a == b)


# -- the long run ----------------------------------------------------------------------


def _work(connection, draw, seconds):
    """Check the cases of seeds that come through a connection until None comes."""

    @contextmanager
    def limited_time(name):
        """Tell the other side that a call begins, which gets a limit of its own."""
        connection.send(name)
        # The signal ends the process, also within compiled functions.
        signal.setitimer(signal.ITIMER_PROF, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)

    with threadpool_limits(1):
        while (number := connection.recv()) is not None:
            try:
                outcome = check(draw(number), limited_time)
                connection.send((outcome.ended, outcome.findings))
            except Exception as error:
                connection.send((f"the fuzzer failed: {error!r}", [repr(error)]))


class _Worker:
    """A process that can be killed, the seed that it is at, and the call."""

    def __init__(self, context, draw, seconds):
        self.seconds = seconds
        self.connection, theirs = context.Pipe()
        self.process = context.Process(
            target=_work, args=(theirs, draw, seconds), daemon=True
        )
        self.process.start()
        theirs.close()

    def begin(self, number):
        self.number = number
        self.connection.send(number)
        self.begin_call("the drawing")

    def begin_call(self, name):
        self.call, self.latest = name, time.monotonic() + SECONDS_ON_THE_WALL

    def receive(self):
        """How a case ended, and its findings; None if a call of it begins."""
        try:
            message = self.connection.recv()
        except EOFError:
            return self._death()
        if isinstance(message, str):
            return self.begin_call(message)
        return message

    def _death(self):
        """How a case ended whose process has ended, and the finding."""
        self.process.join()
        if self.process.exitcode == -signal.SIGPROF:
            return "hang", [f"{self.call}: no end in {self.seconds} s of a processor"]
        return "crash", [f"{self.call}: it ended with {self.process.exitcode}"]

    def end(self):
        # One that is killed leaves the semaphores of joblib's threads behind.
        with suppress(OSError):
            self.connection.send(None)
        self.process.join(timeout=5)
        self.process.kill()
        self.process.join()
        self.connection.close()


def run(numbers, n_workers, report, draw=draw_case, seconds=SECONDS):
    """Check the cases of many seeds on worker processes.

    Parameters
    ----------
    numbers : iterator of int
    n_workers : int
    report : callable
        ``report(number, ended, findings)`` in the order in which they end.
    draw : callable, default=draw_case
        ``draw(number)`` is a case.
    seconds : float, default=SECONDS
        Of a processor, for each call.
    """
    context = multiprocessing.get_context("spawn")
    workers = []
    try:
        for number in itertools.islice(numbers, n_workers):
            workers.append(_Worker(context, draw, seconds))
            workers[-1].begin(number)
        while workers:
            ready = wait([worker.connection for worker in workers], timeout=1)
            for place, worker in reversed(list(enumerate(workers))):
                end = None
                if worker.connection in ready:
                    end = worker.receive()
                elif time.monotonic() > worker.latest:
                    end = "hang", [f"{worker.call}: no end in {SECONDS_ON_THE_WALL} s"]
                if end is None:
                    continue
                report(worker.number, *end)
                number = next(numbers, None)
                lives_on = end[0] not in ("hang", "crash")
                if number is None or not lives_on:
                    worker.end()
                    del workers[place]
                if number is not None:
                    if not lives_on:
                        worker = _Worker(context, draw, seconds)
                        workers.append(worker)
                    worker.begin(number)
    finally:
        for worker in workers:
            worker.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("n_fits", type=int, nargs="?", default=20000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="this one alone, in this process")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    if arguments.seed is not None:
        case = draw_case(arguments.seed)
        print(case, flush=True)
        outcome = check(case)
        print(outcome.trace or outcome.ended, *outcome.findings, sep="\n")
        return len(outcome.findings) > 0
    began, ends, n_findings = time.monotonic(), Counter(), Counter()

    def report(number, ended, findings):
        ends[ended] += 1
        if findings:
            n_findings["fits"] += 1
            print(f"seed {number}: {draw_case(number)}")
            for finding in findings:
                print(f"    {finding}")
            sys.stdout.flush()

    last = arguments.first + arguments.n_fits
    run(iter(range(arguments.first, last)), arguments.workers, report)
    for ended, n_times in ends.most_common():
        print(f"{n_times:7d} {ended}")
    seconds = time.monotonic() - began
    print(
        f"{ends.total()} fits of the seeds {arguments.first} to {last - 1}: "
        f"{ends['fitted']} fitted, {ends.total() - ends['fitted']} raised, "
        f"{n_findings['fits']} with findings ({seconds:.0f} s)"
    )
    return n_findings["fits"] > 0


if __name__ == "__main__":
    sys.exit(main())
