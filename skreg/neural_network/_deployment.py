"""What a fitted network becomes where it is used: smaller, or scikit-learn's own."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from .._fitting.input_groups import parse_feature_groups
from .._fitting.pruning import prune_fitted
from .._utils.publishing import quiet_numpy, snapshot
from ._export import network_to_sklearn

__all__ = ["DeploymentMixin", "Pruning"]


@dataclass(frozen=True, eq=False, repr=False)
class Pruning:
    """What `prune` has removed. Its text says it in a line.

    Units and columns are numbered as in the network that was pruned.

    Attributes
    ----------
    hidden_layer_sizes : tuple of (tuple of int)
        The units of each hidden layer, before and after.
    units : list of ndarray of int
        Which units of each hidden layer are left.
    support : ndarray of bool of shape (n_features,)
        Whether an input is read by the units that are left.
    inputs : ndarray of int
        The columns that the pruned network is given.
    n_waves : tuple of int
        The inputs that have waves, before and after.
    n_params : tuple of int
        The numbers of weights, intercepts and parameters of waves, before and after.
    """

    hidden_layer_sizes: tuple
    units: list
    support: np.ndarray
    inputs: np.ndarray
    n_waves: tuple
    n_params: tuple

    def __repr__(self):
        before, after = self.hidden_layer_sizes
        said = [f"hidden units {_listed(before)} -> {_listed(after)}"]
        if self.n_waves[0]:
            said.append("inputs with waves {} -> {}".format(*self.n_waves))
        n_features, n_left = len(self.support), len(self.inputs)
        said.append(f"inputs {n_features} -> {n_left}")
        if n_unread := n_left - int(self.support[self.inputs].sum()):
            said[-1] += f" ({n_unread} of them not read)"
        said.append("parameters {} -> {}".format(*self.n_params))
        return f"<Pruning: {', '.join(said)}>"


def _listed(sizes):
    return "+".join(map(str, sizes)) or "none"


class DeploymentMixin:
    """The methods `prune` and `to_sklearn`, and the attribute `pruned_`."""

    def prune(self, inputs: bool = False) -> Self:
        """A smaller fitted network with the same predictions, up to rounding.

        Hidden units leave whose incoming weights are all zero, whose constant value
        the next layer's intercepts take over, and units whose outgoing weights are all
        zero. Waves leave that no unit reads. L1 penalties and `feature_alpha` make such
        zeros. ``pruned_`` of the result says what is gone.

        Parameters
        ----------
        inputs : bool, default=False
            Whether to drop the inputs that no unit reads. The result is then for
            ``X[:, network.pruned_.inputs]``, has fewer `n_features_in_`, and the labels
            of the columns that are left as `feature_groups`, if there are any. By
            default it takes the same X, and ``pruned_.support`` says which columns are
            read. Of a network that reads no input the first one stays.

        Returns
        -------
        network : object
            A fitted estimator of the same class, which shares nothing with this one.
            Its parameter `hidden_layer_sizes` is that of the units that are left, at
            least one a layer, so that `partial_fit` and `warm_start` go on from it.
            The moments of the solver are kept for the weights that are left. With early
            stopping or `weight_averaging` training goes on from the weights that
            predict, with new moments.

        Examples
        --------
        >>> from sklearn.datasets import load_breast_cancer
        >>> from sklearn.preprocessing import scale
        >>> from skreg import MLPClassifier
        >>> X, y = load_breast_cancer(return_X_y=True)
        >>> X = scale(X)
        >>> network = MLPClassifier(
        ...     alpha=0.01, l1_ratio=1.0, solver="lbfgs", random_state=0
        ... ).fit(X, y)
        >>> small = network.prune(inputs=True)
        >>> small.hidden_layer_sizes < (20,), small.n_features_in_ < 30
        (True, True)
        >>> X_small = X[:, small.pruned_.inputs]
        >>> bool((small.predict(X_small) == network.predict(X)).all())
        True
        """
        check_is_fitted(self)
        fitted = snapshot(self)
        with quiet_numpy():
            part, attributes, n_params = prune_fitted(fitted, inputs)
        pruned = clone(fitted)
        copied = vars(pruned).keys() | attributes.keys()
        for name, value in vars(fitted).items():
            if name not in copied:
                setattr(pruned, name, copy.deepcopy(value))
        vars(pruned).update(attributes)
        sizes = [
            tuple(len(b) for b in intercepts[:-1])
            for intercepts in (fitted.intercepts_, part.intercepts)
        ]
        pruned.hidden_layer_sizes = sizes[1]
        waves = fitted._periodic_features, part.features
        pruned._pruned = Pruning(
            hidden_layer_sizes=tuple(sizes),
            units=part.units,
            support=part.support,
            inputs=part.inputs,
            n_waves=tuple(0 if each is None else len(each.inputs) for each in waves),
            n_params=n_params,
        )
        if inputs:
            _take_inputs(pruned, part.inputs)
        return pruned

    @property
    def pruned_(self) -> Pruning | None:
        """What `prune` has removed to make this network; None if it did not."""
        check_is_fitted(self)
        return getattr(self, "_pruned", None)

    def to_sklearn(self) -> Any:
        """A fitted network of scikit-learn with the same predictions.

        It predicts without skreg, and what converts scikit-learn's networks converts
        it: skl2onnx, for example. `skreg.neural_network.to_sklearn` does the same
        inside of Pipelines and ensembles.

        Returns
        -------
        network : object
            A fitted ``sklearn.neural_network.MLPClassifier`` or ``MLPRegressor``, which
            shares nothing with this one. It predicts the same up to rounding. With
            ``normalize_y=True`` the last layer has the scale and the mean of the target
            in it. The parameters are those of scikit-learn that are nearest: `alpha` is
            the L2 part in scikit-learn's unit, `'auto'` is the number that it stood
            for, `'fista'` is `'lbfgs'`, and losses that scikit-learn lacks are
            `'squared_error'`. They say how more training goes on, which has new
            moments; penalties and losses of skreg's own are not in it.

        Raises
        ------
        ValueError
            If scikit-learn's networks cannot predict this: those with the activation
            `'gelu'` or `'silu'`, with waves (`n_frequencies`), of a single class, or of
            ``loss='poisson'`` before scikit-learn 1.7.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_iris
        >>> from skreg import MLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> network = MLPClassifier(solver="lbfgs", tol=0.01, random_state=0).fit(X, y)
        >>> theirs = network.to_sklearn()
        >>> type(theirs).__module__.partition(".")[0]
        'sklearn'
        >>> bool(np.allclose(theirs.predict_proba(X), network.predict_proba(X)))
        True
        """
        check_is_fitted(self)
        return network_to_sklearn(snapshot(self))


def _take_inputs(pruned, inputs):
    """Make a network that has some of the inputs one of these alone."""
    names = getattr(pruned, "feature_names_in_", None)
    # What is found in the data ("auto") will be found again.
    if not isinstance(pruned.feature_groups, str | None):
        no_rows = np.empty((0, pruned.n_features_in_))
        groups = parse_feature_groups(pruned.feature_groups, no_rows, names)
        pruned.feature_groups = groups.labels[inputs].tolist()
    pruned.n_features_in_ = len(inputs)
    if names is not None:
        pruned.feature_names_in_ = names[inputs]
