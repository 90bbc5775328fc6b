"""Is the diagnosis right? Four measurements, each a section of the report.

1. Bias and variance of a network, estimated from 50 rounds with fresh training sets,
   against 2000 Monte Carlo training sets: differences in standard errors.
2. A generator of faulty cases: how often `diagnose` names the planted fault, and
   whether its first remedy lowers the error on fresh rows. The thresholds in
   skreg/diagnosis/_verdict.py were set on seeds below 20; the report is on 20 to 39.
3. 100 bootstrap rounds on digits, by both engines, against the same rounds through
   scikit-learn's MLP.
4. Wall times with the threads that BLAS takes by default against those with one.

``python benchmarks/diagnosis.py`` runs all and writes benchmarks/results/diagnosis.md;
``... faults --seeds 0 20`` runs one section and prints it.
"""

import argparse
import time
import warnings
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import _threads

if __name__ == "__main__":
    _threads.use_one_thread()

import numpy as np
from _engines import (
    ENGINES,
    NAMES,
    SCIKIT_LEARN,
    by_each_engine,
    header,
    in_turn,
    ratio_names,
    row,
    versions,
)
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier as ScikitLearnMLP
from sklearn.preprocessing import scale

from skreg import MLPClassifier, MLPRegressor
from skreg.diagnosis import bias_variance_decomposition, diagnose
from skreg.model_selection import GridSearchCV

RESULTS = Path(__file__).parent / "results" / "diagnosis.md"

# -- 2: faulty cases -------------------------------------------------------------------

BIAS, VARIANCE, NEITHER = "high bias", "high variance", "neither"
FAULTS = {
    # name: (verdict, cause)
    "too small": (BIAS, "too small"),
    "too short": (BIAS, "trained too little"),
    "over-penalized": (BIAS, "penalized too much"),
    "too large for its rows": (VARIANCE, None),
    "noisy labels": (VARIANCE, None),
    "well-tuned": (NEITHER, None),
}


@dataclass
class Case:
    """A network with a planted fault, its data, and fresh rows of the same kind."""

    fault: str
    seed: int
    data: str
    estimator: Any
    X: np.ndarray = field(repr=False)
    y: np.ndarray = field(repr=False)
    X_fresh: np.ndarray = field(repr=False)
    y_fresh: np.ndarray = field(repr=False)


def teacher(rng, n_features, n_outputs, n_relevant):
    """A random function of the first inputs: sums of 12 waves."""
    W = rng.normal(size=(n_relevant, 12)) * 1.5 / np.sqrt(n_relevant)
    b = rng.uniform(-np.pi, np.pi, size=12)
    V = rng.normal(size=(12, n_outputs))
    return lambda X: np.sin(X[:, :n_relevant] @ W + b) @ V


def simulated(rng, n_rows, is_classification, n_features, noise):
    """Rows of a random function, with noise in the target."""
    n_classes = rng.integers(2, 5)
    function = teacher(rng, n_features, n_classes if is_classification else 1, 3)
    X = rng.normal(size=(n_rows + 3000, n_features))
    values = function(X)
    values = scale(values)
    values += noise * rng.normal(size=values.shape)
    return X, values.argmax(axis=1) if is_classification else values[:, 0]


def real(rng, load, n_rows):
    """Rows of a real set in random order, standardized."""
    X, y = load(return_X_y=True)
    order = rng.permutation(len(X))
    X, y = scale(X[order]), y[order]
    return X, scale(y) if load is load_diabetes else y


def flip(y, rng, share):
    """A copy in which this share of the labels is another one."""
    classes, y = np.unique(y), y.copy()
    chosen = rng.random(len(y)) < share
    steps = rng.integers(1, len(classes), size=chosen.sum())
    y[chosen] = classes[(np.searchsorted(classes, y[chosen]) + steps) % len(classes)]
    return y


