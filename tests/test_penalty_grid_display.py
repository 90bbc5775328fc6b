"""The picture of a search over penalties."""

from copy import copy

import numpy as np
import pytest
from helpers import scaled
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import MLPClassifier
from skreg.inspection import PenaltyGridDisplay
from skreg.model_selection import GridSearchCV, HalvingGridSearchCV

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ALPHAS = [1e-4, 1.0, 1e-2]


@pytest.fixture(scope="module")
def data():
    return scaled(load_breast_cancer, 200)


def network():
    return MLPClassifier((5,), max_iter=6, random_state=0)


@pytest.fixture(scope="module")
def one_penalty(data):
    search = GridSearchCV(network(), {"alpha": ALPHAS}, cv=4, return_train_score=True)
    return search.fit(*data)


@pytest.fixture(scope="module")
def two_penalties(data):
    grid = {"alpha": ALPHAS, "l1_ratio": [0.0, 0.5], "solver": ["adam"]}
    return GridSearchCV(network(), grid, cv=2).fit(*data)


def test_curve_with_standard_errors(one_penalty, plt):
    display = PenaltyGridDisplay.from_estimator(one_penalty).plot()
    test, training = display.lines_
    results, order = one_penalty.cv_results_, [0, 2, 1]
    assert test.get_xdata().tolist() == [1e-4, 1e-2, 1.0]
    np.testing.assert_array_equal(test.get_ydata(), results["mean_test_score"][order])
    np.testing.assert_array_equal(
        training.get_ydata(), results["mean_train_score"][order]
    )
    folds = np.array([results[f"split{i}_test_score"] for i in range(4)])
    np.testing.assert_allclose(
        display.test_errors, folds.std(axis=0, ddof=1)[order] / 2
    )
    assert display.ax_.get_xscale() == "log"
    assert display.choice_.get_xdata()[0] == one_penalty.best_params_["alpha"]
    assert len(display.ax_.collections) == 2
    assert display.figure_ is display.ax_.figure


def test_each_curve_has_its_own_band(plt):
    scores = {"test_scores": [0.5, 0.8, 0.6], "train_scores": [0.7, 0.9, 0.8]}
    errors = {"test_errors": [0.01, 0.03, 0.02], "train_errors": [0.04, 0.02, 0.05]}
    drawn = {name: np.array(numbers) for name, numbers in (scores | errors).items()}
    display = PenaltyGridDisplay(["alpha"], [[1, 2, 3]], choice=[3], **drawn).plot()
    for part, line, band in zip(
        ("test", "train"), display.lines_, display.ax_.collections, strict=True
    ):
        np.testing.assert_array_equal(line.get_ydata(), drawn[f"{part}_scores"])
        vertices = band.get_paths()[0].vertices
        for i, value in enumerate([1, 2, 3]):
            edges = np.unique(vertices[vertices[:, 0] == value, 1])
            score, error = (drawn[f"{part}_{each}"][i] for each in ("scores", "errors"))
            np.testing.assert_allclose(edges, [score - error, score + error])
    assert set(display.choice_.get_xdata()) == {3}
    assert display.ax_.get_xlabel() == "alpha"
    assert display.ax_.get_ylabel() == "score"


def test_training_scores_have_their_own_errors(one_penalty):
    display = PenaltyGridDisplay.from_estimator(one_penalty)
    results, order = one_penalty.cv_results_, [0, 2, 1]
    folds = np.array([results[f"split{i}_train_score"] for i in range(4)])
    expected = folds.std(axis=0, ddof=1)[order] / 2
    np.testing.assert_allclose(display.train_errors, expected)


def test_the_choice_is_that_of_the_search_and_not_the_best_mean(data):
    search = GridSearchCV(
        network(), {"alpha": ALPHAS}, cv=2, refit=lambda results: 1
    ).fit(*data)
    assert np.argmax(search.cv_results_["mean_test_score"]) != 1
    assert PenaltyGridDisplay.from_estimator(search).choice == [ALPHAS[1]]


