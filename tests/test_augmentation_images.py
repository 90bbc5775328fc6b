"""Augmentations of images."""

import pickle

import numpy as np
import pytest
from scipy import ndimage, sparse
from sklearn.base import clone

from skreg.augmentation import HorizontalFlip, RandomAffine, RandomErasing
from skreg.augmentation._warps import Palette, affine_warps, warp_each

SHAPE = (11, 14)
N_PIXELS = SHAPE[0] * SHAPE[1]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def images(rng, n=5, shape=SHAPE, dtype=np.float64):
    return rng.normal(size=(n, int(np.prod(shape)))).astype(dtype)


def random_warps(rng, n):
    return affine_warps(
        SHAPE,
        rotate=rng.uniform(-180, 180, n),
        scale=rng.uniform(0.5, 2, n),
        translate=rng.uniform(-4, 4, (n, 2)),
        shear=rng.uniform(-40, 40, n),
    )


def scipy_warp(image, inverse, offset, mode="grid-constant", fill=0.0):
    return ndimage.affine_transform(
        image, inverse, offset=offset, order=1, mode=mode, cval=fill
    )


def only_warp(**params):
    """One certain warp, through the palette and through single parameters."""
    return [
        RandomAffine(SHAPE, **params, palette_size=palette_size)
        for palette_size in (1, None)
    ]


# --- RandomAffine ------------------------------------------------------------------


@pytest.mark.parametrize("fill", [0.0, -1.5])
@pytest.mark.parametrize(("dtype", "atol"), [(np.float64, 1e-12), (np.float32, 2e-4)])
def test_single_warps_agree_with_scipy_everywhere(rng, dtype, atol, fill):
    # Far more values than one chunk holds, so that chunks are put together right.
    X, warps = images(rng, n=150, dtype=dtype), random_warps(rng, 150)
    X_warped = warp_each(X, warps, SHAPE, 1, fill)
    assert X_warped.dtype == dtype
    for row, warped, inverse, offset in zip(X, X_warped, *warps, strict=True):
        expected = scipy_warp(row.reshape(SHAPE), inverse, offset, fill=fill)
        np.testing.assert_allclose(warped.reshape(SHAPE), expected, atol=atol)


@pytest.mark.parametrize("fill", [0.0, -1.5])
@pytest.mark.parametrize("n_images", [1, 3, 64, 130, 150])
def test_palette_warps_agree_with_scipy_everywhere(rng, n_images, fill):
    X, warps = images(rng, n=n_images), random_warps(rng, 8)
    X_warped = Palette(warps, SHAPE, 1, fill, X.dtype).warp(X, rng)
    assert X_warped.shape == X.shape
    for row, warped in zip(X, X_warped, strict=True):
        errors = [
            np.abs(
                scipy_warp(row.reshape(SHAPE), inverse, offset, fill=fill)
                - warped.reshape(SHAPE)
            ).max()
            for inverse, offset in zip(*warps, strict=True)
        ]
        assert min(errors) < 1e-12


def test_warps_agree_with_scipys_other_borders_in_the_interior(rng):
    image = images(rng, n=1)
    for affine in only_warp(rotate=(10, 10), scale=(1.1, 1.1)):
        prepared = affine.prepare(image)
        warps = prepared._warps(np.zeros((1, 5)))
        warped = prepared(image, None, None, rng)[0].reshape(SHAPE)
        for mode in ("constant", "nearest", "reflect"):
            expected = scipy_warp(
                image.reshape(SHAPE), warps.inverse[0], warps.offset[0], mode
            )
            np.testing.assert_allclose(warped[3:-3, 3:-3], expected[3:-3, 3:-3])


@pytest.mark.parametrize("translate", [(2, 1), (2 / SHAPE[1], 1 / SHAPE[0])])
def test_translation_in_pixels_and_as_a_fraction(rng, translate):
    affine = RandomAffine(SHAPE, translate=translate)
    assert affine.prepare(images(rng)).ranges_[3:].tolist() == [[-1, 1], [-2, 2]]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        # A quarter turn counter-clockwise takes what is right of the centre above it.
        ({"rotate": (90, 90)}, (-2, 0)),
        ({"scale": (2, 2)}, (0, 4)),
    ],
)
def test_directions(rng, params, expected):
    image = np.zeros((9, 9))
    image[4, 6] = 1.0
    for palette_size in (1, None):
        affine = RandomAffine((9, 9), **params, palette_size=palette_size)
        warped = affine(image.reshape(1, -1), None, None, rng)[0].reshape(9, 9)
        brightest = np.unravel_index(warped.argmax(), (9, 9))
        assert tuple(np.subtract(brightest, (4, 4))) == expected


