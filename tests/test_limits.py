"""Many rows, many classes, large labels: what they cost, and that they work."""

import gc
import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from helpers import BOTH, CHUNK_BYTES
from sklearn.base import clone
from sklearn.model_selection import train_test_split

from skreg import MLPClassifier, MLPRegressor, config_context
from skreg._core.losses import SquaredError
from skreg._core.network import Network
from skreg._core.periodic import PeriodicLayer
from skreg._core.predictions import predict_raw
from skreg._core.step import _NumpyStep
from skreg._core.streams import Stream
from skreg._fitting import splits
from skreg._fitting.splits import split_validation_rows
from skreg._fitting.targets import _ROWS_OF_A_PART, LabelEncoding
from skreg.ensemble import FoldEnsembleClassifier
from skreg.model_selection import GridSearchCV

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


# -- many rows -------------------------------------------------------------------------


def peak(function):
    """The largest number of bytes that a call has at a time, beyond those before it."""
    gc.collect()
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@BOTH
@pytest.mark.both_engines
@pytest.mark.parametrize(
    ("parameters", "most"),
    [
        ({"solver": "adam"}, 14),
        ({"solver": "adam", "early_stopping": True}, 18),
        ({"solver": "lbfgs"}, 10),
    ],
    ids=["adam", "early stopping", "lbfgs"],
)
def test_what_a_row_costs_beyond_X(parameters, most, Estimator, engine, monkeypatch):
    """At 250 columns of float32, 2 % are 20 bytes."""
    network = Estimator((4,), max_iter=1, random_state=0, **parameters)
    monkeypatch.setattr(CHUNK_BYTES[engine], 2**14)
    # Narrow rows make long blocks of minibatches, as long as an epoch here.
    Step = _NumpyStep
    if engine == "compiled":
        from skreg._core.compiled.step import CompiledStep as Step
    monkeypatch.setattr(Step, "longest_block", lambda self, n_rows: 4)

    def bytes_of(n_rows):
        X = np.random.default_rng(0).normal(size=(n_rows, 20)).astype("f4")
        y = np.arange(n_rows) % 3 if Estimator is MLPClassifier else X[:, 0]
        return peak(lambda: network.fit(X, y))

    # Once before, for what is made only once.
    bytes_of(1000)
    a_row = (bytes_of(200_000) - bytes_of(100_000)) / 100_000
    # Four bytes each are its number, its place in the order of an epoch, its target,
    # and for a moment, where the unit of a loss is found, its loss.
    assert a_row < most


@pytest.mark.both_engines
@pytest.mark.parametrize("n_waves", [0, 100])
def test_memory_of_a_prediction_grows_neither_with_rows_nor_with_networks(n_waves):
    units, periodic = 100, None
    if n_waves:
        units, periodic = 4, PeriodicLayer(4, [1], n_waves)
    network = Network((4, units, 1), "relu", SquaredError(), periodic)

    def bytes_of(n_rows, n_models):
        X, params = np.ones((n_rows, 4)), np.ones((n_models, network.n_params))
        size = peak(lambda: predict_raw(network, params, X))
        # The numbers of the rows, and the predictions.
        return size - 8 * n_rows * (1 + n_models)

    bytes_of(2, 1)
    a_chunk = bytes_of(4_000, 1)
    assert bytes_of(20_000, 1) < 1.2 * a_chunk
    assert bytes_of(4_000, 8) < 1.2 * a_chunk


@pytest.mark.parametrize("seed", range(30))
def test_the_split_is_scikit_learns_to_the_row(seed, monkeypatch):
    monkeypatch.setattr(splits, "_ROWS_OF_A_PART", 50)
    rng = np.random.RandomState(seed)
    n_rows, n_classes = rng.randint(40, 400), rng.randint(1, 12)
    codes = rng.randint(n_classes, size=n_rows)
    # No class has one row.
    codes = np.concatenate([codes, np.arange(n_classes), np.arange(n_classes)])
    fraction = [0.2, 0.37, n_classes + 3][seed % 3]
    for strata in (None, codes, codes.astype(np.int8)):
        generator = np.random.RandomState(seed)
        expected = train_test_split(
            np.arange(len(codes)),
            test_size=fraction,
            stratify=strata,
            random_state=np.random.RandomState(seed),
        )
        found = split_validation_rows(len(codes), fraction, generator, strata)
        for rows, others in zip(found, expected, strict=True):
            np.testing.assert_array_equal(rows, others)


