"""The resampler, and estimators with a resampler in front of their fit."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from helpers import all_checks, noisy
from imblearn.base import is_sampler
from imblearn.over_sampling import RandomOverSampler
from imblearn.utils import estimator_checks as imblearn_checks
from scipy import sparse
from sklearn.datasets import make_classification
from sklearn.utils.estimator_checks import estimator_checks_generator

from skreg.augmentation import (
    AugmentingResampler,
    Compose,
    CutMix,
    FeatureDropout,
    GaussianNoise,
    HorizontalFlip,
    Mixup,
    SwapNoise,
)

pl = pytest.importorskip("polars")

RESAMPLERS = [
    AugmentingResampler(GaussianNoise(), random_state=0),
    AugmentingResampler(Mixup(), random_state=0),
    AugmentingResampler(CutMix(), sampling_strategy="auto", random_state=0),
    AugmentingResampler(SwapNoise(), keep_original=False, random_state=0),
    AugmentingResampler(
        Compose([FeatureDropout(), Mixup(), CutMix()]), n_copies=2, random_state=0
    ),
]


@all_checks(imblearn_checks.estimator_checks_generator, RESAMPLERS)
def test_imbalanced_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("resampler", RESAMPLERS, ids=repr)
def test_imbalanced_learns_further_checks(resampler):
    name = type(resampler).__name__
    imblearn_checks.check_param_validation(name, resampler)
    imblearn_checks.check_dataframe_column_names_consistency(name, resampler)
    assert is_sampler(resampler)


@all_checks(estimator_checks_generator, RESAMPLERS)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def numbered(n=60, n_classes=3):
    """Rows that tell where they come from, in classes of different sizes."""
    X = np.column_stack([np.arange(n), -np.arange(n)]).astype(float)
    y = np.minimum(np.arange(n) % 6, n_classes - 1)
    return X, y


def leave(X, Y, sample_weight, rng):
    return X, Y, sample_weight


# --- which rows --------------------------------------------------------------------


def test_originals_come_first_and_copies_in_their_order():
    X, y = numbered()
    X_new, y_new = AugmentingResampler(leave, n_copies=2).fit_resample(X, y)
    np.testing.assert_array_equal(X_new, np.tile(X, (3, 1)))
    np.testing.assert_array_equal(y_new, np.tile(y, 3))


def test_without_the_originals():
    X, y = numbered()
    resampler = AugmentingResampler(leave, n_copies=2, keep_original=False)
    X_new, y_new = resampler.fit_resample(X, y)
    np.testing.assert_array_equal(X_new, np.tile(X, (2, 1)))
    np.testing.assert_array_equal(y_new, np.tile(y, 2))
    np.testing.assert_array_equal(resampler.sample_indices_, np.tile(np.arange(60), 2))


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (None, [20, 20, 80]),
        ("auto", [40, 40, 40]),
        ("not majority", [40, 40, 40]),
        ("all", [40, 40, 40]),
        ("not minority", [10, 40, 40]),
        ("minority", [40, 10, 40]),
        ({0: 25, 2: 41}, [25, 10, 41]),
        ({0: 10, 1: 12, 2: 40}, [10, 12, 40]),
        (lambda y: {1: int((np.asarray(y) == 1).sum()) + 3}, [10, 13, 40]),
    ],
)
@pytest.mark.parametrize("keep_original", [True, False])
def test_sampling_strategy(strategy, expected, keep_original):
    X, y = numbered()
    resampler = AugmentingResampler(
        leave, sampling_strategy=strategy, keep_original=keep_original
    )
    X_new, y_new = resampler.fit_resample(X, y)
    counts = np.array(expected)
    if strategy is None and not keep_original:
        counts = counts // 2
    np.testing.assert_array_equal(np.bincount(y_new), counts)
    np.testing.assert_array_equal(y_new, y[X_new[:, 0].astype(int)])
    new = y_new[60:] if keep_original else y_new
    added = {c: n for c, n in resampler.sampling_strategy_.items() if n}
    assert added == dict(Counter(new.tolist()))
    # Rows of a class are used equally often.
    used = np.bincount(resampler.sample_indices_, minlength=60)
    for c in range(3):
        assert np.ptp(used[y == c]) <= 1


def test_a_ratio_for_two_classes():
    X, y = numbered(n_classes=2)
    resampler = AugmentingResampler(leave, sampling_strategy=0.5)
    assert np.bincount(resampler.fit_resample(X, y)[1]).tolist() == [25, 50]


@pytest.mark.parametrize("strategy", ["auto", "all", "not minority", "minority", 0.8])
def test_strategies_are_those_of_imbalanced_learn(strategy):
    X, y = make_classification(300, weights=[0.7], random_state=1)
    if not isinstance(strategy, float):
        X, y = make_classification(
            300, n_classes=3, n_informative=4, weights=[0.6, 0.3], random_state=1
        )
    theirs = RandomOverSampler(sampling_strategy=strategy).fit(X, y)
    ours = AugmentingResampler(leave, sampling_strategy=strategy).fit(X, y)
    assert ours.sampling_strategy_ == dict(theirs.sampling_strategy_)


# --- sources and labels ------------------------------------------------------------


@pytest.mark.parametrize("strategy", [None, "all", "auto"])
@pytest.mark.parametrize(
    "mixing", [Mixup(alpha=1.0), Mixup(p=0.5), Compose([Mixup(), Mixup()])], ids=repr
)
def test_sources_reproduce_mixtures(mixing, strategy):
    X, y = noisy()
    y[:150] = 0
    resampler = AugmentingResampler(mixing, sampling_strategy=strategy, random_state=0)
    X_new, y_new = resampler.fit_resample(X, y)
    n_new = len(X_new)
    partners = resampler.partner_indices_.reshape(n_new, -1)
    shares = resampler.partner_shares_.reshape(n_new, -1)
    assert partners.shape[1] == (3 if isinstance(mixing, Compose) else 1)
    assert resampler.partner_indices_.ndim == (2 if isinstance(mixing, Compose) else 1)
    own = (1 - shares.sum(axis=1))[:, None] * X[resampler.sample_indices_]
    np.testing.assert_allclose(
        X_new, own + np.einsum("ip,ipj->ij", shares, X[partners]), atol=1e-12
    )
    np.testing.assert_array_equal(
        partners[:700], np.arange(700)[:, None] + 0 * partners[:700]
    )
    assert (shares[:700] == 0).all()
    assert (shares[700:] > 0).any()
    if strategy is None:
        assert (y[partners] != y[resampler.sample_indices_][:, None]).any()
    else:
        np.testing.assert_array_equal(y_new, y[resampler.sample_indices_])
        np.testing.assert_array_equal(y[partners], y_new[:, None] + 0 * partners)


def test_sources_of_cutmix():
    X, y = noisy()
    resampler = AugmentingResampler(CutMix(), random_state=0)
    X_new, _ = resampler.fit_resample(X, y)
    own, partner = X[resampler.sample_indices_], X[resampler.partner_indices_]
    assert ((X_new == own) | (X_new == partner)).all()
    from_partner = (X_new != own).mean(axis=1)
    mixed = resampler.sample_indices_ != resampler.partner_indices_
    assert mixed.sum() > 650
    np.testing.assert_allclose(
        from_partner[mixed], resampler.partner_shares_[mixed], atol=1e-12
    )


def test_partners_are_forgotten_with_the_mixture():
    X, y = noisy()
    resampler = AugmentingResampler(Mixup(), random_state=0)
    resampler.fit_resample(X, y)
    assert hasattr(resampler, "partner_indices_")
    resampler.set_params(augmentation=GaussianNoise()).fit_resample(X, y)
    assert not hasattr(resampler, "partner_indices_")
    assert not hasattr(resampler, "partner_shares_")


def test_labels_are_drawn_with_the_probability_of_the_share():
    X, y = noisy(n=20000, n_classes=2)
    resampler = AugmentingResampler(
        Mixup(alpha=1.0), keep_original=False, random_state=0
    )
    _, y_new = resampler.fit_resample(X, y)
    own, partner = y[resampler.sample_indices_], y[resampler.partner_indices_]
    assert (y_new[own == partner] == own[own == partner]).all()
    for low in (0.0, 0.4, 0.9):
        shares = resampler.partner_shares_
        among = (own != partner) & (shares >= low) & (shares < low + 0.1)
        taken = (y_new[among] == partner[among]).mean()
        assert taken == pytest.approx(low + 0.05, abs=0.04)


def test_labels_of_a_callable_that_softens_the_target():
    def soften(X, Y, sample_weight, rng):
        return X, 0.6 * Y + 0.4 / Y.shape[1], sample_weight

    X, y = noisy(n=5000)
    _, y_new = AugmentingResampler(soften, random_state=0).fit_resample(X, y)
    assert (y_new[5000:] == y).mean() == pytest.approx(0.7, abs=0.03)

    def enlarge(X, Y, sample_weight, rng):
        return X, 3 * soften(X, Y, None, rng)[1], sample_weight

    # Of shares that do not sum to one the ratios count.
    _, enlarged = AugmentingResampler(enlarge, random_state=0).fit_resample(X, y)
    np.testing.assert_array_equal(enlarged, y_new)

    def negative(X, Y, sample_weight, rng):
        return X, -Y, sample_weight

    with pytest.raises(ValueError, match="not probabilities"):
        AugmentingResampler(negative).fit_resample(X, y)


def test_random_state():
    X, y = noisy()
    for augmentation in (Mixup(), GaussianNoise(), CutMix()):
        first, again, other = (
            AugmentingResampler(augmentation, random_state=seed).fit_resample(X, y)
            for seed in (0, 0, 1)
        )
        np.testing.assert_array_equal(first[0], again[0])
        np.testing.assert_array_equal(first[1], again[1])
        assert not np.array_equal(first[0], other[0])


def test_the_spread_is_that_of_all_rows():
    X, y = noisy(n=5000)
    X[:, 0] *= 100
    resampler = AugmentingResampler(
        GaussianNoise(sigma=0.1), sampling_strategy="all", random_state=0
    )
    X[y == 0, 1] += 50
    X_new, _ = resampler.set_params(sampling_strategy={1: 4000}).fit_resample(X, y)
    noise = X_new - X[resampler.sample_indices_]
    np.testing.assert_allclose(noise[5000:].std(axis=0), 0.1 * X.std(axis=0), rtol=0.1)


# --- containers --------------------------------------------------------------------


def test_pandas_frames_keep_dtypes_and_names():
    n = 50
    frame = pd.DataFrame(
        {
            "float": np.linspace(0, 1, n).astype(np.float32),
            "small": np.arange(n, dtype=np.uint8) + 200,
            "count": np.arange(n),
            "flag": np.arange(n) % 2 == 0,
            "nullable": pd.array(np.arange(n), dtype="Int16"),
        },
        index=np.arange(n) + 1000,
    )
    y = pd.Series(np.where(np.arange(n) < 20, "a", "b"), name="kind", dtype="category")
    X_new, y_new = AugmentingResampler(
        GaussianNoise(sigma=1.0), random_state=0
    ).fit_resample(frame, y)
    assert X_new.dtypes.tolist() == frame.dtypes.tolist()
    assert X_new.columns.tolist() == frame.columns.tolist()
    assert X_new.index.tolist() == y_new.index.tolist() == list(range(2 * n))
    assert (y_new.name, y_new.dtype) == ("kind", y.dtype)
    pd.testing.assert_frame_equal(X_new[:n], frame.reset_index(drop=True))
    # Rounded to the nearest: no drift towards zero, no wrapping around.
    assert (X_new["count"][n:] - np.arange(n)).mean() == pytest.approx(0, abs=6)
    assert X_new["small"][n:].min() > 100


def test_polars_frames_keep_dtypes_and_names():
    n = 50
    frame = pl.DataFrame(
        {
            "float": np.linspace(0, 1, n).astype(np.float32),
            "small": np.arange(n, dtype=np.uint8) + 200,
            "flag": np.arange(n) % 2 == 0,
        }
    )
    y = pl.Series("kind", np.where(np.arange(n) < 20, "a", "b"))
    X_new, y_new = AugmentingResampler(
        GaussianNoise(sigma=1.0), random_state=0
    ).fit_resample(frame, y)
    assert X_new.schema == frame.schema
    assert X_new[:n].equals(frame)
    assert isinstance(y_new, pl.Series)
    assert (y_new.name, y_new.dtype) == ("kind", y.dtype)
    assert y_new.to_list() == y.to_list() * 2


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int8, np.uint8, bool])
def test_arrays_keep_their_dtype(dtype):
    X = (np.arange(120).reshape(60, 2) % 120).astype(dtype)
    y = np.arange(60) % 2
    X_new, _ = AugmentingResampler(Mixup(alpha=5), random_state=0).fit_resample(X, y)
    assert X_new.dtype == dtype
    np.testing.assert_array_equal(X_new[:60], X)


def test_integers_are_rounded_and_stay_in_range():
    X = np.full((4000, 1), 255, dtype=np.uint8)
    X[::2] = 0
    y = np.arange(4000) % 4 // 2
    resampler = AugmentingResampler(GaussianNoise(sigma=0.01), random_state=0)
    noise = resampler.fit_resample(X, y)[0].astype(int)[4000:] - X
    # Cut off instead of rounded, all would be negative or zero; unclipped, 255 apart.
    assert 0 < noise[::2].max() < 10
    assert noise[::2].min() == 0
    assert -10 < noise[1::2].min() < 0
    mixed = AugmentingResampler(Mixup(alpha=9), keep_original=False, random_state=0)
    X = np.array([[0], [1]] * 2000)
    assert mixed.fit_resample(X, y)[0].mean() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint64])
def test_the_largest_integers_do_not_wrap_around(dtype):
    largest = np.iinfo(dtype).max
    X = np.full((60, 2), largest, dtype=dtype)
    X[::2] = 0
    resampler = AugmentingResampler(GaussianNoise(), random_state=0)
    X_new = resampler.fit_resample(X, np.arange(60) % 4 // 2)[0][60:]
    assert X_new.dtype == dtype
    # Half of the noise at the largest integer leads beyond it.
    assert (X_new[1::2] > 0.7 * largest).all()
    assert (X_new[1::2] > 0.999 * largest).mean() > 0.3


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
@pytest.mark.parametrize("augmentation", [GaussianNoise(), Mixup()], ids=repr)
def test_frames_of_sparse_columns_keep_their_dtypes(augmentation, dtype):
    X, y = noisy()
    X = np.rint(4 * X * (X > 0.5)).astype(dtype)
    columns = [f"x{i}" for i in range(6)]
    kept = pd.DataFrame(X, columns=columns).astype(pd.SparseDtype(dtype, 0))
    resampler = AugmentingResampler(augmentation, random_state=0)
    X_new, _ = resampler.fit_resample(kept, y)
    assert X_new.dtypes.tolist() == kept.dtypes.tolist()
    assert X_new.columns.tolist() == columns
    expected, _ = resampler.fit_resample(X, y)
    np.testing.assert_allclose(X_new, expected, atol=1e-5)


@pytest.mark.parametrize(
    "make", [sparse.csr_matrix, sparse.csc_array, sparse.coo_array]
)
def test_sparse_matrices_keep_their_kind(make):
    X, y = noisy()
    X[X < 0.5] = 0
    kept = make(X.astype(np.float32))
    resampler = AugmentingResampler(Mixup(), random_state=0)
    X_new, _ = resampler.fit_resample(kept, y)
    assert type(X_new) is type(kept)
    assert (X_new.dtype, X_new.format) == (np.float32, kept.format)
    dense, _ = resampler.fit_resample(X.astype(np.float32), y)
    np.testing.assert_array_equal(X_new.toarray(), dense)
    assert X_new.nnz < 0.6 * np.prod(X_new.shape)


def test_booleans_become_what_most_of_a_mixture_is():
    X, y = np.arange(4000)[:, None] % 2 == 0, np.arange(4000) % 4 // 2
    resampler = AugmentingResampler(Mixup(alpha=9), keep_original=False, random_state=0)
    X_new, _ = resampler.fit_resample(X, y)
    own, partner = X[resampler.sample_indices_], X[resampler.partner_indices_]
    most = np.where(resampler.partner_shares_[:, None] > 0.5, partner, own)
    np.testing.assert_array_equal(X_new, most)


def test_zeros_that_rounding_makes_are_not_stored():
    X, y = np.eye(40, dtype=np.int8), np.arange(40) % 2
    resampler = AugmentingResampler(Mixup(alpha=9), random_state=0)
    X_new, _ = resampler.fit_resample(sparse.csr_array(X), y)
    np.testing.assert_array_equal(X_new.toarray(), resampler.fit_resample(X, y)[0])
    # All ones are stored, and no more than one of a mixture is the larger part.
    assert (X_new.data == 1).all() and X_new.nnz <= 80


def test_one_hot_and_column_targets():
    X, y = noisy()
    resampler = AugmentingResampler(Mixup(), random_state=0)
    expected = resampler.fit_resample(X, y)[1]
    one_hot = resampler.fit_resample(X, np.eye(4, dtype=int)[y])[1]
    np.testing.assert_array_equal(one_hot.argmax(axis=1), expected)
    as_sparse = sparse.csc_matrix(np.eye(4, dtype=int)[y])
    as_sparse = resampler.fit_resample(X, as_sparse)[1]
    assert isinstance(as_sparse, sparse.csc_matrix)
    np.testing.assert_array_equal(as_sparse.toarray(), one_hot)
    column = resampler.fit_resample(X, y[:, None])[1]
    assert column.shape == (1400, 1)
    labels = np.array(["w", "x", "y", "z"])
    assert (resampler.fit_resample(X, labels[y])[1] == labels[expected]).all()


# --- regression --------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(300,), (300, 1), (300, 2)])
def test_regression_interpolates(shape):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 3)), rng.normal(size=shape)
    resampler = AugmentingResampler(Mixup(alpha=1.0), n_copies=2, random_state=0)
    X_new, y_new = resampler.fit_resample_regression(X, y)
    assert y_new.shape == (900, *shape[1:])
    np.testing.assert_array_equal(y_new[:300], y)
    share = resampler.partner_shares_.reshape(-1, *[1] * (y.ndim - 1))
    own, partner = resampler.sample_indices_, resampler.partner_indices_
    np.testing.assert_allclose(y_new, (1 - share) * y[own] + share * y[partner])


def test_regression_without_mixing_keeps_the_target():
    X, y = noisy()
    resampler = AugmentingResampler(GaussianNoise(), random_state=0)
    _, y_new = resampler.fit_resample_regression(X, y)
    np.testing.assert_array_equal(y_new, np.tile(y, 2))
    assert y_new.dtype == y.dtype
    resampler.set_params(keep_original=False, n_copies=3)
    _, y_new = resampler.fit_resample_regression(X, y)
    np.testing.assert_array_equal(y_new, np.tile(y, 3))
    assert y_new.dtype == y.dtype


@pytest.mark.parametrize("make", [np.asarray, pd.Series, pl.Series])
def test_mixed_targets_have_the_type_of_the_floats_that_they_are_mixed_from(make):
    X, y = noisy()
    resampler = AugmentingResampler(Mixup(alpha=1.0), random_state=0)
    singles, doubles, integers = (
        resampler.fit_resample_regression(X, make(y.astype(dtype)))[1]
        for dtype in (np.float32, np.float64, np.int32)
    )
    dtypes = [np.asarray(each).dtype for each in (singles, doubles, integers)]
    assert dtypes == [np.float32, np.float64, np.float64]
    np.testing.assert_array_equal(doubles, integers)
    np.testing.assert_allclose(singles, doubles, atol=1e-6)


@pytest.mark.parametrize("augmentation", [GaussianNoise(), Mixup()], ids=repr)
@pytest.mark.parametrize(
    "make",
    [
        lambda y: pd.Series(y[:, 0], name="t"),
        lambda y: pd.DataFrame(y, columns=["t", "u"]),
        lambda y: pl.Series("t", y[:, 0]),
        lambda y: pl.DataFrame(y, schema=["t", "u"]),
        lambda y: y[:, 0].tolist(),
    ],
)
def test_regression_targets_keep_their_container(augmentation, make):
    X, _ = noisy()
    plain = np.column_stack([X[:, 0], X[:, 1]])
    y = make(plain)
    resampler = AugmentingResampler(augmentation, random_state=0)
    _, y_new = resampler.fit_resample_regression(X, y)
    expected = resampler.fit_resample_regression(X, plain)[1]
    assert type(y_new) is type(y)
    for attribute in ("name", "columns"):
        if hasattr(y, attribute):
            assert list(getattr(y_new, attribute)) == list(getattr(y, attribute))
    expected = expected if np.ndim(y) == 2 else expected[:, 0]
    np.testing.assert_array_equal(np.asarray(y_new), expected)


# --- errors ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"sampling_strategy": {0: 5}}, "Class 0 has 10 rows; got 5"),
        ({"sampling_strategy": {7: 50}}, r"the classes \[7\], which are not in y"),
        ({"sampling_strategy": {0: 20.5}}, "Class 0 has 10 rows; got 20.5"),
        ({"sampling_strategy": 0.5}, "float only when y has two classes"),
        ({"sampling_strategy": "majority"}, "'sampling_strategy' parameter of Augm"),
        ({"sampling_strategy": 1.5}, "'sampling_strategy' parameter of Augm"),
        ({"n_copies": 0}, "'n_copies' parameter of Augm"),
        ({"augmentation": "noise"}, "'augmentation' parameter of Augm"),
        ({"augmentation": HorizontalFlip((5, 5))}, "'image_shape' parameter"),
        ({"augmentation": Compose(5)}, "'transforms' parameter of Compose"),
    ],
)
def test_errors_name_the_parameter(params, message):
    X, y = numbered()
    resampler = AugmentingResampler(leave).set_params(**params)
    for method in (resampler.fit, resampler.fit_resample):
        with pytest.raises(ValueError, match=message):
            method(X, y)


def test_a_ratio_already_reached():
    X, y = numbered(n_classes=2)
    with pytest.raises(ValueError, match="must be larger to add rows"):
        AugmentingResampler(leave, sampling_strategy=0.1).fit_resample(X, y)


def test_a_ratio_is_reached_from_below_alone():
    X, y = np.arange(30.0)[:, None], np.repeat([0, 1], [10, 20])
    # The smaller class has half of the rows of the larger one.
    for ratio in (0.3, 0.5):
        with pytest.raises(ValueError, match="larger to add rows"):
            AugmentingResampler(leave, sampling_strategy=ratio).fit_resample(X, y)
    more = AugmentingResampler(leave, sampling_strategy=0.55)
    assert np.bincount(more.fit_resample(X, y)[1]).tolist() == [11, 20]


def test_a_single_class():
    X, _ = numbered()
    with pytest.raises(ValueError, match="more than one class in y. .* class 'a'"):
        AugmentingResampler(leave).fit_resample(X, ["a"] * 60)


def test_a_class_instead_of_an_augmentation():
    with pytest.raises(TypeError, match="is the class Mixup; pass an instance"):
        AugmentingResampler(Mixup).fit_resample(*numbered())


def test_sparse_rows_that_would_not_stay_sparse():
    X, y = numbered()
    for resampler in (RESAMPLERS[0], AugmentingResampler(FeatureDropout(fill=1.0))):
        with pytest.raises(TypeError, match="was given a sparse X"):
            resampler.fit_resample(sparse.csr_array(X), y)


def test_multilabel_targets():
    X, _ = numbered()
    with pytest.raises(ValueError, match="Multilabel and multioutput targets are not"):
        AugmentingResampler(leave).fit_resample(X, np.ones((60, 3), dtype=int))


def test_callables_that_change_the_number_of_rows():
    def twice(X, Y, sample_weight, rng):
        return np.tile(X, (2, 1)), Y, sample_weight

    with pytest.raises(ValueError, match="changed the number of rows"):
        AugmentingResampler(twice).fit_resample(*numbered())


def test_a_strategy_in_regression():
    X, y = numbered()
    with pytest.raises(ValueError, match="'sampling_strategy' parameter .* regression"):
        AugmentingResampler(leave, sampling_strategy="auto").fit_resample_regression(
            X, y
        )