def test_turns_shears_and_scales_together_agree_with_scipy(rng):
    image, centre = images(rng, n=1), (np.array(SHAPE) - 1) / 2
    angle, slope = np.deg2rad(25), np.tan(np.deg2rad(35))
    turn = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    inverse = np.linalg.inv(1.5 * np.array(turn) @ [[1, 0], [slope, 1]])
    expected = scipy_warp(image.reshape(SHAPE), inverse, centre - inverse @ centre)
    for affine in only_warp(rotate=(25, 25), scale=(1.5, 1.5), shear=(35, 35)):
        warped = affine(image, None, None, rng)[0]
        np.testing.assert_allclose(warped.reshape(SHAPE), expected, atol=1e-12)


def test_shear_moves_lower_rows_to_the_right(rng):
    image = np.zeros((9, 9))
    image[:, 4] = 1.0
    warped = RandomAffine((9, 9), shear=(45, 45), palette_size=None)(
        image.reshape(1, -1), None, None, rng
    )[0]
    np.testing.assert_allclose(warped.reshape(9, 9), np.eye(9), atol=1e-12)


@pytest.mark.parametrize("palette_size", ["auto", None])
def test_no_ranges_is_the_identity(rng, palette_size):
    X = images(rng, n=70)
    affine = RandomAffine(SHAPE, palette_size=palette_size)
    np.testing.assert_allclose(affine(X, None, None, rng)[0], X, atol=1e-12)


@pytest.mark.parametrize("palette_size", ["auto", None])
def test_channels_are_warped_alike(rng, palette_size):
    X = images(rng, n=70)
    coloured = np.stack([X, 2 * X, -X], axis=-1).reshape(70, -1)
    params = dict(rotate=30, translate=2, fill=0.5, palette_size=palette_size)
    grey = RandomAffine(SHAPE, **params).prepare(X)
    colour = RandomAffine((*SHAPE, 3), **{**params, "fill": 0.0}).prepare(coloured)
    warped = colour(coloured, None, None, np.random.default_rng(1))[0]
    warped = warped.reshape(70, -1, 3)
    np.testing.assert_allclose(2 * warped[..., 0], warped[..., 1], atol=1e-12)
    np.testing.assert_allclose(-warped[..., 0], warped[..., 2], atol=1e-12)
    dark = clone(grey).set_params(fill=0.0).prepare(X)
    expected = dark(X, None, None, np.random.default_rng(1))[0]
    np.testing.assert_allclose(warped[..., 0], expected, atol=1e-12)


@pytest.mark.parametrize("shape", [SHAPE, (*SHAPE, 3)])
@pytest.mark.parametrize("fill", [0.0, 2.5])
def test_warps_of_each_image_are_those_of_a_palette(fill, shape, rng):
    X = images(rng, n=9, shape=shape)
    warp = RandomAffine(shape, rotate=(30, 30), scale=(0.7, 0.7), fill=fill)
    expected = warp(X, None, None, rng)[0]
    single = warp.set_params(palette_size=None)(X, None, None, rng)[0]
    np.testing.assert_allclose(single, expected, atol=1e-12)
    assert np.isclose(single, fill).all(axis=0).any() and single.std() > 0.3


def test_palette_represents_the_ranges(rng):
    image = images(rng, n=1)
    params = dict(rotate=40, scale=0.3, translate=0.2, shear=20)
    single = RandomAffine(SHAPE, **params, palette_size=None)
    expected = single(np.tile(image, (50000, 1)), None, None, rng)[0].mean(axis=0)
    palette = RandomAffine(SHAPE, **params).prepare(image).palette_
    assert len(palette.blocks) == 64
    out = np.empty((64, N_PIXELS, 4))
    for block in range(64):
        palette._warp_run(block, np.tile(image, (4, 1)), out[block])
    # 256 random warps would be off by about 0.7 / 16 on average, up to thrice that.
    assert np.abs(out.mean(axis=(0, 2)) - expected).mean() < 0.02


