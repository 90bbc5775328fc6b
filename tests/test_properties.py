"""What holds for any data and parameters, on examples that Hypothesis draws.

The first test is the contract that `fuzz.py` holds in its long run.
"""

import warnings
from importlib.util import find_spec

import numpy as np
import pytest
from fuzz import check, run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from random_searches import parameter_values
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid
from strategies import ABSURD, CALLS, Case, Data, Watcher, cases, draw_case, parameters

import skreg
from skreg import MLPClassifier, MLPRegressor
from skreg._fitting.config import parameter_names
from skreg.ensemble import FoldEnsembleRegressor
from skreg.feature_selection import SparseInputSelector, feature_path
from skreg.model_selection import GridSearchCV

# A few epochs seldom converge. What a fit may warn of is a part of the contract.
pytestmark = pytest.mark.filterwarnings(
    "ignore::UserWarning", "ignore::sklearn.exceptions.FitFailedWarning"
)

HAS_NUMBA = find_spec("numba") is not None
ENGINES = ("numpy", "compiled") if HAS_NUMBA else ("numpy",)
seeds = st.integers(0, 2**16)


def examples(n):
    """The same so many examples in every run."""
    return settings(
        max_examples=n,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def draw_data(seed, n_rows=30, n_columns=4, dtype=np.float64):
    """X, a target that follows it, and positive weights."""
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(n_rows, n_columns)).astype(dtype)
    y = (X[:, 0] - 0.5 * X[:, 1] + 0.1 * rng.normal(size=n_rows)).astype(dtype)
    return X, y, rng.uniform(0.5, 2, size=n_rows)


# -- the contract ----------------------------------------------------------------------


@examples(150)
@given(cases(engines=ENGINES))
def test_a_fit_succeeds_soundly_or_says_what_is_wrong(case):
    assert check(case).findings == []


@pytest.mark.parametrize("call", CALLS)
def test_each_call_succeeds_now_and_then(call):
    """Else the strategies draw nothing but errors."""
    strategy = cases(calls=[call], engines=ENGINES[:1])
    endings = (check(draw_case(seed, strategy)).ended for seed in range(20))
    assert "fitted" in endings


@pytest.mark.parametrize("Estimator", [MLPClassifier, MLPRegressor])
def test_every_parameter_is_drawn(Estimator):
    ordinary = parameter_values("multiclass") | parameter_values("regression")
    names = set(parameter_names(Estimator))
    assert names <= {*ordinary, "verbose"}
    assert set(ABSURD) <= set(ordinary) | {"verbose"}


def test_a_case_is_that_of_its_seed():
    assert repr(draw_case(7)) == repr(draw_case(7)) != repr(draw_case(8))


def test_the_contract_finds_what_breaks_it():
    class Broken(MLPRegressor):
        def fit(self, X, y, sample_weight=None):
            X[0] = 0
            self.n_iter_ = 1
            raise KeyError("x")

    assert _kinds_of_findings(Broken()) == [
        "KeyError is an internal error",
        "the failed call changed the estimator",
        "the data were changed",
    ]


def _case(estimator, **others):
    data = Data("regression", seed=0, n_rows=24, n_columns=3)
    return Case("network", estimator, data, **others)


def _kinds_of_findings(estimator):
    findings = check(_case(estimator)).findings
    return [finding.split(":")[0] for finding in findings]


def test_the_contract_is_about_scores_and_the_columns_of_a_selector():
    class Boasting(MLPRegressor):
        def score(self, X, y):
            return 2.0

    class Leaving(SparseInputSelector):
        def transform(self, X):
            return np.full((len(X), 0), np.nan)

    class Infinite(SparseInputSelector):
        def transform(self, X):
            return super().transform(X) * np.inf

    network = MLPRegressor((2,), max_iter=2, random_state=0)
    boasting = Boasting((2,), max_iter=2, random_state=0)
    assert _kinds_of_findings(network) == []
    assert _kinds_of_findings(boasting) == [
        "the score is above that of a perfect prediction"
    ]
    for kind, expected in [
        (SparseInputSelector, []),
        (Leaving, ["transformed to (24, 0), and not to (24, 2)"]),
        (Infinite, ["transformed data are not finite"]),
    ]:
        selector = kind(network, n_features_to_select=2, cv=2)
        assert _kinds_of_findings(selector) == expected


