"""Augmentations of tables, their composition, and the contract of all of them."""

import pickle

import numpy as np
import pytest
from scipy import sparse, stats
from sklearn.base import clone

from skreg.augmentation import (
    Compose,
    CutMix,
    FeatureDropout,
    GaussianNoise,
    Mixup,
    PreparedAugmentation,
    SwapNoise,
    check_augmentation,
    prepare_augmentation,
)
from skreg.augmentation._fast import COIN_SIDES, select, standard_normal, toss_coins
from skreg.augmentation.tables import Units

# Columns 1, 4, 5 are one feature, one-hot; so are 2 and 6.
GROUPS = [[1, 4, 5], [2, 6]]

ALL = [
    GaussianNoise(),
    SwapNoise(),
    FeatureDropout(),
    FeatureDropout(fill="mean"),
    Mixup(),
    CutMix(),
    Compose([Mixup(), SwapNoise(), GaussianNoise()]),
]
ALL_WITH_P = ALL[:-1]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def table(rng, n=400, dtype=np.float64):
    """Eight columns of different spreads, two one-hot groups among them."""
    X = rng.normal(size=(n, 8)) * [1, 1, 1, 10, 1, 1, 1, 0.1]
    for group in GROUPS:
        X[:, group] = np.eye(len(group))[rng.integers(len(group), size=n)]
    return X.astype(dtype)


def distinct(n, d):
    """A table that tells where each value comes from: 1000 * row + column."""
    return 1000.0 * np.arange(n)[:, None] + np.arange(d)


# --- the contract ------------------------------------------------------------------


@pytest.mark.parametrize("augmentation", ALL, ids=repr)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_contract(augmentation, dtype, rng):
    X = table(rng, dtype=dtype)
    Y, weight = rng.random((400, 3)).astype(dtype), rng.random(400)
    before = [array.copy() for array in (X, Y, weight)]
    prepared = augmentation.prepare(X, Y)
    after = prepared(X, Y, weight, np.random.default_rng(3))
    for old, array, new in zip(before, (X, Y, weight), after, strict=True):
        np.testing.assert_array_equal(old, array)
        assert new.shape == array.shape
        assert new.dtype == array.dtype
    assert not np.array_equal(after[0], X)
    # The rng is all there is to chance, also after a trip to another process.
    other = pickle.loads(pickle.dumps(augmentation.prepare(X, Y)))
    again = other(X, Y, weight, np.random.default_rng(3))
    for new, same in zip(after, again, strict=True):
        np.testing.assert_array_equal(new, same)
    assert not np.array_equal(after[0], prepared(X, Y, weight, rng)[0])
    # Nothing is learned by the augmentation itself, only by what `prepare` returns.
    assert vars(augmentation) == augmentation.get_params(deep=False)
    assert prepared(X, Y, None, rng)[2] is None
    assert prepared(X[:1], Y[:1], weight[:1], rng)[0].shape == (1, 8)


@pytest.mark.parametrize("augmentation", ALL, ids=repr)
def test_is_an_estimator(augmentation):
    assert repr(clone(augmentation)) == repr(augmentation)
    assert clone(augmentation) is not augmentation


@pytest.mark.parametrize("augmentation", ALL_WITH_P, ids=repr)
def test_p_is_the_share_of_augmented_rows(augmentation, rng):
    X = rng.normal(size=(4000, 40))
    X_new = clone(augmentation).set_params(p=0.3)(X, None, None, rng)[0]
    changed = (X_new != X).any(axis=1)
    certain = clone(augmentation)(X, None, None, rng)[0]
    always = (certain != X).any(axis=1).mean()
    assert changed.mean() == pytest.approx(0.3 * always, abs=0.04)


@pytest.mark.parametrize("augmentation", ALL_WITH_P, ids=repr)
def test_groups_stay_one_hot(augmentation, rng):
    X = table(rng)
    grouped = clone(augmentation).set_params(one_hot_groups=GROUPS)
    if "rate" in grouped.get_params():
        grouped.set_params(rate=0.5)
    X_new = grouped(X, None, None, rng)[0]
    for group in GROUPS:
        values = X_new[:, group]
        if isinstance(augmentation, FeatureDropout):
            # Blanked out as a whole, or left.
            blank = X[:, group].mean(axis=0) if augmentation.fill == "mean" else 0
            left = (values == X[:, group]).all(axis=1)
            assert 0.4 < left.mean() < 0.6
            blanked = values[~left]
            np.testing.assert_allclose(blanked, np.broadcast_to(blank, blanked.shape))
            continue
        assert set(np.unique(values)) == {0.0, 1.0}
        np.testing.assert_array_equal(values.sum(axis=1), 1.0)
        # A group takes part, except where noise would leave it one-hot no longer.
        changed = (values != X[:, group]).any()
        assert changed != isinstance(augmentation, GaussianNoise)


