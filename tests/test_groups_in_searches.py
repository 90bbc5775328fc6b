"""Groups of the rows reach the networks that split by them, and only those."""

import numpy as np
import pytest
import sklearn
from helpers import scaled
from sklearn import model_selection
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    PredefinedSplit,
    ShuffleSplit,
    StratifiedGroupKFold,
    check_cv,
    cross_val_score,
)
from sklearn.neural_network import MLPClassifier as ScikitLearnMLP
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import MLPClassifier, MLPRegressor
from skreg.augmentation import AugmentingResampler, GaussianNoise, ResampledClassifier
from skreg.feature_selection import SparseInputSelector
from skreg.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = scaled(load_breast_cancer, 180)
GROUPS = np.random.RandomState(0).randint(0, 20, len(Y))


class Recording(GroupShuffleSplit):
    """Keeps the groups that it is asked to split, for all of its clones."""

    asked = []

    def split(self, X, y=None, groups=None):
        self.asked.append(groups)
        return super().split(X, y, groups)


@pytest.fixture(autouse=True)
def nothing_asked():
    Recording.asked.clear()


def network(splitter=None, **kwargs):
    if splitter is None:
        splitter = GroupShuffleSplit(1, test_size=0.3, random_state=0)
    defaults = {"max_iter": 5, "random_state": 0, "early_stopping": True}
    return MLPClassifier((5,), validation_splitter=splitter, **{**defaults, **kwargs})


def scores_alone(estimator, grid, name="groups", y=Y):
    """Of each candidate, as the rows of `mean_test_score`: fitted without a search."""
    scores = []
    for parameters in model_selection.ParameterGrid(grid):
        parts = []
        for train, test in GroupKFold(3).split(X, y, GROUPS):
            fitted = sklearn.clone(estimator).set_params(**parameters)
            fitted.fit(X[train], y[train], **{name: GROUPS[train]})
            parts.append(fitted.score(X[test], y[test]))
        scores.append(np.mean(parts))
    return scores


@pytest.mark.parametrize(
    "make", [GridSearchCV, RandomizedSearchCV, HalvingGridSearchCV]
)
def test_a_search_hands_its_groups_on(make):
    grid = {"alpha": [1e-3, 1.0]}
    options = {"cv": GroupKFold(3), "error_score": "raise"}
    if make is RandomizedSearchCV:
        options["n_iter"] = 2
    if make is HalvingGridSearchCV:
        options |= {"min_resources": 5, "max_resources": 5}
    search = make(network(), grid, **options).fit(X, Y, groups=GROUPS)
    assert search.n_batched_ == 2
    scores = search.cv_results_["mean_test_score"][:2]
    np.testing.assert_allclose(np.sort(scores), np.sort(scores_alone(network(), grid)))
    best = network(**{"alpha": search.best_params_["alpha"]})
    best.fit(X, Y, groups=GROUPS)
    np.testing.assert_allclose(
        search.best_estimator_.validation_scores_, best.validation_scores_
    )


@pytest.mark.parametrize(
    "wrap, name",
    [
        (lambda net: make_pipeline(StandardScaler(), net), "mlpclassifier__groups"),
        (
            lambda net: make_pipeline(
                StandardScaler(), make_pipeline(StandardScaler(), net)
            ),
            "pipeline__mlpclassifier__groups",
        ),
    ],
)
def test_groups_go_through_pipelines(wrap, name):
    estimator = wrap(network(Recording(1, random_state=0)))
    grid = {f"{name.removesuffix('groups')}alpha": [1e-3, 1.0]}
    search = GridSearchCV(estimator, grid, cv=GroupKFold(3)).fit(X, Y, groups=GROUPS)
    assert search.n_batched_ == 2
    wanted = scores_alone(estimator, grid, name)
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], wanted)
    # Under its own name it is what the user says.
    other = GROUPS[::-1].copy()
    Recording.asked.clear()
    GridSearchCV(estimator, grid, cv=GroupKFold(3)).fit(
        X, Y, groups=GROUPS, **{name: other}
    )
    np.testing.assert_array_equal(Recording.asked[-1], other)


def test_groups_go_through_target_transformers():
    X, y = load_diabetes(return_X_y=True)
    groups = np.arange(len(y)) % 30
    net = MLPRegressor(
        (4,),
        early_stopping=True,
        validation_splitter=Recording(1, random_state=0),
        max_iter=3,
        random_state=0,
    )
    for estimator in (
        TransformedTargetRegressor(net, transformer=StandardScaler()),
        TransformedTargetRegressor(make_pipeline(StandardScaler(), net)),
        make_pipeline(StandardScaler(), TransformedTargetRegressor(net)),
    ):
        Recording.asked.clear()
        search = GridSearchCV(estimator, {}, cv=GroupKFold(2), error_score="raise")
        search.fit(X, y, groups=groups)
        assert search.n_batched_ == 1
        np.testing.assert_array_equal(Recording.asked[-1], groups)


