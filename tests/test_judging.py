"""A fit that has led to nothing says so, and a healthy one says nothing."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import PredefinedSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from skreg import MLPClassifier, MLPRegressor
from skreg._fitting.fit import fit_many, task_of
from skreg._fitting.judging import (
    Fault,
    FaultKind,
    Judge,
    _some,
    advice_on_divergence,
)
from skreg._fitting.targets import LabelEncoding
from skreg.feature_selection import (
    SparseInputSelector,
    StabilitySelection,
    feature_path,
)
from skreg.model_selection import GridSearchCV, HalvingGridSearchCV, alpha_grid
from skreg.neural_network._reporting import warn_about_candidates, warn_about_paths

rng = np.random.default_rng(0)
X = rng.normal(size=(300, 4))
CURVE = X[:, 0] + np.sin(2 * X[:, 1]) + 0.1 * rng.normal(size=len(X))
PRICES = 4e5 + 1e5 * CURVE


def warnings_of(fit):
    """The messages of a call's warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # Some set the parameters of all solvers.
        warnings.filterwarnings("ignore", "What is set here does nothing")
        fit()
    assert all(warning.category is ConvergenceWarning for warning in caught)
    return [str(warning.message) for warning in caught]


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize(
    "loss", ["squared_error", "absolute_error", "huber", "quantile"]
)
@pytest.mark.parametrize(
    ("mean", "spread"), [(4e5, 1e5), (0, 1e-3), (2000, 1), (0, 1e4), (1e8, 1)]
)
def test_a_target_out_of_reach_names_normalize_y(mean, spread, loss, early_stopping):
    model = MLPRegressor(
        (10,),
        loss=loss,
        quantile=0.5,
        early_stopping=early_stopping,
        max_iter=50,
        random_state=0,
    )
    (message,) = warnings_of(lambda: model.fit(X, mean + spread * CURVE))
    assert "normalize_y=True" in message
    assert ("Maximum iterations" in message) == (model.stop_reason_ == "max_iter") * (
        not early_stopping
    )


@pytest.mark.parametrize("solver", ["sgd", "fista"])
def test_solvers_that_stop_on_the_way(solver):
    model = MLPRegressor(
        (10,), solver=solver, learning_rate_init=1e-9, max_iter=1, random_state=0
    )
    (message,) = warnings_of(lambda: model.fit(X, PRICES))
    assert "normalize_y=True" in message


def test_each_output_is_judged_in_its_own_unit():
    model = MLPRegressor((10,), learning_rate_init=0.01, early_stopping=True)
    model.set_params(random_state=0)
    Y = np.column_stack([CURVE, 1e-6 * CURVE])
    (message,) = warnings_of(lambda: model.fit(X, Y))
    assert message.startswith("Output 1:") and "normalize_y=True" in message
    model.set_params(normalize_y=True)
    assert warnings_of(lambda: model.fit(X, Y)) == []


def test_rows_without_weight_are_not_judged():
    model = MLPRegressor((10,), learning_rate_init=0.01, early_stopping=True)
    model.set_params(random_state=0)
    weight = (np.arange(len(X)) < 200).astype(float)
    y = np.where(weight > 0, CURVE, PRICES)
    split = PredefinedSplit(np.where(np.arange(len(X)) % 200 < 20, 0, -1))
    model.set_params(validation_splitter=split)
    assert warnings_of(lambda: model.fit(X, y, sample_weight=weight)) == []
    (message,) = warnings_of(lambda: model.fit(X, y, sample_weight=1 - weight))
    assert "normalize_y=True" in message


def test_the_rows_that_are_judged_are_spread_over_all():
    rows = _some(X, None, np.arange(20, 280), 100)
    assert len(rows) == 100 and rows[0] == 20 and rows[-1] == 279
    assert set(np.diff(rows)) <= {2, 3}
    weight = np.arange(len(X)) % 2
    np.testing.assert_array_equal(_some(X, weight, None, 1000), np.flatnonzero(weight))


