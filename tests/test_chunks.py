"""Training on chunks of rows: networks, and ensembles whose members go in step."""

import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.linear_model import SGDClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks

from skreg import MLPClassifier, MLPRegressor
from skreg.ensemble import FoldEnsembleClassifier, FoldEnsembleRegressor
from skreg.ensemble._chunks import folds_of_values

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
CLASSES = np.unique(Y)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def ensemble(estimator=None, **params):
    if estimator is None:
        estimator = MLPClassifier((8,), learning_rate_init=0.02, random_state=0)
    return FoldEnsembleClassifier(estimator, **{"cv": 3, "random_state": 0} | params)


def passes(model, n_passes, **params):
    """Several passes over chunks of 40 rows."""
    rows = np.random.default_rng(0).permutation(len(X))
    for _ in range(n_passes):
        for start in range(0, len(rows), 40):
            part = rows[start : start + 40]
            model.partial_fit(X[part], Y[part], classes=CLASSES, **params)
    return model


def test_the_fold_of_a_row_depends_on_its_values_alone():
    folds = folds_of_values(X, 5, seed=1)
    order = np.random.default_rng(0).permutation(len(X))
    assert_array_equal(folds_of_values(X[order], 5, seed=1), folds[order])
    assert_array_equal(folds_of_values(np.asfortranarray(X), 5, seed=1), folds)
    assert not np.array_equal(folds_of_values(X, 5, seed=2), folds)
    assert folds_of_values([[0.0]], 5, 1) == folds_of_values([[-0.0]], 5, 1)


def test_folds_are_about_equal_and_sparse_rows_are_in_the_same():
    rng = np.random.default_rng(0)
    table = rng.integers(3, size=(5000, 12)).astype(float)
    table[:3] = 0
    folds = folds_of_values(table, 8, seed=0)
    assert_array_equal(folds_of_values(sparse.csr_matrix(table), 8, seed=0), folds)
    shares = np.bincount(folds, minlength=8) / len(folds)
    assert_allclose(shares, 1 / 8, atol=0.02)
    # Rows that differ in one column only are spread as well.
    line = np.column_stack([np.arange(5000.0), np.ones(5000)])
    shares = np.bincount(folds_of_values(line, 8, seed=0), minlength=8) / 5000
    assert_allclose(shares, 1 / 8, atol=0.02)


def test_members_learn_in_step():
    model = passes(ensemble(), 20)
    assert len(model.estimators_) == 3
    assert model.score(X, Y) > 0.9
    assert_allclose(model.predict_proba(X).sum(axis=1), 1)
    assert not any(name.startswith("oof_") for name in vars(model))
    assert len(passes(ensemble(n_repeats=2), 1).estimators_) == 6


def test_a_member_never_sees_the_rows_of_its_fold():
    expected = ensemble()
    for _ in range(2):
        expected.partial_fit(X, Y, classes=CLASSES)
    folds = folds_of_values(X, 3, expected._fold_seeds[0])
    labels = Y.copy()
    labels[folds == 1] = 0
    model = ensemble()
    for _ in range(2):
        model.partial_fit(X, labels, classes=CLASSES)
    same = [
        np.array_equal(found.coefs_[0], other.coefs_[0])
        for found, other in zip(model.estimators_, expected.estimators_, strict=True)
    ]
    assert same == [False, True, False]


def test_repeats_have_folds_of_their_own():
    model = passes(ensemble(n_repeats=3), 1)
    folds = [folds_of_values(X, 3, seed) for seed in model._fold_seeds]
    assert len({tuple(each) for each in folds}) == 3


def test_the_members_of_each_repeat_leave_out_its_own_folds():
    model = ensemble(n_repeats=2).partial_fit(X, Y, classes=CLASSES)
    members = iter(model.estimators_)
    for seed in model._fold_seeds:
        folds = folds_of_values(X, 3, seed)
        for fold in range(3):
            member = next(members)
            own = folds != fold
            alone = clone(member).partial_fit(X[own], Y[own], classes=CLASSES)
            assert_array_equal(member.coefs_[0], alone.coefs_[0])