def test_only_networks_that_split_by_groups_get_them():
    grid = [
        {"validation_splitter": [GroupShuffleSplit(1, random_state=0)]},
        {"validation_splitter": [None, ShuffleSplit(1, random_state=0), KFold(3)]},
        {"early_stopping": [False], "validation_splitter": [None]},
    ]
    search = GridSearchCV(network(), grid, cv=GroupKFold(3), error_score="raise")
    search.fit(X, Y, groups=GROUPS)
    assert search.n_batched_ == 5
    theirs = model_selection.GridSearchCV(network(), grid[1:], cv=GroupKFold(3))
    theirs.fit(X, Y, groups=GROUPS)
    np.testing.assert_allclose(
        search.cv_results_["mean_test_score"][1:],
        theirs.cv_results_["mean_test_score"],
    )


def test_other_estimators_of_a_search_do_without():
    pipeline = make_pipeline(StandardScaler(), network())
    grid = {"mlpclassifier": [network(), LogisticRegression()]}
    search = GridSearchCV(pipeline, grid, cv=GroupKFold(3), error_score="raise")
    search.fit(X, Y, groups=GROUPS)
    assert search.n_batched_ == 1


def test_a_splitter_that_does_not_say_gets_the_groups():
    class Halves:
        asked = []

        def split(self, X, y=None, groups=None):
            self.asked.append(groups)
            is_held = groups % 3 == 0
            yield np.flatnonzero(~is_held), np.flatnonzero(is_held)

    search = GridSearchCV(network(Halves()), {}, cv=GroupKFold(3), error_score="raise")
    search.fit(X, Y, groups=GROUPS)
    np.testing.assert_array_equal(Halves.asked[-1], GROUPS)


def test_a_selector_refits_with_its_groups():
    net = network(alpha=1e-2, max_iter=10)
    selector = SparseInputSelector(net, n_features_to_select="best", cv=GroupKFold(2))
    selector.fit(X, Y, groups=GROUPS)
    wanted = sklearn.clone(net).fit(X[:, selector.support_], Y, groups=GROUPS)
    np.testing.assert_allclose(
        selector.estimator_.validation_scores_, wanted.validation_scores_
    )


# -- with metadata routing -------------------------------------------------------------


@pytest.mark.parametrize("make", [GridSearchCV, model_selection.GridSearchCV])
@pytest.mark.parametrize("in_pipeline", [False, True])
def test_routing_asks_for_groups_where_they_are_split_by(make, in_pipeline):
    estimator, prefix = network(Recording(1, random_state=0)), ""
    if in_pipeline:
        estimator, prefix = (
            make_pipeline(StandardScaler(), estimator),
            "mlpclassifier__",
        )
    grid = {f"{prefix}alpha": [1e-3, 1.0]}
    with sklearn.config_context(enable_metadata_routing=True):
        search = make(estimator, grid, cv=GroupKFold(3), error_score="raise")
        search.fit(X, Y, groups=GROUPS)
    np.testing.assert_array_equal(Recording.asked[-1], GROUPS)
    wanted = scores_alone(estimator, grid, f"{prefix}groups")
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], wanted)


@pytest.mark.parametrize("wrap", [lambda net: net, make_pipeline])
@pytest.mark.parametrize(
    "net",
    [
        MLPClassifier(max_iter=3, random_state=0),
        MLPClassifier(max_iter=3, early_stopping=True, random_state=0),
        network(ShuffleSplit(1, random_state=0)),
        ScikitLearnMLP(max_iter=3, random_state=0),
    ],
)
def test_routing_leaves_groups_to_the_splitter_elsewhere(net, wrap):
    with sklearn.config_context(enable_metadata_routing=True):
        scores = cross_val_score(
            wrap(net),
            X,
            Y,
            cv=StratifiedGroupKFold(3),
            params={"groups": GROUPS},
            error_score="raise",
        )
    assert np.isfinite(scores).all()


