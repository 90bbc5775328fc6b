"""SparseInputSelector: how many inputs, which, and what it is like to use it."""

import numpy as np
import pytest
from helpers import NETWORK, make_data, updates_per_point
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skreg import MLPClassifier, MLPRegressor
from skreg._fitting import sparse_path
from skreg.feature_selection import SparseInputSelector, feature_path
from skreg.feature_selection import _selector as selector_module

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore:Got batch_size:UserWarning",
)
quick_paths = updates_per_point(40)


@pytest.fixture
def network():
    return MLPClassifier(**NETWORK)


# -- scikit-learn's checks -------------------------------------------------------------

QUICK = dict(max_iter=8, learning_rate_init=0.05, solver="sgd", random_state=0)


@parametrize_with_checks(
    [
        SparseInputSelector(MLPClassifier((8,), **QUICK), n_features_to_select=1),
        SparseInputSelector(MLPRegressor((8,), **QUICK), n_features_to_select=0.5),
    ]
)
def test_scikit_learns_checks(estimator, check, monkeypatch):
    monkeypatch.setattr(sparse_path, "_UPDATES_PER_POINT", 1)
    check(estimator)


# -- how many --------------------------------------------------------------------------


@pytest.mark.parametrize("n_features", [1, 2, 5, 10])
def test_an_exact_number(network, n_features):
    X, y = make_data()
    selector = SparseInputSelector(network, n_features_to_select=n_features).fit(X, y)
    ranking = feature_path(network, X, y).ranking
    np.testing.assert_array_equal(selector.support_, ranking <= n_features)
    assert selector.n_features_ == selector.support_.sum() == n_features
    assert selector.cv_results_ is None
    # The kept ones have rank 1, the others the order in which they would come in.
    expected = np.maximum(ranking - n_features + 1, 1)
    np.testing.assert_array_equal(selector.ranking_, expected)
    np.testing.assert_array_equal(selector.path_.ranking, ranking)
    assert selector.transform(X).shape == (160, n_features)
    np.testing.assert_array_equal(selector.transform(X), X[:, selector.support_])


@pytest.mark.parametrize(
    "share, n_features", [(0.5, 5), (0.29, 2), (0.01, 1), (1.0, 10)]
)
def test_a_share(network, share, n_features):
    X, y = make_data()
    selector = SparseInputSelector(network, n_features_to_select=share).fit(X, y)
    assert selector.n_features_ == n_features


def number_chosen(n_features_to_select, scores, monkeypatch):
    """How many inputs of 5 are chosen for these folds' scores at 5, 4, 3, 2, 1."""

    def aligned(selector, *args):
        table = np.asarray(scores, dtype=float)
        return {
            "n_features": np.arange(5, 0, -1),
            "mean_test_score": table.mean(axis=0),
            "std_error": table.std(axis=0, ddof=1) / np.sqrt(len(table)),
        }

    monkeypatch.setattr(SparseInputSelector, "_align", aligned)
    X, y = make_data(n_features=5)
    network = MLPClassifier(**NETWORK | {"max_iter": 3})
    selector = SparseInputSelector(network, n_features_to_select=n_features_to_select)
    return selector.fit(X, y).n_features_


@pytest.mark.parametrize(
    "scores, best, within",
    [
        # At 5, 4, 3, 2, 1 inputs. The best mean is at 4: 0.8 with standard error
        # 0.1 / 2 = 0.05: 0.7501 at 2 is just within, 0.7 at 1 is not.
        (
            [
                [0.7, 0.8 + d, 0.6, 0.7501, 0.7]
                for d in (-0.05 * 3**0.5, -0.05 * 3**0.5, 0.05 * 3**0.5, 0.05 * 3**0.5)
            ],
            4,
            2,
        ),
        # Of equal means the fewest inputs are the best, and a standard error of zero
        # leaves it at that.
        ([[0.9, 0.9, 0.9, 0.8, 0.7]] * 3, 3, 3),
        # A gap: not the first below the bound, but the smallest number above it.
        ([[0.9, 0.5, 0.5, 0.9, 0.2]] * 3, 2, 2),
        # The standard error is that of the best mean, which is small here.
        ([[0.80, 0.9, 0.5, 0.7, 0.0], [0.80, 0.9, 0.5, 0.7, 1.0]], 4, 4),
        # Huge errors: one input.
        ([[0.0, 0, 0, 0, 0], [1, 1, 1, 1, 0.9]], 2, 1),
    ],
)
def test_best_and_1se_by_hand(scores, best, within, monkeypatch):
    assert number_chosen("best", scores, monkeypatch) == best
    assert number_chosen("1se", scores, monkeypatch) == within


