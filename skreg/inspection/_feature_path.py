"""The scores along the path from all inputs to none, and which pixels stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from .._typing import Booleans, ImageShape
from .._utils.publishing import quietly
from ..feature_selection import FeaturePath, SparseInputSelector
from ..feature_selection._path import name_of
from ._shown_part import find_part

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FeaturePathDisplay"]


# The names of inputs: their angle in degrees, the size of the font, and the distance of
# two lines in units of it. With long names the axes have this share of the width.
_NAME_ANGLE, _NAME_SIZE, _LINE = 60, "small", 1.2
_SHARE_OF_WIDTH = 0.85


class FeaturePathDisplay:
    """Scores against the number of inputs that are left; for images, the pixels.

    Make one with :meth:`from_path` or, with the scores of the folds, with
    :meth:`from_estimator`.

    Parameters
    ----------
    path : FeaturePath
        The path to show.
    cv_results : dict of ndarray, default=None
        `cv_results_` of a :class:`~skreg.feature_selection.SparseInputSelector`.
    n_features : int, default=None
        The number of inputs that was chosen.
    support : ndarray of bool of shape (n_features_in,), default=None
        The inputs that were chosen.
    score_name : str, default="score"
        The label of the axis of the scores.
    feature_names : list of str, default=None
        The names of the inputs; those of the path if None.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn into.
    figure_ : matplotlib Figure
        Their figure.
    lines_ : dict of str to matplotlib Line2D
        The curves of `plot`: "train", and "validation" and "cv" if there are such
        scores.
    band_ : matplotlib artist or None
        The band of `plot`: one standard error around the mean of the folds.
    choice_ : matplotlib Line2D or None
        The mark in `plot` of the number that was chosen.
    names_axis_ : matplotlib axis or None
        The upper axis of `plot`, with the names of the inputs that leave last.
    image_ : matplotlib AxesImage
        The image of `plot_image`.

    See Also
    --------
    skreg.feature_selection.feature_path : Makes the path.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skreg import MLPClassifier
    >>> from skreg.feature_selection import feature_path
    >>> from skreg.inspection import FeaturePathDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> path = feature_path(MLPClassifier((20,), random_state=0, max_iter=50), X, y)
    >>> display = FeaturePathDisplay.from_path(path)
    >>> int(display.path.n_features_selected[0])
    4
    """

    def __init__(
        self,
        path: FeaturePath,
        *,
        cv_results: Mapping[str, NDArray[Any]] | None = None,
        n_features: int | None = None,
        support: Booleans | None = None,
        score_name: str = "score",
        feature_names: Sequence[str] | None = None,
    ) -> None:
        self.path = path
        self.cv_results = cv_results
        self.n_features = n_features
        self.support = support
        self.score_name = score_name
        self.feature_names = feature_names

    @classmethod
    def from_path(
        cls,
        path: FeaturePath,
        *,
        score_name: str = "score",
        feature_names: Sequence[str] | None = None,
    ) -> Self:
        """Make a display of a path.

        Parameters
        ----------
        path : FeaturePath
            The path that :func:`~skreg.feature_selection.feature_path` returns.
        score_name : str, default="score"
            The label of the axis of the scores.
        feature_names : list of str, default=None
            The names of the inputs; those of the path if None.

        Returns
        -------
        FeaturePathDisplay

        Raises
        ------
        TypeError
            If `path` is no FeaturePath.
        ValueError
            If `feature_names` has not one name for each input.
        """
        if not isinstance(path, FeaturePath):
            raise TypeError(
                "path must be a FeaturePath, as feature_path returns it, got "
                f"{type(path).__name__}: from_estimator takes the path of a fitted "
                "SparseInputSelector."
            )
        _check_names(feature_names, path)
        return cls(path, score_name=score_name, feature_names=feature_names)

    @classmethod
    def from_estimator(
        cls, selector: Any, *, feature_names: Sequence[str] | None = None
    ) -> Self:
        """Take the path, the folds' scores and the choice of a fitted selector.

        Parameters
        ----------
        selector : SparseInputSelector, or an estimator with one inside
            The fitted selector, a Pipeline with one among its steps, or a search over
            one.
        feature_names : list of str, default=None
            The names of the inputs; those of the path if None.

        Returns
        -------
        FeaturePathDisplay

        Raises
        ------
        TypeError
            If there is no selector inside.
        ValueError
            If `feature_names` has not one name for each input.
        """
        selector = find_part(
            selector,
            lambda part: isinstance(part, SparseInputSelector),
            "path of inputs",
            "a fitted SparseInputSelector or a Pipeline or search with one inside (for "
            "a FeaturePath there is from_path)",
        )
        _check_names(feature_names, selector.path_)
        scoring = selector.scoring
        return cls(
            selector.path_,
            cv_results=selector.cv_results_,
            n_features=selector.n_features_,
            support=selector.support_,
            score_name=scoring if isinstance(scoring, str) else "score",
            feature_names=feature_names,
        )

    @quietly
    def plot(self, ax: Axes | None = None, *, max_names: int = 10) -> Self:
        """Draw scores against the number of inputs, from many on the left to few.

        A path may have several points with equally many inputs. The first of them is
        drawn, which is also the one that `FeaturePath.point_of` and the selector take.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes to draw into; by default those of a new figure.
        max_names : int, default=10
            Largest number of inputs that are named above the axes, each where it is the
            next to leave. Only those that leave last are named, and only as many as
            there is room for.

        Returns
        -------
        self : object
        """
        ax = self._take_axes(ax)
        sizes = np.unique(self.path.n_features_selected)[::-1]
        sizes = sizes[sizes > 0]
        points = [self.path.point_of(size) for size in sizes]
        self.lines_, self.band_, self.choice_ = {}, None, None
        for name, scores in (
            ("train", self.path.train_scores),
            ("validation", self.path.validation_scores),
        ):
            if scores is not None:
                (self.lines_[name],) = ax.plot(sizes, scores[points], ".-", label=name)
        if self.cv_results is not None:
            n_features = self.cv_results["n_features"]
            means = self.cv_results["mean_test_score"]
            errors = self.cv_results["std_error"]
            (self.lines_["cv"],) = ax.plot(n_features, means, label="folds' mean")
            self.band_ = ax.fill_between(
                n_features,
                means - errors,
                means + errors,
                alpha=0.2,
                color=self.lines_["cv"].get_color(),
                label="one standard error",
            )
        if self.n_features is not None:
            self.choice_ = ax.axvline(
                self.n_features, color="k", ls="--", label=f"{self.n_features} chosen"
            )
        ax.set(xscale="log", xlabel="inputs left", ylabel=self.score_name)
        ax.invert_xaxis()
        largest = max(int(sizes[0]), 1)
        ax.set_xticks(_round_numbers(largest), minor=False)
        # Plain numbers, in place of powers of ten and of the marks between them.
        ax.set_xticklabels([str(number) for number in _round_numbers(largest)])
        ax.set_xticks([], minor=True)
        ax.legend()
        self.names_axis_ = None
        if max_names > 0:
            n_names = min(max_names, len(self.path.ranking))
            self._name_inputs(self._n_with_room(n_names))
        return self

    def _n_with_room(self, n_names):
        """How many names, from that of the last input on, do not overlap."""
        # The layout will make the axes narrower than they are now.
        width = _SHARE_OF_WIDTH * self.ax_.get_window_extent().width
        limits = np.log(self.ax_.get_xlim())
        places = np.log(np.arange(1, n_names + 1)) * width / abs(np.diff(limits))
        size = _points_of(_NAME_SIZE) * self.figure_.dpi / 72
        least = _LINE * size / np.sin(np.deg2rad(_NAME_ANGLE))
        is_too_near = np.diff(places) < least
        return 1 + int(np.argmax([*is_too_near, True]))

    def _name_inputs(self, n_names):
        names = self.feature_names
        names = self.path.feature_names if names is None else names
        best = np.argsort(self.path.ranking)[:n_names]
        upper = self.ax_.secondary_xaxis("top")
        upper.set_xticks(
            np.arange(1, n_names + 1),
            [name_of(feature, names) for feature in best],
            rotation=_NAME_ANGLE,
            ha="left",
            fontsize=_NAME_SIZE,
        )
        upper.set_xticks([], minor=True)
        upper.set_xlabel("next to leave")
        self.names_axis_ = upper

    def plot_image(
        self,
        image_shape: ImageShape,
        *,
        n_features: int | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Draw which pixels stay, for inputs that are the pixels of images.

        Parameters
        ----------
        image_shape : tuple of int
            Height and width of the image whose pixels, row by row, are the inputs.
        n_features : int, default=None
            Number of best pixels to show. None shows the choice of the selector, or all
            pixels if there is none.
        ax : matplotlib Axes, default=None
            The axes to draw into; by default those of a new figure.

        Returns
        -------
        self : object
            Pixels that stay longer are brighter; those that are not shown are grey.

        Raises
        ------
        ValueError
            If the image has not as many pixels as there are inputs.
        """
        ranking = self.path.ranking
        if np.prod(image_shape) != len(ranking):
            raise ValueError(
                f"image_shape={tuple(image_shape)} does not have {len(ranking)} "
                "pixels, the number of inputs."
            )
        shown = np.ones(len(ranking), dtype=bool)
        if n_features is not None:
            shown = ranking <= n_features
        elif self.support is not None:
            shown = self.support
        ax = self._take_axes(ax)
        ranks = np.ma.masked_where(~shown, ranking).reshape(image_shape)
        ax.set_facecolor("0.7")
        self.image_ = ax.imshow(ranks, cmap="viridis_r", vmin=1, vmax=len(ranking))
        ax.set(xticks=[], yticks=[], title=f"{shown.sum()} of {len(ranking)} pixels")
        self.figure_.colorbar(self.image_, ax=ax, label="rank (1 stays longest)")
        return self

    def _take_axes(self, ax):
        import matplotlib.pyplot as plt

        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        return ax


def _points_of(name):
    """The size in points of a named font size."""
    from matplotlib.font_manager import FontProperties

    return FontProperties(size=name).get_size_in_points()


def _round_numbers(largest):
    """The numbers 1, 2, 5, 10, 20, 50... up to the largest, which is the last."""
    numbers = [
        factor * 10**power
        for power in range(len(str(largest)))
        for factor in (1, 2, 5)
        # Numbers near to the largest are left out, for their labels would overlap.
        if factor * 10**power <= 0.7 * largest
    ]
    return [*numbers, largest]


def _check_names(names, path):
    n_features = len(path.ranking)
    if names is not None and len(names) != n_features:
        raise ValueError(
            f"feature_names has {len(names)} names for {n_features} inputs."
        )
