"""How much each input matters to the members of an ensemble."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from .._typing import Indices
from .._utils.publishing import quietly
from ._shown_part import find_part

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FeatureImportancesDisplay"]


class FeatureImportancesDisplay:
    """Feature importances: the mean over the members of an ensemble, and each of them.

    Make one with :meth:`from_estimator`.

    Parameters
    ----------
    importances : ndarray of shape (n_members, n_features)
        The importances of the inputs to each member.
    feature_names : list of str, default=None
        The names of the inputs; ``x0, x1, ...`` if None.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn into.
    figure_ : matplotlib Figure
        Their figure.
    bars_ : matplotlib BarContainer
        The means, from the top in falling order.
    spreads_ : matplotlib LineCollection
        A line for each bar, from one standard deviation of the members below the mean
        to one above it.
    points_ : matplotlib PathCollection
        The single members, a point for each of them on each bar.

    See Also
    --------
    skreg.ensemble.FoldEnsembleClassifier : Has such members.
    StabilityDisplay : How often inputs are selected, with a bound on false selections.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.inspection import FeatureImportancesDisplay
    >>> display = FeatureImportancesDisplay(np.array([[0.2, 1.0], [0.4, 0.8]]))
    >>> display.order.tolist()
    [1, 0]
    """

    def __init__(
        self, importances: NDArray[Any], *, feature_names: Sequence[str] | None = None
    ) -> None:
        self.importances = importances
        self.feature_names = feature_names

    @classmethod
    def from_estimator(
        cls, ensemble: Any, *, feature_names: Sequence[str] | None = None
    ) -> Self:
        """Take the importances of the members of a fitted ensemble.

        Parameters
        ----------
        ensemble : FoldEnsembleClassifier, FoldEnsembleRegressor, or with one inside
            The fitted ensemble, a Pipeline or target transformer with one inside, or a
            search over one.
        feature_names : list of str, default=None
            The names of the columns that the members' models are given. By default they
            are found: those of X, or of what the steps before the models make of it.

        Returns
        -------
        FeatureImportancesDisplay

        Raises
        ------
        TypeError
            If there is no ensemble inside.
        AttributeError
            If the members have no `feature_importances_`, or not of the same columns.
        ValueError
            If `feature_names` has not one name for each column.
        """
        ensemble = find_part(
            ensemble,
            lambda part: hasattr(part, "_member_importances"),
            "members with feature importances",
            "a fitted FoldEnsembleClassifier or FoldEnsembleRegressor, or a Pipeline "
            "or search with one inside",
        )
        importances, names = ensemble._member_importances()
        names = names if feature_names is None else feature_names
        if names is not None and len(names) != importances.shape[1]:
            raise ValueError(
                f"feature_names has {len(names)} names for {importances.shape[1]} "
                "inputs."
            )
        return cls(importances, feature_names=names)

    @property
    def order(self) -> Indices:
        """The inputs by falling mean; equal ones are in the order of the columns."""
        return np.argsort(-self.importances.mean(axis=0), kind="stable")

    @quietly
    def plot(self, ax: Axes | None = None, *, max_features: int = 30) -> Self:
        """Draw a bar for each input.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes to draw into; by default those of a new figure.
        max_features : int, default=30
            Largest number of bars.

        Returns
        -------
        self : object
        """
        import matplotlib.pyplot as plt

        shown = self.order[:max_features]
        places = np.arange(len(shown))
        if ax is None:
            # The height is what the names beside the axes need.
            height = max(2.5, 1.2 + 0.2 * len(shown))
            _, ax = plt.subplots(figsize=(6.4, height), layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        members = self.importances[:, shown]
        mean, spread = members.mean(axis=0), members.std(axis=0)
        self.bars_ = ax.barh(places, mean, color="C0", alpha=0.4)
        self.spreads_ = ax.hlines(
            places, mean - spread, mean + spread, color="C0", lw=4
        )
        # Above the lines, which would hide them.
        self.points_ = ax.scatter(
            *(members.ravel(), np.tile(places, len(members))),
            **dict(s=8, color="k", linewidths=0, zorder=3),
        )
        names = self.feature_names
        labels = [f"x{j}" if names is None else str(names[j]) for j in shown]
        ax.set_yticks(places, labels)
        ax.set_ylim(len(shown) - 0.4, -0.6)
        n_members, n_features = self.importances.shape
        title = f"mean of {n_members} members,\nstandard deviation, and each of them"
        if len(shown) < n_features:
            title += f"\n(the first {len(shown)} of {n_features} inputs)"
        ax.set(xlabel="feature importance", title=title)
        # Norms of weights are not negative, and their lines need not be either.
        if (members >= 0).all():
            ax.set_xlim(left=0)
        return self