def make_case(fault, seed):
    """The case of a fault and a seed: simulated data for even seeds, real for odd."""
    rng = np.random.default_rng([seed, list(FAULTS).index(fault)])
    is_simulated = seed % 2 == 0
    needs_variance = fault in ("too large for its rows", "noisy labels")
    is_classification = fault == "noisy labels" or rng.random() < 0.6
    n_rows = int(rng.integers(80, 160) if needs_variance else rng.integers(250, 400))
    if is_simulated:
        n_features = int(rng.integers(12, 25) if needs_variance else rng.integers(3, 6))
        noise = rng.uniform(0.5, 1.0) if needs_variance else 0.2
        X, y = simulated(rng, n_rows, is_classification, n_features, noise)
        data = "waves"
    else:
        load = load_digits
        if fault == "too large for its rows":
            load, is_classification = load_diabetes, False
        elif fault == "noisy labels" and rng.random() < 0.5:
            load = load_breast_cancer
        else:
            is_classification = True
        X, y = real(rng, load, n_rows)
        data = load.__name__.removeprefix("load_")
    X, X_fresh = X[:n_rows], X[n_rows:]
    y, y_fresh = y[:n_rows], y[n_rows:]
    if fault == "noisy labels":
        y = flip(y, rng, rng.uniform(0.2, 0.35))
    # The network that would be right but for its fault.
    network = (MLPClassifier if is_classification else MLPRegressor)(
        hidden_layer_sizes=(int(rng.integers(40, 80)),),
        batch_size=32,
        learning_rate_init=0.005,
        max_iter=60,
        alpha=1e-4,
        random_state=seed,
    )
    if fault == "too small":
        network.set_params(hidden_layer_sizes=(int(rng.integers(1, 3)),))
    elif fault == "too short":
        network.set_params(max_iter=int(rng.integers(1, 4)), learning_rate_init=0.001)
    elif fault == "over-penalized":
        network.set_params(alpha=float(10 ** rng.uniform(-0.6, 0)))
    elif needs_variance:
        network.set_params(hidden_layer_sizes=(int(rng.integers(80, 150)),), alpha=0.0)
    else:
        network = tuned(network, X, y)
    return Case(fault, seed, data, network, X, y, X_fresh, y_fresh)


def tuned(network, X, y):
    """The best of a grid, by cross-validation on other folds."""
    (width,) = network.hidden_layer_sizes
    grid = {
        "alpha": [1e-4, 1e-3, 3e-3, 1e-2, 3e-2],
        "hidden_layer_sizes": [(width,), (2 * width,), (width, width)],
    }
    order = np.random.default_rng(0).permutation(len(X))
    search = GridSearchCV(network, grid, cv=5, refit=False).fit(X[order], y[order])
    return clone(network).set_params(**search.best_params_)


@dataclass
class Judged:
    """What became of a case."""

    case: Case
    diagnosis: Any
    seconds: float
    before: float = np.nan  # error on fresh rows
    after: float = np.nan  # with the first remedy

    @property
    def is_right_verdict(self):
        return self.diagnosis.verdict == FAULTS[self.case.fault][0]

    @property
    def is_named(self):
        """Verdict and, for faults that have one, cause."""
        cause = FAULTS[self.case.fault][1]
        return self.is_right_verdict and cause in (None, self.diagnosis.cause)


def judge_case(fault, seed):
    case = make_case(fault, seed)
    started = time.perf_counter()
    diagnosis = diagnose(case.estimator, case.X, case.y, random_state=seed)
    judged = Judged(case, diagnosis, time.perf_counter() - started)
    if diagnosis.remedies:
        remedied = clone(case.estimator).set_params(**diagnosis.remedies[0].params)
        judged.before, judged.after = (
            1 - model.fit(case.X, case.y).score(case.X_fresh, case.y_fresh)
            for model in (clone(case.estimator), remedied)
        )
    return judged