def test_class_weights_count_in_what_is_judged():
    """Balanced, a network is worse than the shares of the classes as they are."""
    is_rare = X[:, 0] + 0.5 * rng.normal(size=len(X)) > 1.8
    assert 0.02 < is_rare.mean() < 0.1
    model = MLPClassifier((), solver="lbfgs", alpha=1e-6, class_weight="balanced")
    model.set_params(max_iter=300, tol=1e-3, random_state=0)
    assert warnings_of(lambda: model.fit(20 * X, is_rare)) == []
    share, proba = is_rare.mean(), model.predict_proba(20 * X)
    loss_of_shares = -share * np.log(share) - (1 - share) * np.log(1 - share)
    assert log_loss(is_rare, proba) > loss_of_shares


def test_networks_of_a_fold_are_judged_each_in_its_own_unit():
    y = 5 + CURVE
    model = MLPRegressor((), solver="lbfgs", random_state=0)
    tasks = [
        task_of(clone(model).set_params(normalize_y=normalize_y))
        for normalize_y in (True, False, True)
    ]
    judge = Judge(X, y)
    for task, outcome in zip(tasks, fit_many(tasks, X, y), strict=True):
        assert judge.fault_of(task.config, outcome) is None


def test_networks_of_a_fold_are_judged_each_by_its_own_class_weights():
    y = (X[:, 0] > 1).astype(int)
    model = MLPClassifier((), learning_rate_init=1e-9, max_iter=1, random_state=0)
    encoding = LabelEncoding.of(y)
    tasks = [
        task_of(clone(model).set_params(class_weight=weight), encoding=encoding)
        for weight in (None, "balanced", {0: 1, 1: 2}, None)
    ]
    judge, messages = Judge(STAMPED, y), []
    for task, outcome in zip(tasks, fit_many(tasks, STAMPED, y), strict=True):
        alone = Judge(STAMPED, y).fault_of(task.config, outcome)
        assert judge.fault_of(task.config, outcome) == alone
        messages.append(alone.seen)
    assert len(set(messages)) == 3


def test_outliers_do_not_make_a_network_look_dead():
    y = CURVE.copy()
    y[:20] += 1e9
    model = MLPRegressor((), loss="huber", solver="lbfgs", normalize_y=True)
    model.set_params(alpha=0, huber_delta=0.01, tol=1e-7, random_state=0)
    messages = warnings_of(lambda: model.fit(X, y))
    assert "about the same" not in "".join(messages)


@pytest.mark.parametrize("y", [7 + CURVE, 9 * CURVE], ids=["mean", "spread"])
def test_a_target_that_is_not_quite_scaled_names_normalize_y(y):
    model = MLPRegressor((10,), learning_rate_init=1e-7, early_stopping=True)
    # Two steps an epoch do not lower the loss by `tol` within the patience.
    model.set_params(batch_size=200, random_state=0)
    (message,) = warnings_of(lambda: model.fit(X, y))
    assert "normalize_y=True" in message and "scale X" not in message


# Seconds since 1970, as an unscaled column among scaled ones.
STAMPED = np.column_stack([1.7e9 + 1e7 * rng.uniform(size=len(X)), X])


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("hidden", [(), (100,)])
@pytest.mark.parametrize("solver", ["adam", "sgd", "fista"])
@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_a_classifier_on_a_timestamp_names_x(kind, solver, hidden, early_stopping):
    y = {
        "binary": (CURVE > 0).astype(int),
        "multiclass": np.digitize(CURVE, [-1, 1]),
        "multilabel": np.column_stack([CURVE > 0, CURVE > 1]).astype(int),
    }[kind]
    model = MLPClassifier(
        hidden, solver=solver, early_stopping=early_stopping, random_state=0
    )
    (message,) = warnings_of(lambda: model.fit(STAMPED, y))
    if model.stop_reason_ != "diverged":
        assert "Scale X" in message and "column 0 has mean 1.7e+09" in message


@pytest.mark.parametrize("activation", ["tanh", "logistic"])
def test_saturated_units_name_x(activation):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(STAMPED, columns=["seen", "a", "b", "c", "d"])
    for model, y in (
        (MLPClassifier(activation=activation, random_state=0), CURVE > 0),
        (MLPRegressor(activation=activation, random_state=0), CURVE),
    ):
        (message,) = warnings_of(lambda m=model, y=y: m.fit(frame, y))
        assert "Scale X" in message and "column 'seen' has mean" in message


