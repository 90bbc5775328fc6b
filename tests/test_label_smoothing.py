"""`label_smoothing`: what networks are trained on, and that nothing else is by it."""

import numpy as np
import pytest
from helpers import Recorder, assert_same_parameters
from numpy.testing import assert_allclose
from scipy.special import expit, log_softmax, softmax
from sklearn.base import BaseEstimator

from skreg import MLPClassifier, MLPRegressor
from skreg._fitting import run_batch, sparse_path
from skreg._fitting.targets import LabelEncoding
from skreg.augmentation import AugmentingResampler, GaussianNoise, Mixup
from skreg.feature_selection import feature_path
from skreg.model_selection import GridSearchCV, alpha_grid

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
CODES = np.digitize(X[:, 0] + 0.3 * RNG.normal(size=60), [-0.6, 0.6])
LABELS = {
    "binary": np.where(X[:, 0] > 0.2, "yes", "no"),
    "multiclass": np.array(["a", "b", "c"])[CODES],
    "multilabel": (X[:, :2] > 0.2).astype(int),
}
WEIGHTS = RNG.uniform(0.2, 2.0, size=60)
SHARE = 0.3
EACH_KIND = pytest.mark.parametrize("kind", LABELS)


def smoothed_by_hand(kind, labels):
    """What is trained on, number by number."""
    if kind == "binary":
        return np.array([[0.85 if y == "yes" else 0.15] for y in labels])
    if kind == "multilabel":
        return np.array([[0.85 if y else 0.15 for y in row] for row in labels])
    return np.array([[0.8 if y == c else 0.1 for c in "abc"] for y in labels])


def loss_and_slope(kind, Z, T):
    """Of each row the cross-entropy of raw predictions, and its gradient by them."""
    if kind == "multiclass":
        return -(T * log_softmax(Z, axis=1)).sum(axis=1), softmax(Z, axis=1) - T
    P = expit(Z)
    return -(T * np.log(P) + (1 - T) * np.log(1 - P)).sum(axis=1), P - T


def network(**params):
    return MLPClassifier(
        **{"hidden_layer_sizes": (5,), "random_state": 0, "max_iter": 6, **params}
    )


@pytest.fixture
def trained_on(monkeypatch):
    """The targets of every batch that is trained."""
    found, train = [], run_batch.train

    def watched(network, models, X, Y, *args, **kwargs):
        found.append(Y[:])
        return train(network, models, X, Y, *args, **kwargs)

    monkeypatch.setattr(run_batch, "train", watched)
    return found


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@EACH_KIND
def test_targets_by_hand(kind, dtype, trained_on):
    # The share of a grid is often a number of NumPy, which must not widen float32.
    model = network(label_smoothing=np.float64(SHARE))
    model.fit(X.astype(dtype), LABELS[kind])
    (Y,) = trained_on
    assert Y.dtype == model.coefs_[0].dtype == dtype
    assert_allclose(Y, smoothed_by_hand(kind, LABELS[kind]), rtol=1e-6)


@pytest.mark.both_engines
@pytest.mark.parametrize("weighted", [False, True])
@EACH_KIND
def test_a_step_by_hand(kind, weighted):
    """A step of gradient descent of a linear network on all rows at once."""
    labels, weight = LABELS[kind], WEIGHTS if weighted else None
    params = {"hidden_layer_sizes": (), "solver": "sgd", "momentum": 0.0}
    params |= {"batch_size": 60, "learning_rate_init": 0.5, "alpha": 0.1}
    model = network(**params, label_smoothing=SHARE, max_iter=1)
    model.fit(X, labels, weight)
    W, b = model.coefs_[0].copy(), model.intercepts_[0].copy()
    model.partial_fit(X, labels, weight)
    s = np.ones(60) if weight is None else weight / weight.mean()
    loss, slope = loss_and_slope(kind, X @ W + b, smoothed_by_hand(kind, labels))
    slope *= s[:, None] / 60
    assert_allclose(model.coefs_[0], W - 0.5 * (X.T @ slope + 0.1 * W), rtol=1e-9)
    assert_allclose(model.intercepts_[0], b - 0.5 * slope.sum(axis=0), rtol=1e-9)
    assert_allclose(model.data_loss_curve_[-1], (s * loss).mean(), rtol=1e-9)
    # The penalty is that of the weights after the step.
    penalty = 0.05 * (model.coefs_[0] ** 2).sum()
    assert_allclose(model.loss_curve_[-1], (s * loss).mean() + penalty, rtol=1e-9)


