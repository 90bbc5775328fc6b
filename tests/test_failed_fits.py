"""Divergence, errors and Ctrl-C: what is said, and what is kept."""

import warnings

import numpy as np
import pytest
from helpers import BOTH, EACH_SOLVER, Recorder
from numpy.testing import assert_array_equal
from sklearn.exceptions import ConvergenceWarning

from skreg import MLPClassifier, MLPRegressor

_rng = np.random.RandomState(0)
X = _rng.normal(size=(60, 4))
Y_CLASSES = np.arange(60) % 3
Y_REAL = X @ [1.0, -2.0, 0.5, 0.0] + 0.1 * _rng.normal(size=60)


def target_of(Estimator):
    return Y_CLASSES if Estimator is MLPClassifier else Y_REAL


# -- divergence ------------------------------------------------------------------------


@pytest.mark.both_engines
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize(
    ("loss", "learning_rate_init"), [("squared_error", 0.8), ("poisson", 0.4)]
)
def test_exploding_learning_rate_is_one_warning(
    loss, learning_rate_init, early_stopping, dtype
):
    regressor = MLPRegressor(
        hidden_layer_sizes=5,
        activation="identity",
        loss=loss,
        solver="sgd",
        learning_rate_init=learning_rate_init,
        # One step an epoch, so that the first ones end well.
        batch_size=54 if early_stopping else 60,
        early_stopping=early_stopping,
        random_state=0,
    )
    with pytest.warns() as caught:
        regressor.fit(X.astype(dtype), np.abs(Y_REAL))
    assert [warning.category for warning in caught] == [ConvergenceWarning]
    message = str(caught[0].message)
    assert "diverged" in message
    assert f"learning_rate_init={learning_rate_init}" in message
    assert regressor.stop_reason_ == "diverged"
    assert 1 < regressor.n_iter_ < 200
    for parameter in regressor.coefs_ + regressor.intercepts_:
        assert np.isfinite(parameter).all()
    if early_stopping:
        best = regressor.best_iter_
        assert (
            regressor.best_validation_score_ == regressor.validation_scores_[best - 1]
        )
        assert np.isfinite(regressor.best_validation_score_)
    assert np.isfinite(regressor.loss_curve_[:-1]).all()


@pytest.mark.both_engines
@BOTH
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_no_finite_epoch_is_an_error(solver, Estimator):
    # Three steps an epoch, of which the first goes out of bounds.
    estimator = Estimator(
        solver=solver, learning_rate_init=1e308, activation="identity", batch_size=20
    )
    with pytest.raises(ValueError, match="non-finite parameter weights") as caught:
        estimator.fit(X, target_of(Estimator))
    assert "Lower learning_rate_init=1e+308, or scale the data" in str(caught.value)
    assert not hasattr(estimator, "coefs_")


def test_a_scorer_is_not_blamed_for_a_network_that_diverged():
    regressor = MLPRegressor(
        solver="sgd", learning_rate_init=1e308, early_stopping=True, scoring="r2"
    )
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        regressor.fit(X, Y_REAL)


def test_no_finite_iteration_of_lbfgs_is_an_error():
    regressor = MLPRegressor(solver="lbfgs")
    with pytest.raises(ValueError, match="non-finite parameter weights") as caught:
        regressor.fit(1e300 * X, Y_REAL)
    assert "learning_rate_init" not in str(caught.value)
    assert not hasattr(regressor, "coefs_")


@pytest.mark.both_engines
def test_diverging_partial_fit_warns_keeps_and_recovers():
    regressor = MLPRegressor(
        hidden_layer_sizes=(), solver="sgd", learning_rate_init=1e3, random_state=0
    )
    with pytest.warns(ConvergenceWarning, match="diverged") as caught:
        while getattr(regressor, "stop_reason_", None) != "diverged":
            regressor.partial_fit(X, Y_REAL)
    assert len(caught) == 1
    assert np.isfinite(regressor.coefs_[0]).all()
    # With parameters from which there is a way back, there is one.
    regressor.coefs_ = [np.zeros((4, 1))]
    regressor.intercepts_ = [np.zeros(1)]
    regressor.set_params(learning_rate_init=0.01)
    for _ in range(100):
        regressor.partial_fit(X, Y_REAL)
    assert regressor.stop_reason_ != "diverged"
    assert regressor.score(X, Y_REAL) > 0.9


