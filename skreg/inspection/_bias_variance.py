"""The classic picture: with flexibility, bias falls and variance rises."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state

from .._typing import ArrayLike, Estimator, Floats, MatrixLike, RandomState
from .._utils.progress import ProgressLines
from .._utils.publishing import quietly
from .._utils.wrappers import find_model
from ..diagnosis import BiasVarianceDecomposition, bias_variance_decomposition
from ..diagnosis._loss_parts import LOSSES
from ._shown_part import model_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["BiasVarianceDisplay"]


class BiasVarianceDisplay:
    """Bias, variance and their sum against one parameter of an estimator.

    Make one with :meth:`from_estimator`. The training sets are the same for all values
    of the parameter, and the networks of one value train side by side.

    Parameters
    ----------
    param_name : str
        The parameter that was varied.
    param_range : list
        The values of the parameter.
    decompositions : list of BiasVarianceDecomposition
        The decomposition of the loss for each value.

    Attributes
    ----------
    loss, bias, variance, noise : ndarray of shape (n_values,)
        Averages over the test rows; `noise` is zero unless it was given.
    ax_ : matplotlib Axes
        The axes drawn into.
    figure_ : matplotlib Figure
        Their figure.
    lines_ : dict of str to matplotlib Line2D
        The curves of "loss", "bias", "variance", and of "noise" if it was given.

    See Also
    --------
    skreg.diagnosis.bias_variance_decomposition : The numbers, with their assumptions.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg import MLPRegressor
    >>> from skreg.inspection import BiasVarianceDisplay
    >>> def sample(random_state):
    ...     X = random_state.uniform(-3, 3, size=(30, 1))
    ...     return X, np.sin(X[:, 0]) + 0.3 * random_state.normal(size=30)
    >>> X_test = np.linspace(-3, 3, 50)[:, None]
    >>> display = BiasVarianceDisplay.from_estimator(
    ...     MLPRegressor((8,), activation="tanh", solver="lbfgs", max_iter=1000),
    ...     param_name="alpha", param_range=[1e-3, 10.0],
    ...     X_test=X_test, y_test=np.sin(X_test[:, 0]),
    ...     resampling=sample, n_rounds=20, random_state=0,
    ... )
    >>> bool(display.bias[0] < display.bias[1])
    True
    >>> bool(display.variance[0] > display.variance[1])
    True
    """

    def __init__(
        self,
        param_name: str,
        param_range: Sequence[Any],
        decompositions: Sequence[BiasVarianceDecomposition],
    ) -> None:
        self.param_name = param_name
        self.param_range = param_range
        self.decompositions = decompositions

    @classmethod
    def from_estimator(
        cls,
        estimator: Estimator,
        X: MatrixLike | None = None,
        y: ArrayLike | None = None,
        *,
        param_name: str,
        param_range: Sequence[Any],
        random_state: RandomState = None,
        verbose: int = 0,
        **options: Any,
    ) -> Self:
        """Decompose the loss for every value of a parameter.

        Parameters
        ----------
        estimator : estimator
            The estimator, which is not changed. A Pipeline's parameters are named as in
            a grid search. Of a fitted search, the best estimator is taken.
        X, y : array-like, default=None
            Training data to resample, unless `resampling` is callable.
        param_name : str
            The parameter to vary, such as ``"alpha"`` or ``"hidden_layer_sizes"``.
        param_range : sequence
            The values of the parameter, in the order in which to draw them.
        random_state : int, RandomState instance or None, default=None
            Draws the training sets, which are the same for all values.
        verbose : int, default=0
            Above zero, lines say how many of the values are done; above one, also how
            many training sets of each.
        **options : dict
            `X_test`, `y_test`, `n_jobs` and the other parameters of
            :func:`~skreg.diagnosis.bias_variance_decomposition`.

        Returns
        -------
        display : BiasVarianceDisplay

        Raises
        ------
        TypeError
            If `estimator` is no estimator.
        ValueError
            If there are no values, or if the estimator does not have the parameter.
        """
        values = list(param_range)
        if not values:
            raise ValueError("param_range has no values.")
        estimator = model_of(estimator)
        if param_name not in estimator.get_params():
            inside = f"{find_model(estimator)[0]}{param_name}"
            advice = "get_params() lists them"
            if inside in estimator.get_params():
                advice = f"that of the model inside is {inside!r}"
            raise ValueError(
                f"param_name={param_name!r} is not a parameter of "
                f"{type(estimator).__name__}; {advice}."
            )
        seed = int(check_random_state(random_state).randint(2**31 - 1))
        lines = ProgressLines(cls.__name__, verbose, len(values), "values")
        decompositions = []
        for value in values:
            decompositions.append(
                bias_variance_decomposition(
                    clone(estimator).set_params(**{param_name: value}),
                    X,
                    y,
                    random_state=seed,
                    verbose=verbose - 1,
                    **options,
                )
            )
            lines.advance()
        return cls(param_name, values, decompositions)

    @property
    def loss(self) -> Floats:
        """Mean loss of each value."""
        return self._parts("loss")

    @property
    def bias(self) -> Floats:
        """Bias of each value."""
        return self._parts("bias")

    @property
    def variance(self) -> Floats:
        """Variance of each value."""
        return self._parts("variance")

    @property
    def noise(self) -> Floats:
        """Noise of each value; zero unless it was given."""
        return self._parts("noise")

    def _parts(self, name):
        return np.array([getattr(each, name) for each in self.decompositions])

    @quietly
    def plot(self, ax: Axes | None = None, **line_params: Any) -> Self:
        """Draw the parts of the loss, with bands of one standard error.

        Numbers that are positive and span more than a factor of 20 get a logarithmic
        axis; values that are not numbers stand at equal distances.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes to draw into; by default those of a new figure.
        **line_params : dict
            Passed on to matplotlib's ``plot`` for all curves.

        Returns
        -------
        self : BiasVarianceDisplay
        """
        import matplotlib.pyplot as plt

        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        places, labels = self._places()
        loss_name = self.decompositions[0].loss_name
        names = {
            "loss": f"{loss_name.replace('_', ' ')} (sum)",
            "bias": "bias²" if LOSSES[loss_name].bias_is_squared else "bias",
            "variance": "variance",
        }
        if self.noise.any():
            names["noise"] = "noise"
        self.lines_ = {}
        for part, label in names.items():
            heights = self._parts(part)
            options = {"label": label, "marker": ".", **line_params}
            (line,) = ax.plot(places, heights, **options)
            self.lines_[part] = line
            if part != "noise":
                errors = self._parts(f"{part}_se")
                ax.fill_between(
                    places,
                    heights - errors,
                    heights + errors,
                    color=line.get_color(),
                    alpha=0.2,
                    linewidth=0,
                )
        if labels is not None:
            ax.set_xticks(places, labels)
        elif min(places) > 0 and max(places) > 20 * min(places):
            ax.set_xscale("log")
        ax.set_xlabel(self.param_name)
        ax.set_ylabel("expected loss on test rows")
        ax.set_ylim(bottom=min(0, *ax.get_ylim()))
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _places(self):
        """The places of the values, and their labels if they are not numbers."""
        values = self.param_range
        if all(
            isinstance(value, numbers.Real) and not isinstance(value, bool)
            for value in values
        ):
            return values, None
        return list(range(len(values))), [str(value) for value in values]