def test_palettes_differ_with_all_that_they_are_made_from(rng):
    """All are alive at once, and each warps as if it were alone."""
    X = images(rng, n=40, shape=(6, 8))
    params = {"rotate": (30, 30), "translate": (2, 1), "palette_size": 4}
    kinds = [
        {"image_shape": (6, 8)},
        {"image_shape": (6, 8), "fill": 5.0},
        {"image_shape": (8, 6)},
        {"image_shape": (6, 4, 2)},
        {"image_shape": (6, 8), "rotate": (31, 31)},
        {"image_shape": (6, 8), "translate": (1, 2)},
    ]
    prepared = [RandomAffine(**params | kind).prepare(X) for kind in kinds]
    assert len({id(each.palette_) for each in prepared}) == len(kinds)
    single = RandomAffine(**params | kinds[0]).prepare(X.astype(np.float32))
    assert single.palette_ is not prepared[0].palette_
    for each, kind in zip(prepared, kinds, strict=True):
        assert each.palette_ is RandomAffine(**params | kind).prepare(X).palette_
        beyond = each(np.zeros_like(X), None, None, rng)[0]
        fill = kind.get("fill", 0.0)
        assert beyond.min() == pytest.approx(0, abs=1e-12)
        assert beyond.max() == pytest.approx(fill)


def test_a_pickle_has_no_palette(rng):
    affine = RandomAffine(SHAPE, rotate=20).prepare(images(rng))
    before = len(pickle.dumps(affine))
    expected = affine(images(rng), None, None, np.random.default_rng(1))[0].shape
    assert affine.palette_ is not None
    assert len(pickle.dumps(affine)) == before < 2000
    restored = pickle.loads(pickle.dumps(affine))
    assert restored(images(rng), None, None, rng)[0].shape == expected


def test_the_runs_of_a_minibatch_have_warps_of_their_own(rng):
    image = images(rng, n=1)
    X = np.repeat(image, 64 * 6, axis=0)
    X_new, _, _ = RandomAffine(SHAPE, rotate=40)(X, None, None, rng)
    assert len(np.unique(X_new.round(9), axis=0)) > 8


def test_large_images_get_a_smaller_palette():
    X = np.zeros((1, 200 * 200), dtype=np.float32)
    palette = RandomAffine((200, 200), rotate=3).prepare(X).palette_
    n_bytes = sum(b.data.nbytes + b.indices.nbytes for b in palette.blocks)
    assert 10e6 < n_bytes < 40e6


@pytest.mark.parametrize("palette_size", ["auto", None])
def test_p_is_the_share_of_warped_images(rng, palette_size):
    X = images(rng, n=2000)
    affine = RandomAffine(SHAPE, rotate=30, p=0.3, palette_size=palette_size)
    same = (affine(X, None, None, rng)[0] == X).all(axis=1)
    assert same.mean() == pytest.approx(0.7, abs=0.04)


# --- HorizontalFlip ----------------------------------------------------------------


@pytest.mark.parametrize("shape", [SHAPE, (*SHAPE, 3)])
def test_a_flip_twice_is_the_identity(rng, shape):
    X = images(rng, shape=shape)
    flip = HorizontalFlip(shape, p=1.0).prepare(X)
    once = flip(X, None, None, rng)[0]
    np.testing.assert_array_equal(
        once.reshape(5, *shape), X.reshape(5, *shape)[:, :, ::-1]
    )
    np.testing.assert_array_equal(flip(once, None, None, rng)[0], X)


def test_flip_takes_a_share_p(rng):
    X = images(rng, n=2000)
    flipped = (HorizontalFlip(SHAPE, p=0.3)(X, None, None, rng)[0] != X).any(axis=1)
    assert flipped.mean() == pytest.approx(0.3, abs=0.04)


# --- RandomErasing -----------------------------------------------------------------