def test_the_order_is_that_of_permutations_of_permutations():
    rows = np.arange(100, 400)
    stream = Stream(rows, np.random.RandomState(3))
    random_state, order = np.random.RandomState(3), np.arange(300)
    for _ in range(4):
        permutation = np.arange(300)
        random_state.shuffle(permutation)
        order = order[permutation]
        before = stream.copy()
        np.testing.assert_array_equal(stream.next_epoch(shuffle=True), order)
        # What goes on by itself has the order of its own.
        np.testing.assert_array_equal(before.next_epoch(shuffle=True), order)


def test_targets_of_several_parts():
    n_rows = 2 * _ROWS_OF_A_PART + 3
    y = np.arange(n_rows) % 3
    encoding = LabelEncoding.of(y)
    np.testing.assert_array_equal(encoding.encode(y, np.float32), np.eye(3)[y])
    np.testing.assert_array_equal(encoding.strata(y), y)
    y = np.arange(n_rows) % 2
    np.testing.assert_array_equal(LabelEncoding.of(y).encode(y, float)[:, 0], y)
    # A label that is not known has no class.
    assert not encoding.encode(np.full(3, 7), float).any()
    np.testing.assert_array_equal(encoding.strata(np.array([1, 7])), [1, -1])


def test_the_unit_of_a_regression_is_of_all_parts():
    n_rows = 2 * _ROWS_OF_A_PART + 3
    y = np.random.RandomState(0).normal(size=n_rows) * np.arange(n_rows)
    X, y = y[:, None] / n_rows, y.astype("f4")
    network = MLPRegressor((), early_stopping=True, max_iter=1, random_state=0)
    network.fit(X, y, X_val=X[:50], y_val=y[:50])
    loss = np.square(y[:50] - network.predict(X[:50])).mean()
    unit = np.square(y - y.mean()).mean()
    np.testing.assert_allclose(network.best_validation_score_, -loss / unit, rtol=1e-5)


