"""What the path from all inputs to none costs in score, and which pixels stay."""

import numpy as np

from .._fitting import quietly
from ..feature_selection import FeaturePath, SparseInputSelector
from ._parts import find_part

__all__ = ["FeaturePathDisplay"]


class FeaturePathDisplay:
    """Scores against the number of inputs that are left; for images, the pixels.

    Make one with :meth:`from_path` or, with the scores of the folds, with
    :meth:`from_estimator`.

    Parameters
    ----------
    path : FeaturePath
    cv_results : dict of ndarray, default=None
        `cv_results_` of a :class:`~skreg.feature_selection.SparseInputSelector`.
    n_features : int, default=None
        The number of inputs that was chosen.
    support : ndarray of bool of shape (n_features_in,), default=None
        The inputs that were chosen.
    score_name : str, default="score"

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn into.
    figure_ : matplotlib Figure
        Their figure.
    lines_ : dict of str to matplotlib Line2D
        By `plot`: "train", and "validation" and "cv" where there are such scores.
    band_ : matplotlib artist or None
        By `plot`: one standard error around the mean of the folds.
    choice_ : matplotlib Line2D or None
        By `plot`: the mark of the number that was chosen.
    image_ : matplotlib AxesImage
        By `plot_image`.

    See Also
    --------
    skreg.feature_selection.feature_path : The path as data.

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
        path,
        *,
        cv_results=None,
        n_features=None,
        support=None,
        score_name="score",
    ):
        self.path = path
        self.cv_results = cv_results
        self.n_features = n_features
        self.support = support
        self.score_name = score_name

    @classmethod
    def from_path(cls, path, *, score_name="score"):
        """Take a path.

        Parameters
        ----------
        path : FeaturePath
            As :func:`~skreg.feature_selection.feature_path` returns it.
        score_name : str, default="score"

        Returns
        -------
        FeaturePathDisplay
        """
        if not isinstance(path, FeaturePath):
            raise TypeError(
                "path must be a FeaturePath, as feature_path returns it, got "
                f"{type(path).__name__}: from_estimator takes the path of a fitted "
                "SparseInputSelector."
            )
        return cls(path, score_name=score_name)

    @classmethod
    def from_estimator(cls, selector):
        """Take the path, the folds' scores and the choice of a fitted selector.

        Parameters
        ----------
        selector : SparseInputSelector, or an estimator with one inside
            Fitted: a Pipeline with a selector among its steps, or a search over one.

        Returns
        -------
        FeaturePathDisplay
        """
        selector = find_part(
            selector,
            lambda part: isinstance(part, SparseInputSelector),
            "path of inputs",
            "a fitted SparseInputSelector or a Pipeline or search with one inside (for "
            "a FeaturePath there is from_path)",
        )
        scoring = selector.scoring
        return cls(
            selector.path_,
            cv_results=selector.cv_results_,
            n_features=selector.n_features_,
            support=selector.support_,
            score_name=scoring if isinstance(scoring, str) else "score",
        )

    @quietly
    def plot(self, ax=None):
        """Draw scores against the number of inputs, from many on the left to few.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            New ones if None.

        Returns
        -------
        self : object
        """
        ax = self._take_axes(ax)
        sizes = self.path.n_features_selected
        shown = sizes > 0
        self.lines_, self.band_, self.choice_ = {}, None, None
        for name, scores in (
            ("train", self.path.train_scores),
            ("validation", self.path.validation_scores),
        ):
            if scores is not None:
                (self.lines_[name],) = ax.plot(
                    sizes[shown], scores[shown], ".-", label=name
                )
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
        ax.legend()
        return self

    def plot_image(self, image_shape, *, n_features=None, ax=None):
        """Draw which pixels stay, for inputs that are the pixels of images.

        Parameters
        ----------
        image_shape : tuple of int
            Height and width, in the order of the columns.
        n_features : int, default=None
            Show these many best pixels alone. None shows the choice of the selector, or
            without one all of them.
        ax : matplotlib Axes, default=None
            New ones if None.

        Returns
        -------
        self : object
            Bright pixels are those that stay longest; those that are not shown are
            grey.
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
            _, ax = plt.subplots()
        self.ax_, self.figure_ = ax, ax.figure
        return ax
