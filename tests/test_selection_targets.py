"""Targets that say little or nothing: rare classes, one class, constants."""

import numpy as np
import pytest
from helpers import NETWORK, make_data
from scipy import sparse

from skreg import MLPClassifier, MLPRegressor
from skreg.feature_selection import (
    SparseInputSelector,
    StabilitySelection,
    feature_path,
)
from skreg.feature_selection._halves import draw_halves

X, LABELS = make_data()
CLASSIFIER = MLPClassifier(**NETWORK | {"max_iter": 2})
REGRESSOR = MLPRegressor(**NETWORK | {"max_iter": 2})


def halves_of(y, *, estimator=CLASSIFIER, n_pairs=20, sample_weight=None, seed=0):
    draw = np.random.RandomState(seed)
    return draw_halves(estimator, y, n_pairs, draw, sample_weight)


# -- halves ----------------------------------------------------------------------------


@pytest.mark.parametrize("n_rows", [120, 121])
@pytest.mark.parametrize("n_rare", [2, 3, 7])
def test_a_rare_class_is_in_every_half(n_rows, n_rare):
    y = np.array(["rare"] * n_rare + ["a", "b"] * n_rows)[:n_rows]
    # So often that, of an odd number of rows, one of these is the first.
    for half in halves_of(y, n_pairs=200):
        n_here = (y[half] == "rare").sum()
        assert n_rare // 2 <= n_here <= -(-n_rare // 2)
        assert abs((y[half] == "a").sum() - (y == "a").sum() / 2) <= 1


@pytest.mark.parametrize("n_rows", [40, 41])
@pytest.mark.parametrize("kind", ["classes", "labels", "numbers"])
def test_halves_are_complementary(n_rows, kind):
    y = {
        "classes": np.arange(n_rows) % 3,
        "labels": (np.arange(n_rows)[:, None] % [2, 3] == 0).astype(int),
        "numbers": np.arange(n_rows) * 1.0,
    }[kind]
    halves = halves_of(y, estimator=REGRESSOR if kind == "numbers" else CLASSIFIER)
    left_out = set()
    for one, other in zip(halves[::2], halves[1::2], strict=True):
        assert len(one) == len(other) == n_rows // 2
        both = np.concatenate([one, other])
        assert len(np.unique(both)) == len(both)
        assert (np.diff(one) > 0).all() and (np.diff(other) > 0).all()
        left_out |= set(range(n_rows)) - set(both.tolist())
    # Each time another row.
    assert len(left_out) > 5 if n_rows % 2 else not left_out


def test_the_fewest_rows_are_four():
    assert [len(half) for half in halves_of(np.array([0, 1, 0, 1]))] == [2] * 40


def test_rows_are_drawn_with_equal_probability():
    y = np.repeat([0, 1, 1, 1], 5)
    counts = np.zeros(20)
    for half in halves_of(y, n_pairs=2000)[::2]:
        counts[half] += 1
    # Five standard deviations of a share of one half.
    np.testing.assert_allclose(counts / 2000, 0.5, atol=5 * 0.5 / np.sqrt(2000))


def test_a_rare_label_of_several_is_in_every_half():
    Y = (np.random.RandomState(0).uniform(size=(60, 3)) < 0.5).astype(int)
    Y[:, 1] = 0
    Y[[3, 40], 1] = 1
    for labels in (Y, sparse.csr_matrix(Y)):
        for half in halves_of(labels):
            assert Y[half, 1].sum() == 1


@pytest.mark.parametrize("rare", range(5))
@pytest.mark.parametrize("is_weighted", [False, True])
def test_a_rare_label_is_in_every_half_whatever_the_other_labels(rare, is_weighted):
    weight = np.repeat([1.0, 0.0], 60)
    share = np.where(weight > 0, 0.5, 0.25)[:, None]
    Y = (np.random.RandomState(0).uniform(size=(120, 5)) < share).astype(int)
    # Of the rows that count, two have it. Among the others no label is as frequent.
    Y[:, rare] = weight == 0
    Y[[3, 40], rare] = 1
    if not is_weighted:
        Y, weight = Y[:60], np.ones(60)
    for half in halves_of(Y, sample_weight=weight):
        assert weight[half][Y[half, rare] == 1].sum() == 1


