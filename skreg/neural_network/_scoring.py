"""Validation scores by a scikit-learn scorer."""

import copy

from sklearn.metrics import check_scoring

__all__ = ["ValidationScore"]


class ValidationScore:
    """``score(params)``: the scorer's value for a network with these parameters.

    The scorer sees an estimator like the one in training, fitted as far as predicting
    needs. It is given arrays, whatever container the user passed.
    """

    def __init__(self, estimator, network, encoding, X, y, sample_weight):
        self._network = network
        self._predictor = copy.copy(estimator)
        self._predictor._prepare_to_predict(network, encoding, X.shape[1])
        # The arrays have lost the column names that predict would ask for.
        self._predictor.__dict__.pop("feature_names_in_", None)
        self._scorer = check_scoring(self._predictor, scoring=estimator.scoring)
        self._X, self._y = X, y
        self._kwargs = {} if sample_weight is None else {"sample_weight": sample_weight}

    def __call__(self, params):
        predictor = self._predictor
        predictor.coefs_, predictor.intercepts_ = self._network.unpack(params)
        return self._scorer(predictor, self._X, self._y, **self._kwargs)
