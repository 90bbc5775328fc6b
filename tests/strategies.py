"""Hypothesis strategies: whatever a user may give to this library, sensible or not.

`cases()` draws a call that fits something: an estimator with its parameters, data in
some container, and an engine. The ordinary values of parameters are those of
`random_searches.parameter_values`; here are the absurd ones, which are allowed all the
same, and some that are not. Data are drawn as a few properties of theirs and a seed,
because drawing each number would take Hypothesis longer than a fit.
"""

import copy
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from random_searches import parameter_values
from scipy import sparse
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from skreg import MLPClassifier, MLPClassifierCV, MLPRegressor, MLPRegressorCV
from skreg.ensemble import FoldEnsembleClassifier, FoldEnsembleRegressor
from skreg.feature_selection import (
    SparseInputSelector,
    StabilitySelection,
)
from skreg.model_selection import GridSearchCV, HalvingGridSearchCV

__all__ = [
    "ABSURD",
    "CALLS",
    "Case",
    "Data",
    "Watcher",
    "cases",
    "draw_case",
    "parameters",
]

_HUGE, _TINY, _LARGEST, _SMALLEST = 1e300, 1e-300, 1.7e308, 5e-324
_NOT_NEGATIVE = [0.0, 0, _SMALLEST, _TINY, 1e-20, 1e20, _HUGE, _LARGEST, 10**400]
_POSITIVE = _NOT_NEGATIVE[2:]
_BELOW_ONE = [0.0, _SMALLEST, _TINY, 0.5, 1 - 1e-16]
_MANY = [1, 10**9, 2**63, 10**30, 10**400]

# Extreme values that nobody should want, most of them valid, by parameter.
ABSURD = {
    "hidden_layer_sizes": [(), (1,), 1, [2], (1,) * 5, np.array([2, 3]), 10**30],
    "n_frequencies": [0, 1, 7, 10**30],
    "frequency_scale": _POSITIVE,
    "alpha": [*_NOT_NEGATIVE, np.float32(0.1), np.int64(2)],
    "l1_ratio": [*_BELOW_ONE, 0, 1, 1.0],
    "feature_alpha": _NOT_NEGATIVE,
    "feature_epsilon": _POSITIVE,
    "dropout": _BELOW_ONE,
    "label_smoothing": _BELOW_ONE,
    "batch_size": _MANY,
    "learning_rate_init": _POSITIVE,
    "power_t": [*_NOT_NEGATIVE, 200],
    "warmup_fraction": _BELOW_ONE,
    "max_iter": [1, 2],
    "max_fun": _MANY,
    "tol": _NOT_NEGATIVE,
    "momentum": [*_BELOW_ONE, 0, 1, 1.0],
    "validation_fraction": [0.0, 1e-16, 0.5, 1 - 1e-16, 1, 3, 10**9, 10**30],
    "n_iter_no_change": [*_MANY, np.inf],
    "min_iter": [0, *_MANY],
    "refit": [2, 10**9],
    "beta_1": _BELOW_ONE,
    "beta_2": _BELOW_ONE,
    "epsilon": _POSITIVE,
    "weight_averaging": _BELOW_ONE,
    "random_state": [2**32 - 1, 0],
    "huber_delta": _POSITIVE,
    "quantile": [0.0, 1.0, _TINY, 1 - 1e-16, [0.1, 0.5, 0.9], None],
    "feature_groups": [None, "auto", [[0]], np.zeros(2, dtype=int)],
    "class_weight": [
        "balanced",
        {0: 0.0, 1: 1.0},
        {0: _HUGE, 1: _TINY},
        {"a": 2.0, "b": _HUGE},
        {0: 10**400, 1: 1},
        {},
    ],
    "scoring": ["loss", None, "r2", "roc_auc", "accuracy", "neg_log_loss"],
}

# What most parameters refuse.
_INVALID = [-1, -0.5, np.nan, -np.inf, np.inf, "nonsense", None, [], {}, 1.5]

_SCALES = [1.0] * 6 + [
    0.0,
    _SMALLEST,
    1e-200,
    1e-30,
    1e-5,
    1e5,
    1e30,
    1e38,
    1e150,
    1e200,
    _LARGEST,
]
_FRAMES = [name for name in ("pandas", "polars") if find_spec(name) is not None]


