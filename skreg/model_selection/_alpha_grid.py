r"""Penalties to try, from the scale of the data.

If all weights are zero, only the intercepts are left, and their best values give the
best constant. From there the loss falls with the network's linear part ``B`` at the
rate ``G = X' r / n``, where ``r`` are the gradients of the losses by the raw
predictions. A linear network pays ``alpha * l1_ratio * |B|_1`` for it. So its weights
stay zero if ``alpha`` is at least ``max |G| / l1_ratio``, where the path of the lasso
begins. With hidden layers, the squares of all weights cost at least as much as the
nuclear norm of ``B``, which is reached if each weight is spread over the layers in the
cheapest way (Srebro, Rennie & Jaakkola 2004). The dual of this norm is the spectral
norm, so weights gain nothing if ``alpha * (1 - l1_ratio)`` is at least ``|G|_2``. At
these two values of ``alpha`` the whole network dies. They are exact for linear
networks, and a scale to start from for others.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Context
from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_scalar, indexable

from .._typing import ArrayLike, Estimator, Floats, MatrixLike
from .._utils.publishing import quietly
from ._candidates import make_candidate, prepare_fold

__all__ = ["alpha_grid"]


@quietly
def alpha_grid(
    estimator: Estimator,
    X: MatrixLike,
    y: MatrixLike,
    *,
    n_alphas: int = 10,
    eps: float = 1e-4,
    l1_ratio: float | None = None,
    sample_weight: ArrayLike | None = None,
) -> Floats:
    """Log-spaced round values of `alpha`, from the value at which a network dies.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, or one in a Pipeline or target transformer
        An estimator, which need not be fitted. It says what the loss is, which steps
        come before the network, and in which unit the network is given the target.

    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Training data.

    y : {array-like, sparse matrix} of shape (n_samples,) or (n_samples, n_outputs)
        Their target; it may be sparse if rows have several labels.

    n_alphas : int, default=10
        Number of values.

    eps : float, default=1e-4
        The smallest value divided by the largest. Small networks on many rows need
        little regularization and large networks on few rows need much; the default
        spans both.

    l1_ratio : float, default=None
        The `l1_ratio` to use in place of the estimator's. The scale depends on it, so a
        grid over both parameters is a list of dicts, one for each `l1_ratio`.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows for the network; the steps before it do not get them.

    Returns
    -------
    ndarray of shape (n_alphas,)
        The values, descending like `alphas_` of `sklearn.linear_model.LassoCV`. They
        have two significant digits, or more if values would coincide.

    Raises
    ------
    ValueError
        If the estimator has no network of skreg inside, if the network's parameters are
        invalid or do not go with y, if a number is out of its range, or if X or y has
        values too large for a scale.

    See Also
    --------
    GridSearchCV : Trains candidates that differ in `alpha` in lockstep.
    sklearn.linear_model.enet_path : Its `alphas` begin at the same value.

    Notes
    -----
    There is an `alpha` at which the L1 part of the penalty leaves nothing of a linear
    network with the same inputs, and one at which the L2 part does. The largest value
    is the smaller of the two, rounded up. Without hidden layers and with
    ``l1_ratio > 0`` all weights are zero at it, and some are not zero below the value
    that was rounded.

    References
    ----------
    .. [1] Friedman, J., Hastie, T. & Tibshirani, R. (2010). Regularization paths for
       generalized linear models via coordinate descent. Journal of Statistical
       Software 33(1).
    .. [2] Srebro, N., Rennie, J. & Jaakkola, T. (2004). Maximum-margin matrix
       factorization. Advances in Neural Information Processing Systems 17.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skreg import MLPClassifier
    >>> from skreg.model_selection import alpha_grid
    >>> X, y = load_iris(return_X_y=True)
    >>> alpha_grid(MLPClassifier(), X, y, n_alphas=3, eps=1e-4)
    array([1.2e+00, 1.2e-02, 1.2e-04])
    """
    check_scalar(n_alphas, "n_alphas", Integral, min_val=1, max_val=10**6)
    check_scalar(eps, "eps", Real, min_val=0, max_val=1, include_boundaries="neither")
    return _round_grid(
        largest_alpha(estimator, X, y, l1_ratio, sample_weight), eps, n_alphas
    )


def largest_alpha(estimator, X, y, l1_ratio=None, sample_weight=None):
    """The `alpha` at which a network dies, not rounded.

    Parameters and errors are those of `alpha_grid`.
    """
    candidate = make_candidate(0, estimator, {})
    if candidate.network is None:
        raise ValueError(
            "alpha_grid needs an MLPClassifier or MLPRegressor of skreg, alone, at the "
            "end of a Pipeline or in a TransformedTargetRegressor; got "
            f"{estimator!r}."
        )
    candidate.network._validate_params()
    candidate.network._check_parameters_together()
    if l1_ratio is None:
        l1_ratio = candidate.network.l1_ratio
    check_scalar(l1_ratio, "l1_ratio", Real, min_val=0, max_val=1)
    X, y = indexable(X, y)
    data = prepare_fold(candidate, 0, X, y, None, {})
    if data.error is not None:
        raise data.error
    if sample_weight is not None:
        data.sample_weight = candidate.network._check_weight(
            sample_weight, data.X, "sample_weight"
        )
    rate = _rate_of_descent(candidate.network, data)
    if not np.isfinite(rate).all():
        raise ValueError(
            "X or y has values too large for a scale of penalties: scale them."
        )
    return _largest_of(rate, l1_ratio, candidate.network._make_config().hidden_units)


def _round_grid(largest, eps, n_alphas):
    for digits in range(2, 17):
        # The first value is rounded up, so that the network dies at it.
        first = _round(largest, digits, ROUND_CEILING)
        exact = np.geomspace(first, first * eps, n_alphas)
        alphas = np.array([_round(alpha, digits, ROUND_HALF_EVEN) for alpha in exact])
        if (np.diff(alphas) < 0).all():
            return alphas
    return exact


def _round(value, digits, rounding):
    return float(
        Context(prec=digits, rounding=rounding).create_decimal(repr(float(value)))
    )


def _rate_of_descent(network, data):
    """The gradient of the loss by a linear network's weights when they are zero.

    Its shape is ``(n_features, n_outputs)``.
    """
    X, encoding = data.X, data.encoding
    problem = network._problem
    encoding = encoding or problem.encoding_on(data.y, data.sample_weight)
    Y = problem.encode(data.y, encoding, np.dtype("float64"))
    Y = np.ascontiguousarray(problem.training_target(Y, encoding).T)
    rows = np.arange(X.shape[0])
    weight = problem.training_weight(data.sample_weight, data.y, rows, encoding)
    if problem.is_regression:
        loss = problem.make_loss(encoding)
        raw = np.empty((1, problem.n_outputs(data.y, encoding), len(rows)))
        raw[:] = loss.best_constant(Y, weight)
        gradient = np.empty_like(raw)
        loss.gradient(raw, Y, out=gradient)
        gradient = gradient[0]
    else:
        # The gradient of a log-loss is the prediction minus the target.
        gradient = np.average(Y, axis=1, weights=weight)[:, None] - Y
    if weight is not None:
        gradient *= weight / weight.mean()
    return (X.T @ gradient.T) / len(rows)


def _largest_of(rate, l1_ratio, hidden_units):
    candidates = []
    if l1_ratio > 0:
        candidates.append(np.abs(rate).max() / l1_ratio)
    if l1_ratio < 1 and (hidden_units or l1_ratio == 0):
        candidates.append(np.linalg.norm(rate, 2) / (1 - l1_ratio))
    largest = float(min(candidates))
    # With constant targets or inputs the rate is zero up to rounding, and any alpha
    # will do.
    return largest if largest > 1e-12 else 1.0