# -- many classes ----------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.both_engines
# scikit-learn's.
@pytest.mark.filterwarnings("ignore:The number of unique classes")
def test_ten_thousand_classes():
    n_classes = 10_000
    X = np.random.default_rng(0).normal(size=(n_classes + 50, 2)).astype("f4")
    y = np.arange(len(X)) % n_classes
    network = MLPClassifier((3,), max_iter=1, early_stopping=True, random_state=0)
    # Fifty classes have a second row, and too few rows are held out for each of them.
    network.set_params(batch_size=1000, validation_fraction=60)
    with pytest.warns(match="The validation split is not stratified"):
        network.fit(X, y)
    assert len(network.classes_) == n_classes
    assert set(network.predict(X[:50])) <= set(range(n_classes))
    np.testing.assert_allclose(network.predict_proba(X[:5]).sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("n_classes", [300, 40_000])
def test_a_split_of_many_classes_has_each_on_both_sides(n_classes):
    codes = np.arange(4 * n_classes) % n_classes
    generator = np.random.RandomState(0)
    train, held_out = split_validation_rows(len(codes), 0.25, generator, codes)
    np.testing.assert_array_equal(np.bincount(codes[train]), 3)
    np.testing.assert_array_equal(np.bincount(codes[held_out]), 1)


# -- labels that are large -------------------------------------------------------------

LABELS = {
    "uint64": np.array([2**63 + 1, 2**63 + 2, 2**64 - 1], dtype="u8"),
    "uint64 of all sizes": np.array([0, 2**63, 2**64 - 1], dtype="u8"),
    "int64": np.array([-(2**63), 0, 2**63 - 1], dtype="i8"),
    "int8": np.array([-128, 0, 127], dtype="i1"),
    "uint8": np.array([0, 128, 255], dtype="u1"),
    # Above 2 ** 53 not every integer is a float, but these are.
    "float64": np.array([2.0**53, 2.0**53 + 2, -1.0]),
}


@pytest.mark.parametrize("name", LABELS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_labels_come_back_as_they_were(early_stopping, name):
    classes = LABELS[name]
    codes = np.arange(90) % 3
    X, y = np.eye(3)[codes], classes[codes]
    network = MLPClassifier((), learning_rate_init=0.5, random_state=0)
    network.set_params(max_iter=30, early_stopping=early_stopping)
    for fitted in (
        network.fit(X, y),
        clone(network)
        .set_params(early_stopping=False)
        .partial_fit(X, y, classes=classes),
        GridSearchCV(network, {"alpha": [1e-4, 1e-3]}, cv=2).fit(X, y),
        FoldEnsembleClassifier(network, cv=2).fit(X, y),
    ):
        assert fitted.classes_.dtype == classes.dtype
        np.testing.assert_array_equal(fitted.classes_, np.sort(classes))
        if fitted is network:
            np.testing.assert_array_equal(fitted.predict(X), y)
        assert fitted.predict(X).dtype == classes.dtype


def test_integers_beyond_those_of_numpy_can_be_cast_as_the_error_says():
    codes = np.arange(30) % 3
    X, y = np.eye(3)[codes], np.array([10**30, -(10**30), 7], dtype=object)[codes]
    network = MLPClassifier((3,), max_iter=2)
    with pytest.raises(ValueError, match=r"type int .* y.astype\(str\)"):
        network.fit(X, y)
    assert set(network.fit(X, y.astype(str)).classes_) == {str(each) for each in y}
    with pytest.raises(ValueError, match=r"type int .* y.astype\(int\)"):
        network.fit(X, codes.astype(object))


# -- numbers that are large ------------------------------------------------------------


@pytest.mark.both_engines
@BOTH
@pytest.mark.parametrize("learning_rate_init", [1e-3, 1e30])
@pytest.mark.parametrize("scale", [1e30, 3e38])
def test_float32_does_not_overflow_unseen(scale, learning_rate_init, Estimator):
    rows = np.random.RandomState(0).uniform(-1, 1, size=(60, 4))
    X, y = (scale * rows).astype("f4"), np.arange(60) % 2
    for solver in ("adam", "sgd", "lbfgs", "fista"):
        for early_stopping in (False, True):
            network = Estimator((5,), solver=solver, early_stopping=early_stopping)
            network.set_params(max_iter=4, random_state=0)
            network.set_params(learning_rate_init=learning_rate_init)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                warnings.filterwarnings("error", ".* encountered in", RuntimeWarning)
                try:
                    predicted = network.fit(X, y).predict(X)
                except ValueError as error:
                    assert "non-finite" in str(error)
                else:
                    assert np.isfinite(predicted).all()


# -- threads ---------------------------------------------------------------------------


@pytest.mark.both_engines
def test_eight_threads_fit_and_predict_as_one_would(engine):
    X, y = np.random.RandomState(0).normal(size=(100, 4)), np.arange(100) % 3
    shared = MLPClassifier((6,), max_iter=5, random_state=0).fit(X, y)
    expected = shared.predict_proba(X)

    def run(seed):
        with config_context(engine=engine):
            network = MLPClassifier((6,), max_iter=5, early_stopping=seed % 2 == 0)
            network.set_params(random_state=seed).fit(X, y)
            np.testing.assert_array_equal(shared.predict_proba(X), expected)
            return network.predict_proba(X)

    alone = [run(seed) for seed in range(16)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(run, range(16)))
    np.testing.assert_array_equal(together, alone)


# -- many fits -------------------------------------------------------------------------


def size_of_process():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return 1024 * int(line.split()[1])


@pytest.mark.slow
@pytest.mark.both_engines
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc")
def test_a_thousand_fits_leave_nothing():
    X, y = np.random.RandomState(0).normal(size=(80, 5)), np.arange(80) % 3

    def fit(number):
        network = MLPClassifier((3 + number % 9,), max_iter=2, random_state=0)
        network.set_params(batch_size=10 + number % 7, dropout=0.1 * (number % 2))
        network.fit(X[number % 20 :], y[number % 20 :]).predict(X)
        if number % 5 == 0:
            GridSearchCV(network, {"alpha": [1e-4, 1e-2]}, cv=2).fit(X, y)

    for number in range(100):
        fit(number)
    gc.collect()
    before = size_of_process()
    for number in range(1000):
        fit(number)
    gc.collect()
    # If every network were kept, it would be 14 MB.
    assert size_of_process() - before < 2 * 2**20