@pytest.mark.parametrize("chosen", range(6))
def test_a_slice_holds_the_values_of_any_choice(chosen, two_penalties):
    search = copy(two_penalties)
    search.best_index_ = chosen
    results, params = search.cv_results_, search.cv_results_["params"][chosen]
    for drawn, held in (("alpha", "l1_ratio"), ("l1_ratio", "alpha")):
        display = PenaltyGridDisplay.from_estimator(search, names=drawn)
        assert display.held == {held: params[held]}
        assert display.choice == [params[drawn]]
        expected = {
            other[drawn]: score
            for other, score in zip(
                results["params"], results["mean_test_score"], strict=True
            )
            if other[held] == params[held]
        }
        found = dict(zip(display.values[0], display.test_scores, strict=True))
        assert found == expected


def test_cells_axes_and_choice_of_a_heat_map(plt):
    scores = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
    values = [[1e-3, 1e-2], [0.0, 0.5, 1.0]]
    display = PenaltyGridDisplay(
        ["alpha", "l1_ratio"], values, scores, choice=[1e-3, 1.0]
    ).plot()
    ax = display.ax_
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("l1_ratio", "alpha")
    assert [text.get_text() for text in ax.get_xticklabels()] == ["0", "0.5", "1"]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["0.001", "0.01"]
    # The corners of the cells lie halfway between the ticks.
    corners = display.image_.get_coordinates()
    assert corners[0, :, 0].tolist() == [-0.5, 0.5, 1.5, 2.5]
    assert corners[:, 0, 1].tolist() == [-0.5, 0.5, 1.5]
    colors = display.image_.get_array().reshape(2, 3)
    np.testing.assert_array_equal(colors, scores)
    assert display.choice_.get_xdata()[0] == 2
    assert display.choice_.get_ydata()[0] == 0
    assert ax.get_title() == "choice: alpha=0.001, l1_ratio=1"


def test_zero_has_a_place_on_the_scale(data, plt):
    search = GridSearchCV(network(), {"alpha": [0.0, 1e-4, 1.0]}, cv=2).fit(*data)
    display = PenaltyGridDisplay.from_estimator(search).plot()
    assert display.ax_.get_xscale() == "symlog"
    assert len(display.lines_) == 1


def test_heat_map(two_penalties, plt):
    _, ax = plt.subplots()
    display = PenaltyGridDisplay.from_estimator(two_penalties).plot(ax=ax)
    assert display.ax_ is ax
    assert display.names == ["alpha", "l1_ratio"]
    assert display.test_scores.shape == (3, 2)
    np.testing.assert_array_equal(
        display.image_.get_array().reshape(3, 2), display.test_scores
    )
    results = two_penalties.cv_results_
    for score, params in zip(
        results["mean_test_score"], results["params"], strict=True
    ):
        row = sorted(ALPHAS).index(params["alpha"])
        column = [0.0, 0.5].index(params["l1_ratio"])
        assert display.test_scores[row, column] == score
    best = two_penalties.best_params_
    assert display.choice == [best["alpha"], best["l1_ratio"]]
    assert display.choice_.get_ydata()[0] == sorted(ALPHAS).index(best["alpha"])


def test_a_slice_through_the_choice(two_penalties):
    display = PenaltyGridDisplay.from_estimator(two_penalties, names="alpha")
    results, best = two_penalties.cv_results_, two_penalties.best_params_
    expected = {
        params["alpha"]: score
        for score, params in zip(
            results["mean_test_score"], results["params"], strict=True
        )
        if params["l1_ratio"] == best["l1_ratio"]
    }
    assert dict(zip(display.values[0], display.test_scores, strict=True)) == expected


def test_pairs_that_were_not_tried_are_blank(data, plt):
    grid = [{"alpha": [0.1], "l1_ratio": [0.0]}, {"alpha": [1.0], "l1_ratio": [0.5]}]
    search = GridSearchCV(network(), grid, cv=2).fit(*data)
    display = PenaltyGridDisplay.from_estimator(search).plot()
    assert np.isnan(display.test_scores).sum() == 2
    assert display.image_.get_array().mask.sum() == 2


@pytest.fixture(scope="module")
def list_of_grids(data):
    grids = [{"alpha": [0.1, 1.0], "l1_ratio": [0.2, 0.5]}, {"alpha": [0.1, 10.0]}]
    return GridSearchCV(network(), grids, cv=2).fit(*data)