def test_folds_are_aligned_on_the_number_of_inputs(network):
    X, y = make_data()
    folds = [(np.arange(40, 160), np.arange(40)), (np.arange(110), np.arange(110, 160))]
    selector = SparseInputSelector(network, n_features_to_select="best", cv=folds)
    selector.fit(X, y)
    results = selector.cv_results_
    assert results["n_features"].tolist() == list(range(10, 0, -1))
    for fold, (train, test) in enumerate(folds):
        path = feature_path(network, X[train], y[train], X_val=X[test], y_val=y[test])
        expected = [path.validation_scores[path.point_of(k)] for k in range(10, 0, -1)]
        np.testing.assert_allclose(results[f"split{fold}_test_score"], expected)
    both = [results["split0_test_score"], results["split1_test_score"]]
    np.testing.assert_allclose(results["mean_test_score"], np.mean(both, axis=0))
    error = np.abs(both[0] - both[1]) / 2
    np.testing.assert_allclose(results["std_error"], error, atol=1e-15)
    best = results["mean_test_score"].max()
    assert selector.n_features_ == max(
        k
        for k in range(1, 11)
        if results["mean_test_score"][10 - k] == best
        and not (results["mean_test_score"][10 - k + 1 :] == best).any()
    )


def test_a_single_split_has_no_standard_error(network):
    X, y = make_data()
    selector = SparseInputSelector(network, cv=[(np.arange(110), np.arange(110, 160))])
    selector.fit(X, y)
    assert (selector.cv_results_["std_error"] == 0).all()
    best = clone(selector).set_params(n_features_to_select="best").fit(X, y)
    assert selector.n_features_ == best.n_features_


def test_1se_keeps_fewer_than_best_and_finds_the_inputs(network):
    X, y = make_data(400)
    best = SparseInputSelector(network, n_features_to_select="best").fit(X, y)
    within = SparseInputSelector(network).fit(X, y)
    assert within.n_features_ <= best.n_features_
    assert within.support_[:2].all() and within.n_features_ <= 4


def test_scoring_and_groups_reach_the_folds(network):
    X, y = make_data()
    groups = np.arange(160) // 20
    calls = []

    def scorer(model, X, y):
        calls.append(len(y))
        return model.score(X, y)

    SparseInputSelector(
        network, n_features_to_select="best", cv=GroupKFold(4), scoring=scorer
    ).fit(X, y, groups=groups)
    assert {40, 160} == set(calls)


# -- groups of columns -----------------------------------------------------------------


def test_groups_are_kept_or_dropped_whole(network):
    X, y = make_data()
    network.set_params(feature_groups=[[0, 9], [1, 8, 7]])
    for n_features in (1, 2, 3, 4, 5, 6, 10):
        selector = SparseInputSelector(network, n_features_to_select=n_features)
        support = selector.fit(X, y).support_
        assert support[0] == support[9]
        assert support[1] == support[8] == support[7]
        # A group that does not fit leaves room for smaller ones behind it.
        assert support.sum() == n_features
        assert selector.estimator_.n_features_in_ == n_features


def test_no_group_fits(network):
    X, y = make_data()
    network.set_params(feature_groups=[range(5), range(5, 10)])
    with pytest.raises(ValueError, match="No group of inputs has at most 4 columns"):
        SparseInputSelector(network, n_features_to_select=4).fit(X, y)


# -- the fitted selector ---------------------------------------------------------------


def test_estimator_is_refitted_dense_on_the_selected_inputs(network):
    X, y = make_data()
    network.set_params(feature_alpha=0.3, feature_groups=[[0, 2]])
    selector = SparseInputSelector(network, n_features_to_select=3).fit(X, y)
    dense = clone(network).set_params(feature_alpha=0.0, feature_groups=None)
    dense.fit(X[:, selector.support_], y)
    for ours, expected in zip(selector.estimator_.coefs_, dense.coefs_, strict=True):
        np.testing.assert_array_equal(ours, expected)
    assert selector.estimator_.n_features_selected_ == 3
    # The estimator that was given is not changed.
    assert not hasattr(network, "coefs_") and network.feature_alpha == 0.3


