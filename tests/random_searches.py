"""Random searches whose every row is compared with the same estimator trained alone.

What the networks of a search share (minibatches, starts, validation rows, prepared
folds, states that are continued) must never show in a result. A search is drawn from a
seed: the data, an estimator, perhaps in a Pipeline, a grid over some of all its
parameters, splits, a scorer. Then each row of its table is trained and scored again by
a fresh clone with the row's parameters on the row's split.

    python tests/random_searches.py 1000              seeds 0 to 999
    python tests/random_searches.py 20 --first 500    seeds 500 to 519
"""

import argparse
import sys
import time
import warnings
from dataclasses import dataclass, field
from unittest import mock

import numpy as np
from scipy import sparse
from sklearn import model_selection
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    PredefinedSplit,
    RepeatedKFold,
    ShuffleSplit,
    TimeSeriesSplit,
    check_cv,
)
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler, QuantileTransformer, StandardScaler

from skreg import MLPClassifier, MLPRegressor
from skreg._fitting.stopping import schedules_to_the_end
from skreg._utils.wrappers import find_model
from skreg.augmentation import (
    AugmentingResampler,
    Compose,
    FeatureDropout,
    GaussianNoise,
    Mixup,
    SwapNoise,
)
from skreg.model_selection import GridSearchCV, HalvingGridSearchCV, _lockstep_run
from skreg.neural_network import (
    GeneralizationLoss,
    ProgressQuotient,
    SuccessiveIncreases,
)

__all__ = ["RandomSearch", "differences", "parameter_values"]

# A batch rounds otherwise than a single network, and training amplifies that.
TOLERANCE = {"float64": 1e-6, "float32": 2e-2}

# What a search draws for networks without a seed is drawn from this one instead.
SEED_OF_UNSEEDED = 12345


def balanced_noise(X, Y, sample_weight, rng):
    """An augmentation that is a plain function."""
    return X + 0.1 * rng.normal(size=X.shape).astype(X.dtype), Y, sample_weight


def neg_mean_brier(estimator, X, y):
    """A scorer that is a plain function and takes no weights."""
    if hasattr(estimator, "classes_"):
        probabilities = np.asarray(estimator.predict_proba(X))
        return -float((probabilities**2).mean())
    return -float((estimator.predict(X) ** 2).mean())