# -- what a failure leaves behind ------------------------------------------------------


# The scorer keeps the first epoch.
@pytest.mark.filterwarnings("ignore:.*The network predicts no better")
@BOTH
@pytest.mark.parametrize("warm_start", [False, True])
def test_failed_fit_leaves_the_estimator_as_it_was(warm_start, Estimator):
    pd = pytest.importorskip("pandas")
    y = target_of(Estimator)
    scorer = Recorder([0.5])
    estimator = Estimator(
        hidden_layer_sizes=3,
        early_stopping=True,
        scoring=scorer,
        warm_start=warm_start,
        random_state=0,
    )
    frame = pd.DataFrame(X, columns=list("abcd"))
    estimator.fit(frame, y)
    before = dict(estimator.__dict__)
    prediction = estimator.predict(frame)
    other = pd.DataFrame(X[:, :3], columns=list("xyz"))
    calls = [
        lambda: estimator.fit(other, y[:-1]),
        lambda: estimator.fit(np.full_like(X, np.nan), y),
        # Not before the first epoch has ended.
        lambda: estimator.fit(frame, y),
        lambda: estimator.partial_fit(np.full_like(X, np.nan), y, X_val=X, y_val=y),
    ]
    scorer.scores = [np.nan]
    for call in calls:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pytest.raises(ValueError):
                call()
        assert estimator.__dict__ == before
        assert_array_equal(estimator.predict(frame), prediction)


# -- Ctrl-C ----------------------------------------------------------------------------


class Interrupting(Recorder):
    """Presses Ctrl-C while this call's score is computed."""

    def __init__(self, scores, at):
        super().__init__(scores)
        self.at = at

    def __call__(self, *args, **kwargs):
        score = super().__call__(*args, **kwargs)
        if len(self.y) == self.at:
            raise KeyboardInterrupt
        return score


@pytest.mark.both_engines
@EACH_SOLVER
def test_interrupted_fit_keeps_the_best_so_far(solver):
    recorder = Interrupting([0.1, 0.9, 0.3, 0.2], at=4)
    regressor = MLPRegressor(
        solver=solver, early_stopping=True, scoring=recorder, random_state=0
    )
    with pytest.warns(UserWarning, match="interrupted") as caught:
        regressor.fit(X, Y_REAL)
    assert len(caught) == 1
    assert regressor.stop_reason_ == "interrupted"
    assert regressor.best_iter_ == 2
    assert regressor.validation_scores_ == [0.1, 0.9, 0.3]
    assert regressor.n_iter_ == 3
    assert_array_equal(regressor.coefs_[0], recorder.parameters[1][0])


@pytest.mark.both_engines
@EACH_SOLVER
def test_fit_interrupted_in_its_first_epoch_can_predict(solver):
    regressor = MLPRegressor(
        solver=solver, early_stopping=True, scoring=Interrupting(None, at=1)
    )
    with pytest.warns(UserWarning, match="interrupted"):
        regressor.fit(X, Y_REAL)
    assert regressor.n_iter_ == 0
    assert np.isfinite(regressor.predict(X)).all()


@pytest.mark.both_engines
@EACH_SOLVER
def test_interrupted_fit_without_validation_keeps_the_last_epoch(solver, monkeypatch):
    # Printing is the one thing of an epoch that a test can get hold of.
    lines = []

    def interrupt(line):
        lines.append(line)
        if line.startswith("Iteration 3,"):
            raise KeyboardInterrupt

    params = {"hidden_layer_sizes": 3, "solver": solver, "random_state": 0}
    regressor = MLPRegressor(**params, verbose=True)
    monkeypatch.setattr("builtins.print", interrupt)
    with pytest.warns(UserWarning, match="interrupted"):
        regressor.fit(X, Y_REAL)
    monkeypatch.undo()
    with pytest.warns(ConvergenceWarning):
        expected = MLPRegressor(**params, max_iter=3).fit(X, Y_REAL)
    assert regressor.n_iter_ == 3
    assert_array_equal(regressor.coefs_[0], expected.coefs_[0])
