"""Pipelines and target transformers around a network are looked through everywhere."""

import warnings

import numpy as np
import pytest
from sklearn import model_selection
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    QuantileTransformer,
    StandardScaler,
)

from skreg import MLPRegressor
from skreg._core.network import Network
from skreg._utils.wrappers import around_model, find_model, transforms_target
from skreg.diagnosis import bias_variance_decomposition
from skreg.feature_selection import (
    SparseInputSelector,
    StabilitySelection,
    feature_path,
)
from skreg.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    alpha_grid,
)
from skreg.model_selection._alpha_grid import largest_alpha

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
    initialize = Network.initialize

    def recording(self, *args):
        started.append(self)
        return initialize(self, *args)

    monkeypatch.setattr(Network, "initialize", recording)
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
    pd = pytest.importorskip("pandas")
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
    # Unrounded, for the weights change little.
    wanted = largest_alpha(network(), X, Y, sample_weight=weight)
    assert not np.isclose(wanted, largest_alpha(network(), X, Y), rtol=1e-3)
    for estimator in (
        make_pipeline(FunctionTransformer(), network()),
        in_target(network(), transformer=FunctionTransformer()),
    ):
        found = largest_alpha(estimator, X, Y, sample_weight=weight)
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


def path_network(**kwargs):
    return network(max_iter=30, learning_rate_init=0.02, **kwargs)


def assert_same_path(path, wanted):
    np.testing.assert_allclose(path.feature_alphas, wanted.feature_alphas)
    np.testing.assert_array_equal(path.support, wanted.support)
    np.testing.assert_array_equal(path.ranking, wanted.ranking)
    for coefs, others in zip(path.coefs, wanted.coefs, strict=True):
        for W, other in zip(coefs, others, strict=True):
            np.testing.assert_allclose(W, other, rtol=1e-9)


def test_a_path_is_one_of_what_the_steps_make():
    estimator = make_pipeline(StandardScaler(), PCA(4), path_network())
    inside = estimator[:-1].fit(X)
    wanted = feature_path(
        path_network(),
        inside.transform(X),
        Y,
        X_val=inside.transform(X[:40]),
        y_val=Y[:40],
    )
    path = feature_path(estimator, X, Y, X_val=X[:40], y_val=Y[:40])
    assert_same_path(path, wanted)
    np.testing.assert_allclose(path.train_scores, wanted.train_scores)
    np.testing.assert_allclose(path.validation_scores, wanted.validation_scores)
    assert list(path.feature_names) == ["pca0", "pca1", "pca2", "pca3"]


def test_a_path_scores_the_target_in_its_own_unit():
    scaled = StandardScaler().fit_transform(Y[:, None])[:, 0]
    wanted = feature_path(path_network(), X, scaled, scoring="neg_mean_squared_error")
    found = [
        feature_path(
            estimator,
            X,
            Y,
            X_val=X[:40],
            y_val=Y[:40],
            scoring="neg_mean_squared_error",
        )
        for estimator in (
            in_target(path_network()),
            in_target(make_pipeline(FunctionTransformer(), path_network())),
            make_pipeline(FunctionTransformer(), in_target(path_network())),
        )
    ]
    for path in found:
        assert_same_path(path, wanted)
        np.testing.assert_allclose(path.train_scores, wanted.train_scores * Y.var())
        assert path.validation_scores[0] < -100


def test_a_path_weighs_rows_whatever_is_around_the_network():
    weight = np.random.RandomState(0).randint(0, 3, len(Y)).astype(float)
    wanted = feature_path(path_network(), X, Y, sample_weight=weight)
    estimator = make_pipeline(FunctionTransformer(), path_network())
    path = feature_path(estimator, X, Y, sample_weight=weight)
    assert_same_path(path, wanted)
    np.testing.assert_allclose(path.train_scores, wanted.train_scores)
    plain = feature_path(path_network(), X, Y)
    assert len(plain.feature_alphas) != len(path.feature_alphas) or not np.allclose(
        plain.train_scores, path.train_scores
    )


def frames_of(values, names, library):
    if library == "polars":
        polars = pytest.importorskip("polars")
        return polars.DataFrame(dict(zip(names, values.T, strict=True)))
    pd = pytest.importorskip("pandas")
    return pd.DataFrame(values, columns=names)


NAMES = [f"c{j}" for j in range(10)]


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize(
    "around", [lambda net: net, in_target, lambda net: named(("p", PCA(3)), ("n", net))]
)
def test_validation_columns_of_a_path_are_checked(around, library):
    estimator = around(path_network())
    frame = frames_of(X, NAMES, library)
    path = feature_path(estimator, frame, Y, X_val=frame[:40], y_val=Y[:40])
    bare = feature_path(estimator, X, Y, X_val=X[:40], y_val=Y[:40])
    np.testing.assert_allclose(path.validation_scores, bare.validation_scores)
    with pytest.raises(ValueError, match="must be in the same order"):
        feature_path(estimator, frame, Y, X_val=frame[NAMES[::-1]], y_val=Y)
    other = frames_of(X, [*NAMES[1:], "other"], library)
    with pytest.raises(ValueError, match="unseen at fit time:\n- other"):
        feature_path(estimator, frame, Y, X_val=other, y_val=Y)
    with pytest.raises(ValueError, match="3 features, but"):
        feature_path(estimator, X, Y, X_val=X[:, :3], y_val=Y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        feature_path(estimator, frame, Y, X_val=frame[:40], y_val=Y)


def test_names_of_the_inputs_of_a_path():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=NAMES)
    x_names = [f"x{j}" for j in range(10)]

    def names_of(estimator, X):
        return list(feature_path(estimator, X, Y).feature_names)

    net = network(max_iter=2)
    assert names_of(net, frame) == NAMES
    assert names_of(net, X) == x_names
    assert names_of(in_target(net), frame) == NAMES
    scaled = make_pipeline(StandardScaler(), net)
    assert names_of(scaled, frame) == NAMES
    assert names_of(in_target(scaled), frame) == NAMES
    assert names_of(make_pipeline("passthrough", net), frame) == NAMES
    assert names_of(make_pipeline("passthrough", net), X) == x_names
    assert names_of(make_pipeline(FunctionTransformer(np.abs), net), frame) == NAMES
    silent = FunctionTransformer(lambda X: np.asarray(X)[:, :4])
    assert names_of(make_pipeline(silent, net), frame) == x_names[:4]
    nested = make_pipeline(SelectKBest(f_regression, k=2), make_pipeline(PCA(2), net))
    assert names_of(nested, frame) == ["pca0", "pca1"]
    inside = make_pipeline(SelectKBest(f_regression, k=2), net)
    expected = list(np.array(NAMES)[inside.fit(X, Y)[0].get_support()])
    assert names_of(make_pipeline(StandardScaler(), inside), frame) == expected
    framed = make_pipeline(StandardScaler().set_output(transform="pandas"), net)
    framed.set_params(mlpregressor__feature_groups=[["c0", "c1"]])
    assert names_of(framed, frame) == NAMES


