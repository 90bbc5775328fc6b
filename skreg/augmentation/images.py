"""Augmentations of images whose pixels are the columns of X.

A row is an image flattened in C order from the shape (height, width) or
(height, width, channels).
"""

from __future__ import annotations

import weakref
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np

from .._typing import ImageShape, Range
from .._utils.sklearn_private import Hidden, Interval, StrOptions
from ._base import BaseAugmentation, choose_rows
from ._warps import WARPS_PER_BLOCK, Palette, affine_warps, warp_each

_PROBABILITY = [Interval(Real, 0, 1, closed="both")]
_NUMBER = Interval(Real, None, None, closed="neither")

# The largest size of an "auto" palette. 256 warps spread well over five parameters; the
# bound of 32 MB keeps palettes of large images from filling the memory.
_MAX_WARPS = 256
_MAX_PALETTE_BYTES = 32e6

# The palettes in use, by the parameters that they are made from. So the folds and
# candidates of a search share one palette in the cache, and `partial_fit` does not make
# a new one in every call.
_palettes = weakref.WeakValueDictionary()


class _ImageAugmentation(BaseAugmentation):
    """Base of the augmentations of images, which checks their shape."""

    _parameter_constraints: dict = {"image_shape": [tuple, list, Hidden(np.ndarray)]}

    def _learn(self, X, Y):
        shape = tuple(self.image_shape)
        if len(shape) not in (2, 3) or not all(
            isinstance(size, Integral) and size > 0 for size in shape
        ):
            raise ValueError(
                "The 'image_shape' parameter must be (height, width) or (height, "
                f"width, channels), all positive integers. Got {self.image_shape!r}."
            )
        if np.prod(shape) != X.shape[1]:
            raise ValueError(
                f"The 'image_shape' parameter, {self.image_shape!r}, stands for "
                f"{np.prod(shape)} values an image, but X has {X.shape[1]} features."
            )
        self.shape_ = shape[:2]
        self.n_channels_ = shape[2] if len(shape) == 3 else 1

    def _learns_from_rows(self):
        return False

    def _as_images(self, X):
        """X as (n_rows, height, width, channels), without a copy if X is C-ordered."""
        return X.reshape(len(X), *self.shape_, self.n_channels_)