@pytest.mark.parametrize("hidden", [(), (100,)])
def test_a_regressor_on_a_timestamp_names_x_alone(hidden):
    model = MLPRegressor(hidden, random_state=0)
    (message,) = warnings_of(lambda: model.fit(STAMPED, CURVE))
    assert "cale X" in message and "normalize_y" not in message
    (message,) = warnings_of(lambda: model.fit(STAMPED, PRICES))
    assert "cale X" in message and "normalize_y=True" in message


def test_small_sparse_and_constant_columns_are_no_fault_of_x():
    noise = np.random.default_rng(1).normal(size=len(X)) > 0
    ones = np.column_stack([X, np.ones(len(X)), np.arange(len(X)) > 0])
    model = MLPClassifier((20,), early_stopping=True, random_state=0)
    assert warnings_of(lambda: model.fit(ones, noise)) == []
    rare = sparse.random(300, 50, 0.02, format="csr", random_state=0)
    assert warnings_of(lambda: model.fit(rare, noise)) == []
    # Where something has been learned, no scale is worth a word.
    iris, kinds = load_iris(return_X_y=True)
    assert warnings_of(lambda: model.fit(100 * iris, kinds)) == []


def test_y_val_in_another_unit_is_named():
    model = MLPRegressor((10,), early_stopping=True, random_state=0)
    through = TransformedTargetRegressor(model, transformer=StandardScaler())
    given = {"X_val": X[200:], "y_val": PRICES[200:]}
    (message,) = warnings_of(lambda: through.fit(X[:200], PRICES[:200], **given))
    assert "y_val seems to be in another unit than y" in message
    # Around the same mean.
    given["y_val"] = 1000 * (CURVE[200:] - CURVE[200:].mean())
    (message,) = warnings_of(lambda: model.fit(X[:200], CURVE[:200], **given))
    assert "y_val seems to be in another unit than y" in message
    # By a factor, and a column of several.
    given["y_val"] = PRICES[200:] / 1000
    model.set_params(normalize_y=True)
    (message,) = warnings_of(lambda: model.fit(X[:200], PRICES[:200], **given))
    assert "y_val seems to be in another unit than y" in message
    Y = np.column_stack([CURVE, PRICES])
    given["y_val"] = np.column_stack([CURVE, CURVE])[200:]
    (message,) = warnings_of(lambda: model.fit(X[:200], Y[:200], **given))
    assert message.startswith("Output 1: y_val seems to be")


@pytest.mark.parametrize("n_val", [1, 100])
def test_y_val_in_the_same_unit_says_nothing(n_val):
    model = MLPRegressor((10,), early_stopping=True, random_state=0, normalize_y=True)
    given = {"X_val": X[-n_val:], "y_val": PRICES[-n_val:]}
    assert warnings_of(lambda: model.fit(X[:200], PRICES[:200], **given)) == []


def test_poisson_is_told_to_divide():
    model = MLPRegressor((10,), loss="poisson", early_stopping=True, random_state=0)
    model.set_params(max_iter=20)
    (message,) = warnings_of(lambda: model.fit(X, np.exp(20 + CURVE)))
    assert "ivide y by its mean" in message and "normalize_y" not in message


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("normalize_y", [False, True])
def test_wrong_steps_are_named_where_the_unit_is_right(normalize_y, early_stopping):
    model = MLPRegressor(
        (10,),
        learning_rate_init=1e-7,
        early_stopping=early_stopping,
        n_iter_no_change=2,
        normalize_y=normalize_y,
        random_state=0,
    )
    (message,) = warnings_of(lambda: model.fit(X, CURVE))
    assert "learning_rate_init=1e-07" in message
    # The unit of y is right: to scale it again would change nothing.
    assert "normalize_y" not in message
    # Who sets a small bound knows that it will be too soon.
    model.set_params(max_iter=1)
    messages = warnings_of(lambda: model.fit(X, CURVE))
    assert "no better than a constant" not in "".join(messages)


