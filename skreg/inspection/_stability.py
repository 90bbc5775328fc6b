"""How often each input was selected on half of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from .._typing import Booleans, Floats, Indices
from .._utils.publishing import quietly
from ..feature_selection import StabilitySelection
from ._shown_part import find_part

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["StabilityDisplay"]


class StabilityDisplay:
    """Stability scores of the inputs, largest first, and the threshold.

    Make one with :meth:`from_estimator`.

    Parameters
    ----------
    stability_scores : ndarray of shape (n_features,)
        The share of subsamples that selected each input.
    threshold : float
        The score from which on inputs are selected.
    support : ndarray of bool of shape (n_features,)
        The inputs that are selected.
    expected_false_selections : float, default=None
        The bound on false selections, for the title.
    feature_names : list of str, default=None
        The names of the inputs; ``x0, x1, ...`` if None.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn into.
    figure_ : matplotlib Figure
        Their figure.
    bars_ : matplotlib BarContainer
        The bars of the inputs, from the top in the order of their scores.
    threshold_line_ : matplotlib Line2D
        The line at the threshold.

    See Also
    --------
    skreg.feature_selection.StabilitySelection : Makes the scores.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.inspection import StabilityDisplay
    >>> scores = np.array([0.2, 1.0, 0.7])
    >>> display = StabilityDisplay(scores, 0.6, scores >= 0.6)
    >>> display.order.tolist()
    [1, 2, 0]
    """

    def __init__(
        self,
        stability_scores: Floats,
        threshold: float,
        support: Booleans,
        *,
        expected_false_selections: float | None = None,
        feature_names: Sequence[str] | None = None,
    ) -> None:
        self.stability_scores = stability_scores
        self.threshold = threshold
        self.support = support
        self.expected_false_selections = expected_false_selections
        self.feature_names = feature_names

    @classmethod
    def from_estimator(
        cls, selection: Any, *, feature_names: Sequence[str] | None = None
    ) -> Self:
        """Take the scores of a fitted StabilitySelection.

        Parameters
        ----------
        selection : StabilitySelection, or an estimator with one inside
            The fitted selection, a Pipeline with one among its steps, or a search over
            one.
        feature_names : list of str, default=None
            The names of the inputs; those of the fitted selection if None.

        Returns
        -------
        StabilityDisplay

        Raises
        ------
        TypeError
            If there is no selection inside.
        ValueError
            If `feature_names` has not one name for each input.
        """
        selection = find_part(
            selection,
            lambda part: isinstance(part, StabilitySelection),
            "stability scores",
            "a fitted StabilitySelection or a Pipeline or search with one inside",
        )
        if feature_names is None:
            feature_names = getattr(selection, "feature_names_in_", None)
        n_features = selection.n_features_in_
        if feature_names is not None and len(feature_names) != n_features:
            raise ValueError(
                f"feature_names has {len(feature_names)} names for {n_features} inputs."
            )
        return cls(
            selection.stability_scores_,
            selection.threshold_,
            selection.support_,
            expected_false_selections=selection.expected_false_selections_,
            feature_names=feature_names,
        )

    @property
    def order(self) -> Indices:
        """The inputs by falling score; equal scores are in the order of the columns."""
        return np.argsort(-self.stability_scores, kind="stable")

    @quietly
    def plot(self, ax: Axes | None = None, *, max_features: int = 30) -> Self:
        """Draw a bar for each input.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes to draw into; by default those of a new figure.
        max_features : int, default=30
            Largest number of bars; all selected inputs are always shown.

        Returns
        -------
        self : object
        """
        import matplotlib.pyplot as plt

        shown = self.order[: max(max_features, int(self.support.sum()))]
        if ax is None:
            # The height is what the names beside the axes need.
            height = max(2.5, 1.2 + 0.2 * len(shown))
            _, ax = plt.subplots(figsize=(6.4, height), layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        names = self.feature_names
        labels = [f"x{j}" if names is None else str(names[j]) for j in shown]
        self.bars_ = ax.barh(
            np.arange(len(shown)),
            self.stability_scores[shown],
            color=["C0" if self.support[j] else "0.75" for j in shown],
        )
        self.threshold_line_ = ax.axvline(self.threshold, color="k", ls="--")
        ax.set_yticks(np.arange(len(shown)), labels)
        ax.invert_yaxis()
        title = f"{self.support.sum()} of {len(self.support)} inputs selected"
        bound = self.expected_false_selections
        if bound is not None and np.isfinite(bound):
            title += f",\nat most {bound:.2g} of them false on average"
        # The limit is a little above 1, so that a bar of length 1 has a visible end.
        ax.set(xlim=(0, 1.02), xlabel="share of halves that select it", title=title)
        return self