@pytest.mark.parametrize("solver", ["lbfgs", "fista"])
@EACH_KIND
def test_probabilities_at_the_minimum_are_the_smoothed_ones(kind, solver):
    """Where rows tell their class for sure, plain labels have no minimum at all."""
    labels = LABELS[kind]
    _, group = np.unique(labels, axis=0, return_inverse=True)
    group = group.ravel()
    model = network(
        hidden_layer_sizes=(), solver=solver, alpha=0.0, tol=1e-9, max_iter=5000
    )
    model.set_params(label_smoothing=SHARE).fit(np.eye(group.max() + 1)[group], labels)
    found = model.predict_proba(np.eye(group.max() + 1)[group])
    assert (model.predict(np.eye(group.max() + 1)[group]) == labels).all()
    expected = smoothed_by_hand(kind, labels)
    if kind == "binary":
        expected = np.hstack([1 - expected, expected])
    assert_allclose(found, expected, atol=1e-4)


@pytest.mark.both_engines
@EACH_KIND
def test_validation_is_by_the_labels_as_they_are(kind):
    labels, scorer = LABELS[kind], Recorder()
    model = network(label_smoothing=SHARE, early_stopping=True, max_iter=1)
    model.fit(X, labels, X_val=X[:20], y_val=labels[:20])
    encoded = model._encoding.encode(labels[:20], float)
    with np.errstate(all="raise"):
        loss, _ = loss_and_slope(kind, model._predict_raw(X[:20]), encoded)
    assert_allclose(model.validation_loss_curve_, [loss.mean()], rtol=1e-9)
    assert model.best_validation_score_ == -model.validation_loss_curve_[0]
    # So it is for rows that are held out, which the scorer knows.
    model.set_params(scoring=scorer).fit(X, labels)
    encoded = model._encoding.encode(scorer.y[-1], float)
    loss, _ = loss_and_slope(kind, model._predict_raw(scorer.X[-1]), encoded)
    assert_allclose(model.validation_loss_curve_, [loss.mean()], rtol=1e-9)


@pytest.mark.both_engines
@EACH_KIND
def test_smoothed_labels_are_mixed(kind):
    """As well as mixed labels are smoothed."""
    n_alternatives = 3 if kind == "multiclass" else 2

    def smooth_what_is_mixed(X, Y, sample_weight, rng):
        X, Y, sample_weight = Mixup()(X, Y, sample_weight, rng)
        return X, (1 - SHARE) * Y + SHARE / n_alternatives, sample_weight

    ours = network(augmentation=Mixup(), label_smoothing=SHARE)
    theirs = network(augmentation=smooth_what_is_mixed)
    for model in (ours, theirs):
        model.fit(X, LABELS[kind], WEIGHTS)
    assert_same_parameters(ours, theirs, rtol=1e-9)


@EACH_KIND
def test_resampled_labels_are_smoothed(kind, trained_on):
    if kind == "multilabel":
        pytest.skip("resamplers take one label a row")
    resampler = AugmentingResampler(GaussianNoise(0.1), n_copies=1)
    network(augmentation=resampler, label_smoothing=SHARE).fit(X, LABELS[kind])
    (Y,) = trained_on
    assert len(Y) == 120
    values = np.unique(smoothed_by_hand(kind, LABELS[kind]).round(12))
    assert_allclose(np.unique(Y.round(12)), values)


@pytest.mark.both_engines
def test_weights_of_classes_are_those_of_the_labels():
    by_class = network(label_smoothing=SHARE, class_weight={"a": 1, "b": 2, "c": 0.5})
    by_row = network(label_smoothing=SHARE)
    labels = LABELS["multiclass"]
    weight = np.select([labels == "a", labels == "b"], [1.0, 2.0], 0.5)
    assert_same_parameters(by_class.fit(X, labels), by_row.fit(X, labels, weight))


