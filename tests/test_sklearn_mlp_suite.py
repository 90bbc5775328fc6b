"""scikit-learn's own tests of its MLP, run on skreg.

The file is read from the installed scikit-learn and its import of the two estimators is
rewritten; every test in it becomes a test here, under its own name, but for those in
``LEFT_OUT``. What these ask that can be asked through public names is asked again at
the end.
"""

import ast
import re
from pathlib import Path

import numpy as np
import pytest
import sklearn.exceptions
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits
from sklearn.preprocessing import minmax_scale

import skreg
from skreg._fitting import automatic

LEFT_OUT = {
    "test_fit": "sets private gradients and velocities of an estimator without fitting",
    "test_gradient": "calls the private _loss_grad_lbfgs with its scratch lists",
    "test_learning_rate_warmstart": "reads the rate of the private _optimizer",
    "test_adaptive_learning_rate": "reads the rate of the private _optimizer",
    "test_n_iter_no_change": "reads the private _no_improvement_count",
    "test_n_iter_no_change_inf": "reads the private _no_improvement_count",
    "test_early_stopping_stratified": "pins an error for a class with one row, whose "
    "text shows the label as a bool; here such a row stays in training",
}

UPSTREAM = Path(sklearn.__file__).parent / "neural_network" / "tests" / "test_mlp.py"
if not UPSTREAM.exists():
    pytest.skip("scikit-learn is installed without its tests", allow_module_level=True)
SOURCE = UPSTREAM.read_text(encoding="utf-8")


@pytest.fixture
def global_random_seed():
    """scikit-learn's fixture of this name, at its default."""
    return 42


# The same alpha is a stronger penalty here, which takes lbfgs more iterations.
MAY_WARN = {
    "test_predict_proba_multilabel": "ignore:lbfgs failed to converge after 200",
}
# Some train networks without a seed on two rows, or for a few epochs, and are told that
# these have learned nothing.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The network predicts no better than a constant"),
    pytest.mark.filterwarnings("ignore:Training has led to predictions that are about"),
]


def upstream_tests():
    """The tests of the file by name, and whatever else it defines."""
    rewritten, n_imports = re.subn(
        r"^from sklearn\.neural_network import MLPClassifier, MLPRegressor$",
        "from skreg import MLPClassifier, MLPRegressor",
        SOURCE,
        flags=re.MULTILINE,
    )
    assert n_imports == 1, f"{UPSTREAM} imports the estimators in another way"
    namespace = {"__name__": __name__}
    exec(compile(rewritten, str(UPSTREAM), "exec"), namespace)
    return {
        name: value
        for name, value in namespace.items()
        if name.startswith("test_") and name not in LEFT_OUT
    }


globals().update(upstream_tests())
for name, warning in MAY_WARN.items():
    globals()[name] = pytest.mark.filterwarnings(warning)(globals()[name])


@pytest.fixture
def one_step_an_epoch(monkeypatch):
    """The minibatches that scikit-learn has with early stopping on so few rows."""
    monkeypatch.setattr(automatic, "_BATCHES_AN_EPOCH", 1)


# It wants a network that diverges, and with thirty steps an epoch there is not one
# finite epoch, without which there is no network here.
test_mlp_diverging_loss = pytest.mark.usefixtures("one_step_an_epoch")(
    globals()["test_mlp_diverging_loss"]
)


def test_upstream_tests_run_on_skreg():
    run = set(names_of_tests()) & set(globals())
    assert run == set(names_of_tests()) - set(LEFT_OUT)
    assert len(run) > 30
    for name in run:
        assert globals()[name].__globals__["MLPClassifier"] is skreg.MLPClassifier
        assert globals()[name].__globals__["MLPRegressor"] is skreg.MLPRegressor


