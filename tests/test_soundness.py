"""What training keeps predicts finite values on its training rows."""

import warnings

import numpy as np
import pytest
from helpers import Recorder
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold

from skreg import MLPClassifier, MLPRegressor
from skreg._core import soundness
from skreg._core.activations import ACTIVATIONS
from skreg._core.losses import HalfMultinomial, HalfPoisson, SquaredError
from skreg._core.network import Network
from skreg._core.objective import Objective
from skreg._core.penalties import ElasticNet
from skreg._core.solvers import fista, lbfgs
from skreg._core.soundness import FinitePredictions, RowNorms
from skreg._core.stopping import Patience, Progress
from skreg._core.streams import Stream
from skreg._core.training import Model, Settings, train
from skreg.feature_selection import feature_path
from skreg.model_selection import GridSearchCV

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])

_rng = np.random.RandomState(0)
X = _rng.normal(size=(60, 4))
Y_REAL = X @ [1.0, -2.0, 0.5, 0.0]
Y_COUNT = _rng.poisson(np.exp(X[:, 0])).astype(float)


@pytest.fixture(scope="module")
def cancer():
    return load_breast_cancer(return_X_y=True)


def predictions(network, X):
    """All that a fitted network says of some rows."""
    if isinstance(network, MLPRegressor):
        return network.predict(X)
    return np.hstack([network.predict_proba(X), network.predict_log_proba(X)])


