"""No validation row is augmented, is mixed into another, or has a gradient."""

import numpy as np
import pytest
from augmented import (
    COPIES,
    N_ROWS,
    SCALED,
    Y_CLASSES,
    Watcher,
    X,
    classifier,
    keep_rows,
    regressor,
    rows_held_out,
)
from helpers import Recorder
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import make_pipeline as make_resampling_pipeline
from scipy import sparse
from sklearn.model_selection import ShuffleSplit

from skreg import MLPClassifier, MLPRegressor, model_selection
from skreg.augmentation import (
    AugmentingResampler,
    BaseAugmentation,
    Compose,
    CutMix,
    FeatureDropout,
    GaussianNoise,
    Mixup,
    RandomErasing,
)

pytestmark = pytest.mark.filterwarnings(
    # Training ends where the test says.
    "ignore::sklearn.exceptions.ConvergenceWarning"
)

STOPPING = dict(early_stopping=True, validation_fraction=0.25, n_iter_no_change=50)


@pytest.fixture(autouse=True)
def fitted_networks_show_their_rows(monkeypatch):
    keep_rows(monkeypatch)


@pytest.mark.parametrize("make_sparse", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize(
    "splitter", [None, ShuffleSplit(1, test_size=0.25, random_state=0)]
)
def test_validation_rows_never_enter_an_augmentation(make_sparse, splitter):
    watcher = Watcher()
    fitted = classifier(
        augmentation=watcher, validation_splitter=splitter, **STOPPING
    ).fit(make_sparse(X), Y_CLASSES)
    held_out = rows_held_out(fitted)
    assert len(held_out) == 30
    assert watcher.rows() == np.setdiff1d(np.arange(N_ROWS), held_out).tolist()
    # Minibatch by minibatch, in every epoch.
    n_rows = [len(X) for X, _, _ in watcher.given]
    assert n_rows == [32, 32, 26] * fitted.n_iter_


def test_validation_data_of_ones_own_are_not_augmented():
    watcher = Watcher()
    classifier(augmentation=watcher, early_stopping=True).fit(
        X[:80], Y_CLASSES[:80], X_val=X[80:], y_val=Y_CLASSES[80:]
    )
    assert watcher.rows() == list(range(80))


def test_a_refit_augments_all_rows_and_each_of_its_folds_its_own():
    watcher = Watcher()
    classifier(augmentation=watcher, refit=3, **STOPPING).fit(X, Y_CLASSES)
    by_rng = {}
    for (given, _, _), rng in zip(watcher.given, watcher.rngs, strict=True):
        by_rng.setdefault(id(rng), set()).update(given[:, 0].astype(int))
    sizes = sorted(len(rows) for rows in by_rng.values())
    assert sizes == [80, 80, 80, N_ROWS]


LEARNING = [
    Mixup(1.0),
    GaussianNoise(0.5),
    Compose([GaussianNoise(0.3), FeatureDropout(0.3, fill="mean")]),
    RandomErasing((2, 3), value="random"),
    AugmentingResampler(CutMix()),
    SMOTE(k_neighbors=2),
]


@pytest.mark.parametrize("augmentation", LEARNING, ids=repr)
def test_what_validation_rows_hold_moves_no_weight(augmentation):
    """In no epoch: not by a gradient, a partner, a spread, a mean or a range."""
    recorders = Recorder(), Recorder()
    changed = SCALED.copy()
    for data, recorder in zip((SCALED, changed), recorders, strict=True):
        fitted = classifier(augmentation=augmentation, scoring=recorder, **STOPPING)
        fitted.fit(data, Y_CLASSES)
        changed[rows_held_out(fitted)] = 1e3
    for ours, theirs in zip(*(r.parameters for r in recorders), strict=True):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, other)
    assert len(recorders[0].parameters) == 4
    # What was monitored has changed, so the rows were those.
    assert not np.array_equal(recorders[0].X[0], recorders[1].X[0])


ALONE_OR_COMPOSED = pytest.mark.parametrize(
    "around", [lambda own: own, lambda own: Compose([Mixup(), own])]
)


@ALONE_OR_COMPOSED
def test_an_augmentation_of_ones_own_is_prepared_on_training_rows(around):
    class Remembering:
        """It learns the rows, by a method of the form of those of the package."""

        def prepare(self, X, Y):
            learned.append((X.copy(), Y.copy()))
            return lambda X, Y, sample_weight, rng: (X, Y, sample_weight)

        def __call__(self, X, Y, sample_weight, rng):
            raise AssertionError("it was not prepared")

    learned = []
    X = np.column_stack([np.arange(60.0), np.ones(60)])
    recorder = Recorder()
    network = MLPRegressor(
        (2,),
        augmentation=around(Remembering()),
        early_stopping=True,
        scoring=recorder,
    )
    network.set_params(max_iter=2, random_state=0).fit(X, X[:, 0] / 60)
    ((X_learned, Y_learned),) = learned
    held_out = np.unique(recorder.X[0][:, 0])
    assert len(held_out) == 6
    expected = np.setdiff1d(np.arange(60), held_out)
    np.testing.assert_array_equal(np.sort(X_learned[:, 0]), expected)
    np.testing.assert_allclose(Y_learned[:, 0], X_learned[:, 0] / 60)