def parameter_values(kind):
    """Values of every parameter that a grid may vary, by name.

    Parameters
    ----------
    kind : {"binary", "multiclass", "multilabel", "regression", "outputs"}
        Of the target.
    """
    values = {
        "hidden_layer_sizes": [(), (3,), (4, 3)],
        "activation": ["relu", "tanh", "logistic", "identity", "gelu", "silu"],
        "n_frequencies": [0, 2, 5],
        "frequency_scale": [0.1, 0.5],
        "solver": ["adam", "adam", "sgd", "lbfgs", "fista"],
        "alpha": [1e-4, 1e-2, 0.1],
        "l1_ratio": [0.0, 0.3, 1.0],
        "feature_alpha": [0.0, 0.03, 0.1],
        "feature_penalty": ["log_sum", "group_lasso"],
        "feature_epsilon": ["auto", 1e-3, 0.1],
        "feature_groups": [None, [[0, 1]], [[1, 2]]],
        "dropout": [0.0, 0.2, 0.5],
        "dropout_schedule": ["constant", "cosine"],
        "augmentation": [
            None,
            GaussianNoise(0.1),
            GaussianNoise(0.3),
            Mixup(0.4),
            SwapNoise(0.2),
            Compose([FeatureDropout(0.2), GaussianNoise(0.1)]),
            balanced_noise,
            AugmentingResampler(GaussianNoise(0.1), n_copies=1),
            AugmentingResampler(GaussianNoise(0.1), random_state=3),
        ],
        "batch_size": [7, 17, "auto"],
        "learning_rate": ["constant", "invscaling", "adaptive", "cosine"],
        "learning_rate_init": [1e-3, 5e-3, 2e-2, "auto"],
        "power_t": [0.1, 0.5],
        "warmup_fraction": [0.0, 0.4],
        "max_iter": [1, 4, 11],
        "max_fun": [7, 1000],
        "shuffle": [True, False],
        "random_state": [
            0,
            1,
            np.int64(0),
            np.random.RandomState(0),
            np.random.RandomState(1),
            None,
        ],
        "tol": [0.0, 1e-4, 1e-2],
        "momentum": [0.0, 0.5, 0.9],
        "nesterovs_momentum": [True, False],
        "early_stopping": [False, True],
        "validation_fraction": [0.2, 0.3, 9],
        "validation_splitter": [
            None,
            ShuffleSplit(3, test_size=0.3, random_state=0),
            ShuffleSplit(3, test_size=0.3, random_state=1),
            ShuffleSplit(2, test_size=0.2, random_state=np.random.RandomState(2)),
            ShuffleSplit(1, train_size=20, test_size=9, random_state=0),
            ShuffleSplit(1, train_size=20, test_size=13, random_state=0),
            KFold(3),
            KFold(4),
            TimeSeriesSplit(2),
        ],
        "scoring": ["loss", None, neg_mean_brier],
        "n_iter_no_change": [1, 3, np.inf, "auto"],
        "min_iter": [0, 5],
        "stopping_criterion": [
            "patience",
            "generalization_loss",
            "progress_quotient",
            GeneralizationLoss(2.0),
            ProgressQuotient(1.0, 2),
            SuccessiveIncreases(1, 1),
        ],
        "refit": [False, True, 3],
        "beta_1": [0.5, 0.9],
        "beta_2": [0.9, 0.999],
        "epsilon": [1e-8, 1e-2],
        "warm_start": [False, True],
        "weight_averaging": [0.0, 0.6, 0.95],
    }
    if kind in ("binary", "multiclass", "multilabel"):
        values["label_smoothing"] = [0.0, 0.1, 0.4]
    if kind in ("binary", "multiclass"):
        values["class_weight"] = [None, "balanced"]
        if kind == "multiclass":
            values["class_weight"].append({0: 1.0, 1: 2.0, 2: 0.5})
    if kind in ("regression", "outputs"):
        values |= {
            "loss": ["squared_error", "absolute_error", "huber", "quantile"],
            "huber_delta": [0.3, 1.35],
            "quantile": [0.2, 0.8],
            "normalize_y": [False, True],
        }
    return values


@dataclass
class RandomSearch:
    """A search with its data; `draw` makes it from a seed."""

    search: object
    X: object
    y: np.ndarray
    fit_params: dict = field(default_factory=dict)

    @classmethod
    def draw(cls, seed, n_jobs=None):
        """The search of a seed, the same on every machine.

        Parameters
        ----------
        seed : int
        n_jobs : int, default=None
            Of the search; drawn as 1 or 2 where None.
        """
        drawn = _Draw(np.random.RandomState(seed)).search(n_jobs)
        # From a stream of its own, so that it changes nothing else that is drawn.
        return _with_target_transformer(drawn, np.random.RandomState([seed, 1]))


