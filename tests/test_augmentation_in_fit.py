"""Augmentation inside `fit`: what networks make of it, and what they refuse."""

import pickle
import tracemalloc

import numpy as np
import pytest
from augmented import (
    COPIES,
    N_ROWS,
    SCALED,
    TARGET,
    Y_CLASSES,
    Watcher,
    X,
    assert_same_weights,
    classifier,
    regressor,
)
from imblearn.over_sampling import SMOTE, RandomOverSampler
from scipy import sparse
from scipy.special import expit, log_softmax, softmax, xlogy
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV

from skreg import MLPClassifier, MLPRegressor, model_selection
from skreg._fitting import run_batch
from skreg._fitting.augmenting import prepare_for
from skreg._fitting.fit import fit_many, task_of
from skreg.augmentation import (
    AugmentingResampler,
    Compose,
    CutMix,
    FeatureDropout,
    GaussianNoise,
    HorizontalFlip,
    Mixup,
    RandomAffine,
    RandomErasing,
    SwapNoise,
)

pytestmark = pytest.mark.filterwarnings(
    # Training ends where the test says.
    "ignore::sklearn.exceptions.ConvergenceWarning"
)


# -- a network of a batch equals itself alone ------------------------------------------

MIXED = [
    None,
    GaussianNoise(0.2),
    GaussianNoise(0.4),
    Mixup(0.5),
    Compose([SwapNoise(0.2), CutMix(p=0.5)]),
    AugmentingResampler(Mixup(), random_state=3),
]


