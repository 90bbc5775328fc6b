"""What "auto" stands for in the parameters of an estimator.

Without early stopping it is what scikit-learn has: minibatches of 200 rows, a rate of
0.001, 200 epochs, a patience of 10 epochs.

With early stopping the validation rows say when to stop, and these numbers would stop
too soon: in 200 epochs of few steps most networks are not fully trained, and a
validation loss may rest for dozens of epochs before it falls again. So an epoch has
about thirty minibatches, whatever the number of rows, and Adam a rate of 0.003; at most
600 epochs, with a patience of 100.

They were chosen on 13 tables, three splits each, by the geometric mean of the test
error over that of scikit-learn's network without early stopping:

=============================  =====  =====  =====  =====  =====
minibatches of                 n/15   n/30   n/30   n/30   n/60
rate                           0.003  0.001  0.003  0.010  0.003
error / scikit-learn's         0.587  0.600  0.562  0.625  0.587
its time / scikit-learn's      0.26   0.36   0.34   0.23   0.34
=============================  =====  =====  =====  =====  =====

With a patience of 10 and 30 the error is 0.665 and 0.599 of scikit-learn's. All that
was tried is in benchmarks/results/stopping_defaults.md, and the tables held back in
benchmarks/results/generalization.md.

The numbers of an estimator are found once, for its `FitConfig`, and phases of a fit
that have no validation rows keep them. The rows of a minibatch depend on the data, so
that the configuration has a rule for them; a second training (see `refit`) and the
stages of a path (see `sparse_path`) replace the thirtieth by a rule of their own.
"""

__all__ = [
    "THIRTIETH",
    "batch_rule_of",
    "batch_size_of",
    "learning_rate_of",
    "max_iter_of",
    "patience_of",
]

# By the parameter `early_stopping`.
_AUTO_MAX_ITER = {False: 200, True: 600}
_AUTO_PATIENCE = {False: 10, True: 100}

# The rule for the rows of a minibatch that "auto" is with early stopping.
THIRTIETH = "thirtieth"

_BATCH_SIZE = 200
_BATCHES_AN_EPOCH = 30
# Gradients of fewer rows are noise, and their steps are mostly overhead.
_SMALLEST_BATCH = 4

_RATE = 1e-3
_RATE_OF_ADAM = 3e-3


def max_iter_of(estimator):
    """The largest number of epochs of an estimator's `fit`."""
    if estimator.max_iter == "auto":
        return _AUTO_MAX_ITER[bool(estimator.early_stopping)]
    return estimator.max_iter


def patience_of(estimator):
    """How many epochs in a row an estimator's `fit` goes on without improvement."""
    if estimator.n_iter_no_change == "auto":
        return _AUTO_PATIENCE[bool(estimator.early_stopping)]
    return estimator.n_iter_no_change


def learning_rate_of(estimator):
    """The learning rate that an estimator's `fit` begins with."""
    if estimator.learning_rate_init != "auto":
        return estimator.learning_rate_init
    is_adam = estimator.solver == "adam"
    return _RATE_OF_ADAM if estimator.early_stopping and is_adam else _RATE


def batch_rule_of(estimator):
    """The rule for the rows of a minibatch of an estimator's `fit`.

    Returns
    -------
    int, "auto" or "thirtieth"
        A number of rows; "auto" is 200, or all training rows if they are fewer, and
        "thirtieth" about a thirtieth of them.
    """
    if estimator.batch_size == "auto" and estimator.early_stopping:
        return THIRTIETH
    return estimator.batch_size


def batch_size_of(rule, n_rows):
    """The rows of a minibatch by a rule, out of so many training rows."""
    size = rule
    if rule == "auto":
        size = _BATCH_SIZE
    elif rule == THIRTIETH:
        thirtieth = round(n_rows / _BATCHES_AN_EPOCH)
        size = min(max(thirtieth, _SMALLEST_BATCH), _BATCH_SIZE)
    return min(int(size), n_rows)
