"""Validation scores by a scikit-learn scorer."""

import copy
import inspect

from sklearn.metrics import check_scoring

from .tasks import predicting_attributes

__all__ = ["ValidationScore", "checked_scorer"]


def checked_scorer(estimator, scoring, has_sample_weight):
    """Make a scorer, and find out whether it can be given weights.

    Parameters
    ----------
    estimator : estimator
        The estimator to score; it need not be fitted.
    scoring : str, callable or None
    has_sample_weight : bool
        Whether the user gave weights of rows. A scorer must not ignore them silently.

    Returns
    -------
    scorer : callable
    takes_weight : bool

    Raises
    ------
    ValueError
        If the user gave weights and the scorer does not take them.
    """
    scorer = check_scoring(estimator, scoring=scoring)
    takes_weight = _takes_weight(estimator, scorer)
    if has_sample_weight and not takes_weight:
        raise ValueError(
            f"scoring={scoring!r} does not take sample_weight, which was given: fit "
            "without weights, or set scoring to a scorer (or metric) that has a "
            "parameter sample_weight."
        )
    return scorer, takes_weight


def _takes_weight(estimator, scorer):
    # A scorer that scikit-learn makes of a metric, or of the method `score`, takes any
    # keyword and hands it on. So the signature of the metric or the method counts.
    if hasattr(scorer, "_score_func"):
        function = scorer._score_func
    elif type(scorer).__name__ == "_PassthroughScorer":
        function = estimator.score
    else:
        function = scorer
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        # A function without a signature is assumed to take weights.
        return True
    return "sample_weight" in parameters or any(
        parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()
    )


class ValidationScore:
    """``score(params)``: the scorer's value for a network with these parameters.

    The scorer is given a copy of the estimator in training that has the attributes
    which predicting needs, and the validation rows as arrays, whatever container the
    user passed.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    scoring : str, callable or None
    network : network.Network
    encoding : LabelEncoding, TargetScaling or None
    X, y : arrays of the validation rows
    weight : ndarray or None
        The rows' sample weights times their class weights. A scorer that takes no
        weights is used without the class weights.
    has_sample_weight : bool
        Whether the user gave weights of the validation rows.
    """

    def __init__(
        self, estimator, scoring, network, encoding, X, y, weight, has_sample_weight
    ):
        self._network, self._encoding = network, encoding
        self._scoring = scoring
        self._predictor = copy.copy(estimator)
        self._predictor.n_features_in_ = X.shape[1]
        # The arrays have lost the column names that predict would ask for.
        self._predictor.__dict__.pop("feature_names_in_", None)
        self._scorer, takes_weight = checked_scorer(
            self._predictor, scoring, has_sample_weight
        )
        self._X, self._y = X, y
        is_weighted = takes_weight and weight is not None
        self._kwargs = {"sample_weight": weight} if is_weighted else {}

    def __call__(self, params):
        vars(self._predictor).update(
            predicting_attributes(self._network, self._encoding, params)
        )
        try:
            return self._scorer(self._predictor, self._X, self._y, **self._kwargs)
        except (AttributeError, TypeError, ValueError) as error:
            if not hasattr(self._scorer, "_score_func"):
                # The user's own function has its own errors.
                raise
            raise ValueError(
                f"scoring={self._scoring!r} is not possible for "
                f"{type(self._predictor).__name__} on the validation rows: {error}"
            ) from error