@pytest.mark.parametrize(
    "category, text, is_finding",
    [
        (RuntimeWarning, "invalid value encountered in divide", True),
        (RuntimeWarning, "Mean of empty slice", True),
        (UserWarning, "2 fits failed: overflow encountered in exp", True),
        (UserWarning, "no epoch was better than the first", False),
    ],
)
def test_the_contract_is_about_warnings_of_numpy(category, text, is_finding):
    class Warns(MLPRegressor):
        def predict(self, X):
            warnings.warn(text, category, stacklevel=1)
            return np.zeros(len(X))

    findings = check(_case(Warns((2,), max_iter=2))).findings
    assert findings == [f"RuntimeWarning: {text.replace('2', '#')}"] * is_finding


def test_the_contract_is_about_what_callbacks_see():
    watcher = Watcher(stop_after=1)
    assert watcher(rung=0, results={}) and watcher.findings == []
    assert watcher(rung=1, results={}) and watcher.findings != []
    case = _case(MLPRegressor((2,), max_iter=2), watcher=watcher)
    assert check(case).findings == watcher.findings


@pytest.mark.skipif(
    not hasattr(MLPRegressor, "set_callbacks"), reason="scikit-learn has no callbacks"
)
@pytest.mark.parametrize("stop_after, n_epochs", [(None, 4), (2, 2)])
def test_a_watcher_sees_each_epoch_and_stops(stop_after, n_epochs):
    class Counting(Watcher):
        n_seen = 0

        def on_fit_task_end(self, estimator, context, *, X, fitted_estimator):
            self.n_seen += context.task_name == "epoch"
            return super().on_fit_task_end(
                estimator, context, X=X, fitted_estimator=fitted_estimator
            )

    watcher = Counting(stop_after)
    network = MLPRegressor((2,), max_iter=4, random_state=0).set_callbacks(watcher)
    assert check(_case(network, watcher=watcher)).findings == []
    assert watcher.n_seen == network.n_iter_ == n_epochs


def test_threads_and_callbacks_are_drawn():
    drawn = [draw_case(seed) for seed in range(300)]
    assert {case.n_jobs for case in drawn} == {None, 2}
    assert {case.watcher is None for case in drawn} == {True, False}


class _Endless(MLPRegressor):
    def predict(self, X):
        while True:
            pass


def _draw_endless(number):
    return _case(_Endless((2,), max_iter=2) if number == 1 else MLPRegressor((2,)))


@pytest.mark.slow
def test_a_prediction_that_does_not_end_is_a_finding():
    ends = {}
    run(
        iter(range(3)),
        1,
        lambda number, *end: ends.update({number: end}),
        _draw_endless,
        1,
    )
    assert ends[1] == ("hang", ["predict: no end in 1 s of a processor"])
    assert ends[0] == ends[2] == ("fitted", [])


# -- weights ---------------------------------------------------------------------------


@examples(15)
@given(
    seeds,
    st.sampled_from(["adam", "sgd", "lbfgs", "fista"]),
    st.sampled_from([2.0**-700, 2.0**-3, 2.0**40, 2.0**900]),
    st.booleans(),
)
def test_the_scale_of_all_weights_changes_nothing(seed, solver, scale, stops_early):
    """A power of two changes no digit; the weights are divided by their mean."""
    X, y, weight = draw_data(seed)
    network = MLPRegressor(
        (4,),
        solver=solver,
        early_stopping=stops_early,
        validation_fraction=0.3,
        max_iter=10,
        random_state=0,
    )
    expected = network.fit(X, y, weight).predict(X)
    scaled = clone(network).fit(X, y, scale * weight)
    assert_allclose(scaled.predict(X), expected, rtol=1e-12, atol=1e-14)
    assert scaled.n_iter_ == network.n_iter_
    rounded = clone(network).fit(X, y, 3 * weight)
    assert_allclose(rounded.predict(X), expected, rtol=1e-4, atol=1e-6)


@examples(10)
@given(seeds, st.sampled_from(["lbfgs", "fista", "adam", "sgd"]), st.integers(2, 3))
def test_rows_twice_are_rows_of_double_weight(seed, solver, copies):
    """On full batches, where the order of rows does not matter."""
    X, y, _ = draw_data(seed)
    counts = np.random.RandomState(seed).randint(1, copies + 1, size=len(X))
    rows = np.repeat(np.arange(len(X)), counts)
    network = MLPRegressor(
        (4,), solver=solver, batch_size=len(rows), max_iter=8, random_state=0
    )
    repeated = clone(network).fit(X[rows], y[rows])
    network.set_params(batch_size=len(X))
    weighted = clone(network).fit(X, y, counts.astype(float))
    assert_allclose(repeated.predict(X), weighted.predict(X), rtol=1e-5, atol=1e-7)


# -- inputs ----------------------------------------------------------------------------


