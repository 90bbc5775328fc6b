"""How a network learned: its losses by epoch, and where it stopped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from .._utils.publishing import quietly
from ._shown_part import find_part

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LossCurveDisplay"]


class LossCurveDisplay:
    """Losses on training and validation rows, with the best epoch and the stop.

    Both curves are losses without the penalty, so that they can be compared. The curve
    of the training rows is the mean over an epoch's minibatches, taken while the
    weights still move and with the dropout and augmentation of training. So at first it
    may lie above that of the validation rows.

    Make one with :meth:`from_estimator`.

    Parameters
    ----------
    data_loss : list of float
        Training loss of each epoch, without the penalty.
    validation_loss : list of float or None, default=None
        Validation loss of each epoch.
    best_iter : int or None, default=None
        The epoch whose parameters were kept, counted from 1.
    stop_reason : str or None, default=None
        Why training ended.
    estimator_name : str or None, default=None
        The name of the estimator, for the title.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn into.
    figure_ : matplotlib Figure
        Their figure.
    lines_ : list of matplotlib Line2D
        The curve of the training rows, and that of the validation rows if there is one.
    best_ : matplotlib Line2D or None
        The mark of the best epoch.

    See Also
    --------
    skreg.MLPClassifier : A network that has the curves.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skreg import MLPClassifier
    >>> from skreg.inspection import LossCurveDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier(
    ...     early_stopping=True, learning_rate_init=0.1, random_state=0
    ... ).fit(X, y)
    >>> display = LossCurveDisplay.from_estimator(network)
    >>> display.stop_reason
    'no_improvement'
    >>> len(display.data_loss) == len(display.validation_loss) == network.n_iter_
    True
    """

    def __init__(
        self,
        data_loss: Sequence[float],
        validation_loss: Sequence[float] | None = None,
        best_iter: int | None = None,
        stop_reason: str | None = None,
        estimator_name: str | None = None,
    ) -> None:
        self.data_loss = data_loss
        self.validation_loss = validation_loss
        self.best_iter = best_iter
        self.stop_reason = stop_reason
        self.estimator_name = estimator_name

    @classmethod
    def from_estimator(cls, estimator: Any) -> Self:
        """Take the curves of a fitted network.

        Parameters
        ----------
        estimator : MLPClassifier, MLPRegressor, or an estimator with one inside
            The fitted network, or a Pipeline, TransformedTargetRegressor or search that
            ends in one. Of a search, the best estimator counts.

        Returns
        -------
        display : LossCurveDisplay

        Raises
        ------
        TypeError
            If there is no network of skreg inside.
        """
        estimator = find_part(
            estimator,
            lambda part: hasattr(part, "data_loss_curve_"),
            "loss curves",
            "a fitted MLPClassifier or MLPRegressor of skreg, or a Pipeline, "
            "TransformedTargetRegressor or search that ends in one",
        )
        return cls(
            data_loss=estimator.data_loss_curve_,
            validation_loss=estimator.validation_loss_curve_,
            best_iter=estimator.best_iter_,
            stop_reason=estimator.stop_reason_,
            estimator_name=type(estimator).__name__,
        )

    @quietly
    def plot(self, ax: Axes | None = None, **line_params: Any) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes to draw into; by default those of a new figure.
        **line_params : dict
            Passed on to matplotlib's ``plot`` for both curves.

        Returns
        -------
        self : LossCurveDisplay
        """
        import matplotlib.pyplot as plt

        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        curves = {"training rows": self.data_loss}
        if self.validation_loss is not None:
            curves["validation rows"] = self.validation_loss
        self.lines_ = [
            line
            for label, losses in curves.items()
            for line in ax.plot(
                range(1, len(losses) + 1), losses, label=label, **line_params
            )
        ]
        self.best_ = None
        if self.best_iter is not None:
            self.best_ = ax.axvline(
                self.best_iter,
                color="0.4",
                linestyle="--",
                linewidth=1,
                label=f"best epoch: {self.best_iter}",
            )
        ax.set_xlabel("epoch")
        ax.set_ylabel("loss, without the penalty")
        if self.stop_reason is not None:
            ax.set_title(f"{self.estimator_name or 'Training'}: {self.stop_reason}")
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self
