"""StabilitySelection: its bound by hand, the third of three, what it selects."""

import copy

import numpy as np
import pytest
import sklearn
from helpers import NETWORK, make_data, updates_per_point
from scipy import sparse
from sklearn.base import clone, is_regressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.fixes import parse_version

from skreg import MLPClassifier, MLPRegressor
from skreg._core.penalties import InputGroups
from skreg._fitting import sparse_path
from skreg._fitting.fit import task_of
from skreg.feature_selection import StabilitySelection, feature_path
from skreg.feature_selection._halves import draw_halves
from skreg.feature_selection._path import rank_features, rank_traces, trace_paths
from skreg.feature_selection._selector import best_ranked
from skreg.feature_selection._stability import expected_false_selections

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore:Got batch_size:UserWarning",
)
quick_paths = updates_per_point(20)


@pytest.fixture(scope="module")
def selection(quick_paths):
    """A fit that tests look at; those that change it work on a copy."""
    return make_selection().fit(*make_data())


def make_selection(**settings):
    settings = dict(threshold=0.8, q=3, n_pairs=5, random_state=0) | settings
    return StabilitySelection(MLPClassifier(**NETWORK | {"max_iter": 10}), **settings)


QUICK = dict(max_iter=5, learning_rate_init=0.05, solver="sgd")
# The seed matters to a check of twelve rows, whose target may be constant on a half.
TWO_PAIRS = dict(threshold=0.6, q=2, n_pairs=2, random_state=0)


def expected_failures(selection):
    failures = {
        f"check_sample_weight_equivalence_on_{kind}_data": (
            "Halves are drawn by rows: two rows may part that were one of weight two."
        )
        for kind in ("dense", "sparse")
    }
    is_old = parse_version(sklearn.__version__) < parse_version("1.7")
    if is_old and is_regressor(selection.estimator):
        failures["check_n_features_in_after_fitting"] = (
            "Its target, zeros and ones of ten rows, may be constant on a half."
        )
    return failures


@parametrize_with_checks(
    [
        StabilitySelection(network((4,), **QUICK), **TWO_PAIRS)
        for network in (MLPClassifier, MLPRegressor)
    ],
    expected_failed_checks=expected_failures,
)
def test_scikit_learns_checks(estimator, check, monkeypatch):
    monkeypatch.setattr(sparse_path, "_UPDATES_PER_POINT", 1)
    check(estimator)


# -- the bound -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "threshold, q, n_features, n_pairs, assumption, by_hand",
    [
        # q^2 / p / (2 threshold - 1) = 100 / 50 / 0.8.
        (0.9, 10, 50, 50, "none", 2.5),
        (0.75, 10, 50, 50, "none", 4.0),
        (1.0, 10, 50, 50, "none", 2.0),
        # 4 (1 - 0.9 + 0.01) / 1.02 = 0.431373 times 2.
        (0.9, 10, 50, 50, "unimodal", 0.862745),
        # At one: 4 * 0.01 / 1.02 * 2.
        (1.0, 10, 50, 50, "unimodal", 0.0784314),
        # 1 / (2 (0.4 - 0.01)) = 1.28205 times 2, below 3/4.
        (0.7, 10, 50, 50, "unimodal", 2.564103),
        (0.75, 10, 50, 50, "unimodal", 2.040816),
        # 25 / 500 = 0.05; few pairs: 4 (0.2 + 0.1) / 1.2 = 1.
        (0.8, 5, 500, 5, "unimodal", 0.05),
    ],
)
def test_the_bound_by_hand(
    threshold, q, n_features, n_pairs, assumption, by_hand
):  # fmt: skip
    bound = expected_false_selections(threshold, q, n_features, n_pairs, assumption)
    np.testing.assert_allclose(bound, by_hand, rtol=1e-5)


@pytest.mark.parametrize("assumption", ["none", "unimodal"])
def test_the_bound_says_nothing_at_low_thresholds_and_falls_after(assumption):
    thresholds = np.linspace(0.5, 1.0, 51)
    bounds = [expected_false_selections(t, 5, 100, 50, assumption) for t in thresholds]
    assert bounds[0] == np.inf
    finite = np.array(bounds)[np.isfinite(bounds)]
    assert len(finite) >= 49 and (np.diff(finite) < 1e-12).all()