def test_the_weights_of_a_chunk_go_with_its_rows():
    weight = np.random.default_rng(0).uniform(0, 2, len(X))
    model = ensemble().partial_fit(X, Y, weight, classes=CLASSES)
    folds = folds_of_values(X, 3, model._fold_seeds[0])
    for fold, member in enumerate(model.estimators_):
        own = folds != fold
        alone = clone(member)
        alone.partial_fit(X[own], Y[own], weight[own], classes=CLASSES)
        assert_array_equal(member.coefs_[0], alone.coefs_[0])


def test_chunks_after_a_new_fit_have_new_folds_and_no_words_on_the_old_ones():
    model = ensemble(random_state=np.random.RandomState(0))
    seeds = []
    for _ in range(2):
        model.fit(X, Y)
        assert model.oof_decision_function_.shape == (len(X), 3)
        model.partial_fit(X, Y)
        assert not any(name.startswith("oof_") for name in vars(model))
        seeds.append(model._fold_seeds[0])
    assert seeds[0] != seeds[1]


def test_weights_and_validation_rows_go_to_the_members():
    weight = np.where(Y == 0, 0.0, 1.0) + 1e-9
    model = ensemble().partial_fit(X, Y, weight, classes=CLASSES)
    plain = ensemble().partial_fit(X, Y, classes=CLASSES)
    assert not np.array_equal(model.predict_proba(X), plain.predict_proba(X))
    stopping = ensemble(MLPClassifier((8,), early_stopping=True, random_state=0))
    passes(stopping, 3, X_val=X[::5], y_val=Y[::5])
    # An epoch a chunk.
    assert len(stopping.estimators_[0].validation_loss_curve_) == 12
    with pytest.raises(ValueError, match="X_val and y_val are given"):
        passes(ensemble(MLPClassifier(early_stopping=True)), 1)


def test_regressions_and_estimators_of_others():
    network = MLPRegressor((8,), learning_rate_init=0.02, random_state=0)
    model = FoldEnsembleRegressor(network, cv=2, random_state=0)
    for _ in range(60):
        model.partial_fit(X[:, 1:], X[:, 0])
    mean, spread = model.predict(X[:, 1:], return_std=True)
    assert model.score(X[:, 1:], X[:, 0]) > 0.7 and (spread > 0).any()
    assert mean.shape == (len(X),)
    assert passes(ensemble(SGDClassifier(loss="log_loss")), 9).score(X, Y) > 0.8


def test_a_failed_call_changes_nothing():
    model = passes(ensemble(SGDClassifier(loss="log_loss")), 1)
    before = model.predict_proba(X)
    with pytest.raises(ValueError):
        model.partial_fit(np.full((40, 4), np.nan), Y[:40])
    with pytest.raises(ValueError, match="features"):
        model.partial_fit(X[:, :3], Y)
    assert_array_equal(model.predict_proba(X), before)


class FailsAtLast(SGDClassifier):
    """Its third training of a chunk fails, and those before change it in place."""

    n_calls = 0

    def partial_fit(self, *args, **kwargs):
        super().partial_fit(*args, **kwargs)
        type(self).n_calls += 1
        if type(self).n_calls == 6:
            raise RuntimeError("The last member fails.")
        return self


def test_members_before_the_one_that_fails_are_as_they_were():
    FailsAtLast.n_calls = 0
    model = ensemble(FailsAtLast(loss="log_loss", random_state=0))
    model.partial_fit(X, Y, classes=CLASSES)
    before = [member.coef_.copy() for member in model.estimators_]
    with pytest.raises(RuntimeError, match="last member"):
        model.partial_fit(X, Y)
    assert_array_equal([member.coef_ for member in model.estimators_], before)


def test_chunks_go_on_after_fit_and_fit_begins_anew():
    model = ensemble().fit(X, Y)
    assert hasattr(model, "oof_score_")
    before = model.estimators_[0].coefs_[0]
    model.partial_fit(X[:40], Y[:40])
    assert not hasattr(model, "oof_score_")
    change = np.abs(model.estimators_[0].coefs_[0] - before).max()
    assert 0 < change < 0.1
    model.fit(X, Y)
    assert_array_equal(model.predict_proba(X), ensemble().fit(X, Y).predict_proba(X))


