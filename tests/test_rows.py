"""The first layer's input: products of any size, and columns that vary."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse

from skreg._core.rows import any_column_varies, make_rows

N_FEATURES, N_UNITS = 50, 101


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("groups", [[slice(0, 2)], [slice(0, 1), slice(1, 2)]])
# The products have about one to five million multiply-adds: those that are cut have two
# to four parts, into which neither the rows nor the units divide.
@pytest.mark.parametrize("n_rows", [7, 203, 371, 403, 607, 1001])
def test_products_are_whole_into_however_many_parts_they_are_cut(
    n_rows, groups, is_sparse
):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2 * n_rows, N_FEATURES))
    block = rng.normal(size=(2, N_FEATURES + 1, N_UNITS))
    delta = rng.normal(size=(2, N_UNITS, n_rows))
    inputs = make_rows(sparse.csr_matrix(X) if is_sparse else X, n_rows, groups)
    picked = [rng.permutation(2 * n_rows)[:n_rows] for _ in groups]
    for group, rows in enumerate(picked):
        inputs.load(group, rows)
    # What stood there before is not read.
    sums, gradient = np.full_like(delta, np.nan), np.full_like(block, np.nan)
    inputs.forward(block, sums)
    inputs.gradient(delta, gradient)
    for group, models in enumerate(groups):
        with_one = np.c_[X[picked[group]], np.ones(n_rows)]
        for model in range(models.start, models.stop):
            assert_allclose(sums[model], (with_one @ block[model]).T, atol=1e-11)
            assert_allclose(gradient[model], (delta[model] @ with_one).T, atol=1e-11)


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("n_rows", [1, 2, 255, 256, 257, 300, 512])
def test_a_column_varies_wherever_another_value_is(n_rows, is_sparse):
    for place in {0, n_rows // 2, n_rows - 1}:
        # The rows in between are not asked for.
        X = np.arange(2 * n_rows * 3.0).reshape(2 * n_rows, 3) % 6
        rows = 2 * np.arange(n_rows)[::-1]
        X[rows] = [0, 3, 0]
        given = sparse.csr_matrix(X) if is_sparse else X
        assert not any_column_varies(given, rows)
        X[rows[place], 1] = 4
        given = sparse.csr_matrix(X) if is_sparse else X
        assert any_column_varies(given, rows) == (n_rows > 1)