def test_unimodality_lowers_the_bound_and_pairs_do_too():
    for threshold in (0.6, 0.75, 0.9, 1.0):
        by_assumption = [
            expected_false_selections(threshold, 10, 200, 50, assumption)
            for assumption in ("unimodal", "none")
        ]
        assert by_assumption[0] < by_assumption[1]
        few = expected_false_selections(threshold, 10, 200, 5, "unimodal")
        assert by_assumption[0] < few


def test_the_bound_holds_for_scores_drawn_at_random():
    # Every input is low: each half selects q of p at random, independently.
    rng = np.random.default_rng(0)
    p, q, n_pairs, threshold, n_repeats = 20, 8, 10, 0.65, 300
    n_selected = 0
    for _ in range(n_repeats):
        chosen = rng.random((2 * n_pairs, p)).argsort(axis=1) < q
        n_selected += (chosen.mean(axis=0) >= threshold - 1e-9).sum()
    for assumption in ("none", "unimodal"):
        bound = expected_false_selections(threshold, q, p, n_pairs, assumption)
        assert n_selected / n_repeats <= bound
    assert n_selected > 0


# -- two of three ----------------------------------------------------------------------


def test_the_bound_follows(selection):
    # 9 / 10 * 4 (0.2 + 0.1) / 1.2 = 0.9.
    assert selection.threshold_ == 0.8 and selection.q_ == 3
    np.testing.assert_allclose(selection.expected_false_selections_, 0.9)


def test_the_threshold_follows():
    X, y = make_data()
    selection = make_selection(threshold=None, expected_false_selections=1.0).fit(X, y)
    # Of the multiples of a tenth: at 0.7 the bound is 0.9 / (2 (0.4 - 0.1)) = 1.5, at
    # 0.8 it is 0.9.
    assert selection.threshold_ == 0.8
    assert selection.expected_false_selections_ == 1.0


def test_a_threshold_of_one_may_be_what_keeps_the_bound():
    X, y = make_data()
    selection = make_selection(
        **dict(threshold=None, q=4, n_pairs=2),
        **dict(assumption="none", expected_false_selections=2.0),
    )
    # 1.6 / (2 threshold - 1) is 3.2 at 3/4, and 1.6 at 1.
    assert selection.fit(X, y).threshold_ == 1.0


def test_q_follows():
    X, y = make_data()
    selection = make_selection(q=None, expected_false_selections=1.0).fit(X, y)
    # C(0.8, 5 pairs) is 1: the largest q with q^2 / 10 <= 1.
    assert selection.q_ == 3
    one = make_selection(q=None, expected_false_selections=0.39).fit(X, y)
    assert one.q_ == 1


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"expected_false_selections": 1.0}, "exactly two of threshold, q"),
        ({"threshold": None}, "exactly two of threshold, q"),
        (
            {"threshold": None, "q": 5, "expected_false_selections": 0.1},
            "comes out above one: with q=5 of 10 features",
        ),
        (
            {"threshold": 0.6, "q": None, "expected_false_selections": 0.01},
            "No q of at least 1",
        ),
        ({"q": 11}, "q=11 is more than n_features=10"),
        ({"threshold": 0.5}, "threshold"),
        ({"threshold": 1.1}, "threshold"),
        ({"q": 0}, "q"),
        ({"n_pairs": 0}, "n_pairs"),
        ({"assumption": "r-concave"}, "assumption"),
        ({"estimator__alpha": 0.0}, "needs alpha > 0"),
        ({"estimator__solver": "lbfgs"}, "'lbfgs' has no step"),
    ],
    ids=str,
)
def test_what_cannot_be_says_why(settings, message):
    X, y = make_data()
    selection = make_selection().set_params(**settings)
    with pytest.raises(ValueError, match=message):
        selection.fit(X, y)
    assert not hasattr(selection, "support_")


def test_as_many_inputs_as_there_are_may_be_selected():
    X, y = make_data()
    selection = make_selection(q=10, n_pairs=1).fit(X, y)
    np.testing.assert_array_equal(selection.stability_scores_, 1)


