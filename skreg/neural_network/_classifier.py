"""The classifier."""

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import compute_sample_weight
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.validation import column_or_1d

from .._core.losses import HalfBinomial, HalfMultinomial
from ._base import BaseMLP
from ._targets import LabelEncoding

__all__ = ["MLPClassifier"]


class MLPClassifier(ClassifierMixin, BaseMLP):
    """Regularized multi-layer perceptron classifier."""

    _parameter_constraints: dict = {
        **BaseMLP._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    _estimator_type_is_regressor = False

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        solver="adam",
        alpha=1e-4,
        l1_ratio=0.0,
        dropout=0.0,
        class_weight=None,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=1e-3,
        power_t=0.5,
        max_iter=200,
        max_fun=15000,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping=False,
        validation_fraction=0.1,
        scoring="loss",
        n_iter_no_change=10,
        min_iter=0,
        stopping_criterion="patience",
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.dropout = dropout
        self.class_weight = class_weight
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.max_fun = max_fun
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.scoring = scoring
        self.n_iter_no_change = n_iter_no_change
        self.min_iter = min_iter
        self.stopping_criterion = stopping_criterion
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    @available_if(lambda estimator: estimator._check_solver())
    def partial_fit(
        self,
        X,
        y,
        sample_weight=None,
        classes=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        """Update the network with one epoch over the given data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The data of this epoch.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Its labels.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        classes : array-like of shape (n_classes,), default=None
            All labels that will ever be given. Required in the first call, for
            multilabel targets too, where the columns of `y` are what counts.

        X_val, y_val, sample_weight_val : default=None
            Validation data as in `fit`, required with ``early_stopping=True``. `coefs_`
            are then those of the best epoch so far, while training goes on from the
            last; whether to go on is for the caller to decide.

        Returns
        -------
        self : object
            The estimator.
        """
        self._validate_params()
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight 'balanced' is not supported for partial_fit: the weights "
                "would depend on the labels of one call. Compute them for the whole "
                "target with sklearn.utils.class_weight.compute_class_weight and pass "
                "them as a dict."
            )
        is_first = not hasattr(self, "coefs_")
        if is_first and classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        if not is_first and classes is not None:
            if not np.array_equal(self.classes_, unique_labels(classes)):
                raise ValueError(
                    f"`classes={classes!r}` is not the same as on last call to "
                    f"partial_fit, was: {self.classes_!r}"
                )
        return self._partial_fit(
            X,
            y,
            sample_weight,
            (X_val, y_val, sample_weight_val),
            first_encoding=lambda y: self._first_encoding(y, classes),
        )

    def _first_encoding(self, y, classes):
        encoding = LabelEncoding.of(y, classes)
        encoding.check(y, "y")
        return encoding

    def _check_warm_start(self, y, encoding):
        if not np.array_equal(encoding.classes, self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the "
                f"previous call to fit. Previously got {self.classes_}, `y` has "
                f"{encoding.classes}"
            )
        # Three labels are not three classes.
        self._encoding.check(y, "y")

    def predict(self, X):
        """Predict class labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        raw = self._predict_raw(X)
        return self._encoding.decode(raw)

    def predict_proba(self, X):
        """Predict probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`. For multilabel targets the probability
            of each label.
        """
        raw = self._predict_raw(X)
        proba = self._make_loss(self._encoding).predict(raw.T).T
        if self._encoding.kind != "binary":
            return np.ascontiguousarray(proba)
        if len(self.classes_) == 1:
            return np.ones_like(proba)
        return np.hstack([1 - proba, proba])

    def predict_log_proba(self, X):
        """Predict logarithms of probabilities, finite even where they underflow.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            ``log(predict_proba(X))`` where that probability is positive, else the
            logarithm computed from the raw prediction.
        """
        raw = self._predict_raw(X)
        loss, encoding = self._make_loss(self._encoding), self._encoding
        if encoding.kind == "binary" and len(self.classes_) == 1:
            return np.zeros_like(raw)
        if encoding.kind == "binary":
            log_proba = -np.logaddexp(0, np.hstack([raw, -raw]))
        elif encoding.kind == "multilabel":
            log_proba = -np.logaddexp(0, -raw)
        else:
            shifted = raw - raw.max(axis=1, keepdims=True)
            log_proba = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        proba = loss.predict(raw.T).T
        if encoding.kind == "binary":
            proba = np.hstack([1 - proba, proba])
        return np.log(proba, out=log_proba, where=proba > 0)

    # -- what BaseMLP asks ---------------------------------------------------------

    def _make_loss(self, encoding):
        return HalfMultinomial() if encoding.kind == "multiclass" else HalfBinomial()

    def _encoding_of(self, y):
        return LabelEncoding.of(y)

    def _encode(self, y, encoding, dtype):
        return encoding.encode(y, dtype)

    def _check_y(self, y):
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return y

    def _check_target(self, y, encoding, n_outputs, name):
        encoding.check(y, name)

    def _loss_unit(self, loss, Y, stream):
        return 1.0

    def _class_weight_of(self, y, encoding):
        if encoding.kind == "multilabel":
            raise ValueError(
                f"class_weight={self.class_weight!r} is not supported for multilabel "
                "targets: pass sample_weight instead."
            )
        weight = compute_sample_weight(self.class_weight, y)
        if (weight < 0).any():
            raise ValueError(f"class_weight={self.class_weight} has negative values.")
        return weight

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