@pytest.mark.parametrize("alpha", [1, 10])
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("l1_ratio", [0, 1])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_too_strong_a_penalty_names_alpha(solver, l1_ratio, early_stopping, alpha):
    X, y = load_digits(return_X_y=True)
    model = MLPClassifier(
        (20,),
        solver=solver,
        alpha=alpha,
        l1_ratio=l1_ratio,
        early_stopping=early_stopping,
        n_iter_no_change=60,
        random_state=0,
    )
    (message,) = warnings_of(lambda: model.fit(X / 16, y))
    assert f"alpha={alpha}" in message and "batch size" in message


@pytest.mark.parametrize("solver", ["lbfgs", "fista"])
def test_of_regressors_as_well(solver):
    model = MLPRegressor((10,), solver=solver, alpha=5, random_state=0)
    messages = warnings_of(lambda: model.fit(X, CURVE))
    assert len(messages) == 1 and "alpha=5" in messages[0]
    model.set_params(alpha=1e-3, feature_alpha=1000, solver="fista")
    messages = warnings_of(lambda: model.fit(X, CURVE))
    assert len(messages) == 1 and "feature_alpha=1000" in messages[0]


@pytest.mark.parametrize("kind", ["multilabel", "binary", "multiclass"])
def test_of_all_kinds_of_classes(kind):
    y = {
        "multilabel": np.column_stack([CURVE > 0, CURVE > 1]).astype(int),
        "binary": (CURVE > 0).astype(int),
        "multiclass": np.digitize(CURVE, [-1, 1]),
    }[kind]
    model = MLPClassifier((10,), alpha=10, solver="lbfgs", random_state=0)
    (message,) = warnings_of(lambda: model.fit(sparse.csr_matrix(X), y))
    assert "alpha=10" in message


def test_dead_units_without_a_penalty():
    model = MLPRegressor((3,), warm_start=True, alpha=0, early_stopping=True)
    model.set_params(random_state=0, max_iter=5).fit(X, CURVE)
    for W, b in zip(model.coefs_, model.intercepts_, strict=True):
        W[...], b[...] = -1.0, 0.0
    model.intercepts_[0][...] = -100.0
    (message,) = warnings_of(lambda: model.fit(X, CURVE))
    assert "dead hidden units" in message and "learning_rate_init" in message


@pytest.mark.parametrize(
    "fit",
    [
        lambda: MLPRegressor(solver="lbfgs", alpha=10).fit(X, np.full(len(X), 3.0)),
        lambda: MLPClassifier(early_stopping=True).fit(X, np.ones(len(X))),
        lambda: MLPRegressor(solver="lbfgs", alpha=0.1).fit(np.ones((9, 2)), CURVE[:9]),
        lambda: MLPRegressor(solver="lbfgs", alpha=10).fit(X[:1], CURVE[:1]),
        lambda: MLPRegressor(solver="lbfgs", alpha=10).fit(
            X, CURVE, sample_weight=np.eye(len(X))[0]
        ),
    ],
    ids=["constant target", "one class", "constant inputs", "one row", "one weight"],
)
def test_where_a_constant_is_right_nothing_is_said(fit):
    assert warnings_of(fit) == []


def test_healthy_fits_say_nothing():
    noise = np.random.default_rng(1).normal(size=len(X))
    for y in (CURVE, noise, 5 + CURVE, np.column_stack([CURVE, noise])):
        for normalize_y in (False, True):
            model = MLPRegressor((20,), early_stopping=True, random_state=0)
            model.set_params(normalize_y=normalize_y)
            assert warnings_of(lambda m=model, y=y: m.fit(X, y)) == []
    rare = (CURVE > np.quantile(CURVE, 0.97)).astype(int)
    for y in (rare, noise > 0):
        model = MLPClassifier((20,), early_stopping=True, random_state=0)
        assert warnings_of(lambda m=model, y=y: m.fit(X, y)) == []


def test_partial_fit_says_nothing():
    model = MLPRegressor((10,), random_state=0)
    assert warnings_of(lambda: model.partial_fit(X, PRICES)) == []


def test_refit_says_it_once():
    model = MLPRegressor((10,), early_stopping=True, refit=3, random_state=0)
    model.set_params(max_iter=20)
    (message,) = warnings_of(lambda: model.fit(X, PRICES))
    assert "normalize_y=True" in message