@examples(6)
@given(seeds)
def test_permuted_inputs_permute_the_path(seed):
    """From a start that does not depend on the order: a linear, convex problem."""
    X, y, _ = draw_data(seed)
    order = np.random.RandomState(seed).permutation(X.shape[1])
    network = MLPRegressor(
        (),
        solver="fista",
        feature_penalty="group_lasso",
        alpha=0.01,
        max_iter=2000,
        tol=1e-9,
        random_state=0,
    )
    path, permuted = feature_path(network, X, y), feature_path(network, X[:, order], y)
    assert_array_equal(permuted.support, path.support[:, order])
    assert_allclose(permuted.feature_alphas, path.feature_alphas, rtol=1e-4)
    for coefs, expected in zip(permuted.coefs, path.coefs, strict=True):
        assert_allclose(coefs[0], expected[0][order], atol=1e-4)


# -- batches, engines, folds -----------------------------------------------------------


@examples(8)
@given(st.data(), seeds)
def test_a_row_of_a_search_is_the_network_alone(data, seed):
    X, y, _ = draw_data(seed)
    names = ["alpha", "dropout", "momentum", "learning_rate_init", "tol", "epsilon"]
    chosen = data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=2))
    grid = {
        name: data.draw(st.lists(st.sampled_from(ABSURD[name]), min_size=2, max_size=2))
        for name in chosen
    }
    network = MLPRegressor((3,), batch_size=9, max_iter=3, random_state=0)
    search = GridSearchCV(network, grid, cv=[(np.arange(20), np.arange(20, 30))])
    try:
        search.fit(X, y)
    except ValueError:
        # Nothing can be trained by these; what is said of it is for the contract.
        return
    for row, params in enumerate(ParameterGrid(grid)):
        score = search.cv_results_["mean_test_score"][row]
        alone = clone(network).set_params(**params)
        try:
            expected = alone.fit(X[:20], y[:20]).score(X[20:], y[20:])
        except ValueError:
            expected = np.nan
        assert_allclose(score, expected, rtol=1e-7, equal_nan=True)


@pytest.mark.skipif(not HAS_NUMBA, reason="numba is missing")
@examples(40)
@given(st.data(), seeds)
def test_the_engines_agree(data, seed):
    values = data.draw(parameters("regression", may_be_invalid=False))
    X, y, weight = draw_data(seed)
    fits = []
    for engine in ("numpy", "compiled"):
        with skreg.config_context(engine=engine):
            try:
                network = MLPRegressor(**values)
                fits.append(network.fit(X, y, weight).predict(X))
            except ValueError as error:
                fits.append(str(error))
    if isinstance(fits[0], str) or isinstance(fits[1], str):
        assert fits[0] == fits[1]
    else:
        scale = max(1.0, np.abs(fits[0]).max())
        assert_allclose(fits[0] / scale, fits[1] / scale, rtol=1e-5, atol=1e-7)


@examples(6)
@given(seeds, st.integers(2, 5), st.integers(1, 2))
def test_out_of_fold_rows_are_never_trained_on(seed, n_folds, n_repeats):
    """Each member remembers its training rows."""

    class Memory(MLPRegressor):
        def fit(self, X, y):
            super().fit(X, y)
            self.rows_ = {tuple(row) for row in X}
            return self

    X, y, _ = draw_data(seed)
    ensemble = FoldEnsembleRegressor(
        Memory((2,), max_iter=1, batch_size=30),
        cv=n_folds,
        n_repeats=n_repeats,
        random_state=seed,
    ).fit(X, y)
    folds = ensemble.oof_fold_.reshape(len(X), -1)
    for row, members in zip(X, folds, strict=True):
        for fold in members:
            member = ensemble.estimators_[fold]
            assert tuple(row) not in member.rows_


@examples(6)
@given(seeds, st.integers(2, 5), st.sampled_from(["adam", "lbfgs"]))
def test_a_member_does_not_depend_on_the_targets_of_its_fold(seed, n_folds, solver):
    """Also where all members train side by side."""
    X, y, _ = draw_data(seed)
    network = MLPRegressor((2,), solver=solver, max_iter=3, batch_size=10)
    ensemble = FoldEnsembleRegressor(network, cv=n_folds, random_state=seed)
    before = clone(ensemble).fit(X, y)
    fold = before.oof_fold_[seed % len(y)]
    changed = np.where(before.oof_fold_ == fold, 10 - y, y)
    after = clone(ensemble).fit(X, changed)
    assert_array_equal(after.oof_fold_, before.oof_fold_)
    for k in range(n_folds):
        coefs, others = (each.estimators_[k].coefs_[0] for each in (before, after))
        assert np.array_equal(coefs, others) == (k == fold)