class _Draw:
    """Draws the parts of one search."""

    def __init__(self, rng):
        self._rng = rng

    def _one_of(self, *values):
        return values[self._rng.randint(len(values))]

    def _chance(self, p):
        return self._rng.uniform() < p

    def _some_of(self, values, n):
        chosen = self._rng.permutation(len(values))[:n]
        return [values[index] for index in chosen]

    # -- the data ------------------------------------------------------------------

    def _draw_data(self):
        rng = self._rng
        self._kind = self._one_of(
            "binary", "binary", "multiclass", "multilabel", "regression", "outputs"
        )
        n_rows = self._n_rows = int(rng.randint(48, 110))
        X = rng.normal(size=(n_rows, rng.randint(3, 6)))
        signal = X[:, 0] + 0.5 * X[:, 1] * X[:, 2] + 0.5 * rng.normal(size=n_rows)
        if self._kind == "binary":
            y = np.where(signal > 0, *self._one_of((1, 0), ("yes", "no")))
        elif self._kind == "multiclass":
            y = np.digitize(signal, [-0.7, 0.7])
        elif self._kind == "multilabel":
            y = np.column_stack([signal > 0, X[:, 1] > 0.3]).astype(int)
        elif self._kind == "outputs":
            y = np.column_stack([signal, X[:, 1]])
        else:
            y = signal
        self._is_classifier = self._kind in ("binary", "multiclass", "multilabel")
        if self._chance(0.15):
            X = X.astype(np.float32)
        if self._chance(0.15):
            X = sparse.csr_matrix(np.where(np.abs(X) > 0.4, X, 0))
        return X, y

    # -- the estimator and its grid ------------------------------------------------

    def _draw_network(self):
        network = MLPClassifier() if self._is_classifier else MLPRegressor()
        network.set_params(
            hidden_layer_sizes=self._one_of((3,), (5,), (3, 3)),
            max_iter=self._one_of(3, 8, 15),
            batch_size=self._one_of(9, 17, "auto"),
            learning_rate_init=self._one_of(3e-3, 2e-2, "auto"),
            solver=self._one_of("adam", "adam", "adam", "sgd"),
            early_stopping=self._chance(0.5),
            random_state=self._one_of(0, 7, np.random.RandomState(5), None),
            n_iter_no_change=self._one_of(2, np.inf, "auto"),
            feature_alpha=0.05 if self._chance(0.1) else 0.0,
            dropout=self._one_of(0.0, 0.0, 0.2),
        )
        if network.early_stopping:
            network.set_params(validation_fraction=0.3)
        if not self._is_classifier:
            network.set_params(quantile=0.5)
        return network

    def _grid_of(self, values, prefix, n_most=3):
        names = self._some_of(sorted(values), self._one_of(1, 2, 2, 3))
        if self._chance(0.5):
            # What concerns validation rows is where most is shared.
            values_of_validation = ("shuffle", "validation_splitter", "random_state")
            names = list({*names, self._one_of(*values_of_validation)})
        grid = {}
        for name in names[:n_most]:
            grid[prefix + name] = self._some_of(values[name], 2)
        return grid

    # -- the search ----------------------------------------------------------------

    def _draw_cv(self, y):
        n_rows = self._n_rows
        half = n_rows // 2
        rows = self._rng.permutation(n_rows)
        return self._one_of(
            2,
            3,
            KFold(2, shuffle=True, random_state=0),
            ShuffleSplit(2, test_size=0.4, random_state=0),
            RepeatedKFold(n_splits=2, n_repeats=2, random_state=0),
            GroupKFold(2),
            PredefinedSplit(np.arange(n_rows) % 3 - 1),
            [(rows[:half], rows[half:])],
            [(rows[:half], rows[half:]), (rows[half:], rows[:half])],
            [(rows[: half + 5], rows[half + 5 :]), (rows[half:], rows[:half])],
        )

    def _draw_scoring(self):
        if self._kind == "multilabel":
            return self._one_of(None, neg_mean_brier)
        if self._is_classifier:
            return self._one_of("neg_log_loss", "neg_log_loss", None, neg_mean_brier)
        return self._one_of("neg_mean_squared_error", None, neg_mean_brier)

    def search(self, n_jobs):
        X, y = self._draw_data()
        network = estimator = self._draw_network()
        values, prefix = parameter_values(self._kind), ""
        if sparse.issparse(X):
            del values["n_frequencies"], values["frequency_scale"]
            values["augmentation"] = [None, FeatureDropout(0.2), FeatureDropout(0.4)]
        grid = {}
        if self._chance(0.35):
            prefix = "net__"
            scaler = MaxAbsScaler() if sparse.issparse(X) else StandardScaler()
            estimator = Pipeline([("scale", scaler), ("net", network)])
            if self._chance(0.5):
                grid["scale"] = ["passthrough", MaxAbsScaler()]
            elif not sparse.issparse(X):
                estimator.steps.insert(1, ("reduce", PCA(2, random_state=0)))
                steps = [PCA(2), PCA(3), "passthrough", SelectKBest(f_regression, k=2)]
                if y.ndim == 2 or y.dtype.kind not in "fi":
                    steps.pop()
                grid["reduce"] = self._some_of(steps, 2)
        grid |= self._grid_of(values, prefix, n_most=3 - len(grid))
        grids = grid
        if self._chance(0.15):
            grids = [grid, self._grid_of(values, prefix, n_most=2)]
        fit_params = {}
        cv = self._draw_cv(y)
        if isinstance(cv, GroupKFold):
            fit_params["groups"] = np.arange(self._n_rows) // 5
        if self._chance(0.2):
            weight = self._rng.uniform(0.2, 2, size=self._n_rows)
            fit_params[f"{prefix}sample_weight"] = weight
        options = {
            "cv": cv,
            "scoring": self._draw_scoring(),
            "refit": False,
            "return_train_score": self._chance(0.3),
            "n_jobs": (2 if self._chance(0.1) else 1) if n_jobs is None else n_jobs,
        }
        if self._chance(0.5):
            grids = [_without_max_iter(part, prefix) for part in _as_list(grids)]
            grids = [part for part in grids if part] or {f"{prefix}alpha": [0.1, 0.01]}
            options |= {
                "factor": self._one_of(1.5, 2, 3),
                "max_resources": int(self._rng.randint(4, 15)),
                "min_resources": self._one_of(1, 3, "exhaust"),
                "aggressive_elimination": self._chance(0.2),
            }
            return RandomSearch(
                HalvingGridSearchCV(estimator, grids, **options), X, y, fit_params
            )
        return RandomSearch(GridSearchCV(estimator, grids, **options), X, y, fit_params)


