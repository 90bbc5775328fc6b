"""`refit`: after early stopping, training again on all rows for as many updates."""

import warnings
from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    ShuffleSplit,
    TimeSeriesSplit,
)
from sklearn.utils import compute_sample_weight

from skreg._core.losses import SquaredError
from skreg._core.network import Network
from skreg._core.stopping import Patience, Progress, StopReason
from skreg._core.streams import Stream
from skreg._core.training import Model, Settings, train
from skreg._fitting import run_batch
from skreg._fitting.fit import Validation, fit_many, task_of
from skreg._fitting.splits import fold_rows
from skreg.neural_network import MLPClassifier, MLPRegressor


def classifier(**params):
    defaults = {
        "early_stopping": True,
        "random_state": 0,
        "learning_rate_init": 0.02,
        "batch_size": 50,
        "max_iter": 60,
    }
    return MLPClassifier((10,), **(defaults | params))


def assert_same_network(one, other, rtol=0):
    for name in ("coefs_", "intercepts_"):
        for a, b in zip(getattr(one, name), getattr(other, name), strict=True):
            np.testing.assert_allclose(a, b, rtol=rtol)


def trained_on_all_rows(network, X, y, n_epochs, **fit_params):
    """The network after so many whole epochs without validation rows."""
    plain = clone(network).set_params(
        refit=False,
        early_stopping=False,
        max_iter=n_epochs,
        n_iter_no_change=np.inf,
        stopping_criterion="patience",
        validation_splitter=None,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return plain.fit(X, y, **fit_params)


# -- a number of updates, in the engine ------------------------------------------------


def models(max_updates, n_rows=50, **params):
    """Models of one architecture on shared minibatches, a seed for all."""
    rng = np.random.RandomState(3)
    X, Y = rng.normal(size=(n_rows, 4)), rng.normal(size=(n_rows, 1))
    network = Network((4, 3, 1), "tanh", SquaredError())
    stream = Stream(np.arange(n_rows), np.random.RandomState(0))
    start = network.initialize(np.random.RandomState(1), X.dtype)
    batch = [
        Model(
            start.copy(),
            stream,
            Progress(Patience(np.inf, 0)),
            max_updates=n,
            max_iter=100,
            **params,
        )
        for n in max_updates
    ]
    return network, batch, X, Y


def trained(max_updates, solver="adam", batch_size=16, **params):
    network, batch, X, Y = models(max_updates, **params)
    return train(network, batch, X, Y, Settings(solver, batch_size))


@pytest.mark.both_engines
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_models_of_a_batch_end_at_their_own_update(solver):
    numbers = [1, 3, 4, 5, 8, 11]  # an epoch has 4: the last of 2 rows
    together = trained(numbers, solver)
    for n_updates, result in zip(numbers, together, strict=True):
        (alone,) = trained([n_updates], solver)
        assert result.stop_reason is StopReason.MAX_UPDATES
        np.testing.assert_allclose(result.params, alone.params, rtol=1e-12)
        np.testing.assert_allclose(
            result.progress.kept, alone.progress.kept, rtol=1e-12
        )
        assert result.n_samples_seen == alone.n_samples_seen
        assert result.n_samples_seen == 50 * (n_updates // 4) + 16 * (n_updates % 4)
        np.testing.assert_allclose(
            result.progress.curves.loss, alone.progress.curves.loss, rtol=1e-12
        )
        for name, value in alone.optimizer_state.items():
            np.testing.assert_allclose(result.optimizer_state[name], value, rtol=1e-12)


@pytest.mark.both_engines
def test_updates_are_counted_one_by_one():
    # Without momentum the steps of plain gradient descent can be told apart.
    params = {"momentum": 0.0, "learning_rate_init": 0.1}
    ends = [result.params for result in trained([1, 2, 3, 4, 5], "sgd", **params)]
    for one, next_one in zip(ends, ends[1:], strict=False):
        assert not np.allclose(one, next_one)
    network, batch, X, Y = models([None], **params)
    batch[0].max_iter = 1
    (epoch,) = train(network, batch, X, Y, Settings("sgd", 16))
    np.testing.assert_allclose(epoch.params, ends[3], rtol=1e-12)


# -- refit=True ------------------------------------------------------------------------


@pytest.mark.both_engines
@pytest.mark.parametrize(
    "params",
    [{"learning_rate": "cosine"}, {"dropout": 0.3, "dropout_schedule": "cosine"}],
    ids=["learning rate", "dropout"],
)
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_a_schedule_runs_to_the_end_of_the_second_training(solver, params, cancer):
    X, y = cancer
    params = {"solver": solver, "batch_size": 256} | params
    # 512 training rows have 2 minibatches, all 569 rows 3: 9 epochs there are 6 here.
    network = classifier(**params, refit=True, max_iter=9, learning_rate_init=1e-3)
    network.fit(X, y)
    assert network.best_iter_ == 9 and network.refit_n_updates_ == 18
    again = trained_on_all_rows(network, X, y, 6)
    assert_same_network(network, again)
    assert again.max_iter == 6


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs", "fista"])
def test_the_second_network_is_trained_on_all_rows_for_as_many_updates(solver, cancer):
    X, y = cancer
    network = classifier(solver=solver, refit=True, batch_size=50).fit(X, y)
    first = clone(network).set_params(refit=False).fit(X, y)
    full_batch = solver in ("lbfgs", "fista")
    per_epoch = 1 if full_batch else -(-512 // 50)
    assert network.refit_n_updates_ == first.best_iter_ * per_epoch
    assert first.refit_n_updates_ is None

    # The whole number of epochs before and after the last update bracket it.
    n_epochs, rest = divmod(network.refit_n_updates_, 1 if full_batch else 12)
    if rest == 0:
        again = trained_on_all_rows(network, X, y, n_epochs)
        assert_same_network(network, again)
    seen = 569 * n_epochs + 50 * rest
    assert network.t_ == seen
    # The rest describes the first phase.
    for name in (
        "loss_curve_",
        "data_loss_curve_",
        "validation_scores_",
        "validation_loss_curve_",
        "best_iter_",
        "best_validation_score_",
        "n_iter_",
        "stop_reason_",
    ):
        assert getattr(network, name) == getattr(first, name), name
    assert not np.allclose(network.coefs_[0], first.coefs_[0])


def test_no_rule_ends_the_second_phase_early(cancer):
    X, y = cancer
    network = classifier(
        refit=True,
        stopping_criterion="successive_increases",
        n_iter_no_change=1,
        tol=1e9,
        max_iter=10,
    ).fit(X, y)
    assert network.best_iter_ > 3
    n_epochs, rest = divmod(network.refit_n_updates_, 12)
    assert network.t_ == 569 * n_epochs + 50 * rest


@pytest.mark.filterwarnings("ignore:The network predicts no better")
@pytest.mark.parametrize("refit", [True, 3])
def test_the_second_phase_has_no_patience(diabetes, refit):
    """Losses of a small target improve by less than `tol`, their scores do not."""
    X, y = diabetes
    network = MLPRegressor((10,), early_stopping=True, refit=refit, batch_size=50)
    network.set_params(n_iter_no_change=3, tol=1.0, max_iter=15, random_state=0)
    network.set_params(learning_rate_init=1e-3).fit(X, 1e-2 * y)
    n_epochs, rest = divmod(network.refit_n_updates_, -(-len(y) // 50))
    assert n_epochs > 5
    assert network.t_ == len(y) * n_epochs + 50 * rest


def test_seconds_are_those_of_both_phases(iris, monkeypatch):
    clock = SimpleNamespace(perf_counter=count(0, 12).__next__)
    monkeypatch.setattr(run_batch, "time", clock)
    (outcome,) = fit_many([task_of(classifier(refit=True, max_iter=2))], *iris)
    assert outcome.seconds == 24 and outcome.first_phase.seconds == 12


def test_classes_are_balanced_by_the_rows_that_a_fold_trains_on(iris):
    X, y = iris
    held_out = np.flatnonzero((y == 0) & (np.arange(len(y)) % 3 > 0) | (y == 1))[:50]
    rows = np.setdiff1d(np.arange(len(y)), held_out)
    network = classifier(class_weight="balanced", max_iter=1)
    (outcome,) = fit_many([task_of(network, split=(rows, held_out))], X, y)
    expected = compute_sample_weight("balanced", y, indices=rows)
    np.testing.assert_allclose(outcome.state.stream.sample_weight, expected[rows])
    numbers, weight = outcome.state.validation_rows
    np.testing.assert_array_equal(numbers, held_out)
    np.testing.assert_allclose(weight, expected[held_out])


@pytest.mark.both_engines
def test_whole_epochs_of_equal_batches(cancer):
    X, y = cancer[0][:400], cancer[1][:400]
    # 5 updates an epoch of 200 rows, 10 an epoch of all 400: half as many epochs.
    network = classifier(
        refit=True, batch_size=40, validation_fraction=0.5, max_iter=60
    ).fit(X, y)
    assert network.refit_n_updates_ == 5 * network.best_iter_
    if network.best_iter_ % 2:
        network.set_params(
            max_iter=network.best_iter_ - 1, n_iter_no_change=np.inf
        ).fit(X, y)
    assert network.best_iter_ % 2 == 0 and network.best_iter_ >= 2
    again = trained_on_all_rows(network, X, y, network.best_iter_ // 2)
    assert_same_network(network, again)


def test_refit_sees_the_validation_rows(diabetes):
    X, y = diabetes
    network = MLPRegressor((10,), early_stopping=True, refit=True, random_state=0)
    (outcome,) = fit_many([task_of(clone(network).set_params(refit=False))], X, y)
    validation, _ = outcome.state.validation_rows
    network.fit(X, y)
    other = y.copy()
    other[validation[0]] += 1e-9  # moves no stopping point
    changed = clone(network).fit(X, other)
    assert changed.refit_n_updates_ == network.refit_n_updates_
    assert not np.array_equal(changed.coefs_[0], network.coefs_[0])


@pytest.mark.parametrize("refit", [True, 2])
@pytest.mark.parametrize("make", [lambda: None, lambda: np.random.RandomState(4)])
def test_both_phases_have_one_start(iris, monkeypatch, refit, make):
    starts = []

    def watched(network, models, *args, **kwargs):
        starts.extend(model.params.copy() for model in models)
        return train(network, models, *args, **kwargs)

    monkeypatch.setattr(run_batch, "train", watched)
    classifier(refit=refit, random_state=make(), max_iter=3).fit(*iris)
    assert len(starts) == (2 if refit is True else 3)
    for start in starts[1:]:
        np.testing.assert_array_equal(start, starts[0])


def test_the_same_seed_gives_the_same_network(cancer):
    for refit in (True, 3):
        networks = [
            classifier(refit=refit, random_state=seed, max_iter=20).fit(*cancer)
            for seed in (5, 5, np.random.RandomState(5), np.random.RandomState(5))
        ]
        assert_same_network(networks[0], networks[1])
        assert_same_network(networks[2], networks[3])


def test_weights_and_classes_count_in_both_phases(iris):
    X, y = iris
    weight = np.where(y == 2, 0.1, 1.0)
    network = classifier(refit=True, class_weight="balanced", batch_size=135)
    network.fit(X, y, sample_weight=weight)
    assert network.refit_n_updates_ == network.best_iter_
    # Another weight of a validation row changes the second phase alone.
    plain = clone(network).set_params(refit=False)
    (outcome,) = fit_many([task_of(plain, sample_weight=weight)], X, y)
    row = outcome.state.validation_rows[0][0]
    weight[row] *= 1 + 1e-9
    other = clone(network).fit(X, y, sample_weight=weight)
    assert other.refit_n_updates_ == network.refit_n_updates_
    assert not np.array_equal(other.coefs_[0], network.coefs_[0])


# -- with validation data from outside -------------------------------------------------


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("weighted", ["none", "training", "validation", "both"])
def test_validation_data_from_outside_are_rows_like_the_others(iris, kind, weighted):
    X, y = iris
    labels = np.array(["a", "b", "c"])[y]
    rng = np.random.RandomState(0)
    order = rng.permutation(150)
    train_rows, val_rows = order[:100], order[100:]
    weight = rng.uniform(0.5, 2, 150)
    weights = {}
    all_weights = np.ones(150)
    if weighted in ("training", "both"):
        weights["sample_weight"] = weight[train_rows]
        all_weights[train_rows] = weight[train_rows]
    if weighted in ("validation", "both"):
        weights["sample_weight_val"] = weight[val_rows]
        all_weights[val_rows] = weight[val_rows]
    # Epochs of 5 and of 3 updates: 15 updates are whole epochs in both.
    network = classifier(
        batch_size=10, refit=True, max_iter=3, n_iter_no_change=np.inf, min_iter=3
    ).fit(
        kind(X[train_rows]),
        labels[train_rows],
        X_val=kind(X[val_rows]),
        y_val=labels[val_rows],
        **weights,
    )
    assert network.best_iter_ == 3 and network.refit_n_updates_ == 30
    fit_params = {} if weighted == "none" else {"sample_weight": all_weights[order]}
    again = trained_on_all_rows(network, kind(X[order]), labels[order], 2, **fit_params)
    assert_same_network(network, again, rtol=1e-9)


def test_rows_of_a_task_are_kept_when_validation_data_are_added(diabetes):
    X, y = diabetes
    network = MLPRegressor(
        (5,), early_stopping=True, refit=True, random_state=0, max_iter=5
    )
    rows = np.arange(0, 300, 2)
    validation = Validation(X[400:], y[400:])
    (outcome,) = fit_many([task_of(network, rows=rows)], X, y, validation=validation)
    alone = clone(network).fit(X[rows], y[rows], X_val=X[400:], y_val=y[400:])
    kept = outcome.network.unpack(outcome.state.progress.kept)[0]
    np.testing.assert_allclose(kept[0], alone.coefs_[0], rtol=1e-9)


# -- folds -----------------------------------------------------------------------------


def test_folds_hold_out_each_row_once_and_are_stratified():
    codes = np.array([0] * 40 + [1] * 11 + [2])
    folds = fold_rows(52, 5, np.random.RandomState(0), codes)
    held_out = np.concatenate([validation for _, validation in folds])
    np.testing.assert_array_equal(np.sort(held_out), np.arange(51))
    for train_rows, validation in folds:
        both = np.sort([*train_rows, *validation])
        np.testing.assert_array_equal(both, np.arange(52))
        assert abs((codes[validation] == 0).sum() - 8) <= 1
        assert (codes[validation] == 1).sum() in (2, 3)
        assert len(validation) in (10, 11)
    plain = fold_rows(52, 5, np.random.RandomState(0))
    assert sorted(len(validation) for _, validation in plain) == [10, 10, 10, 11, 11]
    first = np.sort(plain[0][1])
    assert not np.array_equal(first, np.arange(0, 52, 5))  # shuffled


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("n_folds", [4, 5])
def test_the_latest_fold_decides(cancer, seed, n_folds):
    X, y = cancer
    network = classifier(refit=n_folds, random_state=seed).fit(X, y)
    points = []
    folds = fold_rows(569, n_folds, np.random.RandomState(seed), y)
    for train_rows, validation in folds:
        fold = clone(network).set_params(refit=False)
        fold.fit(X[train_rows], y[train_rows], X_val=X[validation], y_val=y[validation])
        n_updates = fold.best_iter_ * -(-len(train_rows) // 50)
        points.append((n_updates, fold))
    points.sort(key=lambda point: point[0])
    assert points[0][0] < points[-1][0]
    n_updates, latest = points[-1]
    assert network.refit_n_updates_ == n_updates
    assert network.best_iter_ == latest.best_iter_
    np.testing.assert_allclose(network.validation_scores_, latest.validation_scores_)
    assert network.best_validation_score_ == pytest.approx(
        latest.best_validation_score_
    )


def test_folds_train_as_one_batch_and_so_do_the_second_networks(iris, monkeypatch):
    sizes = []

    def counting(network, models, *args, **kwargs):
        sizes.append(len(models))
        return train(network, models, *args, **kwargs)

    monkeypatch.setattr(run_batch, "train", counting)
    network = classifier(refit=5, max_iter=10)
    network.fit(*iris)
    assert sizes == [5, 1]
    sizes.clear()
    candidates = [clone(network).set_params(alpha=a) for a in (0.0, 0.1)]
    fit_many([task_of(candidate) for candidate in candidates], *iris)
    assert sizes == [10, 2]


def test_a_batch_with_refit_equals_each_alone(iris):
    X, y = iris
    candidates = [
        classifier(refit=refit, alpha=alpha, max_iter=25, random_state=seed)
        for refit in (False, True, 3)
        for alpha in (0.0, 0.1)
        for seed in (0, 1)
    ]
    outcomes = fit_many([task_of(candidate) for candidate in candidates], X, y)
    for candidate, outcome in zip(candidates, outcomes, strict=True):
        assert outcome.error is None
        together = clone(candidate)
        outcome.apply_to(together)
        alone = candidate.fit(X, y)
        assert together.refit_n_updates_ == alone.refit_n_updates_
        assert together.best_iter_ == alone.best_iter_
        assert_same_network(together, alone, rtol=1e-7)


@pytest.mark.parametrize("splitter", [KFold(5), TimeSeriesSplit(5)])
def test_folds_of_a_splitter_are_its_last_splits(iris, splitter):
    X, y = iris
    network = classifier(refit=3, validation_splitter=splitter, max_iter=15).fit(X, y)
    points = []
    for train_rows, validation in list(splitter.split(X))[-3:]:
        fold = clone(network).set_params(refit=False, validation_splitter=None)
        with warnings.catch_warnings():
            # Unshuffled parts of iris lack a class.
            warnings.simplefilter("ignore")
            (outcome,) = fit_many([task_of(fold, split=(train_rows, validation))], X, y)
        progress = outcome.state.progress
        points.append(progress.best_iter * outcome.updates_per_epoch)
    assert network.refit_n_updates_ == max(points)


def test_groups_of_folds_and_splitters_with_too_few_splits(iris):
    X, y = iris
    groups = np.arange(150) % 10
    asked = []

    class Split(GroupKFold):
        def split(self, X, y=None, groups=None):
            asked.append(groups)
            return super().split(X, y, groups)

    classifier(refit=3, validation_splitter=Split(3), max_iter=3).fit(
        X, y, groups=groups
    )
    np.testing.assert_array_equal(asked[0], groups)
    network = classifier(refit=4, validation_splitter=ShuffleSplit(2, random_state=0))
    with pytest.raises(ValueError, match="yields 2 splits, and 4 are needed"):
        network.fit(X, y)


@pytest.mark.parametrize("refit", [True, 2, 4])
def test_every_kind_of_target(iris, diabetes, refit):
    X, y = iris
    Y = np.eye(3, dtype=int)[y]
    for target in (y == 1, Y, sparse.csr_matrix(Y)):
        network = classifier(refit=refit, max_iter=5).fit(X, target)
        assert network.refit_n_updates_ > 0
    X, y = diabetes
    for target in (y, np.c_[y, -y]):
        network = MLPRegressor(
            (5,), early_stopping=True, refit=refit, random_state=0, max_iter=5
        ).fit(X, target)
        assert network.predict(X).shape == target.shape


# -- going on --------------------------------------------------------------------------


def test_warm_start_counts_the_updates_of_this_fit_alone(iris):
    X, y = iris
    network = classifier(
        refit=True, warm_start=True, max_iter=4, n_iter_no_change=np.inf
    ).fit(X, y)
    before = [W.copy() for W in network.coefs_]
    first = network.refit_n_updates_
    assert first <= 4 * 3
    network.fit(X, y)
    assert len(network.validation_scores_) == len(network.loss_curve_) == 8
    assert 4 < network.best_iter_ <= 8
    assert network.refit_n_updates_ == (network.best_iter_ - 4) * 3
    assert not np.array_equal(network.coefs_[0], before[0])


def test_partial_fit_goes_on_from_the_second_network(iris):
    X, y = iris
    network = classifier(refit=True, max_iter=20).fit(X[::2], y[::2])
    assert network.refit_n_updates_ is not None
    n_epochs = len(network.loss_curve_)
    second = [W.copy() for W in network.coefs_]
    network.partial_fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    assert len(network.loss_curve_) == n_epochs + 1
    assert network.refit_n_updates_ is None
    # One epoch from there, neither refitted nor taken back to the first network.
    moved = np.abs(network.coefs_[0] - second[0]).max()
    assert 0 < moved < 0.5


# -- what cannot work ------------------------------------------------------------------


@pytest.mark.parametrize(
    "params, message",
    [
        ({"early_stopping": False}, "needs early_stopping=True"),
        ({"solver": "sgd", "learning_rate": "adaptive"}, "adaptive"),
        ({"feature_alpha": 0.1}, "feature_alpha=0.1"),
        ({"refit": 1}, "refit"),
        ({"refit": 0}, "refit"),
        ({"refit": -2}, "refit"),
        ({"refit": "yes"}, "refit"),
        ({"refit": 80}, "refit=80 makes validation sets of 1 rows of 150"),
    ],
)
def test_what_cannot_be_refitted_says_why(iris, params, message):
    network = classifier(**({"refit": True} | params))
    with pytest.raises(ValueError, match=message):
        network.fit(*iris)
    assert not hasattr(network, "coefs_")


def test_folds_with_validation_data_from_outside_are_refused(iris):
    X, y = iris
    with pytest.raises(ValueError, match="refit=3 makes its own validation sets"):
        classifier(refit=3).fit(X, y, X_val=X, y_val=y)


def test_an_interrupt_in_the_second_phase_keeps_the_first_network(iris, monkeypatch):
    calls = []

    def interrupted(network, models, *args, **kwargs):
        calls.append(len(models))
        if len(calls) == 2:

            def stop(*args):
                raise KeyboardInterrupt

            kwargs["report"] = stop
        return train(network, models, *args, **kwargs)

    first = classifier().fit(*iris)
    monkeypatch.setattr(run_batch, "train", interrupted)
    with pytest.warns(UserWarning, match="interrupted by user"):
        network = classifier(refit=True).fit(*iris)
    assert network.stop_reason_ == "interrupted"
    assert network.refit_n_updates_ is None
    assert_same_network(network, first)


@pytest.mark.parametrize("rate", [1e300, 1e80])
def test_a_second_phase_that_diverges_keeps_the_first_network(iris, monkeypatch, rate):
    # Without a single finite epoch, and after some.
    calls = []

    def diverging(network, models, *args, **kwargs):
        calls.append(len(models))
        if len(calls) == 2:
            models[0].learning_rate_init = rate
        return train(network, models, *args, **kwargs)

    first = classifier(activation="identity", solver="sgd").fit(*iris)
    monkeypatch.setattr(run_batch, "train", diverging)
    with pytest.warns(ConvergenceWarning, match="diverged"):
        network = classifier(activation="identity", solver="sgd", refit=True)
        network.fit(*iris)
    assert calls == [1, 1]
    assert network.stop_reason_ == "diverged"
    assert network.refit_n_updates_ is None
    assert_same_network(network, first)


def test_verbose_names_the_phases(iris, capsys):
    classifier(refit=2, max_iter=3, verbose=True).fit(*iris)
    lines = capsys.readouterr().out.splitlines()
    # The folds are one batch, and the second network is another.
    epochs = [line for line in lines if not line.startswith("Training with ")]
    assert len(epochs) == len(lines) - 2
    assert all(line.startswith("Iteration ") for line in epochs)
    for phase in ("(fold 1 of 2)", "(fold 2 of 2)", "(refit)"):
        assert any(phase in line for line in lines), phase