def test_groups_are_swapped_independently_of_each_other(rng):
    X = distinct(500, 8)
    for augmentation in (SwapNoise(rate=0.5), CutMix()):
        grouped = augmentation.set_params(one_hot_groups=GROUPS)
        sources = grouped(X, None, None, rng)[0] // 1000
        for group in GROUPS:
            assert (sources[:, group] == sources[:, group[:1]]).all()
        assert (sources[:, 1] != sources[:, 2]).any()
        columns = grouped(X, None, None, rng)[0] % 1000
        assert (columns == np.arange(8)).all()
    always = SwapNoise(rate=1.0, one_hot_groups=GROUPS)
    assert (always(X, None, None, rng)[0] != X).all()


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([[0, 8]], "from 0 to 7"),
        ([[-1, 2]], "from 0 to 7"),
        ([[]], "from 0 to 7"),
        ([[0.0, 1.0]], "from 0 to 7"),
        ([3], "from 0 to 7"),
        ([[0, 1], [1, 2]], "not overlap"),
    ],
)
def test_wrong_groups(groups, message, rng):
    with pytest.raises(ValueError, match=f"'one_hot_groups' must.*{message}"):
        Mixup(one_hot_groups=groups).prepare(table(rng))


@pytest.mark.parametrize(
    ("augmentation", "name"),
    [
        (GaussianNoise(sigma=-1), "sigma"),
        (SwapNoise(rate=1.5), "rate"),
        (FeatureDropout(fill="median"), "fill"),
        (Mixup(alpha=0), "alpha"),
        (CutMix(p=-0.1), "p"),
        (Compose("mixup"), "transforms"),
    ],
)
def test_wrong_parameters(augmentation, name, rng):
    kind = type(augmentation).__name__
    with pytest.raises(ValueError, match=f"The '{name}' parameter of {kind} must be"):
        augmentation.prepare(table(rng))


# --- each augmentation -------------------------------------------------------------


def test_noise_is_in_units_of_the_training_rows_spread(rng):
    X = table(rng, n=20000)
    X[:, 0] = 3.0
    prepared = GaussianNoise(sigma=0.3).prepare(X)
    # A minibatch without any spread: it is the training rows' that counts.
    minibatch = np.repeat(X[:1], 20000, axis=0)
    noise = prepared(minibatch, None, None, rng)[0] - minibatch
    np.testing.assert_allclose(noise.std(axis=0), 0.3 * X.std(axis=0), rtol=0.03)
    np.testing.assert_allclose(noise.mean(axis=0), 0, atol=0.01 * 3)
    assert (noise[:, 0] == 0).all()
    # Normal, and independent between features.
    kurtosis = np.mean((noise[:, 3] / noise[:, 3].std()) ** 4)
    assert kurtosis == pytest.approx(3, abs=0.2)
    assert abs(np.corrcoef(noise[:, 3], noise[:, 7])[0, 1]) < 0.03


@pytest.mark.parametrize("mean", [0.0, 3000.0])
def test_the_spread_of_float32_is_that_of_float64(mean, rng):
    X = (mean + rng.normal(size=(30000, 3)) * [1, 2, 3]).astype(np.float32)
    expected = X.astype(np.float64)
    noise = GaussianNoise(sigma=1.0).prepare(X)
    np.testing.assert_allclose(noise.scale_, expected.std(axis=0), rtol=1e-9)
    fill = FeatureDropout(fill="mean").prepare(X).fill_
    np.testing.assert_allclose(fill, expected.mean(axis=0), rtol=1e-9, atol=1e-9)


def test_swap_noise_takes_values_of_the_column_from_other_rows(rng):
    X = distinct(300, 50)
    X_new = SwapNoise(rate=0.2)(X, None, None, rng)[0]
    assert (X_new % 1000 == np.arange(50)).all()
    swapped = X_new != X
    assert swapped.mean() == pytest.approx(0.2, abs=0.01)
    sources = X_new[swapped] // 1000
    assert len(np.unique(sources)) > 290
    # With rate 1 no value stays: the source is always another row.
    assert (SwapNoise(rate=1.0)(X, None, None, rng)[0] != X).all()
    assert (SwapNoise(rate=0.0)(X, None, None, rng)[0] == X).all()