def test_names_and_dataframes():
    pd = pytest.importorskip("pandas")
    X, y = make_data()
    names = [f"x{j}" for j in range(10)]
    frame = pd.DataFrame(X, columns=names)
    network = MLPClassifier(**NETWORK, feature_groups=[["x0", "x1"]])
    selector = SparseInputSelector(network, n_features_to_select=2)
    selector.set_output(transform="pandas").fit(frame, y)
    assert selector.feature_names_in_.tolist() == names
    assert selector.get_feature_names_out().tolist() == ["x0", "x1"]
    selected = selector.transform(frame)
    assert selected.columns.tolist() == ["x0", "x1"]
    np.testing.assert_array_equal(selected, X[:, :2])
    back = selector.set_output(transform="default").inverse_transform(X[:, :2])
    np.testing.assert_array_equal(back[:, :2], X[:, :2])
    assert not back[:, 2:].any()
    # Without names, as scikit-learn's selectors do.
    plain = clone(selector).set_params(estimator__feature_groups=None).fit(X, y)
    assert not hasattr(plain, "feature_names_in_")
    assert set(plain.get_feature_names_out()) <= set(names)


def test_in_a_pipeline_and_a_grid_search(network):
    X, y = make_data()
    selector = SparseInputSelector(network, n_features_to_select=2)
    search = GridSearchCV(
        make_pipeline(selector, LogisticRegression()),
        {"sparseinputselector__n_features_to_select": [1, 2, 10]},
        cv=3,
    ).fit(X, y)
    best = search.best_estimator_[0]
    assert (
        best.n_features_
        == search.best_params_["sparseinputselector__n_features_to_select"]
    )
    assert best.estimator is not network
    # The pipeline's classifier saw the selected columns.
    assert search.best_estimator_[1].n_features_in_ == best.n_features_
    assert search.predict(X).shape == (160,)


def test_sparse_input(network):
    X, y = make_data()
    dense = SparseInputSelector(network, n_features_to_select=2).fit(X, y)
    ours = SparseInputSelector(network, n_features_to_select=2)
    selected = ours.fit_transform(sparse.csr_matrix(X), y)
    assert sparse.issparse(selected) and selected.shape == (160, 2)
    assert ours.n_features_ == dense.n_features_


def test_regression_and_sample_weight():
    X, _ = make_data(300)
    weight = np.repeat([1.0, 0.0], 150)
    y = np.where(weight > 0, np.sin(2 * X[:, 3]), 5 * X[:, 7])
    network = MLPRegressor(**NETWORK | {"hidden_layer_sizes": (30,)})
    selector = SparseInputSelector(network, n_features_to_select=1)
    assert selector.fit(X, y, sample_weight=weight).get_support(True).tolist() == [3]
    other = selector.fit(X, y, sample_weight=1 - weight)
    assert other.get_support(True).tolist() == [7]


WRAPPED = pytest.mark.parametrize(
    "wrap",
    [
        lambda network: network,
        lambda network: TransformedTargetRegressor(
            network, transformer=StandardScaler()
        ),
    ],
    ids=["bare", "in a target transformer"],
)


def weighted_regression():
    X, _ = make_data()
    rng = np.random.default_rng(1)
    return X, 5 + 3 * X[:, 3] - X[:, 7], rng.integers(3, size=160).astype(float)


@WRAPPED
def test_the_fit_on_the_selected_inputs_has_the_weights_of_its_rows(wrap):
    X, y, weight = weighted_regression()
    estimator = wrap(MLPRegressor(**NETWORK | {"max_iter": 10}))
    selector = SparseInputSelector(estimator, n_features_to_select=2)
    selector.fit(X, y, sample_weight=weight)
    chosen = X[:, selector.support_]
    expected = clone(estimator).fit(chosen, y, sample_weight=weight).predict(chosen)
    np.testing.assert_array_equal(selector.estimator_.predict(chosen), expected)