def mixed_tasks(kind, is_weighted):
    weights = np.random.default_rng(1).uniform(0.2, 2, N_ROWS)
    tasks = []
    for index in range(18):
        early_stopping = index % 4 == 0
        estimator = kind(
            (5,),
            augmentation=MIXED[index % len(MIXED)],
            alpha=[1e-4, 0.02][index % 2],
            dropout=[0.0, 0.4, 0.2][index // 6],
            random_state=index % 2,
            batch_size=16,
            early_stopping=early_stopping,
            n_iter_no_change=2,
            learning_rate_init=0.05,
            max_iter=5 + index % 3,
        )
        rows = None if early_stopping else np.arange(index % 3, N_ROWS - 2)
        weight = weights if is_weighted else None
        tasks.append(task_of(estimator, rows=rows, sample_weight=weight))
    return tasks


@pytest.mark.both_engines
@pytest.mark.parametrize("is_weighted", [False, True])
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_a_batch_equals_its_models_alone(kind, is_weighted, monkeypatch):
    sizes, train = [], run_batch.train

    def counting_train(network, models, *args, **kwargs):
        sizes.append(len(models))
        return train(network, models, *args, **kwargs)

    monkeypatch.setattr(run_batch, "train", counting_train)
    y = Y_CLASSES if kind is MLPClassifier else TARGET
    tasks = mixed_tasks(kind, is_weighted)
    together = fit_many(tasks, SCALED, y)
    assert max(sizes) >= 4
    assert sum(sizes) == len(tasks)
    params = []
    for task, outcome in zip(tasks, together, strict=True):
        (alone,) = fit_many([task], SCALED, y)
        assert outcome.stop_reason is alone.stop_reason
        close = dict(rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(outcome.state.params, alone.state.params, **close)
        curves = outcome.state.progress.curves, alone.state.progress.curves
        np.testing.assert_allclose(curves[0].loss, curves[1].loss, **close)
        params.append(outcome.state.params)
    assert len({row.tobytes() for row in params}) == len(tasks)


class Counting(GaussianNoise):
    """Counts the minibatches of all that are alike."""

    calls = 0

    def _augment(self, X, rng):
        Counting.calls += 1
        return super()._augment(X, rng)


@pytest.mark.parametrize("sigmas, n_streams", [((0.1, 0.1), 1), ((0.1, 0.2), 2)])
def test_equal_clones_share_a_stream(sigmas, n_streams):
    Counting.calls = 0
    tasks = [task_of(classifier(augmentation=Counting(sigma))) for sigma in sigmas]
    one, other = fit_many(tasks, SCALED, Y_CLASSES)
    assert Counting.calls == n_streams * 4 * 4  # minibatches and epochs
    is_same = np.array_equal(one.state.params, other.state.params)
    assert is_same == (n_streams == 1)


def test_functions_without_a_name_are_taken_inside_others():
    """Which have no hash to be compared by."""
    shift = lambda X, Y, sample_weight, rng: (X + 1, Y, sample_weight)  # noqa: E731
    inside = classifier(augmentation=Compose([shift])).fit(SCALED, Y_CLASSES)
    plain = classifier(augmentation=shift).fit(SCALED, Y_CLASSES)
    assert_same_weights(inside, plain)


# -- random numbers --------------------------------------------------------------------


@pytest.mark.parametrize(
    "augmentation",
    [GaussianNoise(0.3), AugmentingResampler(GaussianNoise(0.3))],
    ids=lambda augmentation: type(augmentation).__name__,
)
def test_random_state_decides_everything(augmentation):
    fitted = [
        classifier(augmentation=augmentation, random_state=seed).fit(SCALED, Y_CLASSES)
        for seed in (0, 0, 1)
    ]
    assert_same_weights(fitted[0], fitted[1])
    assert_same_weights(fitted[0], fitted[2], equal=False)


@pytest.mark.both_engines
def test_every_minibatch_is_augmented_afresh():
    watcher = Watcher(GaussianNoise(0.3).prepare(X))
    classifier(augmentation=watcher, shuffle=False).fit(X, Y_CLASSES)
    pairs = zip(watcher.given, watcher.made, strict=True)
    noise = [after[0] - before[0] for before, after in pairs]
    firsts = {part[0].tobytes() for part in noise}
    assert len(firsts) == len(noise) == 16


@pytest.mark.both_engines
@pytest.mark.parametrize("estimator", [classifier, regressor])
def test_switching_it_on_moves_no_initial_weight_and_no_minibatch(estimator):
    def idle(X, Y, sample_weight, rng):
        rng.random(1000)
        return X, Y, sample_weight

    y = Y_CLASSES if estimator is classifier else TARGET
    params = dict(dropout=0.3, early_stopping=True)
    with_it = estimator(augmentation=idle, **params).fit(SCALED, y)
    assert_same_weights(with_it, estimator(**params).fit(SCALED, y))
    assert_same_weights(
        with_it, estimator(augmentation=Mixup(), **params).fit(SCALED, y), equal=False
    )


# -- targets and weights ---------------------------------------------------------------


def one_step(estimator, X, y, watcher, **fit_params):
    """The change of (weights, intercepts) by one SGD step of rate 1, and its loss."""
    step = dict(
        hidden_layer_sizes=(), solver="sgd", momentum=0, learning_rate_init=1.0,
        alpha=0, batch_size=len(X), max_iter=1, random_state=0,
    )  # fmt: skip
    estimator.set_params(augmentation=watcher, **step)
    estimator.fit(X, y, **fit_params)
    ((X_new, Y_new, weight),) = watcher.made
    # The start: a step of rate (almost) zero.
    start = estimator.__class__(**estimator.get_params())
    start.set_params(learning_rate_init=1e-300, augmentation=None)
    start.fit(X, y, **fit_params)
    W, b = start.coefs_[0], start.intercepts_[0]
    moved = estimator.coefs_[0] - W, estimator.intercepts_[0] - b
    return moved, estimator.loss_, X_new @ W + b, X_new, Y_new, weight


CLASS_TARGETS = {
    "binary": Y_CLASSES == 1,
    "multiclass": Y_CLASSES,
    "multilabel": np.column_stack([Y_CLASSES == 1, Y_CLASSES == 2, SCALED[:, 1] > 0]),
}


@pytest.mark.both_engines
@pytest.mark.parametrize("kind", CLASS_TARGETS)
def test_soft_targets_of_classes(kind):
    """Value and gradient by hand: cross-entropy with a mixed target."""
    y = CLASS_TARGETS[kind].astype(int)
    moved, loss, raw, X_new, Y_new, _ = one_step(
        MLPClassifier(), SCALED, y, Watcher(Mixup(1.0))
    )
    assert ((Y_new > 0.01) & (Y_new < 0.99)).mean() > 0.1
    if kind == "multiclass":
        expected = -(Y_new * log_softmax(raw, axis=1)).sum()
        delta = softmax(raw, axis=1) - Y_new
    else:
        P = expit(raw)
        expected = -(xlogy(Y_new, P) + xlogy(1 - Y_new, 1 - P)).sum()
        delta = P - Y_new
    assert loss == pytest.approx(expected / N_ROWS)
    np.testing.assert_allclose(moved[0], -X_new.T @ delta / N_ROWS, atol=1e-12)
    np.testing.assert_allclose(moved[1], -delta.mean(axis=0), atol=1e-12)


@pytest.mark.both_engines
def test_weights_are_mixed_and_used():
    weight = np.random.default_rng(0).integers(4, size=N_ROWS).astype(float)
    watcher = Watcher(Mixup(1.0))
    moved, loss, raw, X_new, Y_new, mixed = one_step(
        MLPRegressor(), SCALED, TARGET, watcher, sample_weight=weight
    )
    # With one share for all: mixing and a linear map can be done in either order.
    ((X_old, Y_old, weight_old),) = watcher.given
    columns = np.column_stack([X_old, Y_old, weight_old])
    map_ = np.random.default_rng(0).normal(size=(8, 8))
    mixup = Mixup(1.0).prepare(columns)
    mapped, _, _ = mixup(columns @ map_, None, None, np.random.default_rng(5))
    parts = mixup(X_old, Y_old, weight_old, np.random.default_rng(5))
    np.testing.assert_allclose(np.column_stack(parts) @ map_, mapped)
    assert not np.array_equal(mixed, weight_old)
    # By the mean weight of the training rows, whatever became of it.
    delta = (raw - Y_new) * mixed[:, None] / weight.mean()
    np.testing.assert_allclose(moved[0], -X_new.T @ delta / N_ROWS, atol=1e-12)
    squared = ((raw - Y_new) ** 2).ravel() * mixed / weight.mean() / 2
    assert loss == pytest.approx(squared.mean())


@pytest.mark.both_engines
@pytest.mark.parametrize(
    "augmentation",
    [
        GaussianNoise(),
        Compose([Mixup(), CutMix(), FeatureDropout(fill="mean")]),
        RandomAffine((2, 3), rotate=20),
        lambda X, Y, sample_weight, rng: (X.astype(float), Y.astype(float), None),
        COPIES,
        RandomOverSampler(),
        SMOTE(k_neighbors=2),
    ],
    ids=lambda augmentation: type(augmentation).__name__,
)
def test_float32_stays(augmentation):
    fitted = classifier(augmentation=augmentation, early_stopping=True)
    fitted.fit(SCALED.astype(np.float32), Y_CLASSES)
    assert {W.dtype for W in fitted.coefs_} == {np.dtype(np.float32)}


# -- errors ----------------------------------------------------------------------------


def first_rows(X, Y, sample_weight, rng):
    return X[:-1], Y[:-1], sample_weight


WRONG = [
    (first_rows, ValueError, "changed the number of rows of X"),
    (lambda X, Y, w, rng: (X, Y[1:], w), ValueError, "changed the number of rows of Y"),
    (lambda X, Y, w, rng: (X[:, 1:], Y, w), ValueError, "changed the shape of X"),
    (lambda X, Y, w, rng: (X, Y), TypeError, r"the tuple \(X, Y, sample_weight\)"),
    (
        lambda X, Y, w, rng: (X, Y, np.ones(len(X))),
        ValueError,
        "was given sample_weight=None and returned an array",
    ),
    (RandomAffine((4, 4)), ValueError, "'image_shape' parameter, .* has 6 features"),
    (HorizontalFlip((6,)), ValueError, "'image_shape' parameter must be"),
    (Mixup, TypeError, "is the class Mixup; pass an instance"),
    ("mixup", ValueError, "'augmentation' parameter of MLPClassifier must be"),
    (GaussianNoise(sigma=-1), ValueError, "'sigma' parameter of GaussianNoise"),
]


@pytest.mark.parametrize("augmentation, error, message", WRONG, ids=lambda case: None)
def test_what_cannot_be_leaves_the_estimator_as_it_was(augmentation, error, message):
    fitted = classifier().fit(SCALED, Y_CLASSES)
    for estimator in (classifier(), fitted):
        estimator.set_params(augmentation=augmentation)
        before = dict(vars(estimator))
        with pytest.raises(error, match=message):
            estimator.fit(SCALED, Y_CLASSES)
        assert vars(estimator) == before


@pytest.mark.both_engines
@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 1e-4), (np.float64, 1e-10)])
def test_sparse_rows_where_zeros_are_kept_and_where_not(dtype, tolerance):
    sparse_X = sparse.csr_matrix(np.where(SCALED > 0, SCALED, 0).astype(dtype))
    with pytest.raises(TypeError, match="GaussianNoise was given a sparse X"):
        classifier(augmentation=GaussianNoise()).fit(sparse_X, Y_CLASSES)
    both = Compose([FeatureDropout(0.2), Mixup()])
    of_sparse = classifier(augmentation=both).fit(sparse_X, Y_CLASSES)
    of_dense = classifier(augmentation=both).fit(sparse_X.toarray(), Y_CLASSES)
    for one, other in zip(of_sparse.coefs_, of_dense.coefs_, strict=True):
        assert one.dtype == dtype
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("solver", ["lbfgs", "fista"])
def test_full_batch_solvers_refuse_minibatches(solver):
    message = rf"augmentation=Mixup\(\) needs solver='adam' or 'sgd': '{solver}' has no"
    with pytest.raises(ValueError, match=message):
        classifier(augmentation=Mixup(), solver=solver).fit(SCALED, Y_CLASSES)


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_a_search_goes_on_without_the_candidate_that_fails():
    grid = {"augmentation": [RandomAffine((2, 2)), None, first_rows]}
    search = model_selection.GridSearchCV(classifier(), grid, cv=2)
    with pytest.warns(FitFailedWarning, match="4 fits failed"):
        search.fit(SCALED, Y_CLASSES)
    scores = search.cv_results_["mean_test_score"]
    assert np.isnan(scores).tolist() == [True, False, True]


