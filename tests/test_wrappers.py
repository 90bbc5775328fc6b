"""Pipelines and target transformers around a network are looked through everywhere."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn import model_selection
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    QuantileTransformer,
    StandardScaler,
)

from skreg import MLPRegressor
from skreg._wrappers import around_model, find_model, transforms_target
from skreg.diagnosis import bias_variance_decomposition
from skreg.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    alpha_grid,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_diabetes(return_X_y=True)
X, Y = X[:150], Y[:150]


def network(**kwargs):
    defaults = {"max_iter": 6, "random_state": 0, "batch_size": 40}
    return MLPRegressor((6,), **{**defaults, **kwargs})


def cube(values):
    return values**3


def in_target(model, **kwargs):
    kwargs = kwargs or {"transformer": StandardScaler()}
    return TransformedTargetRegressor(model, **kwargs)


def named(*steps):
    return Pipeline(list(steps))


# Estimators around a network, with the prefix of the network's parameters.
WRAPPED = {
    "transformer": (lambda net: in_target(net), "regressor__"),
    "functions": (
        lambda net: in_target(net, func=np.log, inverse_func=np.exp),
        "regressor__",
    ),
    "around a pipeline": (
        lambda net: in_target(named(("scale", StandardScaler()), ("net", net))),
        "regressor__net__",
    ),
    "in a pipeline": (
        lambda net: named(("scale", StandardScaler()), ("ttr", in_target(net))),
        "ttr__regressor__",
    ),
    "in a pipeline in another": (
        lambda net: in_target(
            named(("reduce", PCA(4)), ("ttr", in_target(net, transformer=PCA(1)))),
            func=np.sqrt,
            inverse_func=np.square,
        ),
        "regressor__ttr__regressor__",
    ),
    "around another": (
        lambda net: in_target(
            in_target(net), transformer=QuantileTransformer(n_quantiles=50)
        ),
        "regressor__regressor__",
    ),
}
wrapped = pytest.mark.parametrize("wrap, prefix", WRAPPED.values(), ids=WRAPPED)


def assert_same_scores(ours, theirs):
    for name, column in theirs.cv_results_.items():
        if name.endswith("_score"):
            np.testing.assert_allclose(
                ours.cv_results_[name], column, rtol=1e-9, err_msg=name
            )


@wrapped
def test_the_network_is_found(wrap, prefix):
    net = network()
    assert find_model(wrap(net), exact=True) == (prefix, net)
    assert transforms_target(wrap(net))
    assert not transforms_target(make_pipeline(StandardScaler(), net))


@wrapped
@pytest.mark.parametrize("stopping", [False, True])
def test_searches_train_in_lockstep(wrap, prefix, stopping):
    estimator = wrap(network(early_stopping=stopping))
    grid = {f"{prefix}alpha": [1e-3, 1.0], f"{prefix}dropout": [0.0, 0.3]}
    options = {"cv": 3, "return_train_score": True}
    theirs = model_selection.GridSearchCV(clone(estimator), grid, **options)
    ours = GridSearchCV(clone(estimator), grid, **options).fit(X, Y)
    assert_same_scores(ours, theirs.fit(X, Y))
    assert ours.n_batched_ == 4
    assert ours.best_params_ == theirs.best_params_
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-9)


@pytest.mark.parametrize("values", [[1e-3, 1.0], [0.1]])
def test_randomized_searches_do_as_well(values):
    search = RandomizedSearchCV(
        in_target(network()), {"regressor__alpha": values}, n_iter=1, cv=2
    )
    assert search.fit(X, Y).n_batched_ == 1


def test_the_transformer_is_searched_as_well():
    grid = {
        "transformer": [StandardScaler(), QuantileTransformer(n_quantiles=20)],
        "regressor__alpha": [0.01, 1.0],
    }
    estimator = in_target(network())
    ours = GridSearchCV(estimator, grid, cv=2).fit(X, Y)
    theirs = model_selection.GridSearchCV(estimator, grid, cv=2).fit(X, Y)
    assert_same_scores(ours, theirs)
    assert ours.n_batched_ == 4
    scores = ours.cv_results_["mean_test_score"]
    assert len(set(scores.round(9))) == 4


@pytest.mark.parametrize("kind", [GridSearchCV, HalvingGridSearchCV])
def test_candidates_may_be_wrapped_differently(kind):
    grid = [
        {"regressor": [network(), network(alpha=0.1)], "transformer": [None]},
        {"regressor": [make_pipeline(StandardScaler(), network())]},
        {"regressor": [make_pipeline(PCA(3), network()), in_target(network())]},
    ]
    estimator = in_target(network())
    options = {"cv": 2}
    if kind is HalvingGridSearchCV:
        options |= {"max_resources": 6, "min_resources": 6}
    ours = kind(estimator, grid, **options).fit(X, Y)
    theirs = model_selection.GridSearchCV(estimator, grid, cv=2).fit(X, Y)
    assert ours.n_batched_ == 5
    first = ours.cv_results_["mean_test_score"][:5]
    np.testing.assert_allclose(first, theirs.cv_results_["mean_test_score"], rtol=1e-9)


@wrapped
def test_halving_goes_on_with_the_survivors(wrap, prefix, monkeypatch):
    started = []
    initialize = type(network())._check_random_state
    monkeypatch.setattr(
        MLPRegressor,
        "_check_random_state",
        lambda self: started.append(self) or initialize(self),
    )
    grid = {f"{prefix}alpha": [1e-3, 0.1, 10.0], f"{prefix}dropout": [0.0, 0.3]}
    search = HalvingGridSearchCV(
        wrap(network()), grid, cv=2, factor=2, max_resources=8, refit=False
    ).fit(X, Y)
    assert search.n_batched_ == 6
    # Nobody starts again in a later rung: no more starts than in the first.
    assert 0 < len(started) <= 12
    assert max(search.n_resources_) == 8
    results = search.cv_results_
    for row, parameters in enumerate(results["params"]):
        alone = model_selection.cross_val_score(
            wrap(network()).set_params(**parameters), X, Y, cv=2
        )
        np.testing.assert_allclose(
            results["mean_test_score"][row], alone.mean(), rtol=1e-9
        )


def test_epochs_cannot_be_searched_inside_a_wrapper():
    grid = {"regressor__max_iter": [3, 5]}
    with pytest.raises(ValueError, match="regressor__max_iter cannot be searched"):
        HalvingGridSearchCV(in_target(network()), grid, cv=2).fit(X, Y)


def test_an_inverse_that_is_none_is_told_of_once_a_fold_not_once_a_candidate():
    estimator = in_target(network(), func=np.sqrt, inverse_func=np.sqrt)
    grid = {"regressor__alpha": [0.01, 0.1, 1.0]}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        GridSearchCV(estimator, grid, cv=2, refit=False).fit(X, Y)
    told = [w for w in caught if "inverse" in str(w.message)]
    # By the transformer, and by the function that it is made of.
    assert len(told) <= 2 * 2
    assert told
    estimator.set_params(check_inverse=False)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*inverse")
        GridSearchCV(estimator, grid, cv=2, refit=False).fit(X, Y)


@pytest.mark.parametrize(
    "estimator, name",
    [
        (in_target(network()), "sample_weight"),
        (
            in_target(named(("s", StandardScaler()), ("net", network()))),
            "net__sample_weight",
        ),
        (
            named(("s", StandardScaler()), ("ttr", in_target(network()))),
            "ttr__sample_weight",
        ),
    ],
)
def test_weights_reach_the_network(estimator, name):
    weight = np.random.RandomState(0).uniform(0.1, 3, len(Y))
    grid = {f"{find_model(estimator)[0]}alpha": [0.01, 1.0]}
    ours = GridSearchCV(estimator, grid, cv=2).fit(X, Y, **{name: weight})
    theirs = model_selection.GridSearchCV(estimator, grid, cv=2)
    assert_same_scores(ours, theirs.fit(X, Y, **{name: weight}))
    plain = GridSearchCV(estimator, grid, cv=2).fit(X, Y)
    assert plain.best_score_ != ours.best_score_
    assert ours.n_batched_ == 2


@pytest.mark.parametrize(
    "estimator, prefix",
    [
        (in_target(network(early_stopping=True)), ""),
        (
            named(("s", "passthrough"), ("t", in_target(network(early_stopping=True)))),
            "t__",
        ),
    ],
)
def test_validation_targets_in_another_unit_are_refused(estimator, prefix):
    grid = {f"{find_model(estimator)[0]}alpha": [0.01, 1.0]}
    search = GridSearchCV(estimator, grid, cv=2, error_score="raise")
    given = {f"{prefix}X_val": X[:30], f"{prefix}y_val": Y[:30]}
    with pytest.raises(ValueError, match="y_val is passed through a Transformed"):
        search.fit(X, Y, **given)


def test_scorers_see_a_whole_estimator():
    seen = []

    def score(estimator, X, y):
        seen.append(estimator)
        assert estimator.n_features_in_ == 10
        assert isinstance(estimator.regressor, MLPRegressor)
        assert not hasattr(estimator.regressor, "coefs_")
        clone(estimator)
        return estimator.score(X, y)

    columns = [f"c{j}" for j in range(10)]
    frame = pd.DataFrame(X, columns=columns)
    search = GridSearchCV(
        in_target(network()),
        {"regressor__alpha": [0.1, 1.0]},
        cv=2,
        scoring=score,
        refit=False,
        error_score="raise",
    ).fit(frame, Y)
    assert search.n_batched_ == 2
    assert len({id(estimator.regressor_) for estimator in seen}) == 4
    for estimator in seen:
        assert list(estimator.feature_names_in_) == columns
        with pytest.raises(ValueError, match="same order"):
            estimator.predict(frame[columns[::-1]])


def test_alpha_grid_is_that_of_the_transformed_target():
    scaled = StandardScaler().fit_transform(Y[:, None])[:, 0]
    wanted = alpha_grid(network(), X, scaled)
    np.testing.assert_allclose(alpha_grid(in_target(network()), X, Y), wanted)
    in_pipeline = make_pipeline(FunctionTransformer(), in_target(network()))
    np.testing.assert_allclose(alpha_grid(in_pipeline, X, Y), wanted)
    around = in_target(make_pipeline(FunctionTransformer(), network()))
    np.testing.assert_allclose(alpha_grid(around, X, Y), wanted)
    assert alpha_grid(network(), X, Y)[0] > 2 * wanted[0]


def test_alpha_grid_weighs_rows_whatever_is_around_the_network():
    weight = np.random.RandomState(0).uniform(0.1, 3, len(Y))
    wanted = alpha_grid(network(), X, Y, sample_weight=weight)
    assert not np.allclose(wanted, alpha_grid(network(), X, Y), rtol=1e-3)
    for estimator in (
        make_pipeline(FunctionTransformer(), network()),
        in_target(network(), transformer=FunctionTransformer()),
    ):
        found = alpha_grid(estimator, X, Y, sample_weight=weight)
        np.testing.assert_allclose(found, wanted)


@wrapped
def test_rounds_of_a_decomposition_equal_those_alone(wrap, prefix):
    rows = [np.arange(0, 90), np.arange(30, 120)]
    estimator = wrap(network())
    found = bias_variance_decomposition(
        estimator, X, Y, X_test=X[120:], y_test=Y[120:], resampling=rows
    )
    alone = [clone(estimator).fit(X[part], Y[part]).predict(X[120:]) for part in rows]
    np.testing.assert_allclose(np.squeeze(found.predictions), alone, rtol=1e-9)
    assert sum(found.stop_reasons.values()) == 2


def test_wrappers_are_left_as_they_were():
    net = network().fit(X, Y)
    original = in_target(make_pipeline(StandardScaler(), network()))
    fitted = clone(original).fit(X, Y)
    before = fitted.predict(X)
    other = around_model(fitted, original, net)
    assert find_model(other, fitted=True)[1] is net
    np.testing.assert_array_equal(fitted.predict(X), before)
    bare = around_model(fitted, original, net, steps=False)
    assert bare.regressor_ is net