@WRAPPED
def test_the_path_of_a_fold_is_that_of_its_weighted_rows_by_the_seed_of_all(
    wrap, monkeypatch
):
    monkeypatch.setattr(selector_module, "seed_of", lambda random_state: 7)
    X, y, weight = weighted_regression()
    train, test = np.arange(50, 160), np.arange(50)
    network = MLPRegressor(**NETWORK | {"max_iter": 10, "random_state": None})
    selector = SparseInputSelector(wrap(network), cv=[(train, test)])
    selector.fit(X, y, sample_weight=weight)
    path = feature_path(
        wrap(network.set_params(random_state=7)),
        *(X[train], y[train]),
        sample_weight=weight[train],
        X_val=X[test],
        y_val=y[test],
    )
    expected = [path.validation_scores[path.point_of(k)] for k in range(10, 0, -1)]
    found = selector.cv_results_["split0_test_score"]
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    # So is that of all rows.
    whole = feature_path(wrap(network), X, y, sample_weight=weight)
    np.testing.assert_allclose(selector.path_.coefs[0][0], whole.coefs[0][0], rtol=1e-9)


@pytest.fixture(autouse=True)
def quicker_paths(monkeypatch):
    monkeypatch.setattr(sparse_path, "_UPDATES_PER_POINT", 20)


def test_selection_is_reproducible():
    X, y = make_data()
    network = MLPClassifier(**NETWORK | {"random_state": None})
    network.set_params(random_state=np.random.RandomState(3))
    one = SparseInputSelector(clone(network), n_features_to_select="best").fit(X, y)
    other = SparseInputSelector(clone(network), n_features_to_select="best").fit(X, y)
    np.testing.assert_array_equal(one.ranking_, other.ranking_)
    np.testing.assert_array_equal(
        one.cv_results_["mean_test_score"], other.cv_results_["mean_test_score"]
    )
    np.testing.assert_array_equal(one.estimator_.coefs_[0], other.estimator_.coefs_[0])


# -- errors ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "n_features, message",
    [
        (11, "n_features_to_select=11 is more than the 10 features of X"),
        (0, "n_features_to_select"),
        (0.0, "n_features_to_select"),
        (1.5, "n_features_to_select"),
        ("most", "n_features_to_select"),
        (None, "n_features_to_select"),
    ],
)
def test_numbers_that_cannot_be(network, n_features, message):
    X, y = make_data()
    selector = SparseInputSelector(network, n_features_to_select=n_features)
    with pytest.raises(ValueError, match=message):
        selector.fit(X, y)
    assert not hasattr(selector, "support_")


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"alpha": 0.0}, "needs alpha > 0"),
        ({"solver": "lbfgs"}, "'lbfgs' has no step"),
    ],
)
def test_networks_that_cannot(network, settings, message):
    X, y = make_data()
    selector = SparseInputSelector(network.set_params(**settings))
    with pytest.raises(ValueError, match=message):
        selector.fit(X, y)


def test_constant_inputs_and_other_estimators(network):
    X, y = make_data()
    with pytest.raises(ValueError, match="No input can be selected"):
        SparseInputSelector(network, n_features_to_select=1).fit(np.ones((160, 3)), y)
    with pytest.raises(TypeError, match="of skreg"):
        SparseInputSelector(LogisticRegression()).fit(X, y)


def test_an_error_leaves_an_earlier_fit_as_it_was(network):
    X, y = make_data()
    selector = SparseInputSelector(network, n_features_to_select=3).fit(X, y)
    before = dict(selector.__dict__)
    with pytest.raises(ValueError):
        selector.fit(np.ones((160, 7)), y)
    assert selector.__dict__ == before


def test_ranks_among():
    ranking = np.array([3, 1, 5, 2, 4])
    mask = np.array([True, False, True, True, False])
    ranks = selector_module._ranks_among(ranking, mask)
    assert ranks[mask].tolist() == [2, 3, 1]


# -- scikit-learn's own selectors with a sparse network --------------------------------


def test_select_from_model_rfe_and_permutation_importance():
    X, y = make_data(400)
    network = MLPClassifier(**NETWORK | {"alpha": 1e-2}, feature_alpha=5.0).fit(X, y)
    assert 0 < network.n_features_selected_ < 10
    assert not hasattr(network, "coef_")
    # The default threshold, the mean, would drop live inputs.
    selector = SelectFromModel(network, threshold=1e-12, prefit=True)
    np.testing.assert_array_equal(selector.get_support(), network.support_)
    np.testing.assert_array_equal(network.feature_importances_ == 0, ~network.support_)
    importance = permutation_importance(network, X, y, n_repeats=3, random_state=0)
    assert (importance.importances_mean[~network.support_] == 0).all()
    assert (importance.importances_mean[network.support_] != 0).any()
    rfe = RFE(MLPClassifier(**NETWORK), n_features_to_select=4, step=3).fit(X, y)
    assert rfe.n_features_ == 4