@pytest.mark.both_engines
def test_a_search_smooths_for_each_candidate_by_itself():
    grid = {"label_smoothing": [0.0, 0.1, 0.4], "alpha": [1e-4, 0.1]}
    model = network(early_stopping=True, augmentation=Mixup())
    search = GridSearchCV(model, grid, cv=2, scoring="neg_log_loss", refit=False)
    search.fit(X, LABELS["multiclass"])
    scores = search.cv_results_["mean_test_score"]
    assert search.n_batched_ == 6 and len(set(scores)) == 6
    for params, score in zip(search.cv_results_["params"], scores, strict=True):
        alone = {name: [value] for name, value in params.items()}
        search.set_params(param_grid=alone).fit(X, LABELS["multiclass"])
        assert_allclose(search.cv_results_["mean_test_score"][0], score, rtol=1e-9)


class DrawnToTheMean(BaseEstimator):
    """An augmentation that has learned the mean of the target it was prepared on."""

    def __call__(self, X, Y, sample_weight, rng):
        raise AssertionError("It has to be prepared first.")

    def prepare(self, X, Y):
        mean = (Y**2).mean(axis=0)

        def augment(X, Y, sample_weight, rng):
            return X, 0.5 * Y + 0.5 * mean, sample_weight

        return augment


def test_candidates_share_no_augmentation_that_is_prepared_on_the_target():
    """It is prepared on what it will be given."""
    model = network(augmentation=DrawnToTheMean(), max_iter=20)
    grid = {"label_smoothing": [0.0, 0.5]}
    search = GridSearchCV(model, grid, cv=2, scoring="neg_log_loss", refit=False)
    scores = search.fit(X, LABELS["binary"]).cv_results_["mean_test_score"]
    for share, score in zip(grid["label_smoothing"], scores, strict=True):
        search.set_params(param_grid={"label_smoothing": [share]})
        search.fit(X, LABELS["binary"])
        assert_allclose(search.cv_results_["mean_test_score"][0], score, rtol=1e-9)
    mean = (smoothed_by_hand("binary", LABELS["binary"]) ** 2).mean()

    def draw(X, Y, sample_weight, rng):
        return X, 0.5 * Y + 0.5 * mean, sample_weight

    drawn = network(augmentation=draw)
    model.set_params(max_iter=6)
    for each in (model, drawn):
        each.set_params(label_smoothing=SHARE).fit(X, LABELS["binary"])
    assert_same_parameters(model, drawn, rtol=1e-9)


def test_partial_fit_smooths_over_all_classes_that_there_are(trained_on):
    rows = CODES < 2
    model = network(label_smoothing=SHARE)
    model.partial_fit(X[rows], LABELS["multiclass"][rows], classes=["a", "b", "c"])
    (Y,) = trained_on
    assert_allclose(Y, smoothed_by_hand("multiclass", LABELS["multiclass"][rows]))


def test_the_path_and_its_residuals_are_of_smoothed_labels():
    model = network(
        hidden_layer_sizes=(), solver="fista", feature_penalty="group_lasso", tol=1e-8
    )
    model.set_params(label_smoothing=SHARE, max_iter=2000)
    path = feature_path(model, X, LABELS["multiclass"])
    assert np.all(path.kkt_residuals < 1e-3)
    # The first penalty is a share of the gradient where all inputs are absent.
    Z = np.tile(path.intercepts[0][0], (60, 1))
    T = smoothed_by_hand("multiclass", LABELS["multiclass"])
    slope = loss_and_slope("multiclass", Z, T)[1]
    largest = np.linalg.norm(X.T @ slope / 60, axis=1).max()
    assert_allclose(path.feature_alphas[1], sparse_path._FIRST_PULL * largest)


def test_the_range_of_penalties_is_that_of_smoothed_labels():
    """The slope at no weights is that of plain labels times what is left of them."""
    plain, smoothed = (
        alpha_grid(network(label_smoothing=s), X, LABELS["multiclass"], l1_ratio=1.0)
        for s in (0.0, SHARE)
    )
    assert_allclose(smoothed[0], (1 - SHARE) * plain[0], rtol=0.05)


def test_only_classifiers_have_labels():
    assert "label_smoothing" not in MLPRegressor().get_params()


def test_each_of_many_labels_is_smoothed_between_yes_and_no():
    Y = np.array([[1.0, 0.0, 0.0, 1.0, 0.0]])
    smoothed = LabelEncoding(np.arange(5), "multilabel").smoothed(Y, 0.1)
    np.testing.assert_allclose(smoothed, [[0.95, 0.05, 0.05, 0.95, 0.05]])