def test_what_the_user_says_of_groups_counts():
    X_val = {"X_val": X[:40], "y_val": Y[:40]}
    with sklearn.config_context(enable_metadata_routing=True):
        net = network()
        assert net.get_metadata_routing().fit.requests["groups"] is True
        net.set_fit_request(sample_weight=True, X_val=True, y_val=True)
        assert net.get_metadata_routing().fit.requests["groups"] is True
        refusing = network().set_fit_request(groups=False)
        assert refusing.get_metadata_routing().fit.requests["groups"] is False
        renamed = network().set_fit_request(groups="people")
        assert renamed.get_metadata_routing().fit.requests["groups"] == "people"
        search = GridSearchCV(refusing, {}, cv=GroupKFold(3), error_score="raise")
        with pytest.raises(ValueError, match="needs the groups of the rows"):
            search.fit(X, Y, groups=GROUPS)
        make_pipeline(net).fit(X, Y, groups=GROUPS, **X_val)


def test_routing_of_a_grid_over_splitters():
    grid = {"validation_splitter": [None, Recording(1, random_state=0)]}
    with sklearn.config_context(enable_metadata_routing=True):
        base = MLPClassifier((5,), max_iter=3, early_stopping=True, random_state=0)
        search = GridSearchCV(base, grid, cv=GroupKFold(3), error_score="raise")
        search.fit(X, Y, groups=GROUPS)
    assert len(Recording.asked) >= 3
    assert all(groups is not None for groups in Recording.asked)


# -- errors that name the way ----------------------------------------------------------


@pytest.mark.parametrize(
    "fit",
    [
        lambda net: net.fit(X, Y),
        lambda net: make_pipeline(StandardScaler(), net).fit(X, Y),
        lambda net: cross_val_score(
            net, X, Y, cv=GroupKFold(3), groups=GROUPS, error_score="raise"
        ),
        lambda net: GridSearchCV(net, {}, cv=3, error_score="raise").fit(X, Y),
        lambda net: net.set_params(refit=2).fit(X, Y),
    ],
)
@pytest.mark.parametrize("splitter", [GroupShuffleSplit(2), GroupKFold(2)])
def test_missing_groups_are_asked_for(fit, splitter):
    with pytest.raises(ValueError, match="needs the groups of the rows, which fit was"):
        fit(network(splitter))


PART = np.where(np.arange(len(Y)) % 4, -1, 0)
SPLIT = [(np.flatnonzero(PART == -1), np.flatnonzero(PART == 0))]
TIED = {
    "test_fold": (PredefinedSplit(PART), "its test_fold has 180 entries"),
    "rows": (check_cv(SPLIT), "a split holds row numbers from [0-9]+ to 17[0-9]"),
    "masks": (check_cv([(PART == -1, PART == 0)]), "a split is a mask of 180 rows"),
}
tied = pytest.mark.parametrize("splitter, what", TIED.values(), ids=TIED)


@tied
@pytest.mark.parametrize(
    "search",
    [
        lambda net: GridSearchCV(net, {}, cv=3, error_score="raise").fit(X, Y),
        lambda net: model_selection.GridSearchCV(
            net, {}, cv=3, error_score="raise"
        ).fit(X, Y),
        lambda net: HalvingGridSearchCV(
            make_pipeline(StandardScaler(), net), {}, cv=3, error_score="raise"
        ).fit(X, Y),
    ],
)
def test_splitters_for_other_rows_are_refused(splitter, what, search):
    with pytest.raises(ValueError, match=f"is made for other rows: {what}") as refusal:
        search(network(splitter))
    message = str(refusal.value)
    assert "there are 120 rows to split" in message
    assert "ShuffleSplit(n_splits=1)" in message


def test_too_short_a_test_fold_leaves_no_row_out_in_silence():
    with pytest.raises(ValueError, match="its test_fold has 90 entries"):
        network(PredefinedSplit(PART[:90])).fit(X, Y)


def test_splitters_for_these_rows_work():
    for splitter in (PredefinedSplit(PART), check_cv(SPLIT)):
        net = network(splitter).fit(X, Y)
        assert len(net.validation_scores_) == net.n_iter_


@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("outside", [False, True])
def test_groups_go_through_a_resampled_estimator(outside, inside, n_jobs):
    model = MLPClassifier((5,), max_iter=5, early_stopping=True, random_state=0)
    model.set_params(validation_splitter=GroupShuffleSplit(1, random_state=0))
    name = "estimator__" + ("mlpclassifier__" if inside else "") + "alpha"
    model = make_pipeline(StandardScaler(), model) if inside else model
    resampler = AugmentingResampler(GaussianNoise(0.1), random_state=0)
    model = ResampledClassifier(model, resampler)
    if outside:
        model = make_pipeline(StandardScaler(), model)
        name = f"resampledclassifier__{name}"
    search = GridSearchCV(model, {name: [1e-3, 1e-2]}, cv=GroupKFold(3), n_jobs=n_jobs)
    search.fit(X, Y, groups=GROUPS)
    assert search.n_batched_ == 0 and np.isfinite(search.best_score_)
