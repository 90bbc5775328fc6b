"""Many rows, many classes, large labels: what they cost, and that they work."""

import gc
import tracemalloc

import numpy as np
import pytest
from helpers import BOTH
from sklearn.model_selection import train_test_split

from skreg import MLPClassifier
from skreg._core.step import _NumpyStep
from skreg._core.streams import Stream
from skreg._fitting.splits import split_validation_rows
from skreg._fitting.targets import _ROWS_OF_A_PART, LabelEncoding

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
@pytest.mark.parametrize("early_stopping", [False, True])
def test_what_a_row_costs_beyond_X(early_stopping, Estimator, engine, monkeypatch):
    """At 250 columns of float32 it is 20 bytes, 2 %. Here validation is not small."""
    network = Estimator((4,), max_iter=1, early_stopping=early_stopping, random_state=0)
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
    assert a_row < 40


@pytest.mark.parametrize("seed", range(30))
def test_the_split_is_scikit_learns_to_the_row(seed):
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
    for epoch in range(4):
        permutation = np.arange(300)
        random_state.shuffle(permutation)
        order = order[permutation]
        before = stream.copy()
        np.testing.assert_array_equal(stream.next_epoch(shuffle=True), order)
        # What goes on by itself has the order of its own.
        np.testing.assert_array_equal(before.next_epoch(shuffle=True), order)
        assert epoch < 4


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
