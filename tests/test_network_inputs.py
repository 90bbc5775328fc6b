"""How columns are scaled and encoded for the networks of ensembles."""

import numpy as np
import pytest
from helpers import all_checks
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.preprocessing import SplineTransformer, scale
from sklearn.utils.estimator_checks import estimator_checks_generator

from skreg.ensemble._inputs import NetworkInputs


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    columns = rng.normal(size=(200, 3)) * [1, 100, 1e-3] + [0, 1e6, 0]
    return np.column_stack([columns, rng.integers(2, size=200), np.full(200, 7.0)])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@all_checks(
    estimator_checks_generator,
    [
        NetworkInputs(),
        NetworkInputs("robust", n_knots=4),
        NetworkInputs("none", n_knots=2),
    ],
)
def test_check(estimator, check):
    check(estimator)


def test_standard_scaling(X):
    found = NetworkInputs("standard").fit_transform(X)
    assert found.dtype == np.float32
    assert_allclose(found[:, :4], scale(X[:, :4]), atol=1e-5)
    assert_array_equal(found[:, 4], 0)


def test_robust_scaling_is_by_quartiles_and_clips_smoothly(X):
    X[0, 0] = 1e200
    found = NetworkInputs("robust").fit_transform(X)
    first, median, third = np.quantile(X[:, :3], [0.25, 0.5, 0.75], axis=0)
    z = (X[1:, :3] - median) / (third - first)
    assert_allclose(found[1:, :3], z / np.sqrt(1 + (z / 3) ** 2), rtol=1e-5, atol=1e-6)
    assert found[0, 0] == pytest.approx(3)
    assert np.abs(found).max() <= 3
    assert_array_equal(found[:, 4], 0)


def test_robust_scaling_of_a_column_that_is_mostly_one_value():
    column = np.r_[np.zeros(90), 1.0, np.full(9, 4.0)][:, None]
    found = NetworkInputs("robust").fit_transform(column)
    z = column / 2  # half the range, because the quartiles are equal
    assert_allclose(found, z / np.sqrt(1 + (z / 3) ** 2), rtol=1e-6)


def test_no_scaling_leaves_columns_as_they_are(X):
    assert_array_equal(NetworkInputs("none").fit_transform(X), X.astype(np.float32))


@pytest.mark.parametrize("scaling", ["standard", "robust", "none"])
def test_splines_are_scikit_learns_and_stand_beside_the_columns(X, scaling):
    inputs = NetworkInputs(scaling, n_knots=5).fit(X[:150])
    found = inputs.transform(X)
    plain = NetworkInputs(scaling).fit(X[:150]).transform(X)
    knots = np.quantile(X[:150, :3], np.linspace(0, 1, 5), axis=0)
    splines = SplineTransformer(degree=1, knots=knots, extrapolation="constant")
    expected = splines.fit(X[:150, :3]).transform(X[:, :3])
    assert_array_equal(found[:, :5], plain)
    assert_allclose(found[:, 5:], expected, rtol=1e-6)
    names = [f"x{k}" for k in range(5)]
    assert_array_equal(inputs.get_feature_names_out()[:5], names)
    assert len(inputs.get_feature_names_out()) == found.shape[1]


def test_columns_of_few_values_and_with_equal_quantiles_have_no_splines():
    rng = np.random.default_rng(0)
    many = rng.normal(size=100)
    ten, eleven = np.arange(100) % 10, np.arange(100) % 11
    mostly_zero = np.where(many > 1, many, 0)
    one_hot = np.eye(3)[np.arange(100) % 3]

    def n_columns(column):
        X = column.reshape(100, -1).astype(float)
        return NetworkInputs(n_knots=4).fit_transform(X).shape[1]

    assert n_columns(many) == n_columns(eleven) == 1 + 4
    assert n_columns(ten) == n_columns(mostly_zero) == 1
    assert n_columns(one_hot) == 3


def test_a_second_fit_forgets_the_splines_of_the_first(X):
    inputs = NetworkInputs(n_knots=4).fit(X)
    few_values = X[:, 3:]
    found = inputs.fit(few_values).transform(few_values)
    assert_array_equal(found, NetworkInputs().fit_transform(few_values))
    found = inputs.fit(X).set_params(n_knots=0).fit(X).transform(X)
    assert_array_equal(found, NetworkInputs().fit_transform(X))


def test_splines_have_the_names_of_their_columns():
    rng = np.random.default_rng(0)
    X = np.column_stack([np.arange(100) % 2, rng.normal(size=(100, 2))])
    inputs = NetworkInputs(n_knots=2).fit(X)
    names = [*"abc", "b_sp_0", "b_sp_1", "c_sp_0", "c_sp_1"]
    assert_array_equal(inputs.get_feature_names_out(list("abc")), names)


def test_what_the_columns_are_scaled_by_is_that_of_the_rows_of_fit(X):
    inputs = NetworkInputs("robust", n_knots=4).fit(X[:100])
    assert_array_equal(inputs.transform(X)[:100], inputs.transform(X[:100]))
    # Beyond the rows of `fit` splines are constant.
    above, far_above = X[:1] + 1e6, X[:1] + 2e6
    assert_array_equal(
        inputs.transform(above)[:, 5:], inputs.transform(far_above)[:, 5:]
    )


@pytest.mark.parametrize("n_knots", [-1, 1, 2.0])
def test_the_number_of_knots_is_checked(X, n_knots):
    with pytest.raises(ValueError, match="'n_knots' parameter"):
        NetworkInputs(n_knots=n_knots).fit(X)


def test_float32_and_float64_are_given_alike(X):
    X = X.astype(np.float32)
    inputs = NetworkInputs(n_knots=4)
    assert_array_equal(
        inputs.fit_transform(X), inputs.fit_transform(X.astype(np.float64))
    )


def test_the_scaler_of_scikit_learn_shares_nothing(X):
    inputs = NetworkInputs().fit(X)
    expected = inputs.transform(X)
    scaler = inputs.to_sklearn()
    assert_allclose(scaler.transform(X), expected, atol=1e-5)
    scaler.mean_[:] = scaler.scale_[:] = 3
    assert_array_equal(inputs.transform(X), expected)
