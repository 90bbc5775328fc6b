"""Compiled kernels one by one, against what NumPy's step calls in their place."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

numba = pytest.importorskip("numba")

from scipy.special import expit  # noqa: E402

from skreg._core import losses as numpy_losses  # noqa: E402
from skreg._core.activations import ACTIVATIONS  # noqa: E402
from skreg._core.compiled import activations, elementary, losses  # noqa: E402
from skreg._core.compiled.primitives import address_of_product, call, product  # noqa: E402

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, -5e-324, 1e-310, 2.3e-308, 1e-40]


# -- elementary functions --------------------------------------------------------------


@numba.njit
def exps(values, out):
    for i in range(len(values)):
        out[i] = elementary.exp(values[i])


@numba.njit
def tanhs(values, out):
    for i in range(len(values)):
        out[i] = elementary.tanh(values[i])


@numba.njit
def waves(turns, cosines, sines):
    for i in range(len(turns)):
        cosines[i] = elementary.cos_of_turns(turns[i])
        sines[i] = elementary.sin_of_turns(turns[i])


@DTYPES
def test_waves(dtype):
    rng = np.random.default_rng(0)
    turns = np.concatenate(
        [
            np.arange(-16, 17) / 8,
            rng.uniform(-2, 2, 20_000),
            1e3 * rng.normal(size=20_000),
            10.0 ** rng.uniform(-300, 300 if dtype == np.float64 else 30, 20_000),
            [0.0, -0.0, np.nan, np.inf, -np.inf],
        ]
    ).astype(dtype)
    cosines, sines = np.empty_like(turns), np.empty_like(turns)
    waves(turns, cosines, sines)
    with np.errstate(invalid="ignore"):
        part = turns - np.rint(turns)
        angle = 2 * np.pi * part.astype(np.float64)
    atol = 5e-16 if dtype == np.float64 else 2e-7
    assert_allclose(cosines, np.cos(angle), rtol=0, atol=atol)
    assert_allclose(sines, np.sin(angle), rtol=0, atol=atol)
    # Eighths of a turn.
    assert_array_equal(abs(cosines[:33:2]), [1, 0] * 8 + [1])
    assert_array_equal(abs(sines[:33:2]), [0, 1] * 8 + [0])


def wide_range():
    """Numbers of all sizes, and many where the functions bend."""
    rng = np.random.default_rng(0)
    sizes = 10.0 ** rng.uniform(-320, 308, 20_000)
    return np.concatenate(
        [
            SPECIAL,
            sizes,
            -sizes,
            rng.uniform(-745, 712, 20_000),
            rng.normal(size=20_000),
        ]
    )


def test_exp():
    values = wide_range()
    out = np.empty_like(values)
    exps(values, out)
    with np.errstate(all="ignore"):
        expected = np.exp(values)
    # Below this there are no normal numbers, and it is as good as zero.
    is_tiny = values < -708
    assert_allclose(out[~is_tiny], expected[~is_tiny], rtol=1e-15)
    assert (0 <= out[is_tiny]).all() and (out[is_tiny] < 4e-308).all()
    assert out[0] == out[1] == 1
    assert np.isinf(out[values > 709.79]).all() and np.isnan(out[4])
    assert np.isfinite(out[values < 709.78]).all()


def test_tanh():
    values = wide_range()
    out = np.empty_like(values)
    tanhs(values, out)
    expected = np.tanh(values)
    is_subnormal = np.abs(values) < np.finfo(float).tiny
    normal = ~is_subnormal
    assert_allclose(out[normal], expected[normal], rtol=1e-15)
    assert_allclose(out[is_subnormal], expected[is_subnormal], atol=1e-323)
    assert (out[np.abs(values) > 20] == np.sign(values[np.abs(values) > 20])).all()
    assert (np.abs(out[~np.isnan(values)]) <= 1).all()
    assert np.isnan(out[4])


def test_float32_is_rounded_once():
    values = wide_range()
    values = values[np.abs(values) < 80].astype(np.float32)
    out = np.empty_like(values)
    for function, expected in ((exps, np.exp), (tanhs, np.tanh)):
        function(values, out)
        exact = expected(values.astype(float))
        assert_array_equal(out, exact.astype(np.float32))


# -- activations -----------------------------------------------------------------------


@numba.njit
def call_three(address, first, second, third):
    call(address, (first, second, third))


def apply_both(name, Z, intercepts, delta):
    """Values, derivatives times delta and their sums, by the kernels and by NumPy."""
    apply, derivative = activations.addresses_of_activation(name, Z.dtype)
    H = Z.copy()
    needs_input = ACTIVATIONS[name].needs_input
    inputs = np.empty_like(Z) if needs_input else H
    call_three(apply, H, intercepts, inputs)
    product, sums = delta.copy(), np.empty(len(Z), Z.dtype)
    call_three(derivative, inputs, product, sums)

    expected = Z + intercepts[:, None]
    kept = expected.copy() if needs_input else expected
    ACTIVATIONS[name].apply(expected)
    expected_product = delta.copy()
    ACTIVATIONS[name].multiply_derivative(kept, expected_product)
    return (H, product, sums), (expected, expected_product)


@DTYPES
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_and_derivatives(name, dtype):
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(5, 37)) * 10.0 ** rng.uniform(-3, 1, size=(5, 37))
    intercepts, delta = rng.normal(size=5), rng.normal(size=(5, 37))
    arrays = (array.astype(dtype) for array in (Z, intercepts, delta))
    (H, product, sums), expected = apply_both(name, *arrays)
    rtol, atol = (1e-5, 1e-6) if dtype is np.float32 else (1e-12, 1e-14)
    assert_allclose(H, expected[0], rtol=rtol, atol=atol)
    assert_allclose(product, expected[1], rtol=rtol, atol=atol)
    assert_allclose(sums, expected[1].sum(axis=1), rtol=rtol, atol=10 * atol)


@DTYPES
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_far_from_zero(name, dtype):
    largest = np.finfo(dtype).max / 4
    Z = np.array([[-largest, -1e5, -800, -100, -30, 0, 30, 100, 800, 1e5, largest]])
    with np.errstate(all="ignore"):
        (H, product, _), expected = apply_both(
            name, Z.astype(dtype), np.zeros(1, dtype), np.ones_like(Z, dtype)
        )
    assert np.isfinite(H).all() and np.isfinite(product).all()
    atol = 1e-38 if dtype is np.float32 else 1e-300
    assert_allclose(H, expected[0], rtol=1e-6, atol=atol)
    assert_allclose(product, expected[1], rtol=1e-6, atol=atol)


@DTYPES
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_what_is_not_a_number_is_recognized(name, dtype):
    Z = np.array([[np.nan, np.inf, -np.inf, 1.0]], dtype)
    with np.errstate(all="ignore"):
        (H, product, sums), expected = apply_both(
            name, Z, np.zeros(1, dtype), np.array([[1.0, 1, 1, np.nan]], dtype)
        )
    assert np.isnan(H[0, 0])
    assert_array_equal(np.isnan(H), np.isnan(expected[0]))
    assert_array_equal(H[np.isinf(expected[0])], expected[0][np.isinf(expected[0])])
    assert np.isnan(product[0, 3]) and np.isnan(sums[0])


# -- losses ----------------------------------------------------------------------------


@numba.njit
def call_loss(address, parameter, raw, Y, weight, scale, delta, lines, total):
    call(address, (parameter, raw, Y, weight, scale, delta, lines, total))


LOSSES = {
    "squared_error": numpy_losses.SquaredError(),
    "absolute_error": numpy_losses.AbsoluteError(),
    "quantile": numpy_losses.Quantile(0.3),
    "huber": numpy_losses.Huber(0.7),
    "poisson": numpy_losses.HalfPoisson(),
    "binary": numpy_losses.HalfBinomial(),
    "multiclass": numpy_losses.HalfMultinomial(),
}


def loss_both(loss, raw, Y, weight, scale):
    """Gradients and summed losses, by the kernel and by NumPy."""
    n_rows, total = raw.shape[1], np.ones(1)
    delta, lines = np.empty_like(raw), np.empty(losses.N_LINES * n_rows)
    readonly = Y.copy()
    readonly.flags.writeable = False
    call_loss(
        losses.address_of_loss(type(loss), raw.dtype),
        losses.parameter_of(loss),
        raw.copy(),
        readonly,
        np.empty(0) if weight is None else weight,
        scale,
        delta,
        lines,
        total,
    )
    weight = np.ones(n_rows) if weight is None else weight
    expected = np.empty_like(raw)
    with np.errstate(all="ignore"):
        loss.gradient(raw, Y, out=expected)
        # A sum is added to what there is.
        expected_total = 1 + (loss.value(raw.astype(float), Y) * weight).sum()
        return (delta, total[0]), (expected * weight * scale, expected_total)


@DTYPES
@pytest.mark.parametrize("size", [1.0, 30.0])
@pytest.mark.parametrize("is_weighted", [False, True])
@pytest.mark.parametrize("name", LOSSES)
def test_losses(name, is_weighted, size, dtype):
    rng = np.random.default_rng(0)
    raw = size * rng.normal(size=(3, 29))
    targets = {
        "poisson": rng.poisson(1.0, size=(3, 29)),
        "binary": rng.integers(2, size=(3, 29)),
        "multiclass": np.eye(3)[rng.integers(3, size=29)].T,
    }
    Y = targets.get(name, raw + rng.normal(size=(3, 29)))
    # Mixtures of classes, and residuals of zero.
    if name in ("binary", "multiclass"):
        Y = 0.9 * Y + 0.1 * Y[:, ::-1]
    Y[:, 3] = raw[:, 3] if name not in targets else Y[:, 3]
    weight = rng.uniform(0, 2, size=29) if is_weighted else None
    raw, Y = raw.astype(dtype), np.ascontiguousarray(Y, dtype=dtype)
    (delta, total), expected = loss_both(LOSSES[name], raw, Y, weight, 0.125)
    rtol, atol = (2e-5, 1e-6) if dtype is np.float32 else (1e-12, 1e-13)
    assert_allclose(delta, expected[0], rtol=rtol, atol=atol)
    assert_allclose(total, expected[1], rtol=rtol)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_of_what_is_not_finite(name):
    loss = LOSSES[name]
    for bad in (np.nan, np.inf, -np.inf, 800.0, -800.0):
        raw = np.array([[0.1, bad], [0.2, 0.3]])
        Y = np.array([[1.0, 0.0], [0.0, 1.0]])
        (delta, total), expected = loss_both(loss, raw, Y, None, 1.0)
        assert_array_equal(np.isfinite(delta), np.isfinite(expected[0]), err_msg=bad)
        assert np.isfinite(total) == np.isfinite(expected[1]), bad
        finite = np.isfinite(expected[0])
        assert_allclose(delta[finite], expected[0][finite], rtol=1e-12, atol=1e-300)


def test_sigmoids_are_those_of_scipy():
    values = np.linspace(-40, 40, 2001)[None]
    (H, *_), _ = apply_both("logistic", values, np.zeros(1), np.ones_like(values))
    assert_allclose(H, expit(values), rtol=1e-14)


# -- products --------------------------------------------------------------------------


@numba.njit
def multiply(gemm, A, is_a_transposed, B, is_b_transposed, out):
    product(gemm, A, is_a_transposed, B, is_b_transposed, out)


# Multiply-adds of some of them are cut into two to four parts; the last one is larger.
SIZES = [(1, 1, 1), (3, 5, 2), (1, 7, 4), (7, 1, 4), (130, 100, 101), (301, 100, 97)]
SIZES += [(100, 200, 200), (150, 200, 200)]


@DTYPES
@pytest.mark.parametrize("transposed", [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("sizes", SIZES)
def test_products(sizes, transposed, dtype):
    rng = np.random.default_rng(0)
    n_rows, n_columns, n_inner = sizes
    A = rng.normal(size=(n_inner, n_rows) if transposed[0] else (n_rows, n_inner))
    B = rng.normal(size=(n_columns, n_inner) if transposed[1] else (n_inner, n_columns))
    # What stood there before is not read.
    out = np.full((n_rows, n_columns), np.nan, dtype)
    A, B = A.astype(dtype), B.astype(dtype)
    flags = [bool(flag) for flag in transposed]
    multiply(address_of_product(dtype), A, flags[0], B, flags[1], out)
    expected = (A.T if flags[0] else A) @ (B.T if flags[1] else B)
    atol = 1e-4 if dtype is np.float32 else 1e-12
    assert_allclose(out, expected, rtol=0, atol=atol)


def test_every_class_of_the_package_has_its_kernel():
    for name, kind in numpy_losses.REGRESSION_LOSSES.items():
        assert losses.is_compiled_loss(kind(*[0.5] * len(kind.parameters))), name
    assert set(activations._KERNELS) == set(ACTIVATIONS)