@dataclass(frozen=True)
class Data:
    """What X, a target and sample weights are made of."""

    target: str
    seed: int
    n_rows: int
    n_columns: int
    dtype: str = "float64"
    scale: float = 1.0
    mixed_scales: bool = False
    n_constant: int = 0
    shift: float = 0.0
    poison: float | None = None
    poisoned: str = "X"
    container: str = "array"
    labels: str = "int"
    y_scale: float = 1.0
    y_container: str = "array"
    one_class: bool = False
    rare: bool = False
    weights: str = "none"
    weight_scale: float = 1.0

    def make(self):
        """X, y and the sample weights or None."""
        rng = np.random.RandomState(self.seed)
        X = rng.normal(size=(self.n_rows, self.n_columns))
        signal = X[:, 0] + 0.3 * rng.normal(size=self.n_rows)
        y = self._target(X, signal, rng)
        with np.errstate(all="ignore"):
            X = np.clip(X, -1, 1) * self.scale + self.shift
            if self.mixed_scales:
                X[:, 0] *= 1e-10
            X[:, : self.n_constant] = self.shift
            if self.dtype == "bool":
                X = X > 0
            elif self.dtype.startswith("int"):
                X = np.round(np.clip(3 * X, -100, 100))
            X = X.astype(self.dtype)
        weight = self._weights(rng)
        if self.poison is not None:
            _put(self.poison, {"X": X, "y": y, "weight": weight}[self.poisoned])
        return self._contain(X), self._contain_y(y), weight

    def _target(self, X, signal, rng):
        if self.target in ("regression", "outputs", "many outputs"):
            n_outputs = {"regression": 1, "outputs": 2, "many outputs": 30}[self.target]
            Y = np.clip(rng.normal(size=(self.n_rows, n_outputs)), -1, 1)
            Y[:, 0] = np.clip(signal, -1, 1)
            with np.errstate(all="ignore"):
                Y = Y * self.y_scale
            if self.one_class:
                Y[:] = self.y_scale
            if self.labels == "int":
                Y = np.abs(Y)
            return Y[:, 0] if n_outputs == 1 else Y
        if self.target == "multilabel":
            Y = np.column_stack([signal > 0, X[:, -1] > 0.3]).astype(int)
            if self.one_class:
                Y[:, 0] = 1
            return Y
        n_classes = 2 if self.target == "binary" else 4
        codes = np.argsort(np.argsort(signal)) * n_classes // self.n_rows
        if self.one_class:
            codes[:] = 0
        elif self.rare:
            codes[:] = 0
            codes[: n_classes - 1] = np.arange(1, n_classes)[: self.n_rows]
        names = {
            "int": [0, 1, 2, 3],
            "str": ["a", "b", "c", "d"],
            "object": np.array(["a", "b", "c", "d"], dtype=object),
            "bool": [False, True, False, True],
            "float": [0.0, 1.0, 2.0, 3.0],
            "huge int": [2**62, 2**62 + 1, -(2**62), 0],
        }[self.labels]
        return np.asarray(names)[codes]

    def _weights(self, rng):
        if self.weights == "none":
            return None
        weight = rng.uniform(0.1, 1, size=self.n_rows)
        if self.weights == "some zeros":
            weight[::2] = 0
        elif self.weights == "zeros":
            weight[:] = 0
        elif self.weights == "negative":
            weight[0] = -1
        elif self.weights == "one row":
            weight[1:] = 0
        elif self.weights == "apart":
            weight[::2] *= 1e-200
        with np.errstate(all="ignore"):
            return weight * self.weight_scale

    def _contain(self, X):
        if self.container in ("csr", "csc", "coo"):
            X = np.where(np.abs(X) > 0.4 * np.abs(X).max(initial=0), X, 0)
            return sparse.coo_array(X).asformat(self.container)
        return _contained(X, self.container)

    def _contain_y(self, y):
        if y.dtype == object or y.ndim == 2 and self.y_container == "polars":
            return y
        return _contained(y, self.y_container)