def faults(seeds):
    """Judge every fault with every seed; a line a case, then the tables."""
    found = []
    print("```")
    for fault in FAULTS:
        for seed in seeds:
            judged = judge_case(fault, seed)
            d = judged.diagnosis
            print(
                f"{fault:<23}{seed:>3} {judged.case.data:<14}"
                f"{'named ' if judged.is_named else 'MISSED'} {d.verdict}, {d.cause}; "
                f"train {d.train_error:.3f}, validation {d.validation_error:.3f}, "
                f"reference {d.reference_error:.3f}, constant {d.baseline_error:.3f}; "
                f"{d.remedies[0] if d.remedies else 'no remedy'}: fresh "
                f"{judged.before:.3f} -> {judged.after:.3f} ({judged.seconds:.1f} s)"
            )
            found.append(judged)
    print("```\n")
    print("| fault | cases | named | verdict right | with a remedy | it helped |")
    print("|---|---|---|---|---|---|")
    for fault in (*FAULTS, "all"):
        cases = [each for each in found if fault in (each.case.fault, "all")]
        remedied = [each for each in cases if np.isfinite(each.after)]
        print(
            f"| {fault} | {len(cases)} | {_share([c.is_named for c in cases])} "
            f"| {_share([c.is_right_verdict for c in cases])} | {len(remedied)} "
            f"| {_share([c.after < c.before for c in remedied])} |"
        )


def _share(flags):
    return f"{sum(flags)} ({np.mean(flags):.0%})" if flags else "-"


# -- 1: against Monte Carlo ------------------------------------------------------------


class Sampler:
    """Fresh training sets of a random function's values or classes."""

    def __init__(self, n_classes=None, n_rows=60):
        rng = np.random.default_rng(0)
        self._function = teacher(rng, 2, n_classes or 1, 2)
        self._is_classification, self._n_rows = n_classes is not None, n_rows

    def __call__(self, random_state, n_rows=None):
        X = random_state.normal(size=(n_rows or self._n_rows, 2))
        values = self._function(X)
        values = values + 0.5 * random_state.normal(size=values.shape)
        if self._is_classification:
            return X, values.argmax(axis=1)
        return X, values[:, 0]


def monte_carlo(n_reference=2000, n_rounds=50, n_repetitions=20):
    """Deviations of estimates from 2000 training sets, in standard errors."""
    print(
        "| loss | classes | part | 2000 training sets | mean of 50-round estimates "
        "| root mean square deviation / standard error | within 2 |"
    )
    print("|---|---|---|---|---|---|---|")
    settings = [("squared_error", None)] + [
        (loss, n_classes)
        for loss in ("zero_one", "zero_one_kohavi_wolpert", "log_loss")
        for n_classes in (2, 5)
    ]
    for loss, n_classes in settings:
        sampler = Sampler(n_classes)
        X_test, y_test = sampler(np.random.RandomState(1), n_rows=200)
        network = (MLPRegressor if n_classes is None else MLPClassifier)(
            (10,), learning_rate_init=0.02, max_iter=40, batch_size=30
        )
        options = dict(X_test=X_test, y_test=y_test, loss=loss, resampling=sampler)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            reference, *estimates = (
                bias_variance_decomposition(
                    network, n_rounds=n, random_state=seed, **options
                )
                for seed, n in enumerate([n_reference] + n_repetitions * [n_rounds])
            )
        worst = max(
            abs(e.bias_per_row + e.variance_per_row - e.loss_per_row).max()
            for e in estimates
        )
        assert worst < 1e-12, worst
        for part in ("loss", "bias", "variance"):
            z = np.array([_deviation(e, reference, part) for e in estimates])
            mean = np.mean([getattr(e, part) for e in estimates])
            print(
                f"| {loss} | {n_classes or '-'} | {part} "
                f"| {getattr(reference, part):.4f} | {mean:.4f} "
                f"| {np.sqrt(np.mean(z**2)):.2f} | {np.mean(abs(z) < 2):.0%} |"
            )


def _deviation(estimate, reference, part):
    error = np.hypot(*(getattr(e, f"{part}_se") for e in (estimate, reference)))
    return (getattr(estimate, part) - getattr(reference, part)) / error


# -- 3: speed --------------------------------------------------------------------------