# -- beside the other parts ------------------------------------------------------------


@pytest.mark.both_engines
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_a_resumed_training_is_one_training(solver):
    """As successive halving needs it."""
    estimator = classifier(augmentation=Mixup(), solver=solver, dropout=0.2, max_iter=6)
    (whole,) = fit_many([task_of(estimator)], SCALED, Y_CLASSES)
    (half,) = fit_many([task_of(estimator, max_iter=3)], SCALED, Y_CLASSES)
    state = pickle.loads(pickle.dumps(half.state))
    rest = task_of(estimator, state=state, resume=True)
    (resumed,) = fit_many([rest], SCALED, Y_CLASSES)
    np.testing.assert_allclose(resumed.state.params, whole.state.params, rtol=1e-10)


@pytest.mark.both_engines
def test_a_network_that_ends_keeps_its_place_in_a_stream():
    """Beside one that goes on with the same stream, and that it catches up with."""
    short, long = (
        task_of(classifier(augmentation=Mixup(), max_iter=n)) for n in (3, 6)
    )
    outcomes = fit_many([short, long], SCALED, Y_CLASSES)
    rest = task_of(long.predictor, state=outcomes[0].state, resume=True)
    (resumed,) = fit_many([rest], SCALED, Y_CLASSES)
    expected = outcomes[1].state.params
    np.testing.assert_allclose(resumed.state.params, expected, rtol=1e-10)