def test_erased_is_one_rectangle_of_the_right_size(rng):
    X = np.ones((3000, 400))
    erase = RandomErasing((20, 20), p=1.0, scale=(0.1, 0.2), ratio=(0.5, 2))
    erased = erase(X, None, None, rng)[0].reshape(-1, 20, 20) == 0
    rows, columns = erased.any(axis=2), erased.any(axis=1)
    np.testing.assert_array_equal(erased, rows[:, :, None] & columns[:, None, :])
    for mask in (rows, columns):
        assert (np.abs(np.diff(mask, axis=1)).sum(axis=1) <= 2).all()
        # Every pixel can be erased, those at the edges included.
        assert mask.any(axis=0).all()
    area = erased.mean(axis=(1, 2))
    assert area.mean() == pytest.approx(0.15, abs=0.01)
    ratio = rows.sum(axis=1) / columns.sum(axis=1)
    assert 0.4 < ratio.min() < 0.6 < 1.7 < ratio.max() < 2.4


@pytest.mark.parametrize("ratio", [4.0, 0.25])
def test_the_ratio_is_height_divided_by_width(ratio, rng):
    erase = RandomErasing((20, 24), p=1.0, scale=(0.1, 0.1), ratio=(ratio, ratio))
    X_new = erase(np.ones((200, 480)), None, None, rng)[0]
    erased = X_new.reshape(-1, 20, 24) == 0
    # An area of 48 pixels has sides of about 14 and 3.5.
    height = erased.any(axis=2).sum(axis=1)
    width = erased.any(axis=1).sum(axis=1)
    sides = {(14, 3), (14, 4)} if ratio > 1 else {(3, 14), (4, 14)}
    assert set(zip(height.tolist(), width.tolist(), strict=True)) <= sides
    # Each place is as likely as any other, those at the edges included.
    tops, lefts = erased.any(axis=2).argmax(axis=1), erased.any(axis=1).argmax(axis=1)
    assert set(tops) == set(range(20 - height[0] + 1))
    assert set(lefts) == set(range(24 - width[0] + 1))


def test_erasing_with_random_values_stays_in_the_training_range(rng):
    X = rng.uniform(3, 5, size=(500, N_PIXELS))
    erase = RandomErasing(SHAPE, p=1.0, value="random").prepare(X)
    X_new = erase(X[:50], None, None, rng)[0]
    assert (X_new != X[:50]).any(axis=1).all()
    assert 3 <= X_new.min() < X_new.max() <= 5


def test_each_channel_of_an_erased_pixel_has_a_random_value_of_its_own(rng):
    X = rng.uniform(size=(50, N_PIXELS * 3))
    erase = RandomErasing((*SHAPE, 3), p=1.0, scale=(0.3, 0.3), value="random")
    X_new = erase.prepare(X)(X, None, None, rng)[0].reshape(-1, 3)
    erased = X_new[(X_new != X.reshape(-1, 3)).any(axis=1)]
    # The whole pixel is erased, and its values do not tell of each other.
    assert len(erased) == pytest.approx(0.3 * 50 * N_PIXELS, rel=0.1)
    correlation = np.corrcoef(erased.T)[np.triu_indices(3, 1)]
    np.testing.assert_allclose(correlation, 0, atol=0.1)


@pytest.mark.parametrize(
    "augmentation", [HorizontalFlip(SHAPE, p=1.0), RandomErasing(SHAPE, p=1.0)]
)
def test_images_that_are_all_changed_are_changed_in_a_copy(augmentation, rng):
    X = images(rng)
    before = X.copy()
    assert (augmentation(X, None, None, rng)[0] != before).any(axis=1).all()
    np.testing.assert_array_equal(X, before)


# --- what holds for all ------------------------------------------------------------

ALL = [
    RandomAffine(SHAPE, rotate=20, translate=0.1, p=0.8),
    RandomAffine(SHAPE, rotate=20, translate=0.1, palette_size=None, fill=1.0),
    HorizontalFlip(SHAPE),
    RandomErasing(SHAPE),
    RandomErasing(SHAPE, value="random"),
]