def speed(repeats=5, n_rounds=100, epochs=20):
    """The same rounds through both libraries, in turn; the predictions must agree."""
    X, y = load_digits(return_X_y=True)
    order = np.random.RandomState(0).permutation(len(X))
    X, y = scale(X[order]), y[order]
    names = [SCIKIT_LEARN, *(NAMES[engine] for engine in ENGINES)]
    pairs = [(SCIKIT_LEARN, name) for name in names[1:]]
    print(f"{versions()}; medians of {repeats} times and ratios.\n")
    columns = ["dtype", "batch", *(f"{name} s" for name in names)]
    print(header(columns + ratio_names(pairs)))
    for dtype in ("float64", "float32"):
        for batch_size in (200, 32):
            data = X.astype(dtype)
            shared = dict(
                batch_size=batch_size, max_iter=epochs, n_iter_no_change=epochs + 1
            )
            theirs = ScikitLearnMLP(alpha=1e-4 * batch_size, **shared)
            ours = MLPClassifier(alpha=1e-4, **shared)
            predictions = []

            def decompose(network, n_rounds=n_rounds, data=data, into=predictions):
                result = bias_variance_decomposition(
                    network,
                    data[:1400],
                    y[:1400],
                    X_test=data[1400:],
                    y_test=y[1400:],
                    n_rounds=n_rounds,
                    random_state=0,
                    n_jobs=1,
                )
                into.append(result.predictions)

            calls = by_each_engine(decompose, ours)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                for call in calls.values():
                    # What has to be compiled is there before it is timed.
                    call()
                predictions.clear()
                seconds = in_turn(
                    {SCIKIT_LEARN: partial(decompose, theirs), **calls},
                    repeats,
                    time.perf_counter,
                )
            for found in predictions:
                assert np.mean(found == predictions[0]) > 0.999
            cells = [dtype, batch_size]
            cells += [f"{np.median(seconds[name]):.2f}" for name in names]
            cells += [f"{np.median(seconds[a] / seconds[b]):.1f}" for a, b in pairs]
            print(row(cells), flush=True)


# -- 4: default threads ----------------------------------------------------------------


def decomposition_of(n_rounds):
    """Bootstrap rounds on digits, to be timed."""
    X, y = load_digits(return_X_y=True)
    X = scale(X)
    network = MLPClassifier(max_iter=20, n_iter_no_change=21)
    return lambda: bias_variance_decomposition(
        network,
        X[:1400],
        y[:1400],
        X_test=X[1400:],
        y_test=y[1400:],
        n_rounds=n_rounds,
        random_state=0,
    )


def diagnosis_of(hidden):
    """A diagnosis on breast cancer, to be timed."""
    X, y = load_breast_cancer(return_X_y=True)
    network = MLPClassifier(tuple(hidden), random_state=0)
    return lambda: diagnose(network, scale(X), y, random_state=0)


def threads(repeats=3):
    _threads.print_table(
        {
            "20 bootstrap rounds, (100,)": (__file__, "decomposition_of", 20),
            "diagnose, (100,)": (__file__, "diagnosis_of", (100,)),
        },
        repeats,
    )


SECTIONS = {
    "monte-carlo": ("Estimates against 2000 training sets", monte_carlo),
    "faults": ("Planted faults", faults),
    "speed": ("100 bootstrap rounds on digits, h=100, 20 epochs, one thread", speed),
    "threads": ("With default threads", threads),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("section", nargs="?", choices=list(SECTIONS))
    parser.add_argument("--seeds", nargs=2, type=int, default=(20, 40))
    parser.add_argument("--repeats", type=int, help="of times")
    arguments = parser.parse_args()
    # Warnings of single fits are a part of what is diagnosed.
    warnings.simplefilter("ignore", ConvergenceWarning)

    def run(name):
        title, measure = SECTIONS[name]
        print(f"\n## {title}\n")
        started = time.perf_counter()
        if name == "faults":
            print(f"Seeds {arguments.seeds[0]} to {arguments.seeds[1] - 1}.\n")
            measure(range(*arguments.seeds))
        elif name in ("speed", "threads") and arguments.repeats:
            measure(arguments.repeats)
        else:
            measure()
        print(f"\n{time.perf_counter() - started:.0f} s.", flush=True)

    if arguments.section:
        run(arguments.section)
        return
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("w", encoding="utf-8") as file, redirect_stdout(file):
        print("# Diagnosis\n\nWritten by `python benchmarks/diagnosis.py`.")
        for name in SECTIONS:
            run(name)


if __name__ == "__main__":
    main()