def test_swap_noise_draws_each_value_by_itself(rng):
    sources = SwapNoise(rate=1.0)(distinct(300, 50), None, None, rng)[0] // 1000
    assert (np.abs(np.diff(sources, axis=1)) > 0).mean() > 0.95


def test_feature_dropout(rng):
    X = rng.normal(loc=5, size=(3000, 20))
    X_new = FeatureDropout(rate=0.25, fill=-7)(X, None, None, rng)[0]
    dropped = X_new == -7
    np.testing.assert_allclose(dropped.mean(axis=0), 0.25, atol=0.04)
    np.testing.assert_array_equal(X_new[~dropped], X[~dropped])
    prepared = FeatureDropout(rate=1.0, fill="mean").prepare(X)
    X_new = prepared(X[:2], None, None, rng)[0]
    np.testing.assert_allclose(X_new, np.tile(X.mean(axis=0), (2, 1)))


def test_mixup_mixes_features_target_and_weights_alike(rng):
    X, Y, weight = distinct(200, 3), np.eye(200), np.arange(200.0)
    X_new, Y_new, weight_new = Mixup(alpha=0.7)(X, Y, weight, rng)
    np.testing.assert_allclose(Y_new.sum(axis=1), 1)
    assert ((Y_new > 0).sum(axis=1) <= 2).all()
    np.testing.assert_allclose(X_new, Y_new @ X)
    np.testing.assert_allclose(weight_new, Y_new @ weight)


@pytest.mark.parametrize("kind", [Mixup, CutMix])
def test_every_row_is_somebodys_partner(kind, rng):
    X = distinct(200, 3)
    (mixing,) = kind().prepare(X)._trace(X, None, None, rng)[3]
    np.testing.assert_array_equal(np.sort(mixing.partners), np.arange(200))
    assert (mixing.partners != np.arange(200)).sum() > 190


@pytest.mark.parametrize("kind", [Mixup, CutMix])
def test_a_row_that_is_not_mixed_is_its_own_partner(kind, rng):
    X = distinct(400, 3)
    X_new, _, _, (mixing,) = kind(p=0.5).prepare(X)._trace(X, None, None, rng)
    is_own = mixing.partners == np.arange(400)
    assert 150 < is_own.sum() < 250
    np.testing.assert_array_equal(X_new[is_own], X[is_own])


def test_mixup_draws_from_the_beta_distribution(rng):
    X = distinct(20000, 1)
    (mixing,) = Mixup(alpha=2.0).prepare(X)._trace(X, None, None, rng)[3]
    assert mixing.own_share.mean() == pytest.approx(0.5, abs=0.01)
    assert mixing.own_share.var() == pytest.approx(1 / (4 * (2 * 2.0 + 1)), rel=0.05)
    assert len(np.unique(mixing.own_share)) > 19000


def test_mixup_takes_groups_with_the_probability_of_the_share(rng):
    n = 20000
    X = np.zeros((n, 3))
    X[:, :2] = np.eye(2)[np.arange(n) % 2]
    X[:, 2] = np.arange(n) % 2
    X_new = Mixup(alpha=1.0, one_hot_groups=[[0, 1]])(X, None, None, rng)[0]
    for low in (0.2, 0.5, 0.7):
        among = X_new[(X_new[:, 2] > low) & (X_new[:, 2] < low + 0.1)]
        assert among[:, 1].mean() == pytest.approx(low + 0.05, abs=0.05)


def test_mixup_takes_each_group_by_a_draw_of_its_own(rng):
    n = 20000
    X = np.repeat(np.eye(2)[np.arange(n) % 2], 2, axis=1)
    groups = [[0, 2], [1, 3]]
    X_new = Mixup(alpha=50.0, one_hot_groups=groups)(X, None, None, rng)[0]
    # Shares are about one half, and half of the partners are of the other kind. So
    # a quarter of the rows have one group alone from a row of the other kind.
    assert (X_new[:, 0] != X_new[:, 1]).mean() == pytest.approx(0.25, abs=0.03)


