"""Resamplers inside `fit`: applied to the training rows, once."""

import numpy as np
import pandas as pd
import pytest
from augmented import (
    COPIES,
    N_ROWS,
    SCALED,
    TARGET,
    Y_CLASSES,
    X,
    assert_same_weights,
    classifier,
    regressor,
)
from helpers import assert_same_parameters
from imblearn.over_sampling import SMOTE, SMOTENC, RandomOverSampler
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

from skreg import MLPClassifier
from skreg._fitting.fit import fit_many, task_of
from skreg.augmentation import AugmentingResampler, Mixup
from skreg.diagnosis import bias_variance_decomposition
from skreg.model_selection import GridSearchCV, HalvingGridSearchCV

pytestmark = pytest.mark.filterwarnings(
    # Training ends where the test says.
    "ignore::sklearn.exceptions.ConvergenceWarning"
)


class WatchedSampler(RandomOverSampler):
    """imbalanced-learn's, that notes the rows it is given."""

    seen = []  # of the class, because resamplers are cloned

    def fit_resample(self, X, y):
        type(self).seen.append(X[:, 0].astype(int))
        return super().fit_resample(X, y)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs", "fista"])
@pytest.mark.parametrize(
    "resampler",
    [
        AugmentingResampler(Mixup(), random_state=0),
        RandomOverSampler(random_state=0),
        SMOTE(k_neighbors=2, random_state=0),
    ],
    ids=repr,
)
def test_a_resampler_is_applied_once_before_training(resampler, solver):
    y = np.array(["few", "many"])[np.minimum(np.arange(N_ROWS) % 4, 1)]
    ours = classifier(augmentation=resampler, solver=solver).fit(SCALED, y)
    by_hand = classifier(solver=solver).fit(*resampler.fit_resample(SCALED, y))
    # Row numbers and rows are gathered alike, but for the order of sums.
    for one, other in zip(ours.coefs_, by_hand.coefs_, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-7)
    assert ours.t_ == by_hand.t_ > N_ROWS * ours.n_iter_


def test_weights_follow_their_rows_through_a_resampler():
    weight = np.random.default_rng(0).uniform(size=N_ROWS)
    y = np.minimum(np.arange(N_ROWS) % 4, 1)
    sampler = RandomOverSampler(random_state=0)
    ours = classifier(augmentation=sampler).fit(SCALED, y, sample_weight=weight)
    X_new, y_new = sampler.fit_resample(SCALED, y)
    weight_new = weight[sampler.sample_indices_]
    by_hand = classifier().fit(X_new, y_new, sample_weight=weight_new)
    assert_same_weights(ours, by_hand)
    with pytest.raises(ValueError, match="'sample_weight' cannot follow the rows"):
        smote = SMOTE(k_neighbors=2)
        classifier(augmentation=smote).fit(SCALED, y, sample_weight=weight)


def test_a_resampler_of_a_regression():
    resampler = AugmentingResampler(Mixup(), random_state=0)
    ours = regressor(augmentation=resampler).fit(SCALED, TARGET)
    by_hand = regressor().fit(*resampler.fit_resample_regression(SCALED, TARGET))
    assert_same_weights(ours, by_hand)


def test_a_resampler_in_every_call_of_partial_fit_and_warm_start():
    WatchedSampler.seen = []
    y = np.minimum(np.arange(N_ROWS) % 4, 1)
    network = classifier(augmentation=WatchedSampler(), warm_start=True)
    network.partial_fit(X, y, classes=[0, 1]).partial_fit(X[:60], y[:60])
    network.fit(X, y).fit(X, y)
    assert [len(rows) for rows in WatchedSampler.seen] == [120, 60, 120, 120]
    assert network.t_ == 180 + 90 + 4 * 180 + 4 * 180


def test_a_resampler_without_a_seed_draws_by_that_of_the_network():
    y = np.minimum(np.arange(N_ROWS) % 4, 1)
    resampler = RandomOverSampler()
    fits = [
        classifier(augmentation=resampler, random_state=seed).fit(SCALED, y)
        for seed in (0, 1, 0)
    ]
    assert_same_weights(fits[0], fits[2])
    # It stays the user's: another network draws other rows.
    assert resampler.random_state is None
    alone = classifier(augmentation=RandomOverSampler(), random_state=1)
    assert_same_weights(fits[1], alone.fit(SCALED, y))