@pytest.mark.both_engines
def test_resumed_networks_keep_their_own_augmentations():
    tasks = [task_of(classifier(augmentation=GaussianNoise(s))) for s in (0.1, 0.5)]
    outcomes = fit_many(tasks, SCALED, Y_CLASSES)
    rests = [
        task_of(task.predictor, state=outcome.state, resume=True, max_iter=7)
        for task, outcome in zip(tasks, outcomes, strict=True)
    ]
    for rest, together in zip(rests, fit_many(rests, SCALED, Y_CLASSES), strict=True):
        (alone,) = fit_many([rest], SCALED, Y_CLASSES)
        expected = alone.state.params
        np.testing.assert_allclose(together.state.params, expected, rtol=1e-10)


@pytest.mark.both_engines
def test_partial_fit_goes_on_with_the_augmentations_random_numbers():
    whole = classifier(augmentation=GaussianNoise(0.3), max_iter=3)
    whole.fit(SCALED, Y_CLASSES)
    steps = classifier(augmentation=GaussianNoise(0.3))
    for _ in range(3):
        steps.partial_fit(SCALED, Y_CLASSES, classes=np.unique(Y_CLASSES))
        steps = pickle.loads(pickle.dumps(steps))
    # Shuffles of shuffles start from the rows' own order in each call.
    noise = whole._training_state.stream.augmentation_rng
    assert noise.random() == steps._training_state.stream.augmentation_rng.random()