def test_a_fault_stands_beside_what_ended_training():
    model = MLPRegressor((10,), max_iter=5, random_state=0)
    (message,) = warnings_of(lambda: model.fit(X, PRICES))
    assert "Maximum iterations (5)" in message and "normalize_y=True" in message


def test_what_diverges_on_dollars_names_normalize_y():
    model = MLPRegressor((10,), solver="sgd", random_state=0)
    (message,) = warnings_of(lambda: model.fit(X, PRICES))
    assert "diverged" in message and "normalize_y=True" in message
    assert "Lower learning_rate_init=0.001" in message
    model.set_params(normalize_y=True, learning_rate_init=1e3)
    (message,) = warnings_of(lambda: model.fit(X, PRICES))
    assert "diverged" in message and "normalize_y" not in message


@pytest.mark.parametrize("solver", ["lbfgs", "fista"])
def test_solvers_without_a_learning_rate_are_not_told_to_lower_it(solver):
    model = MLPRegressor((10,), solver=solver, random_state=0)
    for fit in (
        lambda: MLPRegressor((), solver=solver, alpha=100).fit(X, CURVE),
        lambda: model.set_params(max_iter=1).fit(X, PRICES),
    ):
        messages = "".join(warnings_of(fit))
        assert messages and "learning_rate_init" not in messages
    advice = advice_on_divergence(model._make_config())
    assert "learning_rate_init" not in advice and "normalize_y=True" in advice


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_score_that_is_not_finite_is_named(solver):
    model = MLPRegressor((10,), solver=solver, early_stopping=True, random_state=0)
    calls = []

    def score(*data):
        calls.append(data)
        return len(calls) if len(calls) < 3 else np.nan

    model.set_params(scoring=score)
    messages = "".join(warnings_of(lambda: model.fit(X, CURVE)))
    assert "set scoring=" in messages and "learning_rate_init" not in messages


def test_a_validation_loss_that_overflows_is_no_matter_of_the_scoring():
    model = MLPRegressor((), early_stopping=True, random_state=0)
    model.set_params(learning_rate_init=0.05)
    # The squares of predictions have a finite sum until the weight has grown.
    far, zero = np.full((5, 1), 1e153), np.zeros(5)
    x = X[:, :1]
    messages = warnings_of(lambda: model.fit(x, 30 * x[:, 0], X_val=far, y_val=zero))
    assert len(model.validation_scores_) > 2
    assert "Training diverged" in messages[0] and "set scoring=" not in messages[0]


def test_paths_say_nothing_of_their_points():
    model = MLPRegressor((10,), early_stopping=True, random_state=0, max_iter=20)
    assert warnings_of(lambda: feature_path(model, X, CURVE)) == []


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_selection_by_networks_of_no_use_says_so_once(n_jobs):
    model = MLPRegressor((10,), max_iter=60, random_state=0)
    selection = StabilitySelection(model, q=2, threshold=0.8, n_pairs=3, n_jobs=n_jobs)
    (message,) = warnings_of(lambda: selection.fit(X, PRICES))
    assert message.startswith("6 of 6 paths begin with a network that is of no use")
    assert "normalize_y=True" in message
    model.set_params(normalize_y=True, learning_rate_init=0.01)
    assert warnings_of(lambda: selection.fit(X, PRICES)) == []


def test_a_path_and_a_selector_say_so_of_their_own():
    model = MLPRegressor((10,), max_iter=60, random_state=0)
    (message,) = warnings_of(lambda: feature_path(model, X, PRICES))
    assert message.startswith("The path begins") and "normalize_y=True" in message
    through = TransformedTargetRegressor(
        model, func=lambda y: 10 * y, inverse_func=lambda y: y / 10
    )
    for estimator in (model, through):
        selector = SparseInputSelector(estimator, cv=3)
        # The second is about the network that is fitted on the inputs.
        first, _ = warnings_of(lambda selector=selector: selector.fit(X, PRICES))
        assert first.startswith("4 of 4 paths begin") and "normalize_y=True" in first
    selector = SparseInputSelector(MLPClassifier((10,), random_state=0), cv=3)
    first, _ = warnings_of(lambda: selector.fit(STAMPED, CURVE > 0))
    assert first.startswith("4 of 4 paths begin") and "Scale X" in first


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_search_counts_its_dead_candidates(n_jobs):
    X, y = load_breast_cancer(return_X_y=True)
    model = make_pipeline(
        StandardScaler(), MLPClassifier((10,), early_stopping=True, random_state=0)
    )
    grid = {"mlpclassifier__alpha": [1e-3, 100, 200], "mlpclassifier__l1_ratio": [1]}
    search = GridSearchCV(model, grid, cv=3, n_jobs=n_jobs)
    (message,) = warnings_of(lambda: search.fit(X, y))
    assert message.startswith("2 of 3 candidates predict the same for all rows")
    assert "alpha" in message


