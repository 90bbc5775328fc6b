"""Seventy small fits whose results are on record, so that a change shows.

A change of the structure must leave every number as it is; one of the arithmetic must
know which numbers it moves. The record, `golden_results.json`, holds for each fit its
curves, its predictions of some rows and projections of its weights::

    python tests/golden_results.py            says what differs, and by how much
    python tests/golden_results.py --write    writes the record anew

`test_golden_results.py` compares to 1e-10 (networks of float32: to 1e-5), for other
machines round otherwise.
"""

import argparse
import json
import warnings
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits, make_classification, make_regression
from sklearn.model_selection import GroupShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import MLPClassifier, MLPRegressor
from skreg.augmentation import (
    AugmentingResampler,
    Compose,
    FeatureDropout,
    GaussianNoise,
    Mixup,
    RandomAffine,
)
from skreg.diagnosis import bias_variance_decomposition, diagnose
from skreg.feature_selection import (
    SparseInputSelector,
    StabilitySelection,
    feature_path,
)
from skreg.model_selection import GridSearchCV, HalvingGridSearchCV, alpha_grid
from skreg.neural_network import GeneralizationLoss

RECORD = Path(__file__).with_suffix(".json")

# Arrays of more entries are recorded by their norm and so many projections.
_MOST_ENTRIES = 12
_N_PROJECTIONS = 3


def _summary(values):
    """A few numbers that hardly any change of an array leaves as they are."""
    values = np.asarray(values, dtype=np.float64).ravel()
    if len(values) <= _MOST_ENTRIES:
        return values.tolist()
    directions = np.random.default_rng(0).normal(size=(_N_PROJECTIONS, len(values)))
    return [float(np.linalg.norm(values)), *(directions @ values).tolist()]


def _of_network(model, X):
    """What is recorded of a fitted network."""
    found = {
        "n_iter": [model.n_iter_],
        "loss_curve": _summary(model.loss_curve_),
        "predictions": _summary(
            model.predict_proba(X[:4])
            if hasattr(model, "predict_proba")
            else model.predict(X[:4])
        ),
    }
    for layer, (W, b) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        found[f"coefs_{layer}"] = _summary(W)
        found[f"intercepts_{layer}"] = _summary(b)
    if model.validation_scores_ is not None:
        found["validation_scores"] = _summary(model.validation_scores_)
        found["best_iter"] = [model.best_iter_]
    return found


def _classes(n_classes=2, dtype=np.float64):
    X, y = make_classification(
        90, 6, n_informative=4, n_redundant=0, n_classes=n_classes, random_state=0
    )
    return X.astype(dtype), y


def _numbers(n_outputs=1, dtype=np.float64):
    X, y = make_regression(90, 6, n_informative=4, n_targets=n_outputs, random_state=0)
    return X.astype(dtype), y / 100


WEIGHTS = np.random.default_rng(1).uniform(0.5, 2, size=90)

_SMALL = {
    "hidden_layer_sizes": (8,),
    "batch_size": 25,
    "learning_rate_init": 0.01,
    "max_iter": 6,
    "random_state": 0,
}


def _classifier(n_classes=2, dtype=np.float64, weights=None, fit=None, **params):
    X, y = _classes(n_classes, dtype)
    model = MLPClassifier(**{**_SMALL, **params})
    model.fit(X, y, sample_weight=weights, **(fit or {}))
    return _of_network(model, X)


def _regressor(n_outputs=1, dtype=np.float64, weights=None, fit=None, **params):
    X, y = _numbers(n_outputs, dtype)
    if params.get("loss") == "poisson":
        y = np.abs(y)
    model = MLPRegressor(**{**_SMALL, **params})
    model.fit(X, y, sample_weight=weights, **(fit or {}))
    return _of_network(model, X)