@pytest.mark.both_engines
def test_images_on_a_path_of_feature_penalties():
    """Where inputs leave the computation, but not the image."""
    rng = np.random.default_rng(0)
    images = rng.normal(size=(150, 16))
    y = (images[:, 5] + images[:, 6] > 0).astype(int)
    fitted = MLPClassifier(
        (8,), feature_alpha=2, alpha=1e-3, learning_rate_init=0.02, max_iter=30,
        augmentation=HorizontalFlip((4, 4)), random_state=0,
    ).fit(images, y)  # fmt: skip
    assert 1 <= fitted.n_features_selected_ <= 6
    assert fitted.support_[[5, 6]].all()


def test_scikit_learns_search_over_a_parameter_of_the_augmentation():
    grid = {"augmentation__sigma": [0.0, 0.1, 5.0]}
    estimator = classifier(
        augmentation=GaussianNoise(), learning_rate_init=0.02, max_iter=20
    )
    theirs = GridSearchCV(estimator, grid, cv=3).fit(SCALED, Y_CLASSES)
    ours = model_selection.GridSearchCV(estimator, grid, cv=3).fit(SCALED, Y_CLASSES)
    scores = theirs.cv_results_["mean_test_score"]
    assert scores[:2].min() > scores[2] + 0.1
    np.testing.assert_allclose(ours.cv_results_["mean_test_score"], scores)
    assert ours.n_batched_ == 3
    assert (
        theirs.best_estimator_.augmentation.sigma
        == theirs.best_params_["augmentation__sigma"]
    )


NOTHING_TO_LEARN = [
    Mixup(),
    CutMix(),
    SwapNoise(),
    FeatureDropout(),
    RandomAffine((20, 50), rotate=5, palette_size=4),
    HorizontalFlip((20, 50)),
    RandomErasing((20, 50)),
    Compose([Mixup(), HorizontalFlip((20, 50)), first_rows]),
    first_rows,
]


@pytest.mark.parametrize(
    "augmentation",
    NOTHING_TO_LEARN,
    ids=lambda augmentation: type(augmentation).__name__,
)
def test_rows_that_have_nothing_to_tell_are_not_copied(augmentation):
    X, Y = np.zeros((5000, 1000), np.float32), np.zeros((5000, 3))
    tracemalloc.start()
    prepare_for(augmentation, X, Y, np.arange(4500))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < X.nbytes / 10


def test_a_fitted_network_is_pickled_without_its_warps():
    images = np.random.default_rng(0).normal(size=(60, 100))
    y = (images[:, 0] > 0).astype(int)
    network = classifier(augmentation=RandomAffine((10, 10), rotate=10)).fit(images, y)
    plain = classifier().fit(images, y)
    assert len(pickle.dumps(network)) < len(pickle.dumps(plain)) + 5000
    loaded = pickle.loads(pickle.dumps(network))
    assert_same_weights(loaded.partial_fit(images, y), network.partial_fit(images, y))