def test_a_search_counts_its_useless_candidates():
    model = MLPRegressor((10,), early_stopping=True, max_iter=30, random_state=0)
    search = GridSearchCV(model, {"alpha": [1e-4, 1e-3]}, cv=3)
    messages = warnings_of(lambda: search.fit(X, PRICES))
    assert messages[0].startswith("2 of 2 candidates predict no better than a constant")
    # And the best of them, which is fitted to all rows.
    assert len(messages) == 2 and "normalize_y=True" in messages[1]


def test_a_grid_that_ends_where_all_is_dead_says_nothing():
    X, y = load_diabetes(return_X_y=True)
    X, y = scale(X), scale(y)
    model = MLPRegressor(solver="lbfgs", hidden_layer_sizes=(), l1_ratio=1)
    grid = {"alpha": alpha_grid(model, X, y, n_alphas=5)}
    assert warnings_of(lambda: GridSearchCV(model, grid).fit(X, y)) == []


def test_halving_does_not_judge_the_first_rungs():
    model = MLPRegressor(
        (10,), learning_rate_init=0.01, early_stopping=True, random_state=0
    )
    model.set_params(normalize_y=True)
    search = HalvingGridSearchCV(model, {"alpha": [1e-4, 1e-3, 1e-2]}, cv=3)
    assert warnings_of(lambda: search.fit(X, PRICES)) == []


@pytest.mark.parametrize("early_stopping", [False, True])
def test_halving_judges_those_that_had_their_whole_turn(early_stopping):
    model = MLPRegressor((10,), early_stopping=early_stopping, random_state=0)
    model.set_params(max_iter=18)
    search = HalvingGridSearchCV(model, {"alpha": [1e-4, 1e-3, 1e-2]}, cv=3)
    first, second = warnings_of(lambda: search.fit(X, PRICES))
    assert first.startswith("1 of 1 candidates predict no better than a constant")
    assert "normalize_y=True" in first and "normalize_y=True" in second
    # The last rung is one among several.
    search.set_params(factor=1.5, param_grid={"alpha": np.logspace(-5, -3, 9)})
    first, _ = warnings_of(lambda: search.set_params(max_resources=4).fit(X, PRICES))
    n_last = search.n_candidates_[-1]
    assert n_last > 1 and first.startswith(f"{n_last} of {n_last} candidates")


def test_half_of_the_candidates_are_worth_a_word():
    fits = {0: ["constant", "constant", None], 1: [None] * 3, 2: [None] * 3}
    assert warnings_of(lambda: warn_about_candidates(fits, 3)) == []
    (message,) = warnings_of(lambda: warn_about_candidates(fits, 2))
    assert message.startswith("1 of 2 candidates")


def test_half_of_the_paths_are_worth_a_word():
    seen = [Fault(kind, f"Seen: {kind}.", "Do.") for kind in FaultKind]
    for faults in ([seen[0], None, None], [*seen, None], [None]):
        assert warnings_of(lambda faults=faults: warn_about_paths(faults)) == []
    (message,) = warnings_of(lambda: warn_about_paths([None, *seen[:1] * 2, None]))
    assert message.startswith("2 of 4 paths") and message.endswith(
        "Seen: constant. Do."
    )
    (message,) = warnings_of(lambda: warn_about_paths(seen[1:2]))
    assert message.startswith("The path begins") and message.endswith("useless. Do.")