def _with_target_transformer(drawn, rng):
    """Most searches over regressors with a target transformer somewhere."""
    search, prefix = drawn.search, find_model(drawn.search.estimator)[0]
    if _is_classifier(drawn) or rng.uniform() < 0.2:
        return drawn
    transformers = [
        StandardScaler(),
        PCA(drawn.y[0].size, whiten=True),
        QuantileTransformer(n_quantiles=20, random_state=0),
        None,
    ]
    wrapper = TransformedTargetRegressor(transformer=transformers[rng.randint(4)])
    if wrapper.transformer is None:
        wrapper.set_params(func=np.cbrt, inverse_func=_cube)
    # Before which of the names down to the network it comes.
    names = prefix.split("__")[:-1]
    place = rng.randint(len(names) + 1)
    head = "".join(f"{name}__" for name in names[:place])
    if head:
        wrapper.regressor = search.estimator.get_params()[names[0]]
        search.estimator.set_params(**{names[0]: wrapper})
    else:
        wrapper.regressor, search.estimator = search.estimator, wrapper

    def renamed(name):
        # Steps beside the network stay where they are if only the network is wrapped.
        is_inside = name.startswith(head)
        return f"{head}regressor__{name[len(head) :]}" if is_inside else name

    grids = [
        {renamed(name): values for name, values in grid.items()}
        for grid in _as_list(search.param_grid)
    ]
    if rng.uniform() < 0.3 and wrapper.transformer is not None:
        grids[0][f"{head}transformer"] = [StandardScaler(), transformers[1]]
    # What `fit` is given keeps its name: target transformers pass everything on.
    search.param_grid = grids
    return drawn


def _cube(values):
    return values**3


def _as_list(grids):
    return grids if isinstance(grids, list) else [grids]


def _without_max_iter(grid, prefix):
    """Epochs are what a halving search rations, so its grid must leave them alone."""
    return {name: grid[name] for name in grid if name != f"{prefix}max_iter"}


def differences(drawn):
    """Run a search, train every row of its table alone, and say where they differ.

    Parameters
    ----------
    drawn : RandomSearch

    Returns
    -------
    list of str
        A line a difference; empty where all is well.
    """
    seeds = np.random.RandomState(SEED_OF_UNSEEDED)
    search = drawn.search
    with (
        warnings.catch_warnings(),
        mock.patch.object(_lockstep_run, "check_random_state", lambda _: seeds),
    ):
        warnings.simplefilter("ignore")
        try:
            search.fit(drawn.X, drawn.y, **drawn.fit_params)
        except ValueError as error:
            return _unless_all_fail(drawn, error)
        return _differing_rows(drawn)