def test_other_errors():
    X, y = make_data()
    with pytest.raises(ValueError, match="No input can be selected.*constant"):
        make_selection(q=1).fit(np.ones((160, 3)), y)
    with pytest.raises(ValueError, match="at least 4 rows"):
        make_selection(q=1).fit(X[:3], ["yes", "no", "yes"])
    with pytest.raises(TypeError, match="of skreg"):
        StabilitySelection(LogisticRegression(), threshold=0.9, q=1).fit(X, y)


# -- what is selected ------------------------------------------------------------------


def test_scores_are_shares_of_halves(selection):
    scores = selection.stability_scores_
    np.testing.assert_allclose(scores.sum(), 3)
    np.testing.assert_allclose(scores * 10, np.round(scores * 10), atol=1e-12)
    np.testing.assert_array_equal(selection.support_, scores >= 0.8 - 1e-9)
    assert scores[:2].min() > scores[2:].max()


@pytest.mark.parametrize("q, is_weighted", [(1, True), (2, False), (3, False)])
def test_each_half_selects_the_last_q_to_leave(q, is_weighted):
    X, y = make_data()
    weight = np.random.default_rng(0).integers(4, size=160) * 1.0
    weights = {"sample_weight": weight} if is_weighted else {}
    selection = make_selection(q=q, n_pairs=2, threshold=1.0).fit(X, y, **weights)
    draw = np.random.RandomState(0)
    counts = np.zeros(10)
    for half in draw_halves(selection.estimator, y, 2, draw, **weights):
        own = {name: each[half] for name, each in weights.items()}
        path = feature_path(selection.estimator, X[half], y[half], **own)
        counts += path.ranking <= q
    np.testing.assert_array_equal(selection.stability_scores_, counts / 4)


def test_a_share_just_below_the_threshold_is_not_enough(selection):
    selection = copy.deepcopy(selection)
    # Of ten subsamples seven, eight and nine.
    selection.stability_scores_ = np.array([0.7, 0.8, 0.9] + [0.0] * 7)
    for threshold, n_selected in ((0.7, 3), (0.72, 2), (0.8, 2), (0.81, 1), (0.95, 0)):
        assert selection.set_threshold(threshold).support_.sum() == n_selected


def test_set_threshold_selects_again_without_training(selection, monkeypatch):
    selection = clone(selection).fit(*make_data())
    monkeypatch.setattr(
        "skreg.feature_selection._stability.trace_in_blocks",
        lambda *args, **options: 1 / 0,
    )
    scores = selection.stability_scores_.copy()
    for threshold in (0.6, 0.9, 1.0):
        assert selection.set_threshold(threshold) is selection
        assert selection.threshold_ == threshold
        np.testing.assert_array_equal(selection.support_, scores >= threshold - 1e-9)
        np.testing.assert_allclose(
            selection.expected_false_selections_,
            expected_false_selections(threshold, 3, 10, 5, "unimodal"),
        )
    np.testing.assert_array_equal(selection.stability_scores_, scores)
    for threshold in (0.5, 1.01):
        with pytest.raises(ValueError, match=r"threshold must be in \(0.5, 1\]"):
            selection.set_threshold(threshold)


def test_selection_is_reproducible(selection):
    X, y = make_data()
    again = make_selection().fit(X, y)
    np.testing.assert_array_equal(again.stability_scores_, selection.stability_scores_)
    # Other halves, other scores; the networks' seed is drawn where there is none.
    networks = MLPClassifier(**NETWORK | {"random_state": None, "max_iter": 3})
    one, other, third = (
        StabilitySelection(networks, threshold=0.6, q=5, n_pairs=3, random_state=seed)
        .fit(X, y)
        .stability_scores_
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, other)
    assert (one != third).any()


def test_groups_count_as_their_columns():
    X, y = make_data()
    selection = make_selection().set_params(estimator__feature_groups=[[0, 9], [2, 3]])
    scores = selection.fit(X, y).stability_scores_
    assert scores[0] == scores[9] and scores[2] == scores[3]
    assert scores.sum() <= 3 + 1e-12


def test_as_a_transformer():
    pd = pytest.importorskip("pandas")
    X, y = make_data()
    names = [f"x{j}" for j in range(10)]
    frame = pd.DataFrame(X, columns=names)
    selection = make_selection(threshold=0.6).set_output(transform="pandas")
    pipeline = make_pipeline(selection, LogisticRegression()).fit(frame, y)
    chosen = [
        name for name, kept in zip(names, selection.support_, strict=True) if kept
    ]
    assert pipeline[0].get_feature_names_out().tolist() == chosen
    assert pipeline[0].transform(frame).columns.tolist() == chosen
    assert {"x0", "x1"} <= set(chosen)
    assert pipeline.score(frame, y) > 0.7