def test_training_with_a_resampler_is_not_resumed():
    task = task_of(classifier(augmentation=COPIES))
    (outcome,) = fit_many([task], SCALED, Y_CLASSES)
    again = task_of(task.predictor, state=outcome.state, resume=True, max_iter=6)
    (resumed,) = fit_many([again], SCALED, Y_CLASSES)
    with pytest.raises(ValueError, match="a resampler as augmentation cannot be resum"):
        raise resumed.error
    with pytest.raises(ValueError, match="feature_alpha=0.1 takes an augmentation of"):
        classifier(augmentation=COPIES, feature_alpha=0.1).fit(SCALED, Y_CLASSES)


def test_a_resampler_of_imbalanced_learn_under_halving():
    """Survivors start again, and end as they would alone."""
    X, y = load_breast_cancer(return_X_y=True)
    X, y = StandardScaler().fit_transform(X)[:150], y[:150]
    network = MLPClassifier(
        (5,), max_iter=9, augmentation=RandomOverSampler(random_state=0), random_state=0
    )
    cv = StratifiedKFold(2)
    search = HalvingGridSearchCV(
        network, {"alpha": [1e-4, 1e-2, 1.0]}, cv=cv, scoring="neg_log_loss"
    )
    search.fit(X, y)
    assert search.n_resources_ == [3, 9]
    for split, (train, test) in enumerate(cv.split(X, y)):
        alone = clone(network).set_params(**search.best_params_)
        alone.fit(X[train], y[train])
        np.testing.assert_allclose(
            search.cv_results_[f"split{split}_test_score"][search.best_index_],
            -log_loss(y[test], alone.predict_proba(X[test])),
        )


# -- columns by their names ------------------------------------------------------------

NOMINAL = np.arange(60) % 3
FRAME = pd.DataFrame(
    {
        "size": np.random.RandomState(0).normal(size=60),
        "kind": NOMINAL.astype(float),
        "age": np.random.RandomState(1).normal(size=60),
    }
)
RARE = (np.arange(60) % 5 == 0) * 1


def by_name(columns, **kwargs):
    return SMOTENC(columns, k_neighbors=2, random_state=0, **kwargs)


def test_a_resampler_names_columns_of_the_users_frame():
    named = classifier(augmentation=by_name(["kind"])).fit(FRAME, RARE)
    numbered = classifier(augmentation=by_name([1])).fit(FRAME.to_numpy(), RARE)
    assert_same_parameters(named, numbered)
    assert list(named.feature_names_in_) == list(FRAME)


def test_named_columns_of_a_resampler_in_a_search():
    grid = {"alpha": [0.01, 1.0]}
    options = {"cv": 2, "error_score": "raise"}
    named = classifier(augmentation=by_name(["kind"]))
    ours = GridSearchCV(named, grid, **options).fit(FRAME, RARE)
    numbered = classifier(augmentation=by_name([1]))
    theirs = GridSearchCV(numbered, grid, **options).fit(FRAME.to_numpy(), RARE)
    np.testing.assert_allclose(
        ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"]
    )


def test_named_columns_of_a_resampler_in_rounds():
    found = bias_variance_decomposition(
        classifier(augmentation=by_name(["kind"])),
        FRAME,
        RARE,
        X_test=FRAME,
        y_test=RARE,
        resampling=[np.arange(60), np.arange(50)],
        loss="zero_one",
    )
    assert len(found.predictions) == 2


def test_a_resampler_that_needs_more_of_a_frame_is_told_the_way():
    network = classifier(augmentation=by_name("auto"))
    with pytest.raises(ValueError) as failure:
        network.fit(FRAME, RARE)
    assert "ResampledClassifier" in failure.value.__notes__[0]
    with pytest.raises(ValueError) as failure:
        classifier(augmentation=by_name(["kind"])).fit(FRAME.to_numpy(), RARE)
    assert "ResampledClassifier" in failure.value.__notes__[0]