def fitted_or_none(network, X, y, method="fit", **kwargs):
    """The network; None if it is refused and was not fitted before."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # Here the parameters of all solvers are set.
        warnings.filterwarnings("ignore", "What is set here does nothing")
        try:
            getattr(network, method)(X, y, **kwargs)
        except ValueError as error:
            assert "non-finite" in str(error)
            assert not hasattr(network, "coefs_") or method == "partial_fit"
            return None
    assert [w.category for w in caught if w.category is not ConvergenceWarning] == []
    said = sum("diverged" in str(warning.message) for warning in caught)
    assert said == (network.stop_reason_ == "diverged")
    assert np.isfinite(predictions(network, X)).all()
    return network


# -- whole fits ------------------------------------------------------------------------


@pytest.mark.both_engines
@pytest.mark.parametrize("max_iter", [1, 2, 3, 50])
def test_a_network_that_predicts_nan_is_not_returned(cancer, max_iter):
    X, y = cancer
    network = MLPClassifier(
        (10, 10),
        activation="identity",
        solver="sgd",
        learning_rate_init=0.1,
        max_iter=max_iter,
        random_state=0,
    )
    with pytest.warns(ConvergenceWarning) as caught:
        network.fit(X, y)
    assert len(caught) == 1
    # The weights after the second epoch are finite, their products are not.
    assert network.stop_reason_ == ("max_iter" if max_iter == 1 else "diverged")
    assert np.isfinite(predictions(network, X)).all()
    if max_iter > 1:
        assert network.n_iter_ == 2
        with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
            first = MLPClassifier(**(network.get_params() | {"max_iter": 1})).fit(X, y)
        assert_array_equal(network.coefs_[1], first.coefs_[1])


@pytest.mark.both_engines
@DTYPES
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs", "fista"])
@pytest.mark.parametrize(
    ("Estimator", "y", "params"),
    [
        (MLPClassifier, np.arange(60) % 2, {}),
        (MLPClassifier, np.arange(60) % 3, {}),
        (MLPRegressor, Y_REAL, {}),
        (MLPRegressor, Y_REAL, {"loss": "huber"}),
        (MLPRegressor, Y_COUNT, {"loss": "poisson"}),
    ],
    ids=["binary", "multiclass", "squared_error", "huber", "poisson"],
)
def test_whatever_is_returned_predicts_finite_values(
    Estimator, y, params, solver, early_stopping, dtype
):
    # Rates and scales at which training blows up at once, after a while, and never.
    diverged = 0
    for scale in (1.0, 1e3, 1e12):
        for rate in (1e-2, 0.3, 1e2, 1e8):
            for activation, max_iter in (("identity", 3), ("relu", 8)):
                network = Estimator(
                    (4, 4, 4),
                    activation=activation,
                    solver=solver,
                    learning_rate_init=rate,
                    early_stopping=early_stopping,
                    max_iter=max_iter,
                    random_state=0,
                    **params,
                )
                network = fitted_or_none(network, (scale * X).astype(dtype), y)
                diverged += network is None or network.stop_reason_ == "diverged"
    if solver == "sgd":
        assert diverged > 3


@pytest.mark.both_engines
@DTYPES
def test_exp_is_a_part_of_the_prediction(dtype):
    """Raw predictions of a Poisson network may be finite where their exp is not."""
    seen = set()
    for rate in np.geomspace(1e-2, 1e4, 25):
        network = MLPRegressor(
            (),
            loss="poisson",
            solver="sgd",
            learning_rate_init=rate,
            batch_size=60,
            max_iter=1,
            random_state=0,
        )
        network = fitted_or_none(network, X.astype(dtype), Y_COUNT)
        seen.add(network is None)
    assert seen == {True, False}


@pytest.mark.both_engines
@pytest.mark.parametrize("method", ["partial_fit", "fit"])
@DTYPES
def test_going_on_keeps_the_last_good_network(dtype, method):
    """By partial_fit and by a warm start, of which the failing one changes nothing."""
    n_diverged = 0
    for rate in (0.5, 1, 4, 1e3, 1e6):
        network = MLPRegressor(
            (3, 3),
            activation="identity",
            solver="sgd",
            learning_rate_init=rate,
            batch_size=20,
            max_iter=1,
            warm_start=method == "fit",
            random_state=0,
        )
        before = None
        for _ in range(8):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", ConvergenceWarning)
                    getattr(network, method)(X.astype(dtype), Y_REAL)
            except ValueError as error:
                assert "non-finite" in str(error)
            if not hasattr(network, "coefs_"):
                break
            assert np.isfinite(network.predict(X.astype(dtype))).all()
            if network.stop_reason_ == "diverged":
                n_diverged += 1
                assert before is not None
                assert_array_equal(network.coefs_[0], before)
                break
            before = network.coefs_[0]
    assert method == "fit" or n_diverged > 1


@pytest.mark.both_engines
def test_candidates_in_lockstep_end_as_they_would_alone(cancer):
    X, y = cancer
    X = X[:120]
    y = y[:120]
    network = MLPClassifier(
        (10, 10), activation="identity", solver="sgd", max_iter=4, random_state=0
    )
    rates = [1e-7, 1e-3, 1e-2, 0.1, 1.0]
    search = GridSearchCV(
        network,
        {"learning_rate_init": rates},
        cv=KFold(2),
        scoring=lambda network, X, y: float(network.coefs_[0].sum()),
        refit=False,
        error_score=-7.0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = search.fit(X, y).cv_results_
        for candidate, rate in enumerate(rates):
            for split, (train, _) in enumerate(KFold(2).split(X)):
                alone = MLPClassifier(
                    **(network.get_params() | {"learning_rate_init": rate})
                )
                alone = fitted_or_none(alone, X[train], y[train])
                expected = -7.0 if alone is None else alone.coefs_[0].sum()
                found = results[f"split{split}_test_score"][candidate]
                np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert search.n_batched_ == len(rates)


@pytest.mark.both_engines
def test_a_path_ends_at_its_last_good_network():
    reasons = set()
    for rate in (0.05, 0.1, 0.2, 0.5):
        params = {
            "activation": "identity",
            "alpha": 1e-3,
            "feature_alpha": 0.3,
            "solver": "sgd",
            "learning_rate_init": rate,
            "max_iter": 20,
            "random_state": 0,
        }
        network = MLPRegressor((8, 8), **params)
        reasons.add(fitted_or_none(network, X, Y_REAL).stop_reason_)
        if network.stop_reason_ == "diverged":
            with pytest.raises(ValueError, match=f"ower learning_rate_init={rate}"):
                feature_path(network, X, Y_REAL)
    assert reasons == {"max_iter", "diverged"}


@pytest.mark.both_engines
@pytest.mark.parametrize(
    ("batch_size", "rates"),
    [(200, (1e-6, 1e-4, 1e-3, 1e-2)), (64, (1e-6, 1e-4, 3e-4, 1e-3))],
)
def test_the_last_update_of_refit_may_be_in_the_middle_of_an_epoch(
    cancer, batch_size, rates
):
    """Whether it is kept is judged there, where the rest of its batch goes on."""
    X, y = cancer
    in_the_middle = []
    for rate in rates:
        network = MLPClassifier(
            (10, 10),
            activation="identity",
            solver="sgd",
            learning_rate_init=rate,
            batch_size=batch_size,
            early_stopping=True,
            refit=True,
            max_iter=5,
            random_state=0,
        )
        assert fitted_or_none(network, X, y) is not None
        if network.refit_n_updates_ is not None:
            per_epoch = -(-len(X) // batch_size)
            in_the_middle.append(network.refit_n_updates_ % per_epoch > 0)
    # Epochs of 512 rows have as many minibatches of 200 as those of all 569.
    assert any(in_the_middle) == (batch_size == 64)


class Interrupting(Recorder):
    """Presses Ctrl-C at the end of the first epoch."""

    def __call__(self, *args, **kwargs):
        raise KeyboardInterrupt


@pytest.mark.both_engines
@pytest.mark.parametrize("rate", [1e-3, 1e10])
def test_an_interrupted_first_epoch_is_judged_too(rate):
    """No epoch has judged it, and its validation rows say nothing of the others."""
    X_large = 1e150 * X
    network = MLPClassifier(
        (),
        solver="sgd",
        learning_rate_init=rate,
        early_stopping=True,
        scoring=Interrupting([0.5]),
        random_state=0,
    )

    def fit():
        y = np.arange(60) % 2
        network.fit(X_large, y, X_val=1e-300 * X, y_val=y)

    if rate == 1e10:
        with pytest.raises(ValueError, match="non-finite"):
            fit()
        assert not hasattr(network, "coefs_")
        return
    with pytest.warns(UserWarning, match="interrupted"):
        fit()
    assert np.isfinite(predictions(network, X_large)).all()


@pytest.mark.parametrize("solver", [lbfgs, fista])
@pytest.mark.parametrize("tol", [1e-9, 1e9])
def test_full_batch_solvers_ask_too(solver, tol):
    """Also where the start is stationary already."""
    network = Network((4, 1), "identity", SquaredError())
    penalty = ElasticNet([0.0], [0.0], np.float64)
    objective = Objective(network, penalty, X, Y_REAL[:, None], np.arange(60))
    options = {"max_iter": 5, "max_fun": 50, "tol": tol}
    for verdict in (False, True):
        progress = Progress(Patience(np.inf, 0.0))
        solver(
            objective, np.zeros(5), progress, is_sound=lambda _, v=verdict: v, **options
        )
        assert (progress.kept is not None) == verdict


# -- the judgement ---------------------------------------------------------------------


def overflows(network, params, X):
    """Whether any prediction is not finite, by what `predict` does."""
    with np.errstate(all="ignore"):
        H = X
        coefs, intercepts = network.unpack(params)
        for layer, (W, b) in enumerate(zip(coefs, intercepts, strict=True)):
            H = H @ W + b
            if layer < len(coefs) - 1:
                network.activation.apply(H)
        return not np.isfinite(network.loss.predict(H.T)).all()


@DTYPES
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("loss", [SquaredError(), HalfMultinomial(), HalfPoisson()])
def test_judgement_is_that_of_the_predictions(loss, activation, dtype):
    rng = np.random.RandomState(0)
    network = Network((3, 4, 5, 2), activation, loss)
    verdicts = []
    exponent = np.finfo(dtype).maxexp * np.log10(2)
    for scale in 10 ** rng.uniform(-exponent, exponent, size=40):
        X = (scale * rng.normal(size=(30, 3))).astype(dtype)
        judge = FinitePredictions(network, RowNorms(X), np.arange(30))
        sparse_judge = FinitePredictions(
            network, RowNorms(sparse.csr_matrix(X)), np.arange(30)
        )
        start = network.initialize(rng, dtype)
        for size in 10 ** rng.uniform(-exponent / 2, exponent, size=20):
            with np.errstate(over="ignore"):
                params = (size * start).astype(dtype)
            with np.errstate(all="ignore"):
                verdict = judge(params)
                assert sparse_judge(params) == verdict
            verdicts.append(verdict)
            if verdict:
                assert not overflows(network, params, X)
    assert len(set(verdicts)) == 2


def test_each_network_of_a_batch_is_judged_by_its_own_limit():
    network, ones = Network((1, 1), "identity", SquaredError()), np.ones((4, 1))
    models = [
        Model(
            np.array([3.0, 0.0]),
            Stream(np.arange(4), np.random.RandomState(0)),
            Progress(Patience(np.inf, 0.0)),
            learning_rate_init=1e-300,
            max_iter=1,
            largest_raw=largest,
        )
        for largest in (2.0, 4.0)
    ]
    trained = train(network, models, ones, ones, Settings("sgd", batch_size=4))
    assert [each.stop_reason for each in trained] == ["diverged", "max_iter"]


def test_only_rows_that_count_are_judged():
    network = Network((1, 1), "relu", SquaredError())
    X = np.array([[1.0], [1e200]])
    params = np.array([1e150, 0.0])
    with np.errstate(all="ignore"):
        assert FinitePredictions(network, RowNorms(X), np.array([0]))(params)
        assert not FinitePredictions(network, RowNorms(X), np.array([0, 1]))(params)
        assert not FinitePredictions(network, RowNorms(X), np.array([1]))(params)


@pytest.mark.parametrize("is_sparse", [False, True])
def test_the_norm_of_each_of_many_rows_is_bounded(is_sparse):
    rows = np.random.default_rng(0).normal(size=(2500, 3))
    norms = RowNorms(sparse.csr_matrix(rows) if is_sparse else rows)
    by_hand = np.linalg.norm(np.c_[rows, np.ones(len(rows))], axis=1)
    assert (by_hand <= norms.each * (1 + 1e-12)).all()
    assert (norms.each <= 1.5 * by_hand).all()
    assert norms.total >= by_hand.max()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_without_a_look_at_the_rows(bad, monkeypatch):
    monkeypatch.setattr(soundness, "forward_passes", None)
    network = Network((4, 3, 1), "tanh", SquaredError())
    params = network.initialize(np.random.RandomState(0), np.float64)
    judge = FinitePredictions(network, RowNorms(X), np.arange(60))
    assert judge(params)
    params[2] = bad
    assert not judge(params)


@pytest.mark.both_engines
@DTYPES
def test_ordinary_epochs_predict_no_rows(dtype, monkeypatch, cancer):
    """Neither of scaled data nor of raw ones: a judgement is a norm, and costs one."""
    monkeypatch.setattr(soundness, "forward_passes", None)
    monkeypatch.setattr(FinitePredictions, "_parts", None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for data, Estimator in (
            (cancer, MLPClassifier),
            (load_diabetes(return_X_y=True), MLPRegressor),
        ):
            X, y = data
            for sizes in ((), (100,), (50, 50, 50)):
                network = Estimator(sizes, max_iter=20, random_state=0)
                network.fit(X.astype(dtype), y)


@pytest.mark.both_engines
def test_a_network_that_moves_little_is_not_predicted_again(monkeypatch):
    """Poisson networks, whose predictions overflow early, by their change alone."""
    calls = []
    predict = FinitePredictions._predict

    def counted(self, *args):
        calls.append(1)
        return predict(self, *args)

    monkeypatch.setattr(FinitePredictions, "_predict", counted)
    rng = np.random.RandomState(0)
    X = rng.normal(size=(400, 50)).astype(np.float32)
    y = rng.poisson(np.exp(0.5 * X[:, 0]))
    network = MLPRegressor(loss="poisson", max_iter=40, random_state=0)
    with pytest.warns(ConvergenceWarning):
        network.fit(X, y)
    assert 1 <= len(calls) < 10


def test_a_network_near_the_limit_may_move_by_what_is_left_alone():
    network = Network((1, 1), "identity", HalfPoisson())
    judge = FinitePredictions(network, RowNorms(np.ones((1, 1))), np.arange(1))
    limit = network.loss.largest_raw(float)
    assert judge(np.array([limit - 10, 0.0]))
    assert judge(np.array([limit - 9, 0.0]))
    assert not judge(np.array([limit + 5, 0.0]))
    assert judge(np.array([limit - 9, 0.0]))


def test_change_is_bounded():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(50, 3))
    for activation in ACTIVATIONS:
        network = Network((3, 6, 6, 2), activation, HalfPoisson())
        judge = FinitePredictions(network, RowNorms(X), np.arange(50))
        before = network.initialize(rng, np.float64)
        judge._largest_row = judge._norms.each.max()
        judge._predict(before, judge._parts(before))
        raw = raw_of(network, before, X)
        for step in (1e-6, 1e-3, 1.0, 1e3):
            after = before + step * rng.normal(size=before.shape)
            moved = np.abs(raw_of(network, after, X) - raw).max()
            assert moved <= judge._change(judge._parts(after))


@pytest.mark.parametrize("activation, steepest_at", [("gelu", 2**0.5), ("silu", 2.4)])
def test_change_is_bounded_where_activations_are_steep(activation, steepest_at):
    """Through twelve units in a row, each at its steepest, beyond rounding's slack."""
    network = Network((1,) * 14, activation, SquaredError())
    X = np.full((1, 1), 1e3)
    judge = FinitePredictions(network, RowNorms(X), np.arange(1))
    value = np.array([steepest_at])
    network.activation.apply(value)
    weights = [steepest_at / 1e3] + [steepest_at / value[0]] * 12
    zeros = [[0.0]] * 13
    before = network.pack([[[w]] for w in weights], zeros, float)
    after = before.copy()
    after[0] *= 1 + 1e-6
    judge._largest_row = judge._norms.each.max()
    judge._predict(before, judge._parts(before))
    moved = np.abs(raw_of(network, after, X) - raw_of(network, before, X)).max()
    assert moved <= judge._change(judge._parts(after)) <= 2.5 * moved


def raw_of(network, params, X):
    passes = soundness.forward_passes(network, params, X, np.arange(len(X)))
    return np.concatenate([raw.copy() for *_, raw in passes], axis=-1)
