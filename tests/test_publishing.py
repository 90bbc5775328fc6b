"""Fits are seen as a whole or not at all: by threads, and after an error."""

import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression

from skreg import MLPClassifier, MLPRegressor
from skreg._utils.publishing import fitted_at_once, snapshot
from skreg.augmentation import AugmentingResampler, GaussianNoise, ResampledClassifier
from skreg.feature_selection import SparseInputSelector, StabilitySelection
from skreg.model_selection import GridSearchCV, HalvingGridSearchCV

_rng = np.random.RandomState(0)
X = _rng.normal(size=(60, 4))
Y = np.arange(60) % 3
Y_REAL = X @ [1.0, -2.0, 0.5, 0.0]


@pytest.fixture
def hasty_threads():
    """Threads that have their turns as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


# -- the helper ------------------------------------------------------------------------


class Plain(BaseEstimator):
    def __init__(self, a=1):
        self.a = a


def test_what_a_fit_sets_and_removes_is_published():
    plain = Plain()
    plain.old_, plain.kept_ = 1, 2
    with fitted_at_once(plain) as scratch:
        scratch.new_ = 3
        del scratch.old_
        # Nothing of this is seen before the end.
        assert vars(plain) == {"a": 1, "old_": 1, "kept_": 2}
        plain.set_params(a=5)
    assert vars(plain) == {"a": 5, "kept_": 2, "new_": 3}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_nothing_is_published_after_an_error(error):
    plain = Plain()
    plain.old_ = 1
    with pytest.raises(error):
        with fitted_at_once(plain) as scratch:
            scratch.old_ = scratch.new_ = 2
            raise error
    assert vars(plain) == {"a": 1, "old_": 1}


def test_a_parameter_that_is_set_during_a_fit_stays():
    estimator = MLPClassifier(alpha=1.0)
    with fitted_at_once(estimator) as scratch:
        estimator.set_params(alpha=2.0)
        scratch.n_iter_ = 3
    assert estimator.alpha == 2.0 and estimator.n_iter_ == 3


def test_a_snapshot_is_a_copy():
    network = MLPRegressor((3,), learning_rate_init=0.01, random_state=0)
    network.set_params(max_iter=600, tol=1e-2).fit(X, Y_REAL)
    copied = snapshot(network)
    assert type(copied) is MLPRegressor and vars(copied) == vars(network)
    copied.coefs_ = None
    assert network.coefs_ is not None


# -- threads ---------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("Estimator", [MLPClassifier, MLPRegressor])
def test_threads_that_fit_one_object(Estimator, method, hasty_threads):
    y = Y if Estimator is MLPClassifier else Y_REAL
    kwargs = {}
    if Estimator is MLPClassifier and method == "partial_fit":
        kwargs["classes"] = [0, 1, 2]
    network = Estimator((5,), early_stopping=method == "fit", max_iter=5)
    network.set_params(random_state=0)
    start = threading.Barrier(8)

    def fit(number):
        start.wait()
        for _ in range(3):
            getattr(network, method)((1 + number) * X, y, **kwargs)
        return number

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(fit, range(8))) == list(range(8))
    assert "_fit_callbacks" not in vars(network)
    if method == "fit":
        # It is one of the eight networks, not a mixture of them.
        alone = [clone(network).fit((1 + number) * X, y) for number in range(8)]
        whole = [
            all(
                np.array_equal(one, other)
                for name in ("coefs_", "intercepts_", "loss_curve_")
                for one, other in zip(
                    getattr(network, name), getattr(fitted, name), strict=True
                )
            )
            for fitted in alone
        ]
        assert sum(whole) == 1


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba"])
def test_a_reader_sees_one_network(method, hasty_threads):
    """While another thread publishes fits of other widths and labels."""
    fits = [
        MLPClassifier(sizes, early_stopping=True, max_iter=3, random_state=0).fit(X, y)
        for sizes, y in (
            ((3,), Y),
            ((7, 5), np.array(["a", "b", "c"])[Y]),
            ((), np.array(["no", "yes"])[Y % 2]),
        )
    ]
    expected = [getattr(fitted, method)(X) for fitted in fits]
    network = snapshot(fits[0])
    done = threading.Event()

    def publish():
        turn = 0
        while not done.is_set():
            turn += 1
            with fitted_at_once(network) as scratch:
                vars(scratch).update(vars(fits[turn % 3]))

    writer = threading.Thread(target=publish)
    writer.start()
    try:
        for _ in range(400):
            found = getattr(network, method)(X)
            # Of one type first: older versions of NumPy warn of comparing others.
            assert any(
                found.dtype.kind == one.dtype.kind and np.array_equal(found, one)
                for one in expected
            )
    finally:
        done.set()
        writer.join()


class Failing:
    """A scorer that looks at an object from another thread, and then fails."""

    def __init__(self):
        self.look = None
        self.n_calls = 0

    def __call__(self, estimator, X, y, sample_weight=None):
        if self.look is None:
            return 0.5
        self.n_calls += 1
        with ThreadPoolExecutor(1) as pool:
            pool.submit(self.look).result()
        raise RuntimeError("failed on purpose")


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("warm_start", [False, True])
def test_the_earlier_network_predicts_while_a_fit_fails(method, warm_start):
    scorer = Failing()
    network = MLPRegressor(
        (5,), early_stopping=True, scoring=scorer, warm_start=warm_start, max_iter=3
    )
    network.fit(X, Y_REAL)
    expected, before = network.predict(X), dict(vars(network))

    def look():
        assert vars(network) == before
        assert_array_equal(network.predict(X), expected)

    scorer.look = look
    # Of fewer columns, which a failing fit must not leave behind either.
    data = (X[:, :4], Y_REAL) if warm_start or method != "fit" else (X[:, :2], Y_REAL)
    kwargs = {"X_val": data[0], "y_val": Y_REAL} if method == "partial_fit" else {}
    with pytest.raises(RuntimeError, match="on purpose"):
        getattr(network, method)(*data, **kwargs)
    assert scorer.n_calls == 1
    look()


# -- everything else that is fitted ----------------------------------------------------


class Moody(LogisticRegression):
    """Refuses rows that are all positive, at the end of its `fit`."""

    def fit(self, X, y, sample_weight=None):
        super().fit(X, y, sample_weight)
        if (np.asarray(X) > 0).all():
            raise RuntimeError("failed on purpose")
        return self


def path_network(**params):
    return MLPClassifier(
        (3,),
        alpha=1e-3,
        learning_rate_init=0.05,
        early_stopping=True,
        max_iter=3,
        random_state=0,
        **params,
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda: ResampledClassifier(
            Moody(), AugmentingResampler(GaussianNoise(0.0), random_state=0)
        ),
        lambda: AugmentingResampler(
            lambda X, Y, weight, rng: (X, Y, weight) if (X < 0).any() else 1 / 0
        ),
        lambda: SparseInputSelector(
            path_network(),
            n_features_to_select="best",
            cv=2,
            scoring=lambda network, X, y: 0.5 if (X < 0).any() else 1 / 0,
        ),
        lambda: GridSearchCV(
            path_network(
                scoring=lambda network, X, y, **_: 0.5 if len(X) < 6 else 1 / 0
            ),
            {"alpha": [1e-3, 1e-2]},
            cv=2,
            scoring=lambda network, X, y: 0.5,
        ),
        lambda: HalvingGridSearchCV(
            path_network(
                scoring=lambda network, X, y, **_: 0.5 if len(X) < 6 else 1 / 0
            ),
            {"alpha": [1e-3, 1e-2]},
            cv=2,
            max_resources=3,
            scoring=lambda network, X, y: 0.5,
        ),
        lambda: StabilitySelection(
            path_network(), threshold=0.6, q=2, n_pairs=1, random_state=0
        ),
    ],
    ids=["resampled", "resampler", "selector", "grid", "halving", "stability"],
)
def test_a_failed_fit_leaves_everything_as_it_was(make):
    estimator = make()
    fit = getattr(estimator, "fit_resample", None) or estimator.fit
    if isinstance(estimator, GridSearchCV | HalvingGridSearchCV):
        first, second = (X[:30], Y[:30]), (X, Y)
    elif isinstance(estimator, StabilitySelection):
        # The second of them has no input that varies.
        first, second = (X, Y), (np.ones((60, 3)), Y)
    else:
        first, second = (X, Y), (np.abs(X[:, :3]) + 1, Y % 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit(*first)
        before = dict(vars(estimator))
        with pytest.raises((RuntimeError, ZeroDivisionError, ValueError)):
            fit(*second)
    after = vars(estimator)
    assert after.keys() == before.keys()
    assert all(after[name] is value for name, value in before.items())


def test_a_new_threshold_is_set_as_a_whole(monkeypatch):
    selection = StabilitySelection(
        path_network(), threshold=0.6, q=2, n_pairs=1, random_state=0
    ).fit(X, Y)
    before = dict(vars(selection))
    monkeypatch.setattr(StabilitySelection, "_select", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        selection.set_threshold(0.9)
    assert vars(selection) == before


def test_names_and_resampler_of_an_earlier_fit_are_forgotten():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = ResampledClassifier(
        LogisticRegression(), AugmentingResampler(GaussianNoise(0.1))
    )
    model.fit(frame, Y).set_params(resampler=None).fit(X, Y)
    assert not hasattr(model, "resampler_") and not hasattr(model, "feature_names_in_")
    search = GridSearchCV(path_network(), {"alpha": [1e-3, 1e-2]}, cv=2)
    search.fit(frame, Y).fit(X, Y)
    assert not hasattr(search, "feature_names_in_")
    network = path_network().fit(frame, Y).fit(X, Y)
    assert not hasattr(network, "feature_names_in_")