def test_rows_without_weight_do_not_count_for_a_class():
    y = np.array(["rare"] * 6 + ["b"] * 60)
    weight = np.ones(66)
    weight[2:40] = 0
    for half in halves_of(y, sample_weight=weight):
        assert weight[half][y[half] == "rare"].sum() == 1
        assert weight[half].sum() == 14


def test_a_class_with_a_single_row_is_named():
    y = np.array(["once"] + ["a", "b"] * 60)
    message = "single row of the class 'once'.*Leave this class out"
    selection = StabilitySelection(CLASSIFIER, threshold=0.8, q=2, n_pairs=1)
    with pytest.raises(ValueError, match=message):
        selection.fit(np.resize(X, (121, 10)), y)
    with pytest.raises(ValueError, match="and of 1 more"):
        halves_of(np.array([7, 8] + [1, 2] * 10))
    # One that counts: the others have no weight.
    weight = np.ones(22)
    weight[1] = 0
    with pytest.raises(ValueError, match="single row of the class 7"):
        halves_of(np.array([7, 7] + [1, 2] * 10), sample_weight=weight)


def test_halves_with_a_constant_target_are_refused():
    y = np.zeros(160)
    y[5] = 1
    selection = StabilitySelection(REGRESSOR, threshold=0.8, q=1, n_pairs=2)
    with pytest.raises(ValueError, match="y is constant, 0.0 on one of the halves"):
        selection.fit(X, y)


# -- constant targets ------------------------------------------------------------------


def select(how, estimator, y, sample_weight=None):
    if how == "path":
        feature_path(estimator, X, y, sample_weight=sample_weight)
    elif how == "selector":
        SparseInputSelector(estimator, cv=2).fit(X, y, sample_weight)
    else:
        StabilitySelection(estimator, threshold=0.8, q=1, n_pairs=1).fit(
            X, y, sample_weight
        )


ONE_WEIGHT = np.r_[np.ones(80), np.zeros(80)]


@pytest.mark.parametrize("how", ["path", "selector", "stability"])
@pytest.mark.parametrize(
    "estimator, y, weight, message",
    [
        (CLASSIFIER, np.full(160, "yes"), None, "y has a single class, 'yes'"),
        (CLASSIFIER, np.ones((160, 2), dtype=int), None, r"same labels.*\[1, 1\]"),
        (CLASSIFIER, ONE_WEIGHT, ONE_WEIGHT, "single class.*positive sample_weight"),
        (REGRESSOR, np.full(160, 0.5), None, "y is constant, 0.5"),
        (REGRESSOR, np.full((160, 2), 0.5), None, "y is constant"),
        (REGRESSOR, ONE_WEIGHT, ONE_WEIGHT, "y is constant.*positive sample_weight"),
    ],
    ids=["class", "labels", "weighted class", "number", "numbers", "weighted number"],
)
def test_a_constant_target_is_refused_by_name(how, estimator, y, weight, message):
    with pytest.raises(ValueError, match=message):
        select(how, estimator, y, weight)


def test_one_constant_column_of_several_is_allowed():
    Y = np.stack([X[:, 0], np.ones(160)], axis=1)
    network = MLPRegressor(**NETWORK | {"max_iter": 20})
    assert feature_path(network, X, Y).ranking[0] == 1


def test_a_fold_with_a_constant_target_is_named():
    y = np.repeat(["no", "yes"], 80)
    halves = [(np.arange(100), np.arange(100, 160)), (np.arange(80), np.arange(80, 90))]
    with pytest.raises(ValueError, match="single class.*training rows of split 1"):
        SparseInputSelector(CLASSIFIER, cv=halves).fit(X, y)
    # Rows of the other class do not count without a weight.
    weight = np.r_[np.ones(80), np.zeros(20), np.ones(60)]
    with pytest.raises(ValueError, match="single class.*training rows of split 0"):
        SparseInputSelector(CLASSIFIER, cv=halves).fit(X, y, sample_weight=weight)