def _splits_of(drawn):
    cv = check_cv(drawn.search.cv, drawn.y, classifier=_is_classifier(drawn))
    return list(cv.split(drawn.X, drawn.y, drawn.fit_params.get("groups")))


def _is_classifier(drawn):
    estimator = drawn.search.estimator
    return isinstance(find_model(estimator)[1], MLPClassifier)


def _unless_all_fail(drawn, error):
    """A search fails only where each of its candidates does."""
    if "fits failed" not in str(error):
        return [f"{type(error).__name__}: {str(error)[-300:]}"]
    return []


def _differing_rows(drawn):
    search, results = drawn.search, drawn.search.cv_results_
    splits = _splits_of(drawn)
    seeds = np.random.RandomState(SEED_OF_UNSEEDED).randint(2**31 - 1, size=len(splits))
    found = []
    for row, parameters in enumerate(results["params"]):
        if _is_on_its_way(search, row):
            continue
        for split, (train, test) in enumerate(splits):
            expected = _trained_alone(drawn, parameters, train, test, int(seeds[split]))
            for part, score in expected.items():
                actual = results[f"split{split}_{part}_score"][row]
                if not _is_close(actual, score, drawn.X.dtype):
                    rung = results["iter"][row] if "iter" in results else None
                    found.append(
                        f"row {row} {parameters}, split {split}, rung {rung}: {part} "
                        f"score {actual!r} in {type(search).__name__}, {score!r} alone"
                    )
    return found


def _is_on_its_way(search, row):
    """Whether a row is that of a network whose schedule ends in a later rung."""
    results = search.cv_results_
    if "iter" not in results or results["iter"][row] == results["iter"][-1]:
        return False
    estimator = clone(search.estimator).set_params(**results["params"][row])
    return bool(schedules_to_the_end(find_model(estimator)[1]))


def _is_close(actual, expected, dtype):
    if np.isnan(actual) or np.isnan(expected):
        return bool(np.isnan(actual) and np.isnan(expected))
    tolerance = TOLERANCE[np.dtype(dtype).name]
    return abs(actual - expected) <= tolerance * max(1.0, abs(expected))


def _trained_alone(drawn, parameters, train, test, seed):
    """What scikit-learn's search gives for one candidate on one split, by part."""
    search = drawn.search
    estimator = clone(search.estimator).set_params(**clone(parameters, safe=False))
    _, network = find_model(estimator)
    if network.random_state is None:
        network.random_state = seed
    parts = ["test", "train"] if search.return_train_score else ["test"]
    alone = model_selection.GridSearchCV(
        estimator,
        {},
        scoring=search.scoring,
        cv=[(train, test)],
        refit=False,
        return_train_score=search.return_train_score,
    )
    try:
        alone.fit(drawn.X, drawn.y, **drawn.fit_params)
    except ValueError:
        return dict.fromkeys(parts, np.nan)
    return {part: alone.cv_results_[f"split0_{part}_score"][0] for part in parts}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("n_searches", type=int, nargs="?", default=1000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--n-jobs", type=int, default=None)
    arguments = parser.parse_args()
    started, n_bad = time.perf_counter(), 0
    for seed in range(arguments.first, arguments.first + arguments.n_searches):
        drawn = RandomSearch.draw(seed, arguments.n_jobs)
        found = differences(drawn)
        n_bad += bool(found)
        if found:
            print(f"seed {seed}: {drawn.search}")
            for line in found[:3]:
                print(f"    {line}")
            sys.stdout.flush()
    seconds = time.perf_counter() - started
    print(f"{n_bad} of {arguments.n_searches} searches differ ({seconds:.0f} s)")
    return n_bad > 0


if __name__ == "__main__":
    sys.exit(main())