@pytest.mark.parametrize("chosen, alphas", [(3, [0.1, 1.0]), (5, [0.1, 1.0, 10.0])])
def test_a_slice_of_grids_has_what_has_the_held_values(list_of_grids, chosen, alphas):
    search = copy(list_of_grids)
    search.best_index_ = chosen
    display = PenaltyGridDisplay.from_estimator(search, names="alpha")
    assert display.values == [alphas]
    assert display.held == ({"l1_ratio": 0.5} if chosen == 3 else {})


@pytest.mark.parametrize("names", ["l1_ratio", ["alpha", "l1_ratio"]])
def test_a_choice_from_another_grid_is_not_marked(list_of_grids, names, plt):
    search = copy(list_of_grids)
    # A candidate of the second grid, which leaves l1_ratio as it is.
    search.best_index_ = 4
    display = PenaltyGridDisplay.from_estimator(search, names=names).plot()
    assert display.choice is None and display.choice_ is None
    assert display.values[-1] == [0.2, 0.5]


def test_in_a_pipeline_with_values_that_are_no_numbers(data, plt):
    pipeline = make_pipeline(StandardScaler(), network())
    grid = {"mlpclassifier__hidden_layer_sizes": [(3,), (4, 2)]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(*data)
    display = PenaltyGridDisplay.from_estimator(search).plot()
    labels = [label.get_text() for label in display.ax_.get_xticklabels()]
    assert labels == ["(3,)", "(4, 2)"]


def test_of_halving_each_candidates_last_rung_counts(data, plt):
    search = HalvingGridSearchCV(network(), {"alpha": np.logspace(-3, 0, 6)}, cv=2)
    search.fit(*data)
    display = PenaltyGridDisplay.from_estimator(search).plot()
    assert display.names == ["alpha"]
    assert len(display.test_scores) == 6
    place = display.values[0].index(search.best_params_["alpha"])
    assert display.test_scores[place] == search.best_score_


def test_several_metrics(data):
    search = GridSearchCV(
        network(), {"alpha": ALPHAS}, cv=2, scoring=["accuracy", "roc_auc"], refit=False
    ).fit(*data)
    display = PenaltyGridDisplay.from_estimator(search, metric="roc_auc")
    assert display.score_name == "roc_auc"
    best = np.argmax(search.cv_results_["mean_test_roc_auc"])
    assert display.choice == [ALPHAS[best]]
    assert np.nanmax(display.test_scores) == max(
        search.cv_results_["mean_test_roc_auc"]
    )


def test_of_several_metrics_the_one_that_chose_is_drawn(data):
    search = GridSearchCV(
        network(),
        {"alpha": ALPHAS},
        cv=2,
        scoring=["accuracy", "neg_log_loss"],
        refit="neg_log_loss",
    ).fit(*data)
    display = PenaltyGridDisplay.from_estimator(search)
    assert display.score_name == "neg_log_loss"
    expected = search.cv_results_["mean_test_neg_log_loss"][[0, 2, 1]]
    np.testing.assert_array_equal(display.test_scores, expected)


def display_of(scores, **kwargs):
    scores = np.array(scores, dtype=float)
    names = ["alpha", "l1_ratio"][: scores.ndim]
    values = [list(range(1, n + 1)) for n in scores.shape]
    return PenaltyGridDisplay(names, values, scores, **kwargs)


@pytest.mark.parametrize(
    "scores, lowest",
    [
        # Constant predictions all score the same.
        ([[0.63, 0.63, 0.63], [0.95, 0.96, 0.97]], 0.95),
        ([[0.95, 0.96, 0.97], [0.6, 0.61, 0.6]], 0.95),
        # Far below, and not equal.
        ([[-1e9, -0.3, -0.2], [-3e3, -0.1, -0.2], [-0.4, -0.3, -0.2]], None),
        ([[np.nan, 0.63], [0.95, 0.96]], 0.95),
        ([[-np.inf, 0.63], [0.95, 0.96]], 0.95),
    ],
)
def test_dead_candidates_do_not_stretch_the_colours(scores, lowest, plt):
    display = display_of(scores).plot()
    low, high = display.image_.get_clim()
    assert high == np.nanmax(scores)
    if lowest is None:
        assert -2 < low < -0.3
    else:
        assert low == lowest
    below = display.image_.to_rgba(np.nanmin(scores))
    np.testing.assert_allclose(below, (0.75, 0.75, 0.75, 1))
    assert display.image_.colorbar.extend == "min"


@pytest.mark.parametrize(
    "scores", [[[0.9] * 2] * 2, [[0.9, 0.93], [0.95, 1]], [[0.1, 0.2]]]
)
def test_where_none_is_dead_all_have_colours(scores, plt):
    display = display_of(scores).plot()
    for score in np.ravel(scores):
        assert tuple(display.image_.to_rgba(score)) != (0.75, 0.75, 0.75, 1)


@pytest.mark.parametrize("shape", [(3,), (2, 2)])
def test_pictures_without_any_score(shape, plt):
    display_of(np.full(shape, np.nan)).plot()


def test_colours_of_the_user(plt):
    scores = [[0.6, 0.6], [0.95, 0.96]]
    display = display_of(scores).plot(vmin=0.5, cmap="magma")
    assert display.image_.get_clim() == (0.5, 0.96)
    assert display.image_.colorbar.extend == "neither"
    norm = plt.Normalize(0, 1)
    assert display_of(scores).plot(norm=norm).image_.norm is norm


def test_a_curve_is_not_flattened_by_what_lies_far_below(plt):
    errors = np.array([1e8, 0.1, 0.1, 0.1])
    display = display_of([-1e9, -0.3, -0.2, -0.1], test_errors=errors).plot()
    low, high = display.ax_.get_ylim()
    assert -2 < low < -0.3
    assert 0 <= high < 0.2
    low, _ = display_of([0.63, 0.9, 0.92, 0.95]).plot().ax_.get_ylim()
    assert low < 0.63


def test_the_title_tells_the_choice_and_what_is_held(two_penalties, plt):
    display = PenaltyGridDisplay.from_estimator(two_penalties).plot()
    assert display.held == {}
    best = two_penalties.best_params_
    expected = f"choice: alpha={best['alpha']:.3g}, l1_ratio={best['l1_ratio']:.3g}"
    assert display.ax_.get_title() == expected
    display = PenaltyGridDisplay.from_estimator(two_penalties, names="alpha").plot()
    assert display.held == {"l1_ratio": best["l1_ratio"]}
    assert display.ax_.get_title() == f"with l1_ratio={best['l1_ratio']:.3g}"


@pytest.mark.parametrize("n_parameters", [1, 2])
def test_true_and_false_stand_side_by_side_by_name(n_parameters, plt):
    names = ["early_stopping", "shuffle"][:n_parameters]
    scores = np.full((2,) * n_parameters, 0.5)
    display = PenaltyGridDisplay(names, [[False, True]] * n_parameters, scores).plot()
    labels = [text.get_text() for text in display.ax_.get_xticklabels()]
    assert labels == ["False", "True"]
    assert display.ax_.get_xticks().tolist() == [0, 1]


def test_long_values_do_not_make_long_titles(plt):
    held = {"augmentation": MLPClassifier(alpha=0.123, beta_1=0.5, beta_2=0.7, tol=0.5)}
    title = display_of([0.1, 0.2], held=held).plot().ax_.get_title()
    assert title.startswith("with augmentation=MLPClassifier(")
    assert title.endswith("...")
    assert max(map(len, title.splitlines())) <= 60


def test_scores_that_are_all_missing(data):
    search = GridSearchCV(network(), {"alpha": ALPHAS}, cv=2, refit=False).fit(*data)
    search.cv_results_["mean_test_score"][:] = np.nan
    del search.best_index_
    with pytest.raises(ValueError, match="scores .* of all candidates are NaN"):
        PenaltyGridDisplay.from_estimator(search)


def test_errors(two_penalties, data):
    with pytest.raises(NotFittedError):
        PenaltyGridDisplay.from_estimator(GridSearchCV(network(), {}))
    with pytest.raises(ValueError, match="no parameter 'beta_1'"):
        PenaltyGridDisplay.from_estimator(two_penalties, names="beta_1")
    with pytest.raises(ValueError, match="no score 'r2'"):
        PenaltyGridDisplay.from_estimator(two_penalties, metric="r2")
    grid = {"alpha": [0.1, 1.0], "l1_ratio": [0.0, 0.5], "dropout": [0.0, 0.5]}
    search = GridSearchCV(network(), grid, cv=2).fit(*data)
    with pytest.raises(ValueError, match="One or two parameters"):
        PenaltyGridDisplay.from_estimator(search)