def names_of_tests():
    return [
        node.name
        for node in ast.parse(SOURCE).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


def test_only_private_state_is_left_out():
    """What is left out for using private names is exactly what uses them."""
    private = set()
    for node in ast.parse(SOURCE).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            names = [a.attr for a in ast.walk(node) if isinstance(a, ast.Attribute)]
            if any(re.match(r"_[^_]", name) for name in names):
                private.add(node.name)
    assert private == set(LEFT_OUT) - {"test_early_stopping_stratified"}


# -- the tests left out, asked through public names ------------------------------------


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def test_one_step_from_given_weights():
    """One row, two logistic units, one step of plain gradient descent, by hand."""
    x, rate, alpha = np.array([0.2, -0.4, 1.0]), 0.25, 0.3
    W1 = np.array([[0.3, -0.1], [0.2, 0.4], [-0.5, 0.6]])
    b1 = np.array([0.05, -0.2])
    W2, b2 = np.array([[0.7], [-0.9]]), np.array([0.15])
    classifier = skreg.MLPClassifier(
        hidden_layer_sizes=2,
        activation="logistic",
        solver="sgd",
        momentum=0,
        learning_rate_init=rate,
        alpha=alpha,
        max_iter=1,
        warm_start=True,
    )
    X = x[None]
    # The first call makes the estimator; training goes on from `coefs_`, which are
    # the user's to set.
    classifier.partial_fit(X, [0], classes=[0, 1])
    classifier.coefs_ = [W1.copy(), W2.copy()]
    classifier.intercepts_ = [b1.copy(), b2.copy()]
    classifier.partial_fit(X, [0])

    h = sigmoid(x @ W1 + b1)
    output_delta = sigmoid(h @ W2 + b2) - 0
    hidden_delta = h * (1 - h) * (W2 @ output_delta)
    assert_allclose(
        classifier.coefs_[0], W1 - rate * (np.outer(x, hidden_delta) + alpha * W1)
    )
    assert_allclose(
        classifier.coefs_[1], W2 - rate * (np.outer(h, output_delta) + alpha * W2)
    )
    assert_allclose(classifier.intercepts_[0], b1 - rate * hidden_delta)
    assert_allclose(classifier.intercepts_[1], b2 - rate * output_delta)
    h = sigmoid(x @ classifier.coefs_[0] + classifier.intercepts_[0])
    expected = sigmoid(h @ classifier.coefs_[1] + classifier.intercepts_[1])
    assert_allclose(classifier.predict_proba(X)[0, 1], expected[0])


def step_lengths(X, y, learning_rate, n_steps, **params):
    """Lengths of the steps of the output's intercept over those of its gradient.

    One full batch a call, without momentum: the ratio is the learning rate.
    """
    regressor = skreg.MLPRegressor(
        hidden_layer_sizes=(),
        solver="sgd",
        momentum=0,
        alpha=0,
        max_iter=1,
        shuffle=False,
        learning_rate=learning_rate,
        random_state=0,
        **params,
    )
    regressor.partial_fit(X, y)
    rates = []
    for _ in range(n_steps):
        gradient = np.mean(regressor.predict(X) - y)
        before = regressor.intercepts_[0][0]
        regressor.partial_fit(X, y)
        rates.append((before - regressor.intercepts_[0][0]) / gradient)
    return np.array(rates)


@pytest.fixture
def small_regression():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(4, 2))
    return X, X @ [1.0, 2.0] + 3


def test_invscaling_rate(small_regression):
    X, y = small_regression
    rates = step_lengths(
        X, y, "invscaling", 5, learning_rate_init=0.1, power_t=0.25, tol=0
    )
    # The first epoch, with the rate itself, made the estimator.
    n_rows_seen = len(X) * np.arange(1, 6)
    assert_allclose(rates, 0.1 / (n_rows_seen + 1) ** 0.25)


def test_constant_rate(small_regression):
    X, y = small_regression
    assert_allclose(step_lengths(X, y, "constant", 5, learning_rate_init=0.1), 0.1)


def test_adaptive_rate_is_divided_by_five(small_regression):
    X, y = small_regression
    # No epoch improves by this tol; patience is out after the second without
    # improvement, which is the third epoch, and from then on after every second.
    rates = step_lengths(
        X, y, "adaptive", 6, learning_rate_init=0.1, tol=100, n_iter_no_change=1
    )
    assert_allclose(rates, 0.1 / 5.0 ** np.array([0, 0, 1, 1, 2, 2]))


def test_adaptive_rate_ends_training_when_it_is_small():
    classifier = skreg.MLPClassifier(
        solver="sgd", learning_rate="adaptive", tol=0.5, max_iter=3000, random_state=0
    ).fit([[3, 2], [1, 6]], [1, 0])
    assert classifier.stop_reason_ == "learning_rate_too_small"
    # 1e-3 / 5^5 is below 1e-6: five times lowered, and patience runs out once more. The
    # first epoch is always an improvement.
    assert classifier.n_iter_ == 1 + 6 * 11


@pytest.fixture
def binary_digits():
    X, y = load_digits(n_class=2, return_X_y=True)
    return minmax_scale(X[:100]), y[:100]


@pytest.mark.parametrize("n_iter_no_change", [2, 5, 10, 50])
def test_n_iter_no_change_epochs_are_forgiven(binary_digits, n_iter_no_change):
    tol = 0.01
    classifier = skreg.MLPClassifier(
        solver="sgd",
        learning_rate_init=0.05,
        tol=tol,
        max_iter=3000,
        n_iter_no_change=n_iter_no_change,
        random_state=0,
    ).fit(*binary_digits)
    losses = np.array(classifier.loss_curve_)
    best_before = np.minimum.accumulate(losses)[:-1]
    no_improvement = losses[1:] > best_before - tol
    n_last = n_iter_no_change + 1
    assert no_improvement[-n_last:].all()
    assert not no_improvement[-n_last - 1]
    assert classifier.n_iter_ < 3000


def test_n_iter_no_change_inf_never_stops(binary_digits):
    classifier = skreg.MLPClassifier(
        hidden_layer_sizes=4,
        solver="sgd",
        tol=1e9,
        max_iter=500,
        n_iter_no_change=np.inf,
        random_state=0,
    )
    with pytest.warns(sklearn.exceptions.ConvergenceWarning):
        classifier.fit(*binary_digits)
    assert classifier.n_iter_ == 500
    assert classifier.stop_reason_ == "max_iter"
