"""Weights and scorers: who is given them, and who cannot be."""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.metrics import accuracy_score, make_scorer, max_error

from skreg import MLPClassifier, MLPRegressor
from skreg.feature_selection import SparseInputSelector, feature_path
from skreg.model_selection import GridSearchCV

_rng = np.random.RandomState(0)
X = _rng.normal(size=(90, 4))
Y = (X[:, 0] + X[:, 1] > 0.8).astype(int)
Y_REAL = X @ [1.0, -2.0, 0.5, 0.0]
WEIGHT = _rng.uniform(0.5, 2, size=90)


def plain(estimator, X, y):
    return accuracy_score(y, estimator.predict(X))


class Callable:
    def __call__(self, estimator, X, y):
        return plain(estimator, X, y)


def with_an_option(estimator, X, y, sign):
    return sign * plain(estimator, X, y)


def unweighted_accuracy(y, prediction):
    return accuracy_score(y, prediction)


class OwnScore(MLPClassifier):
    def score(self, X, y):
        return plain(self, X, y)


# What takes no weights, and the class of the estimator.
UNWEIGHTED = {
    "function": (plain, MLPClassifier),
    "object": (Callable(), MLPClassifier),
    "partial": (partial(with_an_option, sign=1), MLPClassifier),
    "metric": (make_scorer(unweighted_accuracy), MLPClassifier),
    "score": (None, OwnScore),
    "max_error": (make_scorer(max_error, greater_is_better=False), MLPRegressor),
    "neg_max_error": ("neg_max_error", MLPRegressor),
}
EACH = pytest.mark.parametrize("name", UNWEIGHTED)


def network_of(name, **params):
    scoring, Estimator = UNWEIGHTED[name]
    network = Estimator((3,), early_stopping=True, max_iter=3, random_state=0)
    return network.set_params(scoring=scoring, **params)


def target_of(network):
    return Y_REAL if isinstance(network, MLPRegressor) else Y


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("class_weight", ["balanced", {0: 1, 1: 3}])
@EACH
def test_class_weights_are_kept_from_a_scorer_that_takes_none(
    name, class_weight, solver
):
    network = network_of(name, solver=solver)
    if isinstance(network, MLPClassifier):
        network.set_params(class_weight=class_weight)
    y = target_of(network)
    network.fit(X, y)
    assert np.isfinite(network.validation_scores_).all()
    network.fit(X, y, X_val=X[:30], y_val=y[:30])
    # Weights of the training rows are none of these rows.
    network.fit(X, y, WEIGHT, X_val=X[:30], y_val=y[:30])
    network.set_params(refit=2).fit(X, y)


@EACH
def test_given_weights_are_not_left_out_silently(name, monkeypatch):
    network = network_of(name)
    y = target_of(network)
    message = "scoring=.* does not take sample_weight"
    monkeypatch.setattr("skreg._fitting.fit.train_batch", None)
    given = {"X_val": X[:30], "y_val": y[:30], "sample_weight_val": WEIGHT[:30]}
    with pytest.raises(ValueError, match=message):
        network.fit(X, y, WEIGHT)
    with pytest.raises(ValueError, match=message):
        network.fit(X, y, **given)
    classes = {"classes": [0, 1]} if isinstance(network, MLPClassifier) else {}
    with pytest.raises(ValueError, match=message):
        network.partial_fit(X, y, **classes, **given)
    with pytest.raises(ValueError, match=message):
        network.set_params(refit=2).fit(X, y, WEIGHT)
    assert not hasattr(network, "coefs_")


def test_a_search_names_the_scorer():
    search = GridSearchCV(network_of("function"), {"alpha": [1e-3, 1e-2]}, cv=2)
    with pytest.raises(ValueError, match="scoring=.* does not take sample_weight"):
        search.fit(X, Y, sample_weight=WEIGHT)
    search.set_params(estimator__class_weight="balanced").fit(X, Y)
    assert np.isfinite(search.best_score_)


@pytest.mark.parametrize("trace", ["path", "selector"])
def test_a_path_names_the_scorer(trace, monkeypatch):
    network = MLPClassifier((3,), alpha=1e-3, random_state=0)
    monkeypatch.setattr("skreg._fitting.fit.train_batch", None)
    with pytest.raises(ValueError, match="scoring=.* does not take sample_weight"):
        if trace == "path":
            feature_path(network, X, Y, sample_weight=WEIGHT, scoring=plain)
        else:
            SparseInputSelector(network, scoring=plain).fit(X, Y, WEIGHT)


def test_who_takes_weights_is_given_them():
    received = []

    def keyword(estimator, X, y, sample_weight=None):
        received.append(sample_weight)
        return 0.5

    def any_keyword(estimator, X, y, **kwargs):
        received.append(kwargs.get("sample_weight"))
        return 0.5

    @make_scorer
    def metric(y, prediction, sample_weight=None):
        received.append(sample_weight)
        return 0.5

    balanced = {"class_weight": "balanced"}
    for scoring in (keyword, any_keyword, metric, partial(keyword)):
        for params, weight in (({}, None), (balanced, None), ({}, WEIGHT)):
            received.clear()
            network = MLPClassifier(
                (3,),
                early_stopping=True,
                scoring=scoring,
                max_iter=1,
                random_state=0,
                **params,
            )
            network.fit(X, Y, weight)
            (found,) = received
            if weight is not None:
                assert np.isin(found, WEIGHT).all() and len(found) == 9
            elif params:
                assert len(np.unique(found)) == 2
            else:
                assert found is None


def test_an_unweighted_scorer_sees_what_an_unweighted_fit_sees():
    """Class weights change the training, not the score of an epoch."""
    scores = {}
    for scoring in ("accuracy", plain):
        network = MLPClassifier(
            (3,), early_stopping=True, max_iter=4, random_state=0, scoring=scoring
        )
        scores[scoring] = network.fit(X, Y).validation_scores_
    assert_array_equal(scores["accuracy"], scores[plain])