@pytest.mark.parametrize("augmentation", ALL, ids=repr)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_contract(augmentation, dtype, rng):
    X = images(rng, n=70, dtype=dtype)
    Y, weight = np.eye(70, dtype=dtype), np.arange(70.0)
    before = X.copy()
    prepared = augmentation.prepare(X, Y)
    X_new, Y_new, weight_new = prepared(X, Y, weight, np.random.default_rng(3))
    np.testing.assert_array_equal(X, before)
    assert X_new.shape == X.shape
    assert X_new.dtype == dtype
    assert not np.array_equal(X_new, X)
    assert Y_new is Y
    assert weight_new is weight
    # The rng is all there is to chance, also after a trip to another process.
    other = pickle.loads(pickle.dumps(augmentation.prepare(X, Y)))
    again = other(X, Y, weight, np.random.default_rng(3))[0]
    np.testing.assert_array_equal(X_new, again)
    assert not np.array_equal(X_new, prepared(X, Y, weight, rng)[0])
    assert vars(augmentation) == augmentation.get_params(deep=False)


@pytest.mark.parametrize(
    ("augmentation", "keeps_zeros"),
    [
        (RandomAffine(SHAPE, rotate=20), True),
        (RandomAffine(SHAPE, rotate=20, fill=0.5), False),
        (HorizontalFlip(SHAPE), True),
        (RandomErasing(SHAPE), True),
        (RandomErasing(SHAPE, value=-1), False),
        (RandomErasing(SHAPE, value="random"), False),
    ],
    ids=repr,
)
def test_sparse_images_where_zeros_are_kept(augmentation, keeps_zeros, rng):
    X = images(rng, n=70)
    X[:, : N_PIXELS // 2] = 0
    of_sparse = sparse.csr_array(X)
    if not keeps_zeros:
        with pytest.raises(TypeError, match="was given a sparse X"):
            augmentation.prepare(of_sparse)
        return
    one, other = (
        augmentation.prepare(rows)(X, None, None, np.random.default_rng(0))[0]
        for rows in (of_sparse, X)
    )
    np.testing.assert_array_equal(one, other)
    assert (one == 0).mean() > 0.2


@pytest.mark.parametrize("augmentation", ALL, ids=repr)
def test_p_of_zero_changes_nothing(augmentation, rng):
    X = images(rng)
    never = clone(augmentation).set_params(p=0.0)
    np.testing.assert_array_equal(never(X, None, None, rng)[0], X)


@pytest.mark.parametrize("augmentation", ALL, ids=repr)
@pytest.mark.parametrize(
    ("image_shape", "message"),
    [
        (
            (10, 14),
            r"'image_shape' parameter, \(10, 14\), stands for 140 values .* 154",
        ),
        ((154,), r"'image_shape' parameter must be \(height, width\)"),
        ((11.0, 14), "'image_shape' parameter must be .* all positive integers"),
        ((-11, -14), "'image_shape' parameter must be .* all positive integers"),
    ],
)
def test_wrong_image_shape(augmentation, image_shape, message, rng):
    with pytest.raises(ValueError, match=message):
        clone(augmentation).set_params(image_shape=image_shape).prepare(images(rng))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"rotate": (10, -10)}, "'rotate' parameter, when it is a pair"),
        ({"rotate": (1, 2, 3)}, "'rotate' parameter, when it is a pair"),
        ({"scale": (0, 1)}, "'scale' parameter, when it is a pair"),
        ({"scale": 1.5}, "'scale' parameter of RandomAffine must be"),
        ({"shear": (-90, 0)}, "'shear' parameter, when it is a pair"),
        ({"translate": 1.5}, "'translate' parameter, when it is a float"),
        ({"translate": (1, 2, 3)}, "'translate' parameter must be"),
        ({"translate": (-1, 2)}, "'translate' parameter must be"),
        ({"palette_size": 0}, "'palette_size' parameter of RandomAffine must be"),
        ({"fill": "white"}, "'fill' parameter of RandomAffine must be"),
        ({"p": 1.1}, "'p' parameter of RandomAffine must be"),
    ],
)
def test_wrong_parameters_of_affine(params, message, rng):
    with pytest.raises(ValueError, match=message):
        RandomAffine(SHAPE, **params).prepare(images(rng))


@pytest.mark.parametrize(
    "params", [{"scale": (0.5, 1.5)}, {"ratio": (0, 1)}, {"value": "white"}, {"p": -1}]
)
def test_wrong_parameters_of_erasing(params, rng):
    (name,) = params
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        RandomErasing(SHAPE, **params).prepare(images(rng))
