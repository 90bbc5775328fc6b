"""Every warning of the package points at the user's line."""

import inspect
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from joblib import Parallel, delayed
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skreg import MLPClassifier, MLPRegressor
from skreg._utils.warnings import collected_warnings, each_warning_once, warn
from skreg.augmentation import AugmentingResampler, GaussianNoise, ResampledClassifier
from skreg.diagnosis import bias_variance_decomposition, diagnose
from skreg.ensemble import FoldEnsembleClassifier, FoldEnsembleRegressor
from skreg.feature_selection import (
    SparseInputSelector,
    StabilitySelection,
    feature_path,
)
from skreg.model_selection import GridSearchCV, HalvingGridSearchCV

ROOT = Path(__file__).resolve().parents[1]

X = np.random.RandomState(0).normal(size=(60, 4))
Y = np.arange(60) % 2
Y_REAL = X[:, 0]


def network(Estimator=MLPClassifier, **params):
    return Estimator((3,), max_iter=2, random_state=0, alpha=1e-3).set_params(**params)


def caught_by(call):
    """(category, line of this file) of every warning; None for lines of others."""
    with warnings.catch_warnings(record=True) as records:
        warnings.simplefilter("always")
        call()
    return [(w.category, w.lineno if w.filename == __file__ else None) for w in records]


def line_of(call):
    return inspect.getsourcelines(call)[1]


GRID = {"alpha": [1e-3, 1e-2]}


@pytest.mark.parametrize(
    "call",
    [
        lambda: network().fit(X, Y),
        lambda: network(solver="lbfgs").fit(X, Y),
        lambda: network(MLPRegressor, solver="fista").fit(X, Y_REAL),
        lambda: network(feature_alpha=0.1).fit(X, Y),
        lambda: make_pipeline(StandardScaler(), network()).fit(X, Y),
        lambda: cross_val_score(network(), X, Y, cv=2),
        lambda: GridSearchCV(network(), GRID, cv=2).fit(X, Y),
        lambda: GridSearchCV(network(), GRID, cv=2, n_jobs=2).fit(X, Y),
        lambda: HalvingGridSearchCV(network(), GRID, cv=2).fit(X, Y),
        lambda: HalvingGridSearchCV(network(max_iter=9), GRID, cv=2, n_jobs=2).fit(
            X, Y
        ),
        lambda: FoldEnsembleClassifier(network(), cv=2).fit(X, Y),
        lambda: FoldEnsembleClassifier(network(), cv=2, n_jobs=2).fit(X, Y),
        lambda: SparseInputSelector(network(), n_features_to_select=2).fit(X, Y),
        lambda: ResampledClassifier(
            network(), AugmentingResampler(GaussianNoise())
        ).fit(X, Y),
        lambda: bias_variance_decomposition(
            network(), X, Y, X_test=X, y_test=Y, n_rounds=2, random_state=0
        ),
        lambda: Parallel(n_jobs=1)([delayed(network().fit)(X, Y)]),
    ],
    ids=[
        "fit",
        "lbfgs",
        "fista",
        "feature_alpha",
        "Pipeline",
        "cross_val_score",
        "GridSearchCV",
        "GridSearchCV, workers",
        "HalvingGridSearchCV",
        "HalvingGridSearchCV, workers",
        "ensemble",
        "ensemble, workers",
        "selector",
        "resampled",
        "decomposition",
        "joblib",
    ],
)
def test_networks_that_did_not_converge(call):
    caught = caught_by(call)
    assert caught and {category for category, _ in caught} == {ConvergenceWarning}
    first = line_of(call)
    assert all(line is not None and first <= line <= first + 3 for _, line in caught)


def test_partial_fit():
    regressor = network(MLPRegressor, solver="sgd", learning_rate_init=1e3)

    def call():
        for _ in range(20):
            regressor.partial_fit(X, Y_REAL)
            if regressor.stop_reason_ == "diverged":
                break

    ((category, line),) = caught_by(call)
    assert category is ConvergenceWarning and line == line_of(call) + 2


def test_a_method_of_a_subclass():
    class Own(MLPClassifier):
        def fit(self, X, y):
            return super().fit(X, y)

    assert caught_by(lambda: Own((3,), max_iter=1).fit(X, Y)) == [
        (ConvergenceWarning, line_of(Own.fit) + 1)
    ]


@pytest.mark.parametrize(
    ("category", "call"),
    [
        (UserWarning, lambda: network(batch_size=100, max_iter=600, tol=1).fit(X, Y)),
        (
            UserWarning,
            lambda: network(early_stopping=True, validation_fraction=2).fit(
                X, np.arange(60) % 3
            ),
        ),
        (
            DataConversionWarning,
            lambda: network(early_stopping=True).fit(X, Y[:, None]),
        ),
        (
            DataConversionWarning,
            lambda: network(MLPRegressor, early_stopping=True).fit(X, Y_REAL[:, None]),
        ),
        (
            DataConversionWarning,
            lambda: FoldEnsembleRegressor(cv=2).fit(X, Y_REAL[:, None]),
        ),
    ],
    ids=[
        "batch_size",
        "stratified",
        "column of labels",
        "column of targets",
        "column of an ensemble's targets",
    ],
)
def test_other_warnings(category, call):
    ((found, line),) = caught_by(call)
    assert found is category
    assert line is not None and line_of(call) <= line <= line_of(call) + 5