class RandomAffine(_ImageAugmentation):
    """Rotate, scale, translate and shear images at random.

    Parameters
    ----------
    image_shape : tuple of int
        (height, width) or (height, width, channels).
    rotate : float or tuple (low, high), default=0
        Range of the rotation in degrees, counter-clockwise. A number stands for
        (-rotate, rotate).
    translate : int, float or tuple of two of them, default=0
        Largest translation, horizontally and vertically: an int counts pixels, a
        float is a fraction of the width and of the height. A tuple is (horizontal,
        vertical). The translation that is drawn need not be whole pixels.
    scale : float or tuple (low, high), default=0
        Range of the scaling factor. A number stands for (1 - scale, 1 + scale).
    shear : float or tuple (low, high), default=0
        Range of the angle in degrees by which vertical lines lean. A number stands
        for (-shear, shear).
    fill : float, default=0.0
        Value of pixels from beyond the border.
    p : float, default=1.0
        Probability that an image is warped.
    palette_size : int, "auto" or None, default="auto"
        Number of warps in the palette, a set of warps that are prepared as sparse
        matrices when the augmentation is first used. They are spread evenly over the
        ranges. Every minibatch draws some of them, and 16 images that follow each other
        share a warp (or a quarter of the images of a minibatch of fewer than 64). So
        minibatches should be shuffled. The size is rounded up to a multiple of 4, and a
        palette takes up to ``palette_size * height * width * 32`` bytes (48 for
        float64). "auto" is 256, or fewer if these exceed 32 MB. None draws the
        parameters of each image separately, which takes several times as long.

    Notes
    -----
    Interpolation is bilinear, about the centre of the image, and agrees with
    ``scipy.ndimage.affine_transform(order=1, mode="grid-constant", cval=fill)``. The
    parameters are uniform over their ranges and independent. From a palette, the
    augmented X is Fortran-ordered.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.augmentation import RandomAffine
    >>> image = np.zeros((5, 5))
    >>> image[1] = 1.0
    >>> turn = RandomAffine(image_shape=(5, 5), rotate=(90, 90))
    >>> X_new, _, _ = turn(image.reshape(1, -1), None, None, np.random.default_rng(0))
    >>> X_new.reshape(5, 5).round(6) + 0.0
    array([[0., 1., 0., 0., 0.],
           [0., 1., 0., 0., 0.],
           [0., 1., 0., 0., 0.],
           [0., 1., 0., 0., 0.],
           [0., 1., 0., 0., 0.]])
    """

    _parameter_constraints: dict = {
        **_ImageAugmentation._parameter_constraints,
        "rotate": [_NUMBER, tuple, list],
        "translate": [Interval(Real, 0, None, closed="left"), tuple, list],
        "scale": [Interval(Real, 0, 1, closed="left"), tuple, list],
        "shear": [Interval(Real, -90, 90, closed="neither"), tuple, list],
        "fill": [_NUMBER],
        "p": _PROBABILITY,
        "palette_size": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
            None,
        ],
    }

    def __init__(
        self,
        image_shape: ImageShape,
        *,
        rotate: float | Range = 0,
        translate: float | Range = 0,
        scale: float | Range = 0,
        shear: float | Range = 0,
        fill: float = 0.0,
        p: float = 1.0,
        palette_size: Literal["auto"] | int | None = "auto",
    ) -> None:
        self.image_shape = image_shape
        self.rotate = rotate
        self.translate = translate
        self.scale = scale
        self.shear = shear
        self.fill = fill
        self.p = p
        self.palette_size = palette_size

    def _learn(self, X, Y):
        super()._learn(X, Y)
        across, down = _largest_translation(self.translate, self.shape_)
        self.ranges_ = np.array(
            [
                _range("rotate", self.rotate),
                _range("scale", self.scale, centre=1, low=0, high=np.inf),
                _range("shear", self.shear, low=-90, high=90),
                (-down, down),
                (-across, across),
            ],
            dtype=float,
        )
        self.dtype_ = X.dtype if X.dtype.kind == "f" else np.dtype(np.float64)
        self._palette = None

    @property
    def palette_(self) -> Any:
        """The prepared warps; None if the parameters of each image are drawn."""
        if self.palette_size is not None and self._palette is None:
            self._palette = self._find_or_make_palette()
        return self._palette

    def _find_or_make_palette(self):
        n_warps = self.palette_size
        if n_warps == "auto":
            n_pixels = self.shape_[0] * self.shape_[1]
            warp_bytes = 4 * n_pixels * (4 + self.dtype_.itemsize)
            n_warps = min(_MAX_WARPS, max(1, int(_MAX_PALETTE_BYTES // warp_bytes)))
        n_warps = -(-n_warps // WARPS_PER_BLOCK) * WARPS_PER_BLOCK
        what = (self.shape_, self.n_channels_, self.fill, self.dtype_)
        key = (n_warps, self.ranges_.tobytes(), *what)
        palette = _palettes.get(key)
        if palette is None:
            warps = self._warps(_evenly_spread(n_warps, self.ranges_))
            palette = _palettes[key] = Palette(warps, *what)
        return palette

    def __getstate__(self):
        """The state to pickle, without the palette, which is large and quickly made."""
        state = super().__getstate__()
        return {**state, "_palette": None} if "_palette" in state else state

    def _warps(self, parameters):
        """The warps of parameters in [0, 1), of shape (n_warps, 5)."""
        low, high = self.ranges_.T
        rotate, scale, shear, down, across = (low + (high - low) * parameters).T
        translate = np.column_stack([down, across])
        return affine_warps(self.shape_, rotate, scale, translate, shear)

    def _augment(self, X, rng):
        chosen = choose_rows(len(X), self.p, rng)
        if chosen is None:
            return self._warp(X, rng), None
        X_new = X.copy()
        if chosen.any():
            X_new[chosen] = self._warp(X[chosen], rng)
        return X_new, None

    def _warp(self, X, rng):
        palette = self.palette_
        if palette is not None:
            return palette.warp(X, rng)
        warps = self._warps(rng.random((len(X), len(self.ranges_))))
        return warp_each(X, warps, self.shape_, self.n_channels_, self.fill)

    def _keeps_zeros(self):
        return self.fill == 0


class HorizontalFlip(_ImageAugmentation):
    """Mirror images left to right at random.

    Parameters
    ----------
    image_shape : tuple of int
        (height, width) or (height, width, channels).
    p : float, default=0.5
        Probability that an image is mirrored.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.augmentation import HorizontalFlip
    >>> X = np.array([[1.0, 2.0, 3.0, 4.0]])
    >>> flip = HorizontalFlip(image_shape=(2, 2), p=1.0)
    >>> flip(X, None, None, np.random.default_rng(0))[0].tolist()
    [[2.0, 1.0, 4.0, 3.0]]
    """

    _parameter_constraints: dict = {
        **_ImageAugmentation._parameter_constraints,
        "p": _PROBABILITY,
    }

    def __init__(self, image_shape: ImageShape, *, p: float = 0.5) -> None:
        self.image_shape = image_shape
        self.p = p

    def _augment(self, X, rng):
        chosen = choose_rows(len(X), self.p, rng)
        if chosen is None:
            chosen = slice(None)
        X_new = X.copy()
        images = self._as_images(X[chosen])
        X_new[chosen] = images[:, :, ::-1].reshape(-1, X.shape[1])
        return X_new, None


class RandomErasing(_ImageAugmentation):
    """Erase a random rectangle of images at random.

    Parameters
    ----------
    image_shape : tuple of int
        (height, width) or (height, width, channels).
    p : float, default=0.5
        Probability that an image loses a rectangle.
    scale : tuple (low, high), default=(0.02, 0.33)
        Range of the rectangle's area as a fraction of the image's.
    ratio : tuple (low, high), default=(0.3, 3.3)
        Range of the rectangle's height divided by its width, uniform in the logarithm.
        Sides are rounded to whole pixels, at least one and at most the image's, so
        extreme ratios are cut to what fits.
    value : float or "random", default=0.0
        The value of erased pixels: a number, or values drawn uniformly between the
        lowest and the highest value of the training rows.

    References
    ----------
    Z. Zhong, L. Zheng, G. Kang, S. Li and Y. Yang, "Random Erasing Data Augmentation",
    AAAI 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.augmentation import RandomErasing
    >>> erase = RandomErasing((4, 4), p=1.0, scale=(0.25, 0.25), ratio=(1, 1))
    >>> X_new, _, _ = erase(np.ones((1, 16)), None, None, np.random.default_rng(0))
    >>> int(X_new.sum())
    12
    """

    _parameter_constraints: dict = {
        **_ImageAugmentation._parameter_constraints,
        "p": _PROBABILITY,
        "scale": [tuple, list],
        "ratio": [tuple, list],
        "value": [_NUMBER, StrOptions({"random"})],
    }

    def __init__(
        self,
        image_shape: ImageShape,
        *,
        p: float = 0.5,
        scale: Range = (0.02, 0.33),
        ratio: Range = (0.3, 3.3),
        value: Literal["random"] | float = 0.0,
    ) -> None:
        self.image_shape = image_shape
        self.p = p
        self.scale = scale
        self.ratio = ratio
        self.value = value

    def _learn(self, X, Y):
        super()._learn(X, Y)
        self.area_ = _range("scale", self.scale, low=0, high=1)
        self.log_ratio_ = np.log(_range("ratio", self.ratio, low=0, high=np.inf))
        if isinstance(self.value, str):
            self.value_range_ = float(X.min()), float(X.max())

    def _augment(self, X, rng):
        chosen = choose_rows(len(X), self.p, rng)
        rows = np.arange(len(X)) if chosen is None else np.flatnonzero(chosen)
        height, width = self.shape_
        area = rng.uniform(*self.area_, len(rows)) * height * width
        stretch = np.exp(0.5 * rng.uniform(*self.log_ratio_, len(rows)))
        side = np.sqrt(area)
        in_rows = _random_interval(side * stretch, height, rng)
        in_columns = _random_interval(side / stretch, width, rng)
        erased = (in_rows[:, :, None] & in_columns[:, None, :])[..., None]
        value = self.value
        if isinstance(value, str):
            noise = rng.random((len(rows), *self.shape_, self.n_channels_))
            low, high = self.value_range_
            value = (low + (high - low) * noise).astype(X.dtype)
        X_new = X.copy()
        images = np.where(erased, np.asarray(value, X.dtype), self._as_images(X[rows]))
        X_new[rows] = images.reshape(-1, X.shape[1])
        return X_new, None

    def _learns_from_rows(self):
        return isinstance(self.value, str)

    def _keeps_zeros(self):
        return not isinstance(self.value, str) and self.value == 0


def _random_interval(length, size, rng):
    """Masks of shape (n, size), each an interval of about `length` at random."""
    length = np.clip(np.rint(length), 1, size).astype(int)
    start = rng.integers(0, size - length + 1)
    pixel = np.arange(size)
    return (pixel >= start[:, None]) & (pixel < (start + length)[:, None])


def _range(name, value, *, centre=0, low=-np.inf, high=np.inf):
    """A range from a number (`centre` plus or minus) or from a pair."""
    if isinstance(value, Real):
        return centre - value, centre + value
    valid = (
        len(value) == 2
        and all(isinstance(bound, Real) and np.isfinite(bound) for bound in value)
        and low <= value[0] <= value[1] <= high
    )
    # A factor or a ratio of zero, or an angle of 90 degrees, would leave no image.
    if not valid or (low == 0 and value[0] == 0) or {-90, 90} & {*value} & {low, high}:
        raise ValueError(
            f"The {name!r} parameter, when it is a pair, must be (low, high) with "
            f"{low} < low <= high < {high}. Got {value!r} instead."
        )
    return tuple(value)


def _largest_translation(translate, shape):
    """The largest translation in pixels, (across, down)."""
    pair = (translate, translate) if isinstance(translate, Real) else tuple(translate)
    if len(pair) != 2 or not all(isinstance(t, Real) and t >= 0 for t in pair):
        raise ValueError(
            "The 'translate' parameter must be a number or a pair (horizontal, "
            f"vertical) of numbers, none negative. Got {translate!r} instead."
        )
    for t in pair:
        if not isinstance(t, Integral) and t > 1:
            raise ValueError(
                "The 'translate' parameter, when it is a float, is a fraction of the "
                f"image and must be at most 1. Got {translate!r}; use an int for "
                "pixels."
            )
    height, width = shape
    return tuple(
        t if isinstance(t, Integral) else t * size
        for t, size in zip(pair, (width, height), strict=True)
    )


def _evenly_spread(n_points, ranges):
    """Points in [0, 1) that cover the ranges evenly, of shape (n_points, n_ranges).

    The additive recurrence of the generalised golden ratio (M. Roberts, "The
    Unreasonable Effectiveness of Quasirandom Sequences", 2018), over the ranges that
    are not single values. It needs no random state, so the same parameters make the
    same palette in every fit.
    """
    varying = np.flatnonzero(ranges[:, 0] < ranges[:, 1])
    # The positive root of x^(d + 1) = x + 1, which this iteration reaches to rounding.
    root = 2.0
    for _ in range(64):
        root = (1 + root) ** (1 / (len(varying) + 1))
    points = np.zeros((n_points, len(ranges)))
    steps = root ** -np.arange(1.0, len(varying) + 1)
    points[:, varying] = (0.5 + np.outer(np.arange(1, n_points + 1), steps)) % 1
    return points