def test_cutmix_mixes_the_target_by_the_share_of_columns(rng):
    X, Y, weight = distinct(300, 25), np.eye(300), np.arange(300.0)
    X_new, Y_new, weight_new = CutMix()(X, Y, weight, rng)
    sources = (X_new // 1000).astype(int)
    assert (X_new % 1000 == np.arange(25)).all()
    for i in range(300):
        expected = np.bincount(sources[i], minlength=300) / 25
        np.testing.assert_allclose(Y_new[i], expected, atol=1e-12)
    np.testing.assert_allclose(weight_new, Y_new @ weight)
    # Every column can be swapped, the first and the last as well.
    swapped = (sources != np.arange(300)[:, None]).mean(axis=0)
    assert swapped == pytest.approx(0.5, abs=0.1)


def test_cutmix_counts_a_group_as_one_column(rng):
    X, Y = distinct(300, 8), np.eye(300)
    X_new, Y_new, _ = CutMix(one_hot_groups=[[0, 1, 2, 3, 4, 5]])(X, Y, None, rng)
    kept = (X_new == X)[:, [0, 6, 7]].mean(axis=1)
    np.testing.assert_allclose(np.diag(Y_new), kept, atol=1e-12)


@pytest.mark.parametrize("augmentation", ALL_WITH_P, ids=repr)
def test_rows_of_integers_are_augmented_as_floats(augmentation):
    X = 10 * np.arange(400).reshape(50, 8)
    expected, given = (
        augmentation(rows, None, None, np.random.default_rng(0))[0]
        for rows in (X.astype(float), X)
    )
    assert given.dtype == float
    np.testing.assert_array_equal(given, expected)


def test_integer_targets_are_mixed_as_numbers(rng):
    Y = np.eye(50, dtype=int)
    Y_new = Mixup(alpha=5.0)(distinct(50, 2), Y, None, rng)[1]
    assert ((Y_new > 0) & (Y_new < 1)).any()


# --- the vectorised primitives -----------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_standard_normal(dtype, rng):
    sample = standard_normal((1001, 301), dtype, rng)
    assert (sample.shape, sample.dtype) == ((1001, 301), dtype)
    values = sample.ravel().astype(float)
    assert stats.kstest(values, "norm").pvalue > 1e-3
    beyond = (np.abs(values) > 4).sum()
    assert beyond == pytest.approx(len(values) * 2 * stats.norm.sf(4), abs=15)
    # Neither neighbours nor the two of a pair know of each other.
    half = (len(values) + 1) // 2
    for step in (1, half):
        lagged = np.corrcoef(values[:-step] ** 2, values[step:] ** 2)[0, 1]
        assert abs(lagged) < 0.01


@pytest.mark.parametrize("groups", [None, [[0, 1]]])
def test_units_are_never_chosen_with_zero_and_always_with_one(groups, rng):
    units = Units(1000, groups)
    assert not units.toss(500, 0.0, rng).any()
    assert units.toss(500, 1.0, rng).all()
    chosen = units.toss(2, np.array([0.0, 1.0]), rng)
    assert not chosen[0].any() and chosen[1].all()


def test_coins_are_uniform(rng):
    coins = toss_coins((999, 101), rng)
    assert (coins.shape, coins.dtype) == ((999, 101), np.uint16)
    assert stats.kstest(coins.ravel() / COIN_SIDES, "uniform").pvalue > 1e-3
    assert len(np.unique(coins)) > 50000


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_select_is_where(dtype, order, rng):
    X = np.asarray(rng.normal(size=(50, 7)), dtype=dtype, order=order)
    X[3, 3], X[4, 4] = np.nan, -np.inf
    chosen = rng.random((50, 7)) < 0.5
    for replacement in (-X[::-1], X[0].copy(), np.asarray(2.5, dtype)):
        selected = select(chosen, replacement, X)
        np.testing.assert_array_equal(selected, np.where(chosen, replacement, X))


# --- sparse ------------------------------------------------------------------------


@pytest.mark.parametrize("augmentation", ALL, ids=repr)
def test_sparse_training_rows(augmentation, rng):
    X = sparse.csr_array(table(rng))
    keeps = [SwapNoise, Mixup, CutMix]
    if type(augmentation) in keeps or repr(augmentation) == "FeatureDropout()":
        prepared = augmentation.prepare(X)
        assert prepared(X[:5].toarray(), None, None, rng)[0].shape == (5, 8)
    else:
        with pytest.raises(TypeError, match="was given a sparse X.*toarray"):
            augmentation.prepare(X)


# --- Compose -----------------------------------------------------------------------


def test_compose_applies_in_order(rng):
    def double(X, Y, sample_weight, rng):
        return 2 * X, Y, sample_weight

    def add_one(X, Y, sample_weight, rng):
        return X + 1, Y, sample_weight

    X = np.ones((2, 2))
    assert Compose([double, add_one])(X, None, None, rng)[0][0, 0] == 3
    assert Compose([add_one, double])(X, None, None, rng)[0][0, 0] == 4


def test_setting_a_member_leaves_the_list_of_the_user_alone():
    members = [Mixup(), GaussianNoise()]
    composed, copied = Compose(members), Compose(members)
    composed.set_params(mixup=CutMix())
    assert isinstance(composed.transforms[0], CutMix)
    assert isinstance(copied.transforms[0], Mixup) and copied.transforms is members


def test_a_member_that_learns_from_rows_is_given_the_training_rows(rng):
    X, rows = table(rng), np.arange(100)
    composed = Compose([Mixup(), GaussianNoise(), FeatureDropout(fill="mean")])
    _, noise, dropout = composed.prepare(X, rows=rows).transforms_
    np.testing.assert_allclose(noise.augmentation.scale_, 0.1 * X[rows].std(axis=0))
    np.testing.assert_allclose(dropout.augmentation.fill_, X[rows].mean(axis=0))


def test_compose_reaches_its_members():
    both = Compose([Mixup(), GaussianNoise(), Mixup()])
    both.set_params(**{"mixup-2__alpha": 0.9, "gaussiannoise__sigma": 0.5})
    assert [both.transforms[0].alpha, both.transforms[2].alpha] == [0.2, 0.9]
    assert both.get_params()["gaussiannoise__sigma"] == 0.5
    both.set_params(gaussiannoise=SwapNoise())
    assert isinstance(both.transforms[1], SwapNoise)
    with pytest.raises(ValueError, match="Invalid parameter 'cutmix'"):
        both.set_params(cutmix__alpha=1)
    copy = clone(both).set_params(**{"mixup-2__alpha": 0.1})
    assert both.transforms[2].alpha == 0.9
    assert copy.transforms[2].alpha == 0.1


def test_compose_names_what_is_not_an_augmentation(rng):
    with pytest.raises(TypeError, match=r"'transforms\[1\]' parameter"):
        Compose([Mixup(), "noise"]).prepare(table(rng))


# --- callables ---------------------------------------------------------------------


def test_plain_callables_are_accepted(rng):
    def jitter(X, Y, sample_weight, rng):
        return X + rng.normal(size=X.shape), Y, sample_weight

    X, Y = table(rng), np.ones((400, 1))
    for augmentation in (jitter, Compose([jitter])):
        prepared = prepare_augmentation(augmentation, X, Y)
        assert isinstance(prepared, PreparedAugmentation)
        X_new, Y_new, weight = prepared(X, Y, None, rng)
        assert X_new.shape == X.shape
        assert Y_new is Y
        assert weight is None


@pytest.mark.parametrize(
    ("changed", "name"), [(0, "X"), (1, "Y"), (2, "sample_weight")]
)
def test_callables_must_keep_the_rows(changed, name, rng):
    def twice(*minibatch_and_rng):
        result = list(minibatch_and_rng[:3])
        result[changed] = np.concatenate([result[changed]] * 2)
        return tuple(result)

    X, Y, weight = table(rng), np.ones((400, 1)), np.ones(400)
    for augmentation in (twice, Compose([twice])):
        prepared = prepare_augmentation(augmentation, X, Y)
        with pytest.raises(
            ValueError, match=f"changed the number of rows of {name}: .*400.*800"
        ):
            prepared(X, Y, weight, rng)


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (lambda X, Y, w, rng: (X[:, 1:], Y, w), ValueError, "changed the shape of X"),
        (lambda X, Y, w, rng: X, TypeError, "must return the tuple"),
        (lambda X, Y, w, rng: (X, Y), TypeError, "must return the tuple"),
    ],
)
def test_callables_must_return_a_minibatch(function, error, message, rng):
    X = table(rng)
    with pytest.raises(error, match=message):
        prepare_augmentation(function, X)(X, X[:, :1], None, rng)


@pytest.mark.parametrize("wrong", [Mixup, "mixup", 0.1, None])
def test_check_augmentation(wrong):
    with pytest.raises(TypeError, match="The 'augmentation' parameter"):
        check_augmentation(wrong)
    assert check_augmentation(len) is len