def _put(value, array):
    """A value into the middle of an array that can hold it."""
    if array is not None and array.dtype.kind == "f":
        with np.errstate(all="ignore"):
            array.flat[array.size // 2] = value


def _contained(array, container):
    if container == "fortran":
        return np.asfortranarray(array)
    if container == "read-only":
        array.flags.writeable = False
        return array
    if container == "strided":
        return np.repeat(array, 2, axis=0)[::2]
    if container == "list":
        return array.tolist()
    if container == "pandas":
        import pandas as pd

        if array.ndim == 1:
            return pd.Series(array)
        return pd.DataFrame(array, columns=[f"x{k}" for k in range(array.shape[1])])
    if container == "polars":
        import polars as pl

        if array.ndim == 1:
            return pl.Series(array)
        return pl.DataFrame(array, schema=[f"x{k}" for k in range(array.shape[1])])
    return array


@st.composite
def _data(draw, targets=None):
    """Properties of a table; two thirds of them have nothing wrong."""
    targets = targets or [
        *["binary", "multiclass", "multilabel", "regression", "outputs"],
        "many outputs",
    ]
    target = draw(st.sampled_from(targets))
    n_rows = draw(st.sampled_from([24, 17, 60, 12, 8, 5, 3, 2, 1]))
    plain = {
        "target": target,
        "seed": draw(st.integers(0, 2**20)),
        "n_rows": n_rows if draw(_chance(3)) else 24,
        "n_columns": draw(st.sampled_from([3, 2, 5, 1])),
        "labels": draw(
            st.sampled_from(["int", "str", "object", "bool", "float", "huge int"])
        ),
        "weights": draw(st.sampled_from(["none"] * 5 + ["uniform", "some zeros"])),
        "dtype": draw(st.sampled_from(["float64"] * 4 + ["float32", "int64", "bool"])),
    }
    if not draw(_chance(2)):
        return Data(**plain)
    array = ["array"] * 4 + ["fortran", "read-only", "strided", "list", *_FRAMES]
    strange = {
        "scale": draw(st.sampled_from(_SCALES)),
        "shift": draw(st.sampled_from([0.0] * 6 + [1.0, 1e8, 1e200])),
        "mixed_scales": draw(_chance(8)),
        "n_constant": draw(st.sampled_from([0, 0, 0, 1, 5])),
        "container": draw(st.sampled_from([*array, "csr", "csc", "coo"])),
        "y_container": draw(st.sampled_from(array)),
        "y_scale": draw(st.sampled_from(_SCALES)),
        "one_class": draw(_chance(10)),
        "rare": draw(_chance(6)),
        "weights": draw(
            st.sampled_from(
                ["none"] * 4
                + ["uniform", "some zeros", "zeros", "negative", "one row", "apart"]
            )
        ),
        "weight_scale": draw(st.sampled_from([1.0, 1.0, *_POSITIVE[:-1]])),
    }
    if draw(_chance(5)):
        poisons = [np.nan, np.inf, -np.inf, _LARGEST, 1e200, -1e200, 1e160, 1e30]
        strange["poison"] = draw(st.sampled_from(poisons))
        strange["poisoned"] = draw(st.sampled_from(["X", "y", "weight"]))
    return Data(**(plain | strange))


def _chance(one_in):
    """True once in so many draws; False is the simplest."""
    return st.sampled_from([False] * (one_in - 1) + [True])


@st.composite
def parameters(draw, kind, may_be_invalid=True):
    """Some parameters of a network for a target of a kind, the others small."""
    ordinary = parameter_values("outputs" if kind == "many outputs" else kind)
    ordinary["verbose"] = [False]
    names = sorted(ordinary)
    values = {
        "hidden_layer_sizes": draw(st.sampled_from([(3,), (), (4, 2), (20,)])),
        "max_iter": draw(st.sampled_from([3, 1, 6])),
        "batch_size": draw(st.sampled_from([9, "auto"])),
        "learning_rate_init": draw(st.sampled_from([1e-2, "auto"])),
        "random_state": 0,
        "solver": draw(st.sampled_from(["adam", "adam", "sgd", "lbfgs", "fista"])),
        "early_stopping": draw(_chance(3)),
    }
    n_changed = draw(st.sampled_from([1, 2, 0, 3, 5, 8, 12]))
    for _ in range(n_changed):
        name = draw(st.sampled_from(names))
        choices = ordinary[name]
        if name in ABSURD and not draw(_chance(3)):
            choices = ABSURD[name]
        # A copy, for what draws changes when it is used.
        values[name] = copy.deepcopy(draw(st.sampled_from(choices)))
    if may_be_invalid and draw(_chance(25)):
        values[draw(st.sampled_from(names))] = draw(st.sampled_from(_INVALID))
    return values


# How each call is made, and how often; the more expensive the rarer.
CALLS = {
    "network": 40,
    "partial_fit": 8,
    "warm_start": 5,
    "X_val": 5,
    "feature_alpha": 6,
    "feature_path": 3,
    "selector": 2,
    "stability": 1,
    "ensemble": 3,
    "grid": 3,
    "halving": 2,
    "alpha_grid": 1,
    "rounds": 1,
    "diagnose": 1,
    "cv": 1,
}

# Those that are made with what is around a network as well.
_OF_WRAPPED = {*CALLS} - {"partial_fit", "warm_start", "X_val", "feature_alpha", "cv"}


# Those whose parts joblib may share among workers.
_PARALLEL = {"selector", "stability", "ensemble", "grid", "halving"}
_PARALLEL |= {"rounds", "diagnose", "cv"}


class Watcher:
    """A callback that looks at what it is given, and may ask to stop.

    It can be one of scikit-learn's callbacks, which follow epochs, and the `callback`
    of MLPClassifierCV and MLPRegressorCV, which follows rungs.

    Parameters
    ----------
    stop_after : int or None
        The number of epochs, or of rungs, after which it asks to stop.

    Attributes
    ----------
    findings : list of str
        What is wrong with what it was given.
    """

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.findings = []

    def __repr__(self):
        return f"Watcher({self.stop_after})"

    def __call__(self, rung, results):
        return self._asks_to_stop(rung)

    def setup(self, estimator, context):
        """The hook at the start of `fit`."""

    def teardown(self, estimator, context):
        """The hook at the end of `fit`."""

    def on_fit_task_begin(self, estimator, context):
        """The hook at the start of a task."""

    def on_fit_task_end(self, estimator, context, *, X, fitted_estimator):
        """The hook at the end of a task, an epoch for example."""
        if context.task_name != "epoch":
            return False
        if fitted_estimator is not None:
            predicted = fitted_estimator.predict(X)
            if predicted.dtype.kind == "f" and not np.isfinite(predicted).all():
                self._find("predictions after an epoch are not finite")
        return self._asks_to_stop(context.task_id)

    def _asks_to_stop(self, number):
        if self.stop_after is None:
            return False
        if number >= self.stop_after:
            self._find("training went on after a callback had asked to stop")
        return number + 1 >= self.stop_after

    def _find(self, text):
        # Each epoch may say the same.
        if text not in self.findings:
            self.findings.append(text)


@dataclass
class Case:
    """A call that fits an estimator to data by an engine.

    The parts of the call may be shared among `n_jobs` threads. The watcher is a
    callback of the estimator, or of the network inside.
    """

    call: str
    estimator: object
    data: Data
    engine: str = "numpy"
    n_jobs: int | None = None
    watcher: Watcher | None = None

    def __repr__(self):
        with np.printoptions(threshold=5):
            return (
                f"Case({self.call!r}, engine={self.engine!r}, n_jobs={self.n_jobs}, "
                f"watcher={self.watcher},\n  {self.estimator!r},\n  {self.data!r})"
            )


def _wrapped(draw, network):
    """A network in a Pipeline or in what transforms its target, and the prefix of both.

    The steps change nothing: the warnings of a scaler's arithmetic would not be ours.
    """
    place = draw(st.sampled_from(["steps", "target", "steps within target"]))
    estimator, prefix = network, ""
    if "steps" in place or isinstance(network, MLPClassifier):
        estimator = Pipeline([("step", FunctionTransformer()), ("network", network)])
        prefix = "network__"
    if "target" in place and isinstance(network, MLPRegressor):
        estimator = TransformedTargetRegressor(
            estimator, transformer=FunctionTransformer()
        )
        prefix = f"regressor__{prefix}"
    return estimator, prefix


def _drawn_grid(draw, kind, n_names):
    """Two values each of some parameters of a network."""
    ordinary = parameter_values("outputs" if kind == "many outputs" else kind)
    names = [draw(st.sampled_from(sorted(ordinary))) for _ in range(n_names)]
    grid = {}
    for name in names:
        values = [*ordinary[name], *ABSURD.get(name, [])]
        grid[name] = copy.deepcopy([draw(st.sampled_from(values)) for _ in range(2)])
    return grid


def _several(is_classification):
    """Two scores, of which the second is not possible for all targets."""
    if is_classification:
        return {"first": "accuracy", "second": "matthews_corrcoef"}
    return {"first": "neg_mean_absolute_error", "second": "neg_mean_poisson_deviance"}


@st.composite
def cases(draw, calls=None, engines=("numpy", "compiled")):
    """A call with all that it is given."""
    calls = calls or [name for name, share in CALLS.items() for _ in range(share)]
    call = draw(st.sampled_from(calls))
    drawn = draw(_data())
    is_classification = drawn.target in ("binary", "multiclass", "multilabel")
    kind = drawn.target
    values = draw(parameters(kind))
    if call in ("feature_alpha", "feature_path", "selector", "stability"):
        values["solver"] = draw(st.sampled_from(["adam", "sgd", "fista"]))
    if call == "feature_alpha":
        values["feature_alpha"] = draw(
            st.sampled_from([0.1, 1.0, *ABSURD["feature_alpha"]])
        )
        if draw(_chance(2)):
            values["feature_epsilon"] = draw(st.sampled_from(ABSURD["feature_epsilon"]))
    if call == "warm_start":
        values["warm_start"] = True
    if call == "X_val":
        values["early_stopping"] = True
    inner = (MLPClassifier if is_classification else MLPRegressor)(**values)
    network, prefix = inner, ""
    if call in _OF_WRAPPED and draw(_chance(8)):
        network, prefix = _wrapped(draw, inner)
    estimator = network
    cv = draw(st.sampled_from([2, 3]))
    if call == "selector":
        n_selected = draw(st.sampled_from(["1se", "best", 1, 0.5, 10**6]))
        estimator = SparseInputSelector(network, n_features_to_select=n_selected, cv=cv)
    elif call == "stability":
        estimator = StabilitySelection(
            network,
            q=draw(st.sampled_from([1, 2, None, 10**6])),
            threshold=draw(st.sampled_from([0.6, 1.0, None])),
            n_pairs=draw(st.sampled_from([1, 2])),
            random_state=0,
        )
    elif call == "ensemble":
        kind_of = FoldEnsembleClassifier if is_classification else FoldEnsembleRegressor
        estimator = kind_of(network, cv=cv, n_repeats=draw(st.sampled_from([1, 2])))
    elif call in ("grid", "halving"):
        grid = _drawn_grid(draw, kind, draw(st.sampled_from([1, 2])))
        if call == "halving":
            grid.pop("max_iter", None)
            grid = grid or {"alpha": [0.1, _HUGE]}
        grid = {prefix + name: values for name, values in grid.items()}
        if call == "halving":
            estimator = HalvingGridSearchCV(network, grid, cv=cv, max_resources=4)
        else:
            scoring = draw(st.sampled_from([None, None, _several(is_classification)]))
            refit = "first" if scoring else True
            estimator = GridSearchCV(network, grid, cv=cv, scoring=scoring, refit=refit)
    elif call == "cv":
        kind_of = MLPClassifierCV if is_classification else MLPRegressorCV
        estimator = kind_of(
            {
                "hidden_layer_sizes": [(3,)],
                "max_iter": [3],
                **_drawn_grid(draw, kind, 1),
            },
            n_candidates=draw(st.sampled_from([1, 2])),
            cv=cv,
            random_state=0,
        )
    engine = draw(st.sampled_from(engines))
    n_jobs = 2 if call in _PARALLEL and draw(_chance(10)) else None
    watcher = None
    if draw(_chance(20)):
        watcher = Watcher(draw(st.sampled_from([None, 1, 2])))
        if call == "cv":
            estimator.set_params(callback=watcher)
        elif hasattr(inner, "set_callbacks"):
            inner.set_callbacks(watcher)
    return Case(call, estimator, drawn, engine, n_jobs, watcher)


def draw_case(number, strategy=None):
    """The case of a seed, the same wherever versions are the same.

    Hypothesis begins with its simplest example; the second is a random one.
    """
    drawn = []

    @seed(number)
    @settings(
        max_examples=2,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(cases() if strategy is None else strategy)
    def keep(case):
        drawn.append(case)

    keep()
    return drawn[-1]