@pytest.mark.parametrize(
    "estimator",
    [
        Ridge(),
        make_pipeline(StandardScaler(), Ridge()),
        in_target(Ridge()),
        TransformedTargetRegressor(),
        make_pipeline(network(), "passthrough"),
    ],
)
def test_a_path_needs_a_network(estimator):
    with pytest.raises(TypeError, match="estimator must be an MLPClassifier or"):
        feature_path(estimator, X, Y)


@pytest.mark.parametrize("n_features", [3, "best"])
def test_a_selector_looks_into_a_target_transformer(n_features):
    weight = np.random.RandomState(0).uniform(0.5, 2, len(Y))
    scaler = StandardScaler().fit(Y[:, None])
    scaled = scaler.transform(Y[:, None])[:, 0]
    options = {"n_features_to_select": n_features, "cv": 3}
    ours = SparseInputSelector(in_target(path_network()), **options)
    ours.fit(X, Y, sample_weight=weight)
    theirs = SparseInputSelector(path_network(), **options)
    theirs.fit(X, scaled, sample_weight=weight)
    assert_same_path(ours.path_, theirs.path_)
    inside = ours.estimator_.regressor_
    assert inside.feature_alpha == 0
    assert inside.n_features_in_ == ours.n_features_
    if n_features == 3:
        np.testing.assert_array_equal(ours.support_, theirs.support_)
        np.testing.assert_allclose(
            ours.estimator_.predict(X[:, ours.support_]),
            theirs.estimator_.predict(X[:, ours.support_]) * scaler.scale_
            + scaler.mean_,
        )


def test_folds_of_a_selector_transform_the_target_by_their_training_rows():
    seen = []

    class Remembering(StandardScaler):
        def fit(self, X, y=None):
            seen.append(np.sort(X[:, 0]))
            return super().fit(X)

    y = Y.copy()
    splits = [
        (np.arange(100), np.arange(100, 150)),
        (np.arange(50, 150), np.arange(50)),
    ]
    selector = SparseInputSelector(
        in_target(path_network(), transformer=Remembering()),
        n_features_to_select="best",
        cv=splits,
        scoring="neg_mean_squared_error",
    ).fit(X, y)
    for train, _ in splits:
        assert any(np.array_equal(values, np.sort(y[train])) for values in seen)
    # In the unit of y: the dense fits are better than the constant, and no better
    # than a scaled target would be.
    scores = selector.cv_results_["mean_test_score"]
    assert -2 * y.var() < scores.max() < -1000
    for fold, (train, test) in enumerate(splits):
        path = feature_path(
            in_target(path_network()),
            X[train],
            y[train],
            X_val=X[test],
            y_val=y[test],
            scoring="neg_mean_squared_error",
        )
        np.testing.assert_allclose(
            selector.cv_results_[f"split{fold}_test_score"][0],
            path.validation_scores[path.point_of(10)],
        )


def test_stability_selection_looks_into_a_target_transformer():
    scaled = StandardScaler().fit_transform(Y[:, None])[:, 0]
    options = {"threshold": 0.7, "q": 3, "n_pairs": 3, "random_state": 0}
    net = network(max_iter=10)
    ours = StabilitySelection(in_target(net), **options).fit(X, Y)
    theirs = StabilitySelection(net, **options).fit(X, scaled)
    np.testing.assert_array_equal(ours.stability_scores_, theirs.stability_scores_)
    unscaled = StabilitySelection(net, **options).fit(X, Y)
    assert (ours.stability_scores_ != unscaled.stability_scores_).any()


@pytest.mark.parametrize(
    "selection",
    [
        SparseInputSelector(make_pipeline(StandardScaler(), network())),
        SparseInputSelector(in_target(make_pipeline(PCA(2), network()))),
        StabilitySelection(make_pipeline(PCA(2), network()), threshold=0.7, q=2),
    ],
)
def test_selections_refuse_steps_that_make_other_columns(selection):
    with pytest.raises(ValueError, match="put the steps before the selection"):
        selection.fit(X, Y)


@pytest.mark.parametrize("wrapper", [Pipeline, TransformedTargetRegressor])
def test_subclasses_of_wrappers_are_fitted_by_themselves(wrapper):
    class Other(wrapper):
        pass

    network = MLPRegressor((3,), max_iter=2)
    outside = Other([("net", network)]) if wrapper is Pipeline else Other(network)
    assert find_model(outside, exact=True) == ("", outside)
    assert find_model(outside)[1] is network
