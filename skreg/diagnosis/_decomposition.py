r"""Bias and variance of an estimator over many training sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_consistent_length, check_random_state
from sklearn.utils.multiclass import type_of_target

from .._fitting.stopping import schedules_to_the_end
from .._typing import ArrayLike, Estimator, MatrixLike, RandomState
from .._utils.labels import check_labels
from .._utils.publishing import quietly
from .._utils.scores import check_predicts_target
from .._utils.sklearn_private import num_samples
from .._utils.tables import html_table, short_number
from .._utils.warnings import warn
from .._utils.wrappers import find_model
from ..neural_network._base import BaseMLP
from ._loss_parts import LOSSES, names_of_losses, standard_errors
from ._rounds import RESAMPLINGS, check_row_sets, draw_rounds, predict_by_rounds

__all__ = ["BiasVarianceDecomposition", "bias_variance_decomposition"]


@dataclass(repr=False)
class BiasVarianceDecomposition:
    """Expected loss, and its parts.

    ``bias + variance + noise`` is the loss, on average and on every row.

    Attributes
    ----------
    loss_name : str
        The loss that was decomposed.
    n_rounds : int
        Number of training sets.
    loss, bias, variance, noise : float
        Averages over the test rows. With the squared error, `bias` is the squared bias.
        `noise` is zero unless it was given; noise that was not given is in the bias.
    loss_se, bias_se, variance_se : float
        Standard errors over training sets of the same source, for **these** test rows.
    loss_per_row, bias_per_row, variance_per_row : ndarray of shape (n_test,)
        The loss and its parts on each test row; the bias is without the noise. With the
        zero-one loss the variance is negative on rows where the main prediction is
        wrong and the rounds disagree.
    main_prediction : ndarray
        The common prediction of the rounds: the mean, the most frequent class, or the
        normalised geometric mean of the probabilities.
    predictions : ndarray of shape (n_rounds, n_test) or (n_rounds, n_test, n_outputs)
        The predictions of every round: targets, classes or probabilities.
    classes : ndarray or None
        The classes in sorted order, as the columns of the probabilities; None in
        regression.
    stop_reasons : dict of str to int
        How many networks of this package stopped for which reason.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.tree import DecisionTreeRegressor
    >>> from skreg.diagnosis import bias_variance_decomposition
    >>> X, y = load_diabetes(return_X_y=True)
    >>> tree = bias_variance_decomposition(
    ...     DecisionTreeRegressor(), X[:300], y[:300], X_test=X[300:], y_test=y[300:],
    ...     resampling="bootstrap", n_rounds=20, random_state=0,
    ... )
    >>> tree.loss_name, tree.predictions.shape
    ('squared_error', (20, 142))
    >>> bool(np.allclose(tree.bias_per_row + tree.variance_per_row, tree.loss_per_row))
    True
    """

    loss_name: str
    n_rounds: int
    loss: float
    bias: float
    variance: float
    noise: float
    loss_se: float
    bias_se: float
    variance_se: float
    loss_per_row: np.ndarray = field(repr=False)
    bias_per_row: np.ndarray = field(repr=False)
    variance_per_row: np.ndarray = field(repr=False)
    main_prediction: np.ndarray = field(repr=False)
    predictions: np.ndarray = field(repr=False)
    classes: np.ndarray | None = field(repr=False, default=None)
    stop_reasons: dict = field(default_factory=dict)

    def __repr__(self):
        parts = [
            f"{part}={short_number(getattr(self, part))}"
            for part in ("loss", "bias", "variance", "noise")
        ]
        return (
            f"BiasVarianceDecomposition({self.loss_name!r}, n_rounds={self.n_rounds}, "
            f"{', '.join(parts)})"
        )

    def _repr_html_(self):
        rows = []
        for label, part in self._rows():
            error = getattr(self, f"{part}_se", None)
            error = "" if error is None else f"{error:.2g}"
            rows.append((label.strip(), short_number(getattr(self, part)), error))
        return html_table(("part", "", "standard error"), rows)

    def _rows(self):
        """Pairs of a label and the name of the part that it stands for."""
        name = "bias^2" if LOSSES[self.loss_name].bias_is_squared else "bias"
        rows = [
            (f"{self.loss_name} (mean of {self.n_rounds} rounds)", "loss"),
            (f"  {name}", "bias"),
            ("  variance", "variance"),
        ]
        if self.noise:
            rows.append(("  noise (given)", "noise"))
        return rows

    def __str__(self):
        rows = self._rows()
        width = max(len(label) for label, _ in rows)
        lines = []
        for label, part in rows:
            line = f"{label:<{width}}  {getattr(self, part):10.4g}"
            error = getattr(self, f"{part}_se", None)
            lines.append(line if error is None else f"{line} +- {error:.2g}")
        return "\n".join(lines)


@quietly
def bias_variance_decomposition(
    estimator: Estimator,
    X: MatrixLike | None = None,
    y: ArrayLike | None = None,
    *,
    X_test: MatrixLike,
    y_test: ArrayLike,
    loss: str = "auto",
    n_rounds: int = 100,
    resampling: str | Callable[..., Any] | Sequence[ArrayLike] = "bootstrap",
    train_size: float | None = None,
    noise: float | ArrayLike | None = None,
    random_state: RandomState = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> BiasVarianceDecomposition:
    r"""Decompose the expected loss of an estimator into bias and variance.

    The estimator is trained on many training sets; each of them predicts the test rows.
    Bias is what the predictions have in common that is wrong, variance what differs
    between them.

    Parameters
    ----------
    estimator : estimator
        Any classifier or regressor, a Pipeline included. Rounds of skreg's networks,
        also at the end of a Pipeline, train side by side. If its `random_state` is
        None, every round has a seed of its own and the variance includes the effects of
        initialization and shuffles. With an int it is the variance over training rows
        alone.

    X, y : array-like of shape (n_samples, n_features), (n_samples,)
        Training data to resample; not used if `resampling` is callable.

    X_test, y_test : array-like of shape (n_test, n_features), (n_test,)
        Rows on which the loss is decomposed. They must not be among the training rows.

    loss : str, default="auto"
        `"squared_error"` (regressors; several outputs are averaged), `"zero_one"`
        (classifiers, after Domingos [1]_), `"zero_one_kohavi_wolpert"` (classifiers,
        after [2]_) or `"log_loss"` (classifiers with `predict_proba`). `"auto"` is
        `"squared_error"` for regressors and `"zero_one"` for classifiers.

    n_rounds : int, default=100
        Number of training sets, at least 2.

    resampling : str, callable or list of array-like, default="bootstrap"
        Where training sets come from.

        - `"bootstrap"`: rows of X drawn with replacement.
        - `"subsample"`: rows drawn without replacement.
        - callable: ``resampling(random_state)`` returns a new ``(X, y)``. Only this
          estimates bias and variance as they are defined, see Notes.
        - list: the row numbers (or masks) of each round; `n_rounds` is its length.

    train_size : int or float, default=None
        Number of rows of a training set, or their share of X. None is all rows for the
        bootstrap and half of them for subsampling.

    noise : float or array-like of shape (n_test,), default=None
        Variance of `y_test` around its expectation, if it is known. It is then taken
        out of the bias. For the squared error only.

    random_state : int, RandomState instance or None, default=None
        Draws the training sets and the rounds' seeds.

    n_jobs : int or None, default=None
        Number of processes, as in joblib.

    verbose : int, default=0
        Above zero, a line says how many of the rounds are done.

    Returns
    -------
    BiasVarianceDecomposition
        Print it for a table.

    Raises
    ------
    TypeError
        If the estimator is neither a classifier nor a regressor.
    ValueError
        If the estimator cannot have the loss, if data are missing or have no rows, if
        a loss of classes is asked for several columns, if a network has several
        quantiles, or if `n_rounds`, `resampling`, `train_size` or `noise` is invalid.

    Warns
    -----
    ConvergenceWarning
        If networks stopped at `max_iter`, and neither stop early nor have a schedule
        that runs to the end of training.

    Notes
    -----
    With :math:`\bar f` the mean of R predictions and :math:`s^2` their variance
    (``ddof=1``), the parts of the squared error are :math:`(\bar f - y)^2 - s^2 / R`
    and :math:`s^2`: both are unbiased for the bias (plus noise) and variance of the
    procedure that makes training sets. A single row's bias may come out negative.

    Zero-one loss: the main prediction is the most frequent class; **ties go to the
    class that sorts first**. Rows where it is wrong have bias 1. Variance is the
    probability of leaving the main prediction where that is right, and **minus** the
    probability of hitting `y` where it is wrong, so the parts add up for any number of
    classes. The main prediction of few rounds is uncertain where classes are about
    equally frequent; nothing corrects that. Kohavi and Wolpert's parts are half those
    of the squared error of indicator vectors, with the same correction; their bias
    counts classes that a few rounds predict wrongly.

    Log-loss: bias is the loss of the normalised geometric mean of the probabilities,
    variance the mean Kullback-Leibler divergence of the rounds from it, corrected to
    the second order for the finite number of rounds. Probabilities below the rounding
    error of float64 are raised to it.

    With one value a row, noise in `y_test` cannot be told from bias: it is in the bias
    unless `noise` says how much there is, or `y_test` has none.

    *What one sample can tell.* Bootstrap and subsampling draw from the sample, not from
    the source of the sample. All resamples share the sample's own deviation from the
    truth, which looks like bias; so variance is estimated too small and bias too large.
    A bootstrap set has about 63 % distinct rows, with repeats that a flexible network
    memorizes, and a subsample has fewer rows. Less can be learned from either than from
    all rows, so `loss` is larger than that of training on all rows. Use them to
    **compare** estimators on the same data. For bias and variance as they are defined,
    pass a callable.

    References
    ----------
    .. [1] P. Domingos, "A unified bias-variance decomposition and its applications",
       ICML 2000.
    .. [2] R. Kohavi and D. H. Wolpert, "Bias plus variance decomposition for zero-one
       loss functions", ICML 1996.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg import MLPRegressor
    >>> from skreg.diagnosis import bias_variance_decomposition
    >>> def sample(random_state):
    ...     X = random_state.uniform(-3, 3, size=(50, 1))
    ...     return X, np.sin(X[:, 0]) + 0.3 * random_state.normal(size=50)
    >>> X_test = np.linspace(-3, 3, 100)[:, None]
    >>> line = bias_variance_decomposition(
    ...     MLPRegressor(hidden_layer_sizes=(), solver="lbfgs"),
    ...     X_test=X_test, y_test=np.sin(X_test[:, 0]),
    ...     resampling=sample, n_rounds=50, random_state=0,
    ... )
    >>> line.bias > 10 * line.variance
    True
    >>> bool(np.isclose(line.bias + line.variance, line.loss))
    True
    """
    loss_name = _check_loss(estimator, loss)
    check_predicts_target(estimator)
    loss = LOSSES[loss_name]
    random_state = check_random_state(random_state)
    n_rounds, resampling = _check_resampling(X, y, resampling, n_rounds)
    y_test = _check_y_test(X_test, y_test, loss_name)
    noise = _check_noise(noise, loss_name, len(y_test))

    draws = draw_rounds(X, y, resampling, n_rounds, train_size, random_state)
    results, stop_reasons = predict_by_rounds(
        estimator,
        draws,
        partial(loss.predict, X_test=X_test),
        n_rounds,
        n_jobs=n_jobs,
        verbose=verbose,
    )
    _warn_about_max_iter(estimator, stop_reasons, n_rounds)
    predictions, codes, y_codes, classes = loss.stack(results, y_test)

    parts = loss.parts_of(codes, y_codes)
    errors = standard_errors(loss.parts_of, codes, y_codes)
    mean_loss, mean_bias, mean_variance = (float(mean) for mean in parts.means())
    return BiasVarianceDecomposition(
        loss_name=loss_name,
        n_rounds=n_rounds,
        loss=mean_loss,
        bias=mean_bias - float(noise.mean()),
        variance=mean_variance,
        noise=float(noise.mean()),
        **dict(
            zip(("loss_se", "bias_se", "variance_se"), errors.tolist(), strict=True)
        ),
        loss_per_row=parts.loss,
        bias_per_row=parts.bias - noise,
        variance_per_row=parts.variance,
        main_prediction=loss.decode(parts.main, y_test, classes),
        predictions=predictions,
        classes=classes,
        stop_reasons=dict(stop_reasons),
    )


def _check_loss(estimator, loss):
    """The name of the loss; an error says why an estimator cannot have it."""
    kind = type(estimator).__name__
    if not hasattr(estimator, "fit") or not hasattr(estimator, "predict"):
        raise TypeError(
            f"estimator must have fit and predict, but {kind} does not: give a "
            "classifier or a regressor."
        )
    if loss != "auto" and loss not in LOSSES:
        raise ValueError(f"loss={loss!r} must be 'auto' or one of {sorted(LOSSES)}.")
    if not is_classifier(estimator) and not is_regressor(estimator):
        raise TypeError(f"{kind} is neither a classifier nor a regressor.")
    classifies = is_classifier(estimator)
    able = names_of_losses(lambda each: each.is_for_classifiers == classifies)
    if loss == "auto":
        return able[0]
    if loss not in able:
        theirs, own = "regressors", "classifier"
        if not classifies:
            theirs, own = "classifiers", "regressor"
        raise ValueError(
            f"loss={loss!r} is for {theirs}, but {kind} is a {own}: use "
            f"{_either(able)}."
        )
    method = LOSSES[loss].method
    if not hasattr(estimator, method):
        raise ValueError(
            f"loss={loss!r} needs {method}, which {kind} does not have: use "
            f"{able[0]!r}, or wrap it in CalibratedClassifierCV."
        )
    return loss


def _either(names):
    """Names as a message says them: "'a', 'b' or 'c'"."""
    *first, last = map(repr, names)
    return f"{', '.join(first)} or {last}" if first else last


def _check_resampling(X, y, resampling, n_rounds):
    """The number of rounds and `resampling`, validated; row sets as row numbers."""
    is_list = not callable(resampling) and not isinstance(resampling, str)
    if not is_list and (not isinstance(n_rounds, Integral) or n_rounds < 2):
        raise ValueError(f"n_rounds must be an integer of at least 2, got {n_rounds}.")
    if callable(resampling):
        return int(n_rounds), resampling
    if X is None or y is None:
        raise ValueError(
            f"X and y are needed to draw training sets from (resampling="
            f"{resampling!r}): give them, or a callable that returns (X, y)."
        )
    check_consistent_length(X, y)
    if not is_list:
        if resampling not in RESAMPLINGS:
            raise ValueError(
                f"resampling={resampling!r} must be one of {list(RESAMPLINGS)}, a "
                "callable, or a list of row sets."
            )
        return int(n_rounds), resampling
    row_sets = check_row_sets(resampling, num_samples(X))
    if len(row_sets) < 2:
        raise ValueError(
            f"resampling has {len(row_sets)} row sets: variance needs at least 2."
        )
    return len(row_sets), row_sets


def _check_y_test(X_test, y_test, loss):
    if X_test is None or y_test is None:
        raise ValueError(
            "X_test and y_test are needed: rows that are not among the training rows."
        )
    check_consistent_length(X_test, y_test)
    if not num_samples(X_test):
        raise ValueError("X_test and y_test have no rows: give at least one.")
    if not LOSSES[loss].is_for_classifiers:
        return check_array(y_test, ensure_2d=False, input_name="y_test")
    check_labels(y_test, "y_test")
    y_test = check_array(y_test, ensure_2d=False, dtype=None, input_name="y_test")
    kind = type_of_target(y_test, input_name="y_test")
    if kind not in ("binary", "multiclass"):
        raise ValueError(
            f"loss={loss!r} needs one class a row, but y_test is {kind!r}: decompose "
            "each column by itself."
        )
    return y_test.ravel()


def _check_noise(noise, loss, n_test):
    """The variance of the target of each test row."""
    if noise is None:
        return np.zeros(n_test)
    if not LOSSES[loss].takes_noise:
        able = _either(names_of_losses(lambda each: each.takes_noise))
        raise ValueError(f"noise is for loss={able}, not for {loss!r}.")
    is_number = isinstance(noise, Real)
    noise = np.asarray(noise, dtype=float)
    if not is_number and noise.shape != (n_test,):
        raise ValueError(
            f"noise must be a number or have shape ({n_test},), got {noise.shape}."
        )
    if not np.isfinite(noise).all() or (noise < 0).any():
        raise ValueError("noise is a variance: it must be finite and not negative.")
    return np.broadcast_to(noise, n_test)


def _warn_about_max_iter(estimator, stop_reasons, n_rounds):
    n_cut = stop_reasons["max_iter"]
    if n_cut == 0 or _stops_early(estimator) or _ends_with_a_schedule(estimator):
        return
    warn(
        f"{n_cut} of {n_rounds} networks stopped at max_iter before they converged: "
        "bias and variance are those of unfinished training.",
        ConvergenceWarning,
    )


def _ends_with_a_schedule(estimator):
    _, model = find_model(estimator)
    return isinstance(model, BaseMLP) and bool(schedules_to_the_end(model))


def _stops_early(estimator):
    return any(
        value is True
        for name, value in estimator.get_params(deep=True).items()
        if name == "early_stopping" or name.endswith("__early_stopping")
    )