def _multilabel():
    X, y = _classes(4)
    model = MLPClassifier(**_SMALL).fit(X, np.column_stack([y % 2, y // 2]))
    return _of_network(model, X)


def _given_validation():
    X, y = _classes()
    model = MLPClassifier(**_SMALL, early_stopping=True)
    model.fit(X[:60], y[:60], X_val=X[60:], y_val=y[60:])
    return _of_network(model, X)


def _grouped_validation():
    X, y = _classes()
    splitter = GroupShuffleSplit(n_splits=1, random_state=0)
    model = MLPClassifier(**_SMALL, early_stopping=True, validation_splitter=splitter)
    return _of_network(model.fit(X, y, groups=np.arange(90) // 5), X)


def _partial_fits():
    X, y = _classes(3)
    model = MLPClassifier(**_SMALL)
    for start in range(0, 90, 30):
        part = slice(start, start + 30)
        model.partial_fit(X[part], y[part], classes=[0, 1, 2])
    return _of_network(model, X)


def _warm_start():
    X, y = _numbers()
    model = MLPRegressor(**_SMALL, warm_start=True)
    model.fit(X, y)
    return _of_network(model.set_params(alpha=0.01).fit(X, y), X)


def _sparse_rows():
    from scipy import sparse

    X, y = _classes()
    X = sparse.csr_array(np.where(np.abs(X) > 0.5, X, 0))
    model = MLPClassifier(**_SMALL, alpha=0.01, l1_ratio=0.5).fit(X, y)
    return _of_network(model, X)


def _images(augmentation):
    X, y = load_digits(n_class=3, return_X_y=True)
    X = X[:80] / 16
    params = {**_SMALL, "augmentation": augmentation, "early_stopping": True}
    return _of_network(MLPClassifier(**params).fit(X, y[:80]), X)


def _resampled():
    X, y = _classes()
    resampler = AugmentingResampler(GaussianNoise(0.1), random_state=0)
    params = {**_SMALL, "augmentation": resampler, "early_stopping": True}
    return _of_network(MLPClassifier(**params).fit(X, y), X)


def _search(grid, halving=False, pipeline=False, **params):
    X, y = _classes(3)
    model = MLPClassifier(**{**_SMALL, **params})
    if pipeline:
        model = make_pipeline(StandardScaler(), model)
        grid = {f"mlpclassifier__{name}": values for name, values in grid.items()}
    kind = HalvingGridSearchCV if halving else GridSearchCV
    search = kind(model, grid, cv=3).fit(X, y)
    best = search.best_estimator_
    best = best[-1] if pipeline else best
    return {
        "scores": _summary(search.cv_results_["mean_test_score"]),
        "n_batched": [search.n_batched_],
        **_of_network(best, X),
    }


def _path(regression=False, **params):
    if regression:
        (X, y), kind = _numbers(), MLPRegressor
    else:
        (X, y), kind = _classes(), MLPClassifier
    path = feature_path(kind(**{**_SMALL, "alpha": 1e-3, **params}), X, y)
    return {
        "feature_alphas": _summary(path.feature_alphas),
        "n_features_selected": _summary(path.n_features_selected),
        "train_scores": _summary(path.train_scores),
        "coefs": _summary(path.coefs[len(path.coefs) // 2][0]),
        "ranking": path.ranking.tolist(),
        "kkt_residuals": _summary(path.kkt_residuals[:3]),
    }


def _selector():
    X, y = _classes()
    network = MLPClassifier(**_SMALL, alpha=1e-3)
    selector = SparseInputSelector(network, n_features_to_select="best", cv=3)
    selector.fit(X, y)
    return {
        "scores": _summary(selector.path_.train_scores),
        "support": selector.support_.astype(int).tolist(),
    }


def _stability():
    X, y = _classes()
    network = MLPClassifier(**_SMALL, alpha=1e-3)
    selection = StabilitySelection(
        network, threshold=0.7, q=2, n_pairs=3, random_state=0
    )
    return {"scores": _summary(selection.fit(X, y).stability_scores_)}


def _decomposition(regression=False, **params):
    X, y = _numbers() if regression else _classes()
    kind = MLPRegressor if regression else MLPClassifier
    result = bias_variance_decomposition(
        kind(**{**_SMALL, **params}),
        X[:60],
        y[:60],
        X_test=X[60:],
        y_test=y[60:],
        n_rounds=4,
        random_state=0,
    )
    return {
        "loss": [result.loss],
        "bias": [result.bias],
        "variance": [result.variance],
    }


def _diagnosis():
    X, y = _classes()
    found = diagnose(MLPClassifier(**_SMALL), X, y, random_state=0)
    return {
        "errors": [found.train_error, found.validation_error, found.reference_error],
        "changes": _summary([remedy.change for remedy in found.tried]),
    }


_EARLY = {"early_stopping": True, "max_iter": 12, "n_iter_no_change": 3}
_INPUTS = {"alpha": 1e-3, "feature_alpha": 0.02}
_FLOAT32 = {"dtype": np.float32}
_SGD = {"solver": "sgd", "learning_rate_init": 0.1}

CASES = {
    # losses and outputs
    "binary": lambda: _classifier(),
    "binary float32": lambda: _classifier(**_FLOAT32),
    "multiclass": lambda: _classifier(3),
    "multiclass float32": lambda: _classifier(3, **_FLOAT32),
    "multilabel": _multilabel,
    "squared error": lambda: _regressor(),
    "squared error float32": lambda: _regressor(**_FLOAT32),
    "two outputs": lambda: _regressor(2),
    "absolute error": lambda: _regressor(loss="absolute_error"),
    "huber": lambda: _regressor(loss="huber"),
    "quantile": lambda: _regressor(loss="quantile", quantile=0.8),
    "poisson": lambda: _regressor(loss="poisson"),
    "normalize_y": lambda: _regressor(normalize_y=True),
    "weights": lambda: _regressor(weights=WEIGHTS),
    "class_weight": lambda: _classifier(3, class_weight="balanced", weights=WEIGHTS),
    "sparse rows": _sparse_rows,
    # architectures
    "tanh": lambda: _classifier(activation="tanh"),
    "logistic": lambda: _classifier(activation="logistic"),
    "identity": lambda: _classifier(activation="identity"),
    "gelu": lambda: _classifier(activation="gelu"),
    "silu float32": lambda: _classifier(activation="silu", **_FLOAT32),
    "two hidden layers": lambda: _classifier(3, hidden_layer_sizes=(7, 5)),
    "no hidden layer": lambda: _classifier(3, hidden_layer_sizes=()),
    # penalties
    "l2": lambda: _classifier(alpha=0.1),
    "l1": lambda: _classifier(alpha=0.01, l1_ratio=1.0),
    "elastic net float32": lambda: _regressor(alpha=0.01, l1_ratio=0.5, **_FLOAT32),
    "log sum": lambda: _classifier(3, **_INPUTS),
    "log sum float32": lambda: _classifier(3, **_INPUTS, **_FLOAT32),
    "group lasso of groups": lambda: _regressor(
        **_INPUTS, feature_penalty="group_lasso", feature_groups=[0, 0, 1, 1, 2, 3]
    ),
    "log sum and l1, stopped early": lambda: _classifier(
        **{**_INPUTS, **_EARLY}, l1_ratio=0.5
    ),
    # solvers and schedules
    "sgd": lambda: _classifier(**_SGD),
    "sgd heavy ball l1": lambda: _regressor(
        solver="sgd", nesterovs_momentum=False, momentum=0.8, alpha=0.01, l1_ratio=1
    ),
    "sgd log sum": lambda: _regressor(**_INPUTS, solver="sgd"),
    "sgd invscaling": lambda: _classifier(**_SGD, learning_rate="invscaling"),
    "sgd adaptive": lambda: _classifier(
        **_SGD | {"max_iter": 30}, learning_rate="adaptive", tol=0.05
    ),
    "lbfgs": lambda: _classifier(solver="lbfgs", alpha=0.01),
    "lbfgs l1": lambda: _regressor(solver="lbfgs", alpha=0.01, l1_ratio=1.0),
    "lbfgs float32": lambda: _regressor(solver="lbfgs", alpha=0.1, **_FLOAT32),
    "lbfgs stopped early": lambda: _regressor(**{**_EARLY, "solver": "lbfgs"}),
    "fista": lambda: _classifier(solver="fista", alpha=0.01, l1_ratio=0.5),
    "fista group lasso": lambda: _regressor(
        **_INPUTS, solver="fista", hidden_layer_sizes=(), feature_penalty="group_lasso"
    ),
    "no shuffle": lambda: _classifier(shuffle=False),
    # early stopping and refit
    "early stopping": lambda: _classifier(3, **_EARLY),
    "early stopping by accuracy": lambda: _classifier(3, **_EARLY, scoring="accuracy"),
    "early stopping of weights": lambda: _regressor(**_EARLY, weights=WEIGHTS),
    "generalization loss": lambda: _regressor(
        **_EARLY, stopping_criterion=GeneralizationLoss(1.0)
    ),
    "given validation rows": _given_validation,
    "grouped validation rows": _grouped_validation,
    "refit": lambda: _classifier(**_EARLY, refit=True),
    "refit by folds": lambda: _regressor(**_EARLY, refit=3),
    "partial_fit": _partial_fits,
    "warm_start": _warm_start,
    # what is drawn
    "dropout": lambda: _classifier(dropout=0.3),
    "dropout float32": lambda: _regressor(dropout=0.3, **_FLOAT32),
    "noise": lambda: _classifier(3, augmentation=GaussianNoise(0.1)),
    "mixup and dropped features": lambda: _classifier(
        augmentation=Compose([Mixup(), FeatureDropout(0.2)])
    ),
    "moved images": lambda: _images(
        RandomAffine(image_shape=(8, 8), translate=(0.1, 0.1))
    ),
    "resampler": _resampled,
    # many networks
    "search of penalties": lambda: _search(
        {"alpha": [1e-4, 1e-2, 1.0], "l1_ratio": [0, 0.5]}
    ),
    "search of everything": lambda: _search(
        {"dropout": [0, 0.2], "hidden_layer_sizes": [(8,), (5, 4)]},
        pipeline=True,
        **_EARLY,
    ),
    "search of refits": lambda: _search({"alpha": [1e-4, 0.1]}, refit=2, **_EARLY),
    "halving": lambda: _search({"alpha": [1e-4, 1e-2, 0.1, 1.0]}, halving=True),
    "path": lambda: _path(),
    "path of a linear regression": lambda: _path(True, hidden_layer_sizes=()),
    "selector": _selector,
    "stability selection": _stability,
    "decomposition": lambda: _decomposition(),
    "decomposition of a regression": lambda: _decomposition(True, **_EARLY),
    "diagnosis": _diagnosis,
    "alpha_grid": lambda: {
        "alphas": alpha_grid(MLPClassifier(**_SMALL), *_classes(3)).tolist()
    },
}


def results_of(name):
    """The numbers of one case, by what they are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return CASES[name]()


def largest_difference(found, recorded):
    """The largest difference of two lists of numbers, over the largest number."""
    if len(found) != len(recorded):
        return np.inf
    found, recorded = np.array(found, dtype=float), np.array(recorded, dtype=float)
    if not np.array_equal(np.isfinite(found), np.isfinite(recorded)):
        return np.inf
    finite = np.isfinite(recorded)
    if not finite.any():
        return 0.0
    scale = max(np.abs(recorded[finite]).max(), np.finfo(float).tiny)
    return float(np.abs(found - recorded)[finite].max() / scale)


def _compare():
    recorded = json.loads(RECORD.read_text())
    n_equal = 0
    for name in CASES:
        found = results_of(name)
        differences = {
            what: largest_difference(found[what], recorded[name][what])
            for what in recorded[name]
        }
        what, difference = max(differences.items(), key=lambda item: item[1])
        n_equal += difference == 0
        if difference > 0:
            print(f"{name}: {what} differs by {difference:.1e}")
    print(f"{n_equal} of {len(CASES)} are equal to the last bit.")


def _write():
    lines = ",\n".join(
        f"{json.dumps(name)}: {json.dumps(results_of(name))}" for name in CASES
    )
    RECORD.write_text(f"{{\n{lines}\n}}\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="write the record anew")
    _write() if parser.parse_args().write else _compare()
