"""The classifier."""

from __future__ import annotations

from typing import Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.multiclass import unique_labels

from .._fitting.targets import LabelEncoding
from .._typing import ArrayLike, Floats, MatrixLike, Predictions
from .._utils.decorators import available_if
from .._utils.labels import check_labels
from .._utils.one_column import one_column
from .._utils.plain_arrays import are_plain_labels
from .._utils.publishing import fitted_at_once
from ._base import BaseMLP
from ._constructors import ClassifierParameters

__all__ = ["MLPClassifier"]


class MLPClassifier(ClassifierParameters, ClassifierMixin, BaseMLP):
    r"""Regularized multi-layer perceptron classifier.

    A neural network for binary, multiclass and multilabel targets that minimizes the
    log-loss plus an elastic-net penalty of its weights, optionally with early stopping
    and dropout. Parameters and attributes are those of scikit-learn's
    :class:`~sklearn.neural_network.MLPClassifier` if it has them. Their defaults are
    scikit-learn's too, unless a reason for another one is given.

    Parameters
    ----------
    hidden_layer_sizes : array-like of shape (n_layers - 2,) or int, default=(100,)
        Units of each hidden layer. ``()`` is a linear model: the objective is then
        convex.

    activation : str, default='relu'
        Activation of the hidden layers: `'identity'`, `'logistic'`, `'tanh'` or
        `'relu'`, as in scikit-learn, or one of two smooth functions near to relu:
        `'gelu'`, ``x Phi(x)`` with the normal distribution function, and `'silu'`,
        ``x sigmoid(x)``, also known as swish. They cost more time than relu. Their
        networks have no kinks, at which a full-batch solver may stop too early.

    n_frequencies : int, default=0
        Number of trainable waves by which the network sees each input, beside the input
        itself; 0 is none, 16 a good choice. Three mixtures of an input's waves
        ``cos(2 pi (f x + p))`` are further inputs of the first layer [6]_, which bring
        a target that changes often along an input within the network's reach. Inputs
        with at most two different values in the rows that `fit` is given, such as
        one-hot columns, have no waves. Minibatch solvers train waves and mixtures with
        a tenth of the learning rate. Scale X before. A sparse X is an error.

    frequency_scale : float, default=0.1
        Standard deviation of the initial frequencies, in waves a unit of the input. The
        more often a target changes along an input, the larger it should be; the best
        value is mostly between 0.03 and 1.

    solver : {'adam', 'sgd', 'lbfgs', 'fista'}, default='adam'
        `'adam'` [2]_ and `'sgd'` take minibatch steps. `'lbfgs'` and `'fista'` use all
        rows in each iteration and go to a stationary point of the objective, which
        suits small data. With an L1 penalty all solvers give exact zeros. Only
        `'lbfgs'` cannot remove whole inputs.

    alpha : float, default=1e-4
        Strength of the penalty of the weights. The penalty adds to a **mean** loss, so
        its meaning depends neither on the batch size nor on the number of rows;
        scikit-learn divides its penalty by them (see Notes). The default is weak;
        search by powers of ten from 1e-5 to 1e-1.

    l1_ratio : float in [0, 1], default=0.0
        The share of L1 in the penalty, as in
        :class:`~sklearn.linear_model.ElasticNet`: 0 makes all weights smaller (L2), 1
        makes some of them exactly zero (L1), and values in between do both.

    feature_alpha : float, default=0.0
        Strength of a penalty of whole inputs, which removes features: all weights of an
        input become exactly zero together. Training then begins without this penalty
        and raises it to this value. With a hidden layer it needs ``alpha > 0``. The
        log-sum penalty is steep only near zero, so its strength is usually around 1,
        and a hundredth of that for the group lasso; `feature_path` finds the range.

    feature_penalty : {'log_sum', 'group_lasso'}, default='log_sum'
        The penalty of an input's weights as a function of their norm. The log-sum is
        concave and hardly shrinks the inputs that stay [4]_. The group lasso is convex
        and shrinks them as well.

    feature_epsilon : float or 'auto', default='auto'
        Norm at which the log-sum penalty turns from linear to flat. `'auto'` is 0.1 %
        of the mean norm when the penalty sets in.

    feature_groups : 'auto', array-like or list of lists, default=None
        Inputs that are kept or removed together, as one-hot columns should be: an array
        of a label for each column, or lists of column numbers or names. `'auto'` finds
        one-hot columns in a dataframe, by names that an encoder gives (``colour_red``,
        ``colour_blue``) and by their zeros and ones: after an encoder with
        ``set_output(transform="pandas")``. `partial_fit` looks for them in each call.
        With None each input is kept or removed on its own.

    dropout : float in [0, 1), default=0.0
        Probability with which a hidden unit is left out of a training step. The other
        units are scaled up to make up for it, so that predictions need no correction.
        For minibatch solvers only.

    dropout_schedule : {'constant', 'cosine'}, default='constant'
        With `'cosine'` [6]_ the probability is `dropout` in the first half of training,
        and falls in the second, from epoch to epoch along half a cosine, to zero at the
        end: the last steps fit the whole network, which is what predicts. The end, and
        what has none, are those of ``learning_rate='cosine'``. The default leaves
        dropout as it is, so that training may end at any time.

    augmentation : callable, object with `fit_resample` or None, default=None
        Changes the training rows, and never a validation row. An augmentation of
        `skreg.augmentation`, or a function ``(X, Y, sample_weight, rng) -> (X, Y,
        sample_weight)``, changes each minibatch anew (minibatch solvers only); `Y` is
        the target as floats, one-hot for several classes. A resampler of skreg or of
        imbalanced-learn adds or removes rows once, before the first epoch.

    class_weight : dict or 'balanced', default=None
        Weights of the classes, which multiply `sample_weight` in training and in the
        validation loss. `'balanced'` is ``n_samples / (n_classes * np.bincount(y))``.
        It is not supported for multilabel targets.

    label_smoothing : float in [0, 1), default=0.0
        Share of each training target that is spread evenly over all classes [9]_: with
        0.1 and four classes a row's own class is to have the probability 0.925 and each
        other one 0.025. In multilabel targets each label is smoothed by itself, over
        yes and no. Raw predictions then need not grow without end, but probabilities
        are drawn to equal ones, hence the default. Validation losses and all scores are
        by the labels as they are; `loss_curve_` and `data_loss_curve_` are by what is
        trained on, which an `augmentation` of minibatches is given, too.

    batch_size : int or 'auto', default='auto'
        Rows of a minibatch; the last one of an epoch may be smaller. `'auto'` is
        ``min(200, n_rows)`` of the training rows, as in scikit-learn, and with early
        stopping about a thirtieth of them (at least 4, at most 200): of few rows,
        minibatches of 200 make so few steps an epoch that training never gets there.
        With ``feature_alpha > 0`` it is 200 again where the penalty begins to rise.

    learning_rate : {'constant', 'invscaling', 'adaptive', 'cosine'}, default='constant'
        Schedule of the learning rate. Two are for ``solver='sgd'`` alone, as in
        scikit-learn: `'invscaling'` divides `learning_rate_init` by ``(t_ + 1) **
        power_t``, and `'adaptive'` divides the rate by 5 whenever training would stop,
        until it is below 1e-6. `'cosine'` [5]_ is for `'adam'` and `'sgd'`: step by
        step the rate falls to zero along half a cosine, which ends with `max_iter`
        epochs (in the second training of `refit` with its last update). So set
        `max_iter` to the epochs that you want, and ``n_iter_no_change=np.inf`` if no
        earlier end is wanted; to reach `max_iter` is then no cause for a warning. Each
        `fit` begins its schedule anew, with `warm_start` as well. `partial_fit` and
        ``feature_alpha > 0`` have no end that is known beforehand and raise an error.

    learning_rate_init : float or 'auto', default='auto'
        Learning rate with which `'adam'` and `'sgd'` begin. `'auto'` is 0.001, as in
        scikit-learn, and 0.003 for `'adam'` with early stopping, which stops it where
        that is best.

    power_t : float, default=0.5
        Exponent of ``learning_rate='invscaling'``.

    warmup_fraction : float in [0, 1), default=0.0
        Share of all steps in which ``learning_rate='cosine'`` first rises, linearly, to
        `learning_rate_init`; the cosine has the other steps. The schedule of [5]_ does
        not rise, hence the default. A share such as 0.05 is for a rate with which the
        very first steps would lead astray.

    max_iter : int or 'auto', default='auto'
        Largest number of epochs (iterations of a full-batch solver). `'auto'` is 200,
        as in scikit-learn, and 600 with early stopping, because then the validation
        rows end training and most networks still improve after 200 epochs. Without
        early stopping, a ConvergenceWarning says that training has reached it, unless
        the schedule of `learning_rate` or `dropout_schedule` ends there.

    max_fun : int, default=15000
        Largest number of evaluations of the objective by `'lbfgs'`.

    shuffle : bool, default=True
        Whether each epoch visits the rows in a new order.

    random_state : int, RandomState instance or None, default=None
        Decides the initial weights, the validation split, the order of the rows,
        dropout and augmentation. Random numbers are drawn in scikit-learn's order, so
        that the same seed gives the same initial weights as there.

    tol : float, default=1e-4
        What counts as an improvement: of the monitored validation score with early
        stopping, of the training objective without. For full-batch solvers the
        tolerance of stationarity.

    verbose : bool, default=False
        Whether to print a line for each epoch.

    warm_start : bool, default=False
        Whether `fit` starts from `coefs_` and `intercepts_` if the estimator has been
        fitted before. The curves go on; the optimizer, the patience and the best score
        so far start afresh.

    momentum : float in [0, 1], default=0.9
        Momentum of `'sgd'`. With an L1 penalty it must be less than 1.

    nesterovs_momentum : bool, default=True
        Whether `'sgd'` uses Nesterov's momentum.

    early_stopping : bool, default=False
        Whether to hold out validation rows (or take `X_val` of `fit`), score them after
        each epoch, stop when the score no longer improves, and keep the parameters of
        the best epoch.

    validation_fraction : float in [0, 1) or int, default=0.1
        Share of the rows that early stopping holds out, or their number. The split is
        stratified by class, for multiclass targets too; a class with one row stays in
        training.

    validation_splitter : splitter or None, default=None
        An object with ``split(X, y, groups)``, as in `sklearn.model_selection`, that
        splits off the validation rows in place of `validation_fraction`. Its **last**
        split is taken, so that ``TimeSeriesSplit()`` holds out the latest rows.
        ``GroupShuffleSplit()`` keeps the `groups` given to `fit` together. In a search
        it must split the rows of any fold, which a ``PredefinedSplit`` cannot.

    scoring : 'loss', str, callable or None, default='loss'
        What early stopping monitors: `'loss'` is minus the validation loss, another
        string or a callable is a scorer as for
        :func:`~sklearn.model_selection.cross_validate`, and None is `score`, the
        accuracy. Epochs that classify equally many rows correctly have the same
        accuracy but different losses. So the curve of the loss is smoother, and the
        best epoch less a matter of luck.

    n_iter_no_change : int, inf or 'auto', default='auto'
        Patience: training stops when **more than** this many epochs in a row brought no
        improvement by `tol`. `'auto'` is 10, as in scikit-learn, and 100 with early
        stopping, because a validation loss rests longer than a training loss before it
        falls again. With ``np.inf`` patience never ends training; early stopping still
        keeps the best epoch.

    min_iter : int, default=0
        Number of epochs before which early stopping does not end training.

    stopping_criterion : str or StoppingCriterion, default='patience'
        The rule that ends training [3]_: `'patience'`, `'generalization_loss'`,
        `'progress_quotient'` or `'successive_increases'`, or one of the objects in
        `skreg.neural_network` with parameters of its own. All but patience need
        ``early_stopping=True``.

    refit : bool or int, default=False
        Whether to train again on **all** rows after early stopping: from the same
        start, for as many updates as led to the best epoch, on minibatches of the same
        size. An int of at least 2 is a number of folds: each fold is held out once (or
        a `validation_splitter` gives that many of its last splits), and the second
        training lasts as long as that of the fold whose best epoch came latest. The
        curves, `best_iter_` and `best_validation_score_` are those of the first
        training, with folds those of that fold. `partial_fit` does not refit.

    beta_1 : float in [0, 1), default=0.9
        Decay of Adam's first moment.

    beta_2 : float in [0, 1), default=0.999
        Decay of Adam's second moment.

    epsilon : float, default=1e-8
        Keeps Adam's step finite if the second moment is zero.

    weight_averaging : float in [0, 1), default=0.0
        Decay of a moving average of the weights, taken after each epoch [7]_ [8]_: with
        0.9, of about the last ten. The average is what is validated, kept as the best,
        and has the names `coefs_` and `intercepts_`, while training goes on from the
        weights themselves, whose `loss_curve_` it is. It evens out what the last steps
        leave to chance. So does ``learning_rate='cosine'``, and with a decay too near
        to one the average lags behind; hence the default. An average has no exact
        zeros: with an L1 penalty or ``feature_alpha > 0`` it is an error. For minibatch
        solvers only.

    Attributes
    ----------
    coefs_ : list of ndarray of shape (fan_in, fan_out)
        Weights, one array for each layer. Predictions, `partial_fit` and `warm_start`
        read them, so that you may edit them.

    intercepts_ : list of ndarray of shape (fan_out,)
        Intercepts, which are never penalized.

    embedded_inputs_ : ndarray of int of shape (n_embedded,) or None
        The columns of X that have waves. This and the next three are None with
        ``n_frequencies=0``. Otherwise ``coefs_[0]`` has a row for each column of X, and
        after these three rows for each of the embedded ones. Predictions, `partial_fit`
        and `warm_start` read these attributes, too.

    input_frequencies_ : ndarray of shape (n_embedded, n_frequencies) or None
        The frequencies of the waves, in waves a unit of the input.

    input_phases_ : ndarray of shape (n_embedded, n_frequencies) or None
        The phases of the waves, in waves. Neither they nor the frequencies are
        penalized: a phase of zero is no simpler than another one.

    input_mixing_ : ndarray of shape (n_embedded, n_frequencies, 3) or None
        The matrices by which the waves of an input are mixed, penalized by `alpha` as
        the other weights are.

    classes_ : ndarray of shape (n_classes,)
        The class labels; for multilabel targets the column numbers.

    n_iter_ : int
        Epochs (iterations) of the last `fit` or `partial_fit`.

    t_ : int
        Number of training rows seen in all calls, repeats counted.

    loss_ : float
        The last objective: mean training loss plus penalty.

    loss_curve_ : list of float
        The objective of each epoch; the loss in it is the mean over the epoch's
        minibatches.

    data_loss_curve_ : list of float
        The objective of each epoch without the penalty, which compares with
        `validation_loss_curve_`.

    best_loss_ : float or None
        Least entry of `loss_curve_`; None with early stopping.

    validation_scores_ : list of float or None
        The monitored score of each epoch; greater is better, and NaN is a score that
        was not finite. This and the next three are None without early stopping.

    validation_loss_curve_ : list of float or None
        Mean loss on the validation rows, without the penalty.

    best_validation_score_ : float or None
        The score of the epoch whose parameters were kept.

    best_iter_ : int or None
        The position of that epoch in the curves, counted from 1.

    refit_n_updates_ : int or None
        Number of updates (minibatch steps or iterations of a full-batch solver) of the
        second training, on all rows; None without `refit`.

    engine_ : {'numpy', 'compiled'}
        What trained the network; see :func:`skreg.set_config`. The result is the same
        up to rounding.
    stop_reason_ : str
        Why training ended: 'no_improvement' (patience ran out), 'generalization_loss',
        'progress_quotient', 'successive_increases' or 'stopping_criterion' (the other
        criteria), 'max_iter', 'max_fun', 'converged' (the gradient of a full-batch
        solver is within `tol`), 'small_decrease' (the objective no longer falls,
        although the gradient is not within `tol`: a kink of relu, or rounding),
        'no_descent' (the same at a large gradient, with a warning: scale the data),
        'learning_rate_too_small' (the end of `'adaptive'`), 'callback' (one of
        `set_callbacks` asked for it), 'diverged' or 'interrupted' (each with a warning;
        the best or last finite parameters are kept).

    sparsity_ : float
        Share of the weights that are exactly zero.

    feature_importances_ : ndarray of shape (`n_features_in_`,)
        Norm of each input's outgoing weights, those of its waves included; exactly 0.0
        for a removed input.

    support_ : ndarray of bool of shape (`n_features_in_`,)
        Whether an input has a weight that is not zero.

    n_features_selected_ : int
        Number of inputs in `support_`.

    pruned_ : Pruning or None
        What `prune` has removed to make this network: its text says it in a line, and
        its attributes `units`, `support` and `inputs` say what is left. None if the
        network is as `fit` has made it.

    n_features_in_ : int
        Number of input features.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if all column names of X are strings.

    n_layers_ : int
        Number of layers, input and output included.

    n_outputs_ : int
        Number of outputs: 1 for binary targets.

    out_activation_ : str
        'logistic' for binary and multilabel targets, 'softmax' for multiclass.

    See Also
    --------
    MLPRegressor : Networks for real targets.
    sklearn.neural_network.MLPClassifier : L2 penalty only, in another unit.
    sklearn.linear_model.LogisticRegression : The model of ``hidden_layer_sizes=()``.

    Notes
    -----
    With weights :math:`s_i` of the rows and layers :math:`W_l`, training minimizes

    .. math::

        \frac{1}{\sum_i s_i} \sum_i s_i \, loss(y_i, f(x_i)) + alpha \sum_l \left(
        l1\_ratio \, |W_l|_1 + \frac{1 - l1\_ratio}{2} |W_l|_F^2 \right).

    The intercepts are not penalized. scikit-learn's networks divide their penalty by
    the batch size, so the same model has another `alpha` there::

        alpha_skreg = alpha_sklearn / batch_size    (solver 'adam', 'sgd')
        alpha_skreg = alpha_sklearn / n_samples     (solver 'lbfgs')

    With equal `alpha`, the penalty here is 200 times stronger at a batch size of 200.
    With a converted `alpha` and ``l1_ratio=0``, and a batch size that divides the
    number of rows, the weights are those of scikit-learn, epoch by epoch.

    L1 zeros are exact. They come from proximal steps in the metric of the optimizer
    [1]_, and in L-BFGS from splitting the weights into positive and negative parts.
    `feature_alpha` adds another term, ``feature_alpha * sum_g sqrt(size_g) * phi(norm
    of group g)``, with ``phi(t) = t`` for the group lasso and ``phi(t) = epsilon *
    log(1 + t / epsilon)`` for the log-sum.
    Early stopping differs from scikit-learn's by a stratified split of three and more
    classes, by the numbers that `'auto'` stands for, and by monitoring the validation
    loss instead of the accuracy; ``scoring=None`` gives the latter.

    References
    ----------
    .. [1] J. Yun, A. C. Lozano and E. Yang, "Adaptive proximal gradient methods for
       structured neural networks", NeurIPS 2021.
    .. [2] D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR
       2015.
    .. [3] L. Prechelt, "Early stopping - but when?", in Neural Networks: Tricks of the
       Trade, Springer, 1998.
    .. [4] E. J. Candes, M. B. Wakin and S. Boyd, "Enhancing sparsity by reweighted L1
       minimization", Journal of Fourier Analysis and Applications 14, 2008.
    .. [5] I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm
       restarts", ICLR 2017.
    .. [6] D. Holzmüller, L. Grinsztajn and I. Steinwart, "Better by default: strong
       pre-tuned MLPs and boosted trees on tabular data", NeurIPS 2024.
    .. [7] B. T. Polyak and A. B. Juditsky, "Acceleration of stochastic approximation by
       averaging", SIAM Journal on Control and Optimization 30, 1992.
    .. [8] P. Izmailov, D. Podoprikhin, T. Garipov, D. Vetrov and A. G. Wilson,
       "Averaging weights leads to wider optima and better generalization", UAI 2018.
    .. [9] C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens and Z. Wojna, "Rethinking the
       Inception architecture for computer vision", CVPR 2016.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skreg import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> network = MLPClassifier(
    ...     alpha=0.01, l1_ratio=1.0, solver="lbfgs", random_state=0
    ... )
    >>> model = make_pipeline(StandardScaler(), network).fit(X_train, y_train)
    >>> model.score(X_test, y_test)
    0.97...
    >>> network.stop_reason_, bool(network.sparsity_ > 0.9)
    ('converged', True)
    """

    @available_if(lambda estimator: estimator._check_solver())
    def partial_fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        classes: ArrayLike | None = None,
        *,
        X_val: MatrixLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
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
            All labels that will ever be given. They are required in the first call,
            for multilabel targets too, although these are encoded by the columns of
            `y`.

        X_val, y_val, sample_weight_val : default=None
            Validation data as in `fit`, required with ``early_stopping=True``. `coefs_`
            are then those of the best epoch so far, while training goes on from the
            last one. The caller decides when to stop.

        Returns
        -------
        self : object
            The estimator. After an error it is as it was before the call.

        Raises
        ------
        AttributeError
            If the solver has no minibatches.
        ValueError
            If parameters or data are invalid, or do not go with those of earlier calls.
        KeyboardInterrupt
            After Ctrl-C, so that a loop of calls ends; `fit` keeps what it has instead.
        """
        self._validate_params()
        with fitted_at_once(self) as scratch:
            scratch._partial_fit_with(
                X, y, sample_weight, classes, (X_val, y_val, sample_weight_val)
            )
        return self

    def _partial_fit_with(self, X, y, sample_weight, classes, validation_data):
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight 'balanced' is not supported for partial_fit: the weights "
                "would depend on the labels of one call. Compute them for the whole "
                "target with sklearn.utils.class_weight.compute_class_weight and pass "
                "them as a dict."
            )
        check_labels(classes, "classes")
        is_first = not hasattr(self, "coefs_")
        if is_first and classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        if not is_first and classes is not None:
            if not np.array_equal(self.classes_, unique_labels(classes)):
                raise ValueError(
                    f"`classes={classes!r}` is not the same as on last call to "
                    f"partial_fit, was: {self.classes_!r}"
                )
        self._partial_fit(
            X,
            y,
            sample_weight,
            validation_data,
            first_encoding=lambda y: self._first_encoding(y, classes),
        )

    def _first_encoding(self, y, classes):
        encoding = LabelEncoding.of(y, classes)
        encoding.check(y, "y")
        return encoding

    def _check_warm_start(self, y):
        encoding = self._problem.encoding_of(y)
        if not np.array_equal(encoding.classes, self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the "
                f"previous call to fit. Previously got {self.classes_}, `y` has "
                f"{encoding.classes}"
            )
        # A multilabel target with three labels must not pass for three classes.
        self._encoding.check(y, "y")

    def predict(self, X: MatrixLike) -> Predictions:
        """Predict class labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Labels from `classes_`; an indicator matrix for multilabel targets.
        """
        with self._predicting() as network:
            raw = network._predict_raw(X)
            return network._encoding.decode(raw)

    def score(
        self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Mean accuracy of the predicted labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to predict.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their true labels. For multilabel targets a row counts if all of its labels
            are predicted.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        float
            The share of the rows that are predicted right.
        """
        predicted = self.predict(X)
        if sample_weight is None and are_plain_labels(y, predicted):
            return float((y == predicted).mean())
        return accuracy_score(y, predicted, sample_weight=sample_weight)

    def predict_proba(self, X: MatrixLike) -> Floats:
        """Predict probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            The probability of each class, or for multilabel targets of each label, in
            the order of `classes_`.
        """
        with self._predicting() as network:
            return network._outputs_of(network._predict_raw(X))

    def _outputs_of(self, raw):
        """The probabilities where the raw predictions are these."""
        proba = self._trained_loss.predict(raw.T).T
        if self._encoding.kind != "binary":
            return np.ascontiguousarray(proba)
        if len(self.classes_) == 1:
            return np.ones_like(proba)
        return np.hstack([1 - proba, proba])

    def predict_log_proba(self, X: MatrixLike) -> Floats:
        """Predict logarithms of probabilities, finite even where they underflow.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            ``log(predict_proba(X))`` if the probability is positive, and otherwise the
            logarithm computed from the raw prediction.
        """
        with self._predicting() as network:
            return network._log_proba_of(network._predict_raw(X))

    def _log_proba_of(self, raw):
        encoding = self._encoding
        if encoding.kind == "binary" and len(self.classes_) == 1:
            return np.zeros_like(raw)
        if encoding.kind == "binary":
            log_proba = -np.logaddexp(0, np.hstack([raw, -raw]))
        elif encoding.kind == "multilabel":
            log_proba = -np.logaddexp(0, -raw)
        else:
            shifted = raw - raw.max(axis=1, keepdims=True)
            log_proba = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        proba = self._outputs_of(raw)
        return np.log(proba, out=log_proba, where=proba > 0)

    # -- what BaseMLP asks ---------------------------------------------------------

    def _validate_data(self, X, y, reset):
        check_labels(y, "y")
        return super()._validate_data(X, y, reset)

    def _check_validation_data(self, X_val, y_val, sample_weight_val):
        check_labels(y_val, "y_val")
        return super()._check_validation_data(X_val, y_val, sample_weight_val)

    def _check_y(self, y):
        return one_column(y)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