@pytest.mark.parametrize(
    "check",
    [
        estimator_checks.check_estimators_partial_fit_n_features,
        estimator_checks.check_fit_score_takes_y,
        estimator_checks.check_n_features_in_after_fitting,
    ],
)
def test_scikit_learns_checks_of_partial_fit(check):
    check("FoldEnsembleClassifier", ensemble())
    check("FoldEnsembleRegressor", FoldEnsembleRegressor(MLPRegressor((3,)), cv=2))


def test_a_chunk_needs_a_target():
    for model in (ensemble(), FoldEnsembleRegressor(MLPRegressor((3,)))):
        with pytest.raises(ValueError, match="requires y to be passed"):
            model.partial_fit(X, None)


@pytest.mark.parametrize("params", [{"cv": 4}, {"cv": 2}, {"n_repeats": 2}])
def test_folds_do_not_change_between_calls(params):
    model = passes(ensemble(), 1)
    before = model.predict_proba(X)
    with pytest.raises(ValueError, match="of other folds: set them back"):
        model.set_params(**params).partial_fit(X, Y)
    assert_array_equal(model.predict_proba(X), before)


def test_the_first_chunk_has_rows_for_every_member():
    model = ensemble()
    for rows in (slice(1), [3] * 20):
        with pytest.raises(ValueError, match="all in one fold"):
            model.partial_fit(X[rows], Y[rows], classes=CLASSES)
    assert not hasattr(model, "estimators_")
    one = np.eye(len(X))[0]
    with pytest.raises(ValueError, match="all in one fold"):
        model.partial_fit(X, Y, one, classes=CLASSES)
    # Later ones need not.
    model.partial_fit(X, Y, classes=CLASSES).partial_fit(X[:1], Y[:1])
    model.partial_fit(X, Y, one)
    assert model.predict(X).shape == Y.shape


def test_what_cannot_go_in_chunks():
    assert not hasattr(FoldEnsembleClassifier(), "partial_fit")
    with pytest.raises(AttributeError) as caught:
        FoldEnsembleClassifier().partial_fit(X, Y)
    assert "such as MLPClassifier()" in str(caught.value.__cause__)
    with pytest.raises(ValueError, match="needs the number of folds"):
        passes(ensemble(cv=[(np.arange(100), np.arange(100, 150))]), 1)


FILE_OF_CHUNKS = """
import resource, sys
import numpy as np
from sklearn.base import clone
from skreg import MLPRegressor
from skreg.ensemble import FoldEnsembleRegressor

path, n_rows, n_columns = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
network = MLPRegressor(
    (16,), alpha=1e-3, l1_ratio=0.5, early_stopping=True, batch_size=200, random_state=0
)
model = FoldEnsembleRegressor(network, cv=2, random_state=0) if sys.argv[4] else network
rows = np.memmap(path, np.float32, "r", shape=(n_rows, n_columns))
# To compile functions takes memory, but only once.
few = np.array(rows[:300])
clone(model).partial_fit(few[:, :-1], few[:, -1], X_val=few[:, :-1], y_val=few[:, -1])
# Memory of the process itself; the pages of a file that is read do not count.
used = int(open("/proc/self/statm").read().split()[5]) * resource.getpagesize()
limit = used + 150 * 2**20
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
held_out = np.array(rows[:2000])
for start in range(2000, n_rows, 20_000):
    chunk = np.array(rows[start : start + 20_000])
    model.partial_fit(
        chunk[:, :-1], chunk[:, -1], X_val=held_out[:, :-1], y_val=held_out[:, -1]
    )
print(model.score(held_out[:, :-1], held_out[:, -1]))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="A limit of Linux's is used.")
@pytest.mark.parametrize("of_ensemble", ["", "ensemble"])
def test_a_file_larger_than_the_memory_allowed(tmp_path, of_ensemble):
    n_rows, n_columns, path = 450_000, 101, tmp_path / "rows"
    file = np.memmap(path, np.float32, "w+", shape=(n_rows, n_columns))
    rng = np.random.default_rng(0)
    for start in range(0, n_rows, 50_000):
        part = rng.standard_normal((50_000, n_columns), dtype=np.float32)
        part[:, -1] = part[:, 0] - part[:, 1]
        file[start : start + 50_000] = part
    file.flush()
    del file
    arguments = [str(path), str(n_rows), str(n_columns), of_ensemble]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FILE_OF_CHUNKS, *arguments],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) > 0.9