@ALONE_OR_COMPOSED
def test_a_subclass_learns_from_the_training_rows_and_their_target(around):
    class Remembering(BaseAugmentation):
        def _learn(self, X, Y):
            learned.append((X.copy(), Y.copy()))

        def _augment(self, X, rng):
            return X, None

    learned = []
    target = np.arange(float(N_ROWS))
    fitted = regressor(augmentation=around(Remembering()), **STOPPING).fit(X, target)
    ((X_learned, Y_learned),) = learned
    expected = np.setdiff1d(np.arange(N_ROWS), rows_held_out(fitted))
    np.testing.assert_array_equal(np.sort(X_learned[:, 0]), expected)
    np.testing.assert_array_equal(Y_learned[:, 0], X_learned[:, 0])


def test_only_training_rows_tell_the_spread():
    fitted = classifier(augmentation=GaussianNoise(2.0), **STOPPING).fit(X, Y_CLASSES)
    training = np.delete(X, rows_held_out(fitted), axis=0)
    noise = fitted._training_state.stream.augmentation.augmentation
    np.testing.assert_allclose(noise.scale_, 2 * training.std(axis=0))


# On labels that are noise: whoever does better than chance on held-out rows has seen
# them in training.
MEMORIZING = dict(
    hidden_layer_sizes=(200,), learning_rate_init=0.01, max_iter=60, random_state=0,
    early_stopping=True, validation_fraction=0.3, n_iter_no_change=np.inf,
    scoring="accuracy",
)  # fmt: skip


@pytest.fixture
def noise_labels():
    rng = np.random.default_rng(3)
    return rng.normal(size=(300, 20)), rng.integers(2, size=300)


def nearest(X, others):
    """The distance of each row to the nearest of the others."""
    return np.sqrt(((X[:, None] - others) ** 2).sum(axis=-1).min(axis=1))


@pytest.mark.parametrize("augmentation", [COPIES, GaussianNoise(0.02)], ids=repr)
def test_on_noise_the_validation_score_stays_at_chance(noise_labels, augmentation):
    X, y = noise_labels
    fitted = MLPClassifier(augmentation=augmentation, **MEMORIZING).fit(X, y)
    training = np.delete(np.arange(300), rows_held_out(fitted))
    assert fitted.data_loss_curve_[-1] < 0.2  # memorized: chance is 0.69
    # Three standard deviations of a fair coin tossed 90 times.
    assert abs(np.mean(fitted.validation_scores_[-10:]) - 0.5) < 0.16
    assert nearest(X[rows_held_out(fitted)], X[training]).min() > 1


def test_on_noise_a_resampling_pipeline_leaks(noise_labels):
    """What the test above would see if copies were made before the split."""
    X, y = noise_labels
    network = MLPClassifier(**MEMORIZING)
    fitted = make_resampling_pipeline(COPIES, network).fit(X, y)[-1]
    assert np.mean(fitted.validation_scores_[-10:]) > 0.9
    X_resampled, _ = COPIES.fit_resample(X, y)
    held_out = X_resampled[rows_held_out(fitted)]
    training = np.delete(X_resampled, rows_held_out(fitted), axis=0)
    assert (nearest(held_out, training) < 0.5).mean() > 0.9


@pytest.mark.parametrize("resampler", [COPIES, SMOTE(k_neighbors=3)], ids=repr)
def test_a_resampler_sees_the_training_rows_alone(resampler, monkeypatch):
    """By recorded sources and by content."""
    seen = []
    plain = type(resampler).fit_resample

    def watched(self, X, y):
        resampled = plain(self, X, y)
        seen.append((self, np.array(X), np.array(resampled[0])))
        return resampled

    monkeypatch.setattr(type(resampler), "fit_resample", watched)
    # Classes of three sizes, or SMOTE has nothing to do.
    y = np.minimum(np.arange(N_ROWS) % 6, 2)
    fitted = classifier(augmentation=resampler, **STOPPING).fit(X, y)
    ((used, given, made),) = seen
    held_out = rows_held_out(fitted)
    training = np.setdiff1d(np.arange(N_ROWS), held_out)
    assert sorted(given[:, 0].astype(int)) == training.tolist()
    assert not np.isin(X[held_out, 1], made[:, 1]).any()
    if resampler is COPIES:
        sources = given[used.sample_indices_, 0].astype(int)
        assert not np.isin(sources, held_out).any()
        assert len(sources) == 4 * len(training)
    assert fitted.t_ == len(made) * fitted.n_iter_


def test_other_folds_of_a_search_stay_out():
    watcher = Watcher()

    def augmentation(*batch):
        return watcher(*batch)  # a clone copies objects, not functions

    splits = [(np.arange(80), np.arange(80, 120)), (np.arange(40, 120), np.arange(40))]
    search = model_selection.GridSearchCV(
        classifier(augmentation=augmentation),
        {"alpha": [1e-4, 1e-2]},
        cv=splits,
        refit=False,
    ).fit(X, Y_CLASSES)
    assert search.n_batched_ == 2
    by_rng = {}
    for (given, _, _), rng in zip(watcher.given, watcher.rngs, strict=True):
        by_rng.setdefault(id(rng), set()).update(given[:, 0].astype(int))
    folds = [set(train) for train, _ in splits]
    assert all(rows in folds for rows in by_rng.values())
    assert all(rows in by_rng.values() for rows in folds)