def test_sparse_input_weights_and_regression():
    X, _ = make_data(200)
    weight = np.repeat([1.0, 0.0], 100)
    y = np.where(weight > 0, np.sin(2 * X[:, 3]), 5 * X[:, 7])
    network = MLPRegressor(**NETWORK)
    selection = StabilitySelection(
        network, threshold=0.6, q=1, n_pairs=4, random_state=0
    )
    selection.fit(sparse.csr_matrix(X), y, sample_weight=weight)
    assert selection.stability_scores_.argmax() == 3
    assert sparse.issparse(selection.transform(sparse.csr_matrix(X)))


# -- false selections on simulated data ------------------------------------------------


def test_false_selections_stay_within_the_bound():
    """A reduced version of ``benchmarks/feature_selection.py stability``."""
    n_rows, n_features, n_true, n_repeats = 300, 15, 3, 3
    n_false, n_found, bounds = [], [], []
    for seed in range(n_repeats):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(n_rows, n_features))
        y = np.tanh(2 * X[:, 0]) + np.abs(X[:, 1]) + X[:, 2]
        y += 0.3 * rng.normal(size=n_rows)
        network = MLPRegressor(
            (20,), alpha=0.01, learning_rate_init=0.01, max_iter=30, batch_size=50
        )
        selection = StabilitySelection(
            network, threshold=0.8, q=4, n_pairs=5, random_state=seed
        ).fit(X, y)
        n_found.append(selection.support_[:n_true].sum())
        n_false.append(selection.support_[n_true:].sum())
        bounds.append(selection.expected_false_selections_)
    assert np.mean(n_false) <= bounds[0] <= 1.1
    assert np.mean(n_found) >= 2.5


# -- paths that end early --------------------------------------------------------------


@pytest.mark.parametrize("groups", [None, [[0, 9], [2, 3, 4]]])
@pytest.mark.parametrize("q", [1, 2, 5, 9, 10])
def test_where_q_are_left_it_is_known_which(groups, q):
    X, y = make_data()
    network = MLPClassifier(**NETWORK | {"max_iter": 10}, feature_groups=groups)
    labels = network._make_config().input_groups(np.empty((0, 10)))
    tasks = [
        task_of(network, rows=np.sort(half))
        for half in draw_halves(network, y, 2, np.random.RandomState(q))
    ]
    whole, cut = (trace_paths(tasks, X, y, n_enough=n_enough) for n_enough in (0, q))
    for all_points, points in zip(whole, cut, strict=True):
        assert len(points) <= len(all_points)
        # It ends as soon as it may.
        assert points[-1].support.sum() <= q
        assert all(point.support.sum() > q for point in points[:-1])
        chosen, expected = (
            best_ranked(rank_features(each, labels), q, labels)
            for each in (points, all_points)
        )
        np.testing.assert_array_equal(chosen, expected)


def test_of_inputs_that_leave_together_the_cut_takes_the_heavier():
    supports = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 1, 0], [1, 0, 0, 0, 0]], bool)
    norms = np.array([[5, 5, 5, 5, 5], [1, 2, 4, 3, 0], [9, 0, 0, 0, 0]], float)
    end = (np.zeros(5, bool), np.zeros(5))
    cut = list(zip(supports, norms, strict=True))
    singles = InputGroups.singletons(5)
    for traces in (cut, [*cut, end]):
        chosen = best_ranked(rank_traces(traces), 3, singles)
        assert chosen.tolist() == [True, False, True, True, False]


@pytest.mark.parametrize(
    "settings", [{"feature_penalty": "group_lasso"}, {"feature_epsilon": 0.05}]
)
def test_paths_on_which_inputs_may_come_back_go_to_their_end(settings):
    X, y = make_data()
    task = task_of(MLPClassifier(**NETWORK | {"max_iter": 5}, **settings))
    (points,) = trace_paths([task], X, y, n_enough=5)
    assert points[-1].support.sum() == 0
