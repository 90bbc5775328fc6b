"""What an augmentation does to images, as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array

from .._typing import ArrayLike, ImageShape, RandomState
from .._utils.publishing import quietly
from .._utils.wrappers import find_model
from ..augmentation import is_resampler
from ..augmentation._base import generator_from, prepare_augmentation

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class AugmentationDisplay:
    """A grid of images: originals in the first column, augmented copies beside them.

    Make one with :meth:`from_augmentation`.

    Parameters
    ----------
    originals : ndarray of shape (n_images, height, width) or \
            (n_images, height, width, n_channels)
        The original images.
    copies : ndarray of shape (n_copies, n_images, ...)
        Augmented copies of each image.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn into.
    figure_ : matplotlib Figure
        Their figure.
    image_ : matplotlib AxesImage
        The grid.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skreg.augmentation import RandomAffine
    >>> from skreg.inspection import AugmentationDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> affine = RandomAffine(image_shape=(8, 8), rotate=15, translate=1)
    >>> display = AugmentationDisplay.from_augmentation(
    ...     affine, X[:4], n_copies=6, random_state=0
    ... )
    >>> display.copies.shape
    (6, 4, 8, 8)
    """

    def __init__(self, originals: NDArray[Any], copies: NDArray[Any]) -> None:
        self.originals = originals
        self.copies = copies

    @classmethod
    @quietly
    def from_augmentation(
        cls,
        augmentation: Any,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        image_shape: ImageShape | None = None,
        n_copies: int = 5,
        n_images: int = 6,
        random_state: RandomState = None,
        X_train: ArrayLike | None = None,
    ) -> Self:
        """Augment images and keep them for plotting.

        Parameters
        ----------
        augmentation : augmentation, callable, or an estimator with a network inside
            The augmentation to show. Of a network, or of a Pipeline,
            TransformedTargetRegressor or fitted search with one inside, it is the
            network's.
        X : array-like of shape (n_images, n_pixels)
            The images to show, flattened.
        y : array-like of shape (n_images,) or (n_images, n_outputs), default=None
            Their numeric target, for callables that need one.
        image_shape : tuple of int, default=None
            (height, width) or (height, width, channels). By default that of the
            augmentation, or of the first member of a Compose that has one.
        n_copies : int, default=5
            Number of copies of each image.
        n_images : int, default=6
            Number of images to show, spread evenly over the rows of `X`; None shows
            all.
        random_state : int, RandomState instance or None, default=None
            Pass an int for the same picture every time.
        X_train : array-like of shape (n_samples, n_pixels), default=None
            The rows to prepare the augmentation on; by default `X`.

        Returns
        -------
        display : AugmentationDisplay

        Raises
        ------
        ValueError
            If the estimator has no augmentation, or if `image_shape` is missing or does
            not go with the columns of X.
        """
        augmentation = _augmentation_of(augmentation)
        X = check_array(X, dtype=[np.float64, np.float32])
        if image_shape is None:
            image_shape = _image_shape_of(augmentation)
        if image_shape is None:
            raise ValueError(
                "The 'image_shape' parameter is needed: the augmentation has no "
                "'image_shape' of its own."
            )
        if np.prod(image_shape) != X.shape[1]:
            raise ValueError(
                f"The 'image_shape' parameter, {image_shape!r}, stands for "
                f"{np.prod(image_shape)} values an image, but X has {X.shape[1]} "
                "features."
            )
        Y = np.zeros((len(X), 1), X.dtype)
        if y is not None:
            Y = np.asarray(y, dtype=X.dtype).reshape(len(X), -1)
        # The target is that of X, and that of other training rows is not known.
        learned = (X, Y) if X_train is None else (check_array(X_train), None)
        prepared = prepare_augmentation(augmentation, *learned)
        if n_images is not None and n_images < len(X):
            shown = np.linspace(0, len(X) - 1, n_images).round().astype(int)
            X, Y = X[shown], Y[shown]
        rng = generator_from(random_state)
        # All images form one minibatch, so that a mixture is one of different images.
        copies = [prepared(X.copy(), Y, None, rng)[0] for _ in range(n_copies)]
        shape = (len(X), *image_shape)
        return cls(
            X.reshape(shape), np.reshape(copies, (n_copies, *shape)).astype(X.dtype)
        )

    @quietly
    def plot(
        self, ax: Axes | None = None, *, gap: int = 1, **imshow_params: Any
    ) -> Self:
        """Draw the grid.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes to draw into; by default those of a new figure.
        gap : int, default=1
            Number of blank pixels between the images; after the originals there are
            three times as many.
        **imshow_params : dict
            Passed on to matplotlib's ``imshow``. Colours span the range of the
            originals unless `vmin` and `vmax` say otherwise.

        Returns
        -------
        self : AugmentationDisplay
        """
        import matplotlib.pyplot as plt

        if ax is None:
            n_rows, n_columns = len(self.originals), 1 + len(self.copies)
            size = (0.8 * n_columns + 0.4, 0.8 * n_rows + 0.4)
            _, ax = plt.subplots(figsize=size, layout="constrained")
        low, high = float(self.originals.min()), float(self.originals.max())
        grid = self._grid(gap)
        if grid.ndim == 3:
            # matplotlib shows colours between 0 and 1 only.
            grid = np.clip((grid - low) / (high - low or 1), 0, 1)
        else:
            imshow_params = {"cmap": "gray", "vmin": low, "vmax": high, **imshow_params}
        self.image_ = ax.imshow(np.ma.masked_invalid(grid), **imshow_params)
        width = self.originals.shape[2]
        ax.set_xticks(
            [(width - 1) / 2, 3 * gap + width + (grid.shape[1] - width - 3 * gap) / 2],
            ["original", "augmented"],
        )
        ax.set_yticks([])
        ax.tick_params(length=0)
        for spine in ax.spines.values():
            spine.set_visible(False)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _grid(self, gap):
        """All images as one array, with NaN in between and without a single channel."""
        n_images, height, width, *channels = self.originals.shape
        columns = [self.originals, *self.copies]
        lefts = [0, *(width + 3 * gap + i * (width + gap) for i in range(len(columns)))]
        shape = (n_images * (height + gap) - gap, lefts[-2] + width, *channels)
        grid = np.full(shape, np.nan)
        for left, images in zip(lefts, columns, strict=False):
            for i, image in enumerate(images):
                top = i * (height + gap)
                grid[top : top + height, left : left + width] = image
        return grid[..., 0] if channels == [1] else grid


def _image_shape_of(augmentation):
    """The image shape of an augmentation, or of its first member that has one."""
    shape = getattr(augmentation, "image_shape", None)
    members = iter(getattr(augmentation, "transforms", ()))
    while shape is None and (member := next(members, None)) is not None:
        shape = _image_shape_of(member)
    return shape


def _augmentation_of(shown):
    """An augmentation itself, or that of the network inside an estimator."""
    if not hasattr(shown, "fit") or is_resampler(shown):
        return shown
    _, model = find_model(getattr(shown, "best_estimator_", shown))
    augmentation = getattr(model, "augmentation", None)
    if augmentation is None:
        raise ValueError(
            f"{type(shown).__name__} has no augmentation to show: pass a network whose "
            "augmentation is not None, an estimator with one inside, or the "
            "augmentation itself."
        )
    return augmentation
