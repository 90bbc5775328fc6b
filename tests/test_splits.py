"""Which rows early stopping holds out, and that training never sees them."""

import warnings

import numpy as np
import pytest
import sklearn
from helpers import Recorder
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import (
    GroupShuffleSplit,
    KFold,
    ShuffleSplit,
    TimeSeriesSplit,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg._fitting.fit import fit_many, task_of
from skreg.neural_network import MLPClassifier, MLPRegressor

SOLVERS = ["adam", "sgd", "lbfgs"]


def classifier(**params):
    defaults = {"early_stopping": True, "random_state": 0, "max_iter": 15}
    return MLPClassifier((8,), **(defaults | params))


def regressor(**params):
    defaults = {"early_stopping": True, "random_state": 0, "max_iter": 15}
    return MLPRegressor((8,), **(defaults | params))


def held_out(network, X, y, rows=None, groups=None, sample_weight=None):
    """Validation and training rows of a fit of this network."""
    task = task_of(network, rows=rows, groups=groups, sample_weight=sample_weight)
    (outcome,) = fit_many([task], X, y)
    if outcome.error is not None:
        raise outcome.error
    return outcome.state.validation_rows[0], outcome.state.stream.rows


def validation_labels(y, validation_fraction, seed=0):
    """The labels of the rows that a classifier holds out; it trains on the others."""
    recorder = Recorder()
    X = np.random.RandomState(0).normal(size=(len(y), 2))
    classifier = MLPClassifier(
        hidden_layer_sizes=2,
        early_stopping=True,
        validation_fraction=validation_fraction,
        scoring=recorder,
        max_iter=1,
        random_state=seed,
    ).fit(X, y)
    assert classifier.t_ == len(y) - len(recorder.y[0])
    return recorder.y[0]


class RecordedSplit:
    """The splits it was given, and what it was asked."""

    def __init__(self, *splits):
        self.splits = splits

    def split(self, X, y=None, groups=None):
        self.asked = X, y, groups
        yield from self.splits


# -- validation_fraction ---------------------------------------------------------------


@pytest.mark.parametrize("fraction, number", [(0.2, 30), (30, 30), (7, 7), (0.05, 8)])
def test_a_share_or_a_number_of_rows(iris, fraction, number):
    network = classifier(validation_fraction=fraction)
    validation, training = held_out(network, *iris)
    assert len(validation) == number
    np.testing.assert_array_equal(np.sort([*validation, *training]), np.arange(150))


def test_a_number_is_stratified_too(iris):
    validation, _ = held_out(classifier(validation_fraction=30), *iris)
    np.testing.assert_array_equal(np.bincount(iris[1][validation]), [10, 10, 10])


@pytest.mark.parametrize("bad", [0, -1, 1.0, 1.5, -0.1, "tenth", None])
def test_what_is_no_share_and_no_number(iris, bad):
    with pytest.raises(ValueError, match="validation_fraction"):
        classifier(validation_fraction=bad).fit(*iris)


@pytest.mark.parametrize("fraction", [1, 0.999, 150, 1000])
def test_a_split_that_leaves_too_little_says_what_to_change(iris, fraction):
    with pytest.raises(
        ValueError, match="The validation set is too small.*of 150 rows"
    ):
        classifier(validation_fraction=fraction).fit(*iris)


def test_ten_rows(diabetes):
    X, y = diabetes[0][:10], diabetes[1][:10]
    with pytest.raises(ValueError, match="Increase 'validation_fraction'"):
        regressor().fit(X, y)
    network = regressor(validation_fraction=2).fit(X, y)
    assert len(network.validation_scores_) == network.n_iter_
    labels = np.repeat([0, 1], 5)
    network = classifier(validation_fraction=0.2).fit(X, labels)
    assert network.best_iter_ is not None


def test_a_class_with_one_row_stays_in_training(iris):
    X, y = iris
    rows = np.arange(101)  # one row of the third class
    for seed in range(5):
        network = classifier(validation_fraction=0.2, random_state=seed)
        validation, training = held_out(network, X[rows], y[rows])
        assert 100 in training and 100 not in validation
        assert list(network.fit(X[rows], y[rows]).classes_) == [0, 1, 2]


def test_fewer_validation_rows_than_classes_warn(iris):
    with pytest.warns(UserWarning, match="not stratified: 2 rows cannot hold.*3 class"):
        classifier(validation_fraction=2).fit(*iris)


@pytest.mark.parametrize("seed", range(3))
def test_split_is_stratified(seed):
    y = np.repeat(["a", "b", "c", "d"], [80, 40, 20, 20])
    labels, counts = np.unique(validation_labels(y, 0.25, seed), return_counts=True)
    np.testing.assert_array_equal(labels, ["a", "b", "c", "d"])
    np.testing.assert_array_equal(counts, [20, 10, 5, 5])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n_singletons", [1, 3])
def test_classes_with_one_row_stay_in_training(n_singletons, seed):
    y = np.r_[np.repeat([0, 1], [30, 20]), 2 + np.arange(n_singletons)]
    labels = validation_labels(y, 0.2, seed)
    np.testing.assert_array_equal(np.bincount(labels), [6, 4])


def test_plain_split_says_why():
    # Six validation rows cannot hold ten classes.
    y = np.repeat(np.arange(10), 6)
    with pytest.warns(UserWarning, match="6 rows cannot hold each of 10 classes"):
        labels = validation_labels(y, 0.1)
    assert len(labels) == 6
    # Nor can six training rows.
    with pytest.warns(UserWarning, match="6 rows cannot hold each of 10 classes"):
        labels = validation_labels(y, 54)
    assert len(labels) == 54


def test_enough_rows_for_every_class_does_not_warn():
    y = np.repeat(np.arange(6), 10)
    np.testing.assert_array_equal(np.bincount(validation_labels(y, 0.1)), np.ones(6))


def test_multilabel_and_regression_splits_are_plain(iris, regression):
    labels = np.eye(3, dtype=int)[iris[1]]
    for Estimator, X, y in [
        (MLPClassifier, iris[0], labels),
        (MLPRegressor, *regression),
    ]:
        recorder = Recorder()
        Estimator(early_stopping=True, scoring=recorder, max_iter=1).fit(X, y)
        assert len(recorder.y[0]) == np.ceil(0.1 * len(y))


# -- validation_splitter ---------------------------------------------------------------


def test_the_last_split_is_taken(iris):
    splitter = KFold(5)
    validation, training = held_out(classifier(validation_splitter=splitter), *iris)
    np.testing.assert_array_equal(validation, np.arange(120, 150))
    np.testing.assert_array_equal(training, np.arange(120))


def test_time_order_holds_out_the_latest_rows(diabetes):
    network = regressor(validation_splitter=TimeSeriesSplit(4, gap=5))
    validation, training = held_out(network, *diabetes)
    n_validation = 442 // 5
    np.testing.assert_array_equal(validation, np.arange(442 - n_validation, 442))
    np.testing.assert_array_equal(training, np.arange(442 - n_validation - 5))


def test_groups_stay_together(iris):
    X, y = iris
    groups = np.arange(150) % 15
    splitter = GroupShuffleSplit(1, test_size=0.2, random_state=3)
    network = classifier(validation_splitter=splitter)
    validation, training = held_out(network, X, y, groups=groups)
    assert set(groups[validation]).isdisjoint(groups[training])
    assert len(validation) == 30

    # `fit` hands them on: the same network, and another without them.
    (outcome,) = fit_many([task_of(network, groups=groups)], X, y)
    fitted = clone(network).fit(X, y, groups=groups.tolist())
    assert fitted.validation_scores_ == outcome.state.progress.curves.validation_scores
    with pytest.raises(ValueError, match="groups"):
        clone(network).fit(X, y)


def test_groups_and_splits_follow_the_rows_of_a_task(iris):
    X, y = iris
    rows = np.arange(149, 49, -1)
    groups = np.arange(150) // 10
    splitter = GroupShuffleSplit(1, test_size=0.3, random_state=0)
    validation, training = held_out(
        classifier(validation_splitter=splitter), X, y, rows=rows, groups=groups
    )
    assert set(groups[validation]).isdisjoint(groups[training])
    np.testing.assert_array_equal(np.sort([*validation, *training]), np.sort(rows))
    recorded = RecordedSplit((np.arange(60), np.arange(60, 100)))
    held_out(classifier(validation_splitter=recorded), X, y, rows=rows, groups=groups)
    np.testing.assert_array_equal(recorded.asked[0], X[rows])
    np.testing.assert_array_equal(recorded.asked[1], y[rows])
    np.testing.assert_array_equal(recorded.asked[2], groups[rows])


def test_weights_follow_the_split(iris):
    X, y = iris
    weight = np.linspace(1, 2, 150)
    network = classifier(validation_splitter=KFold(3))
    (outcome,) = fit_many([task_of(network, sample_weight=weight)], X, y)
    np.testing.assert_array_equal(outcome.state.validation_rows[1], weight[100:])
    np.testing.assert_array_equal(outcome.state.stream.sample_weight, weight[:100])


@pytest.mark.parametrize(
    "splits, message",
    [
        ([], "yields 0 splits"),
        ([(np.arange(5), np.arange(0))], "leaves 5 rows to train on and 0"),
        ([(np.arange(0), np.arange(5))], "leaves 0 rows to train on and 5"),
        ([(np.arange(6), np.arange(5, 9))], "into training and validation at once"),
    ],
)
def test_splits_that_cannot_work_are_refused(iris, splits, message):
    with pytest.raises(ValueError, match=message):
        classifier(validation_splitter=RecordedSplit(*splits)).fit(*iris)


def test_a_splitter_needs_early_stopping(iris):
    network = classifier(early_stopping=False, validation_splitter=KFold())
    with pytest.raises(ValueError, match="needs early_stopping=True"):
        network.fit(*iris)
    with pytest.raises(ValueError, match="validation_splitter"):
        classifier(validation_splitter=5).fit(*iris)


def test_groups_without_a_splitter_would_leak(iris):
    groups = np.arange(150) % 10
    with pytest.raises(ValueError, match="set validation_splitter"):
        classifier().fit(*iris, groups=groups)
    # Nothing is split off here, so nothing leaks.
    classifier(early_stopping=False, tol=1.0).fit(*iris, groups=groups)
    splitting = classifier(validation_splitter=GroupShuffleSplit(1))
    for network in (splitting, classifier(early_stopping=False, tol=1.0)):
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            network.fit(*iris, groups=groups[:-1])


def test_a_splitter_moves_neither_weights_nor_shuffles(iris):
    """It draws nothing from the stream, so two splitters share all the rest."""
    splits = [
        RecordedSplit((np.arange(100), np.arange(100, 150))),
        RecordedSplit((np.arange(100), np.arange(120, 150))),
    ]
    networks = [
        classifier(validation_splitter=split, n_iter_no_change=np.inf).fit(*iris)
        for split in splits
    ]
    assert networks[0].loss_curve_ == networks[1].loss_curve_
    assert networks[0].validation_scores_ != networks[1].validation_scores_


def test_a_batch_with_splitters_equals_each_alone(iris):
    X, y = iris
    splits = (
        {},
        {"validation_fraction": 0.3},
        {"validation_splitter": KFold(3)},
        {"validation_splitter": ShuffleSplit(1, test_size=0.3, random_state=1)},
    )
    networks = [
        classifier(alpha=alpha, n_iter_no_change=3, **split)
        for split in splits
        for alpha in (0.0, 0.1)
    ]
    outcomes = fit_many([task_of(clone(network)) for network in networks], X, y)
    for network, outcome in zip(networks, outcomes, strict=True):
        network.fit(X, y)
        curves = outcome.state.progress.curves
        np.testing.assert_allclose(curves.loss, network.loss_curve_, rtol=1e-12)
        np.testing.assert_allclose(
            curves.validation_scores, network.validation_scores_, rtol=1e-12
        )


# -- no leak ---------------------------------------------------------------------------

SPLITS = {
    "share": {"validation_fraction": 0.2},
    "number": {"validation_fraction": 30},
    "splitter": {"validation_splitter": ShuffleSplit(1, test_size=0.2, random_state=5)},
    "time": {"validation_splitter": TimeSeriesSplit(4)},
    "groups": {"validation_splitter": GroupShuffleSplit(1, random_state=2)},
}


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs", "fista"])
@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("make", [classifier, regressor])
def test_validation_rows_never_enter_training(make, split, solver, iris, diabetes):
    X, y = iris if make is classifier else diabetes
    X, y = X[::2].copy(), y[::2].copy()
    groups = np.arange(len(X)) // 3 if split == "groups" else None
    # After N epochs the best network may be any; the last one is in the state.
    for n_epochs in (1, 2, 5):
        network = make(
            solver=solver, max_iter=n_epochs, n_iter_no_change=np.inf, **SPLITS[split]
        )
        (outcome,) = fit_many([task_of(network, groups=groups)], X, y)
        validation, _ = outcome.state.validation_rows
        X_other, y_other = X.copy(), y.copy()
        X_other[validation] = 10 * X[validation][::-1] + 1
        if make is regressor:
            y_other[validation] = 100 - y[validation]
        (other,) = fit_many([task_of(network, groups=groups)], X_other, y_other)
        curves, other_curves = (o.state.progress.curves for o in (outcome, other))
        assert curves.validation_scores != other_curves.validation_scores
        # The curves of the training rows hold every epoch's parameters.
        assert curves.loss == other_curves.loss
        if solver in ("adam", "sgd"):
            np.testing.assert_array_equal(outcome.state.params, other.state.params)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", SOLVERS)
def test_training_and_validation_rows_are_disjoint_and_complete(solver):
    # An own feature for every row: the weights of rows that are not trained on move
    # only by the penalty, and there is none.
    n_rows = 40
    X, y = np.eye(n_rows), np.arange(n_rows, dtype=float) - 19.5
    recorder = Recorder([0.0, 1.0])
    params = {"hidden_layer_sizes": (), "solver": solver, "alpha": 0, "random_state": 0}
    initial = MLPRegressor(**params, learning_rate_init=1e-300, max_iter=1)
    initial.set_params(solver="sgd").fit(X, y)
    regressor = MLPRegressor(
        **params,
        early_stopping=True,
        validation_fraction=0.25,
        max_iter=2,
        scoring=recorder,
    ).fit(X, y)
    rows = recorder.X[0].argmax(axis=1)
    moved = regressor.coefs_[0][:, 0] != initial.coefs_[0][:, 0]
    assert len(rows) == 10
    np.testing.assert_array_equal(np.flatnonzero(~moved), np.sort(rows))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", SOLVERS)
def test_validation_rows_do_not_reach_training(solver, regression):
    X, y = regression
    marked = np.c_[X, np.zeros(len(y))]
    marked[:, -1] = 1e-9 * np.arange(len(y))

    def trajectory(X, y):
        recorder = Recorder([0.0])
        regressor = MLPRegressor(
            hidden_layer_sizes=5,
            solver=solver,
            early_stopping=True,
            dropout=0.0 if solver == "lbfgs" else 0.2,
            validation_fraction=0.3,
            n_iter_no_change=100,
            max_iter=15,
            random_state=0,
            scoring=recorder,
        ).fit(X, y)
        return regressor, recorder

    clean, recorder = trajectory(marked, y)
    rows = np.rint(1e9 * recorder.X[0][:, -1]).astype(int)
    assert len(np.unique(rows)) == 36
    X_spoilt, y_spoilt = marked.copy(), y.copy()
    X_spoilt[rows] = 1e3
    y_spoilt[rows] = -1e3
    spoilt, recorder_of_spoilt = trajectory(X_spoilt, y_spoilt)
    assert (recorder_of_spoilt.y[0] == -1e3).all()
    assert clean.loss_curve_ == spoilt.loss_curve_
    assert len(recorder.parameters) == len(recorder_of_spoilt.parameters) > 5
    for ours, theirs in zip(
        recorder.parameters, recorder_of_spoilt.parameters, strict=True
    ):
        for parameter, of_spoilt in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(parameter, of_spoilt)


# -- routing ---------------------------------------------------------------------------


def test_groups_are_routed(iris):
    X, y = iris
    groups = np.arange(150) % 15
    asked = []

    class Split(GroupShuffleSplit):
        def split(self, X, y=None, groups=None):
            asked.append(groups)
            return super().split(X, y, groups)

    with sklearn.config_context(enable_metadata_routing=True):
        network = classifier(validation_splitter=Split(1, random_state=0))
        network.set_fit_request(groups=True)
        scores = cross_validate(
            make_pipeline(StandardScaler(), network),
            X,
            y,
            params={"groups": groups},
            cv=KFold(3),
            error_score="raise",
        )
    assert len(scores["test_score"]) == 3
    for fold, (train, _) in enumerate(KFold(3).split(X)):
        np.testing.assert_array_equal(asked[fold], groups[train])


# -- kinds of targets ------------------------------------------------------------------


def test_multilabel_and_sparse_data(iris):
    X, y = iris
    Y = np.eye(3, dtype=int)[y]
    splitter = ShuffleSplit(1, test_size=0.2, random_state=0)
    dense = classifier(validation_splitter=splitter).fit(X, Y)
    for targets in (Y, sparse.csr_matrix(Y)):
        network = classifier(validation_splitter=splitter).fit(
            sparse.csr_matrix(X), targets
        )
        np.testing.assert_allclose(
            network.validation_scores_, dense.validation_scores_, rtol=1e-6
        )


def test_string_labels_and_scores():
    X, y = load_breast_cancer(return_X_y=True)
    X, labels = StandardScaler().fit_transform(X), np.array(["no", "yes"])[y]
    for scoring in ("loss", None, "roc_auc", "neg_log_loss"):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            network = classifier(scoring=scoring).fit(X, labels)
        rows, _ = held_out(classifier(scoring=scoring), X, labels)
        assert network.best_validation_score_ == max(network.validation_scores_)
        if scoring is None:
            score = network.score(X[rows], labels[rows])
            assert score == network.best_validation_score_
