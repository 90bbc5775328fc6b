"""One call on a numeric table: search the regularization, return an ensemble."""

from __future__ import annotations

from typing import Literal, overload

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.validation import validate_data

from .._typing import Floats, MatrixLike, Predictions
from .._utils.labels import check_labels
from .._utils.one_column import one_column
from .._utils.publishing import snapshot
from ..neural_network import MLPClassifier, MLPRegressor
from ._calibration import tempered
from ._kinds import OfClasses, OfNumbers
from ._mlp_cv_base import BaseMLPCV

__all__ = ["MLPClassifierCV", "MLPRegressorCV"]


class MLPClassifierCV(OfClasses, ClassifierMixin, BaseMLPCV):
    """An ensemble of networks whose regularization is searched, in one call.

    For numeric tables without missing values, in whatever unit: columns are scaled
    inside. Random settings of a network are trained on folds, the best go on, and
    the ensemble is of the finalists' networks: nothing is trained twice.

    Parameters
    ----------
    param_distributions : dict, list of dict or None, default=None
        What is searched: by parameter a list of values or a distribution of
        `scipy.stats`, as in RandomizedSearchCV. The parameters are those of
        :class:`MLPClassifier`, without those that the search sets itself
        (`random_state`, and which rows stop a network), and ``scaling`` and ``n_knots``
        of the inputs. None is the space in the `Notes`.

    n_candidates : int, default=12
        Number of settings that are tried; fewer, if the lists of `param_distributions`
        have fewer combinations. Time is about proportional to it.

    time_budget : float, default=None
        Seconds after which no further rung of the search begins; the first is always
        gone through. The ensemble is of what there is then.

    cv : int, splitter, iterable or None, default=8
        The folds, as in :class:`~skreg.ensemble.FoldEnsembleClassifier`. None is 5.

    scoring : str or callable, default="loss"
        What settings and ensembles are compared by, on rows that their networks have
        not seen. "loss" is the log-loss. Otherwise what scikit-learn's searches take,
        which must be defined for the rows of a single fold. Networks are stopped by a
        `scoring` of their own, which can be searched.

    keep_interrupted : bool, default=False
        Whether Ctrl-C ends the search with an ensemble of what there is, once the first
        rung is done. Otherwise it propagates, and the estimator is as it was before.

    callback : callable, default=None
        ``callback(rung, results)`` is called after each rung with its number, from 0,
        and `cv_results_` as far as that is known. If it returns true, the search ends.

    checkpoint : str or path, default=None
        A folder in which the search keeps a file while it runs. If it is interrupted or
        killed, the same search on the same data goes on after the last rung that was
        done, with equal results, if `random_state` is an int; so it does after
        `time_budget`. The file is removed once the search is completed. Such files are
        pickles: use a folder of your own.

    n_jobs : int, default=None
        Number of workers that share the candidates, as in joblib. The result does not
        depend on it.

    random_state : int, RandomState instance or None, default=None
        Draws the folds, the candidates, and the networks' weights and minibatches.

    verbose : int, default=0
        Above zero, a line for each rung, and at the end the table of `summary`.

    Attributes
    ----------
    estimators_ : list of Pipeline
        The networks of the ensemble behind what prepares their inputs: of each setting
        with a weight, in their order, one for every fold.

    weights_ : ndarray of shape (n_candidates,)
        The weight of each setting in the ensemble. They sum to one.

    cv_results_ : dict
        A column an entry, for `pandas.DataFrame`: "params"; "oof_loss", on the rows of
        "n_folds" folds, infinite where it is not finite; "rank"; "n_iter", the epochs
        of its networks in the mean; "fit_time", the seconds of all of them; "error",
        the text of an error that ended it, or None; "temperature" (see the
        `Notes`); "weight".

    best_index_ : int
        The number of the single setting with the lowest loss on all folds.

    best_params_ : dict
        Its parameters.

    best_score_ : float
        Minus its loss: with another `scoring` than "loss" the score.

    n_iter_ : int
        The epochs that its networks were trained, in the mean.

    stop_reason_ : str
        Why the search ended: "completed", "time_budget", "callback" or "interrupted".

    classes_ : ndarray of shape (n_classes,)
        The classes; the column numbers for multilabel targets.

    oof_decision_function_ : ndarray of shape (n_samples, n_classes)
        Probabilities that the ensemble gives to the training rows, each row by the
        networks that have not seen it; NaN where there are none.

    oof_fold_ : ndarray of int of shape (n_samples,) or (n_samples, n_repeats)
        The fold that each row is in, or the folds. -1 where it is in none.

    oof_score_ : float
        The accuracy of `oof_decision_function_`, on the rows that have one. It is
        pessimistic, for each row is predicted by one network of a setting, where
        `predict` averages those of all folds. And it is optimistic, for settings,
        epochs and weights were chosen by the same rows.

    n_features_in_ : int
        Number of features seen during `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X has names that are all strings.

    See Also
    --------
    MLPRegressorCV : The same for real targets.
    skreg.ensemble.FoldEnsembleClassifier : The ensemble of one setting.
    MLPClassifier : A single network.
    skreg.model_selection.RandomizedSearchCV : A search without an ensemble.

    Notes
    -----
    The steps of `fit`:

    1. Settings are drawn. Without `param_distributions` the first are the same for all
       tables, and each good on many of them. What varies: how columns are scaled,
       ``scaling="standard"``, ``"robust"`` (median and quartiles, and a smooth clip at
       3) or ``"none"``, which is for one's own spaces; whether splines of degree one
       stand beside the columns (``n_knots=8``), or waves that are trained
       (`n_frequencies`, `frequency_scale`), both on tables of up to 200 columns; the
       network, `hidden_layer_sizes` of one to three layers and `activation`; its steps,
       `learning_rate_init`, `learning_rate`, `beta_2`, `max_iter` and
       `n_iter_no_change`; and the regularization, `alpha`, `l1_ratio`, `dropout`,
       `dropout_schedule`, `augmentation` and `label_smoothing`. Everything else is as
       in :class:`MLPClassifier` with `early_stopping`, but for a `batch_size` of 64 or
       more. Columns are scaled and encoded for each fold by its training rows, and
       networks have float32 parameters.
    2. Successive halving on folds: all settings are trained without the first folds,
       one network a fold, which that fold stops. The best go on to further folds, and
       of those a few to all folds. The others are dropped.
    3. The probabilities of each setting are brought to one temperature, that is, they
       become surer or less sure as the rows that its networks have not seen say [2]_.
       The finalists are averaged, with the weights that greedy selection finds on the
       same rows [1]_.

    References
    ----------
    .. [1] R. Caruana, A. Niculescu-Mizil, G. Crew and A. Ksikes, "Ensemble selection
       from libraries of models", ICML 2004.
    .. [2] C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern
       neural networks", ICML 2017.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skreg import MLPClassifierCV
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifierCV(n_candidates=4, cv=4, random_state=0).fit(X, y)
    >>> model.oof_score_ > 0.9, float(model.weights_.sum().round(6))
    (True, 1.0)
    """

    _default_network = staticmethod(lambda: MLPClassifier(early_stopping=True))

    def predict_proba(self, X: MatrixLike) -> Floats:
        """Predict probabilities: the weighted mean of the settings' ensembles.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y_proba : ndarray of shape (n_samples, n_classes)
        """
        fitted = snapshot(self)
        return fitted._mean_of(fitted._predict_chosen(X))

    def predict_log_proba(self, X: MatrixLike) -> Floats:
        """Predict logarithms of probabilities, none of which is zero.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y_log_proba : ndarray of shape (n_samples, n_classes)
        """
        return np.log(self.predict_proba(X))

    def predict(self, X: MatrixLike) -> Predictions:
        """Predict labels: the class with the largest mean probability.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        fitted = snapshot(self)
        mean = fitted.predict_proba(X)
        return fitted._output.decoded(mean)

    def _check_data(self, X, y):
        check_labels(y, "y")
        X, y = validate_data(
            self,
            X,
            y,
            dtype=[np.float64, np.float32],
            order="C",
            multi_output=True,
        )
        return X, one_column(y.toarray() if hasattr(y, "toarray") else y)

    def _at_temperature(self, proba, temperature):
        is_multilabel = self._output.encoding.kind == "multilabel"
        return tempered(proba, temperature, is_multilabel)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class MLPRegressorCV(OfNumbers, RegressorMixin, BaseMLPCV):
    """An ensemble of networks whose regularization is searched, in one call.

    For numeric tables without missing values, in whatever unit: columns and target are
    scaled inside. Random settings of a network are trained on folds, the best go on,
    and the ensemble is of the finalists' networks: nothing is trained twice.

    Parameters
    ----------
    param_distributions : dict, list of dict or None, default=None
        What is searched: by parameter a list of values or a distribution of
        `scipy.stats`, as in RandomizedSearchCV. The parameters are those of
        :class:`MLPRegressor`, without those that the search sets itself
        (`random_state`, and which rows stop a network), and ``scaling`` and ``n_knots``
        of the inputs. None is the space in the `Notes`.

    n_candidates : int, default=12
        Number of settings that are tried; fewer, if the lists of `param_distributions`
        have fewer combinations. Time is about proportional to it.

    time_budget : float, default=None
        Seconds after which no further rung of the search begins; the first is always
        gone through. The ensemble is of what there is then.

    cv : int, splitter, iterable or None, default=8
        The folds, as in :class:`~skreg.ensemble.FoldEnsembleRegressor`. None is 5.

    scoring : str or callable, default="loss"
        What settings and ensembles are compared by, on rows that their networks have
        not seen. "loss" is the squared error in units of the target's variance.
        Otherwise what scikit-learn's searches take, which must be defined for the rows
        of a single fold. Networks are stopped by a `scoring` of their own, which can be
        searched.

    keep_interrupted : bool, default=False
        Whether Ctrl-C ends the search with an ensemble of what there is, once the first
        rung is done. Otherwise it propagates, and the estimator is as it was before.

    callback : callable, default=None
        ``callback(rung, results)`` is called after each rung with its number, from 0,
        and `cv_results_` as far as that is known. If it returns true, the search ends.

    checkpoint : str or path, default=None
        A folder in which the search keeps a file while it runs. If it is interrupted or
        killed, the same search on the same data goes on after the last rung that was
        done, with equal results, if `random_state` is an int; so it does after
        `time_budget`. The file is removed once the search is completed. Such files are
        pickles: use a folder of your own.

    n_jobs : int, default=None
        Number of workers that share the candidates, as in joblib. The result does not
        depend on it.

    random_state : int, RandomState instance or None, default=None
        Draws the folds, the candidates, and the networks' weights and minibatches.

    verbose : int, default=0
        Above zero, a line for each rung, and at the end the table of `summary`.

    Attributes
    ----------
    estimators_ : list of Pipeline
        The networks of the ensemble behind what prepares their inputs: of each setting
        with a weight, in their order, one for every fold.

    weights_ : ndarray of shape (n_candidates,)
        The weight of each setting in the ensemble. They sum to one.

    cv_results_ : dict
        A column an entry, for `pandas.DataFrame`: "params"; "oof_loss", on the rows of
        "n_folds" folds, infinite where it is not finite; "rank"; "n_iter", the epochs
        of its networks in the mean; "fit_time", the seconds of all of them; "error",
        the text of an error that ended it, or None; "weight".

    best_index_ : int
        The number of the single setting with the lowest loss on all folds.

    best_params_ : dict
        Its parameters.

    best_score_ : float
        Minus its loss: with another `scoring` than "loss" the score.

    n_iter_ : int
        The epochs that its networks were trained, in the mean.

    stop_reason_ : str
        Why the search ended: "completed", "time_budget", "callback" or "interrupted".

    oof_prediction_ : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        What the ensemble predicts of the training rows, each row by the networks that
        have not seen it; NaN where there are none.

    oof_fold_ : ndarray of int of shape (n_samples,) or (n_samples, n_repeats)
        The fold that each row is in, or the folds. -1 where it is in none.

    oof_score_ : float
        The R^2 of `oof_prediction_`, on the rows that have one, averaged over the
        outputs. It is pessimistic, for each row is predicted by one network of a
        setting, where `predict` averages those of all folds. And it is optimistic, for
        settings, epochs and weights were chosen by the same rows.

    n_features_in_ : int
        Number of features seen during `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X has names that are all strings.

    See Also
    --------
    MLPClassifierCV : The same for classes.
    skreg.ensemble.FoldEnsembleRegressor : The ensemble of one setting.
    MLPRegressor : A single network.
    skreg.model_selection.RandomizedSearchCV : A search without an ensemble.

    Notes
    -----
    The steps of `fit`:

    1. Settings are drawn. Without `param_distributions` the first are the same for all
       tables, and each good on many of them. What varies: how columns are scaled,
       ``scaling="standard"``, ``"robust"`` (median and quartiles, and a smooth clip at
       3) or ``"none"``, which is for one's own spaces; whether splines of degree one
       stand beside the columns (``n_knots=8``), or waves that are trained
       (`n_frequencies`, `frequency_scale`), both on tables of up to 200 columns; the
       network, `hidden_layer_sizes` of one to three layers and `activation`; its steps,
       `learning_rate_init`, `learning_rate`, `beta_2`, `max_iter` and
       `n_iter_no_change`; and the regularization, `alpha`, `l1_ratio`, `dropout`,
       `dropout_schedule` and `augmentation`. Everything else is as in
       :class:`MLPRegressor` with `early_stopping` and `normalize_y`, but for a
       `batch_size` of 64 or more. Columns are scaled and encoded, and the target is
       scaled, for each fold by its training rows, and networks have float32 parameters.
    2. Successive halving on folds: all settings are trained without the first folds,
       one network a fold, which that fold stops. The best go on to further folds, and
       of those a few to all folds. The others are dropped.
    3. The finalists are averaged, with the weights that greedy selection finds on the
       rows that their networks have not seen [1]_.

    References
    ----------
    .. [1] R. Caruana, A. Niculescu-Mizil, G. Crew and A. Ksikes, "Ensemble selection
       from libraries of models", ICML 2004.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skreg import MLPRegressorCV
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = MLPRegressorCV(n_candidates=4, cv=4, random_state=0).fit(X, y)
    >>> model.oof_score_ > 0.4, float(model.weights_.sum().round(6))
    (True, 1.0)
    """

    _default_network = staticmethod(
        lambda: MLPRegressor(early_stopping=True, normalize_y=True)
    )

    @overload
    def predict(self, X: MatrixLike, return_std: Literal[False] = ...) -> Floats: ...

    @overload
    def predict(
        self, X: MatrixLike, return_std: Literal[True]
    ) -> tuple[Floats, Floats]: ...

    @overload
    def predict(
        self, X: MatrixLike, return_std: bool
    ) -> Floats | tuple[Floats, Floats]: ...

    def predict(
        self, X: MatrixLike, return_std: bool = False
    ) -> Floats | tuple[Floats, Floats]:
        """Predict targets: the weighted mean of the settings' ensembles.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        return_std : bool, default=False
            Whether to return the spread of the networks, too.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The predictions.
        y_std : ndarray of the same shape
            The standard deviation of what the networks predict, with their weights: how
            much they differ, which is not how far new targets are off. Only with
            `return_std`.
        """
        fitted = snapshot(self)
        predictions = fitted._predict_chosen(X)
        mean = fitted._mean_of(predictions)
        if not return_std:
            return mean
        variance = sum(
            each.weight * ((own - mean) ** 2).mean(axis=0)
            for each, own in zip(fitted._chosen, predictions, strict=True)
        )
        return mean, np.sqrt(variance)

    def _check_data(self, X, y):
        X, y = validate_data(
            self,
            X,
            y,
            dtype=[np.float64, np.float32],
            order="C",
            multi_output=True,
            y_numeric=True,
        )
        return X, one_column(y)

    def _at_temperature(self, prediction, temperature):
        return prediction

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