def test_no_warning_takes_another_way():
    """One helper for all of them."""
    for path in ROOT.glob("skreg/**/*.py"):
        source = path.read_text(encoding="utf-8")
        if path.name != "warnings.py":
            assert not re.search(r"warnings\.warn|stacklevel|warn=True", source), path


# -- once a call -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda: StabilitySelection(
            network(max_iter=40, batch_size=100), q=2, threshold=0.8, n_pairs=2
        ).fit(X, Y),
        lambda: SparseInputSelector(
            network(max_iter=40, batch_size=100), n_features_to_select="best", cv=2
        ).fit(X, Y),
        lambda: feature_path(network(max_iter=40, batch_size=100), X, Y),
        lambda: network(batch_size=100, feature_alpha=0.1).fit(X, Y),
        lambda: network(batch_size=100, early_stopping=True, refit=3).fit(X, Y),
        lambda: GridSearchCV(network(batch_size=100), GRID, cv=3).fit(X, Y),
        lambda: HalvingGridSearchCV(network(batch_size=100), GRID, cv=3).fit(X, Y),
        lambda: bias_variance_decomposition(
            network(batch_size=100), X, Y, X_test=X, y_test=Y, n_rounds=3
        ),
        lambda: diagnose(network(batch_size=100), X, Y, cv=3),
    ],
    ids=[
        "stability",
        "selector",
        "path",
        "feature_alpha",
        "refit",
        "grid",
        "halving",
        "decomposition",
        "diagnosis",
    ],
)
def test_equal_warnings_are_one(call):
    with warnings.catch_warnings(record=True) as records:
        warnings.simplefilter("always")
        call()
    said = [(record.category, str(record.message)) for record in records]
    assert len(said) == len(set(said))


def test_the_next_call_warns_again():
    estimator = network()
    for _ in range(2):
        assert len(caught_by(lambda: estimator.fit(X, Y))) == 1


def test_a_warning_that_is_an_error_is_one_for_each_fit():
    search = GridSearchCV(network(), GRID, cv=2, error_score="raise", refit=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        with pytest.raises(ConvergenceWarning):
            search.fit(X, Y)
        search.set_params(error_score=0.5)
        with pytest.raises(ValueError, match="All the 4 fits failed"):
            search.fit(X, Y)


def _loud(X):
    warnings.warn("A step has something to say.", UserWarning, stacklevel=1)
    return X


def _loud_score(y_true, y_pred):
    warnings.warn("A metric has something to say.", UserWarning, stacklevel=1)
    return 1.0


@pytest.mark.parametrize(
    "call",
    [
        lambda n_jobs: StabilitySelection(
            network(batch_size=50), q=2, threshold=0.8, n_pairs=15, n_jobs=n_jobs
        ).fit(X, Y),
        lambda n_jobs: SparseInputSelector(
            network(batch_size=50), cv=3, n_jobs=n_jobs
        ).fit(X, Y),
        lambda n_jobs: GridSearchCV(
            make_pipeline(FunctionTransformer(_loud), network()),
            {"mlpclassifier__alpha": [1e-3, 1e-2], "mlpclassifier__max_iter": [2, 3]},
            cv=2,
            n_jobs=n_jobs,
            refit=False,
            scoring=make_scorer(_loud_score),
        ).fit(X, Y),
        lambda n_jobs: bias_variance_decomposition(
            make_pipeline(FunctionTransformer(_loud), LogisticRegression()),
            *(X, Y),
            X_test=X,
            y_test=Y,
            n_rounds=4,
            n_jobs=n_jobs,
        ),
    ],
    ids=["stability", "selector", "search", "decomposition of others"],
)
def test_workers_say_nothing_by_themselves(call, capfd):
    with warnings.catch_warnings(record=True) as records:
        warnings.simplefilter("always")
        call(2)
    texts = [str(record.message) for record in records]
    assert "Warning" not in capfd.readouterr().err
    # Once a call; by itself this process hears all that the workers do.
    assert len(texts) == len(set(texts)) > 0
    with warnings.catch_warnings(record=True) as records:
        warnings.simplefilter("always")
        call(None)
    assert {str(record.message) for record in records} == set(texts)


def test_one_text_of_two_categories_is_given_twice():
    def twice():
        with each_warning_once():
            for category in (UserWarning, ConvergenceWarning) * 2:
                warn("what", category)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        twice()
    assert [one.category for one in caught] == [UserWarning, ConvergenceWarning]


def test_a_warning_that_is_collected_counts_as_said():
    with each_warning_once(), collected_warnings() as caught:
        for text in ("this", "that", "this"):
            warn(text)
    assert [str(warning) for warning in caught] == ["this", "that"]
