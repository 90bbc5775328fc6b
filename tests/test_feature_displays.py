"""Pictures of feature selection."""

import numpy as np
import pytest
from helpers import NETWORK, make_data, updates_per_point
from sklearn.exceptions import NotFittedError

from skreg import MLPClassifier
from skreg.feature_selection import (
    FeaturePath,
    SparseInputSelector,
    StabilitySelection,
    feature_path,
)
from skreg.inspection import FeaturePathDisplay, StabilityDisplay
from skreg.inspection._feature_path import _round_numbers

plt = pytest.importorskip("matplotlib.pyplot")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
quick_paths = updates_per_point(10)


@pytest.fixture(scope="module")
def path(quick_paths):
    X, y = make_data()
    return feature_path(MLPClassifier(**NETWORK), X, y, X_val=X[:50], y_val=y[:50])


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_scores_along_a_path(path):
    display = FeaturePathDisplay.from_path(path, score_name="accuracy").plot()
    sizes = np.unique(path.n_features_selected)[:0:-1]
    points = [path.point_of(size) for size in sizes]
    assert len(points) < len(path.n_features_selected) - 1
    assert set(display.lines_) == {"train", "validation"}
    for name, scores in (
        ("train", path.train_scores),
        ("validation", path.validation_scores),
    ):
        x, y = display.lines_[name].get_data()
        # One point for each number of inputs: no zigzag.
        np.testing.assert_array_equal(x, sizes)
        np.testing.assert_array_equal(y, scores[points])
    # Many inputs on the left.
    left, right = display.ax_.get_xlim()
    assert left > right and display.ax_.get_ylabel() == "accuracy"
    assert display.band_ is None and display.choice_ is None
    assert display.figure_ is display.ax_.figure


def test_a_selectors_folds_and_choice():
    X, y = make_data()
    selector = SparseInputSelector(
        MLPClassifier(**NETWORK), scoring="neg_log_loss", cv=3
    )
    with pytest.raises(NotFittedError):
        FeaturePathDisplay.from_estimator(selector)
    selector.fit(X, y)
    _, ax = plt.subplots()
    display = FeaturePathDisplay.from_estimator(selector).plot(ax=ax)
    assert display.ax_ is ax and ax.get_ylabel() == "neg_log_loss"
    x, means = display.lines_["cv"].get_data()
    assert x.tolist() == list(range(10, 0, -1))
    np.testing.assert_array_equal(means, selector.cv_results_["mean_test_score"])
    bottom = display.band_.get_paths()[0].vertices[:, 1].min()
    errors = selector.cv_results_["std_error"]
    np.testing.assert_allclose(bottom, (means - errors).min())
    assert display.choice_.get_xdata()[0] == selector.n_features_


def test_the_band_is_one_standard_error_to_either_side(path):
    results = {
        "n_features": np.array([3, 2, 1]),
        "mean_test_score": np.array([0.9, 0.8, 0.4]),
        "std_error": np.array([0.01, 0.04, 0.02]),
    }
    display = FeaturePathDisplay(path, cv_results=results, n_features=2).plot()
    vertices = display.band_.get_paths()[0].vertices
    for n, mean, error in zip(*results.values(), strict=True):
        edges = np.unique(vertices[vertices[:, 0] == n, 1])
        np.testing.assert_allclose(edges, [mean - error, mean + error])
    assert set(display.choice_.get_xdata()) == {2}


def test_a_number_of_pixels_comes_before_the_choice(path):
    support = path.ranking <= 2
    display = FeaturePathDisplay(path, support=support).plot_image((2, 5), n_features=7)
    shown = ~display.image_.get_array().mask
    np.testing.assert_array_equal(shown.ravel(), path.ranking <= 7)


def test_bars_of_selected_inputs_are_coloured():
    scores = np.array([0.2, 1.0, 0.7, 0.1, 0.9])
    # Not by the scores, so that a bar's colour is that of its input alone.
    support = np.array([True, False, True, False, True])
    display = StabilityDisplay(scores, 0.6, support).plot(max_features=2)
    labels = labels_of(display.ax_.yaxis)
    assert labels == ["x1", "x4", "x2"]
    assert [bar.get_width() for bar in display.bars_] == [1.0, 0.9, 0.7]
    grey = plt.matplotlib.colors.to_rgba("0.75")
    is_grey = [bar.get_facecolor() == grey for bar in display.bars_]
    assert is_grey == [True, False, False]
    # The first bar is on top.
    bottom, top = display.ax_.get_ylim()
    assert bottom > top
    assert set(display.threshold_line_.get_xdata()) == {0.6}


@pytest.mark.parametrize("bound, is_told", [(0.125, True), (np.inf, False)])
def test_a_bound_that_says_nothing_is_not_told(bound, is_told):
    scores = np.array([0.2, 0.7])
    display = StabilityDisplay(
        scores, 0.6, scores > 0.6, expected_false_selections=bound
    ).plot()
    title = display.ax_.get_title()
    assert title.startswith("1 of 2 inputs selected")
    assert ("at most 0.12 of them false" in title) == is_told
    assert ("false" in title) == is_told


def test_the_threshold_is_the_one_of_the_fit(path):
    X, y = make_data()
    network = MLPClassifier(**NETWORK | {"max_iter": 5})
    selection = StabilitySelection(
        network, threshold=0.75, q=3, n_pairs=2, random_state=0
    ).fit(X, y)
    selection.set_params(threshold=0.9)
    assert StabilityDisplay.from_estimator(selection).threshold == 0.75


def test_pixels_that_stay(path):
    display = FeaturePathDisplay.from_path(path).plot_image((2, 5), n_features=4)
    drawn = display.image_.get_array()
    assert drawn.shape == (2, 5)
    np.testing.assert_array_equal(drawn.mask.ravel(), path.ranking > 4)
    np.testing.assert_array_equal(drawn.data.ravel(), path.ranking)
    assert display.ax_.get_title() == "4 of 10 pixels"
    everything = FeaturePathDisplay.from_path(path).plot_image((5, 2))
    assert everything.image_.get_array().count() == 10
    # Of groups that are too large others are chosen in their place.
    support = np.isin(path.ranking, [1, 2, 5])
    chosen = FeaturePathDisplay(path, support=support).plot_image((10, 1))
    np.testing.assert_array_equal(chosen.image_.get_array().mask.ravel(), ~support)
    with pytest.raises(ValueError, match="does not have 10 pixels"):
        display.plot_image((3, 3))


def test_stability_scores():
    X, y = make_data()
    network = MLPClassifier(**NETWORK | {"max_iter": 5})
    selection = StabilitySelection(
        network, threshold=0.75, q=3, n_pairs=2, random_state=0
    )
    with pytest.raises(NotFittedError):
        StabilityDisplay.from_estimator(selection)
    selection.fit(X, y)
    names = [f"input {j}" for j in range(10)]
    display = StabilityDisplay.from_estimator(selection, feature_names=names).plot()
    widths = np.array([bar.get_width() for bar in display.bars_])
    expected = np.sort(selection.stability_scores_)[::-1]
    np.testing.assert_array_equal(widths, expected)
    labels = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert labels == [names[j] for j in display.order]
    assert display.threshold_line_.get_xdata()[0] == 0.75
    colors = [bar.get_facecolor() for bar in display.bars_]
    n_selected = selection.support_.sum()
    assert len(set(colors)) == 2 and len(set(colors[:n_selected])) == 1
    assert f"{n_selected} of 10 inputs" in display.ax_.get_title()
    few = display.plot(max_features=1)
    assert len(few.bars_) == max(1, n_selected)
    with pytest.raises(ValueError, match="2 names for 10 inputs"):
        StabilityDisplay.from_estimator(selection, feature_names=["a", "b"])


def make_frame():
    pd = pytest.importorskip("pandas")
    X, y = make_data(n_features=3)
    frame = pd.DataFrame(X, columns=["age", "height", "weight"])
    return frame, y


def test_names_of_a_dataframe():
    frame, y = make_frame()
    network = MLPClassifier(**NETWORK | {"max_iter": 5})
    selection = StabilitySelection(network, threshold=0.75, q=1, n_pairs=1)
    display = StabilityDisplay.from_estimator(selection.fit(frame, y)).plot()
    labels = {text.get_text() for text in display.ax_.get_yticklabels()}
    assert labels == {"age", "height", "weight"}


def labels_of(axis):
    return [text.get_text() for text in axis.get_ticklabels()]


@pytest.mark.parametrize(
    "largest, numbers",
    [
        (1, [1]),
        (3, [1, 2, 3]),
        (10, [1, 2, 5, 10]),
        (30, [1, 2, 5, 10, 20, 30]),
        (784, [1, 2, 5, 10, 20, 50, 100, 200, 500, 784]),
    ],
)
def test_ticks_are_round_numbers_and_all_inputs(largest, numbers):
    assert _round_numbers(largest) == numbers


def test_ticks_are_plain_numbers(path):
    display = FeaturePathDisplay.from_path(path).plot()
    display.figure_.canvas.draw()
    assert labels_of(display.ax_.xaxis) == ["1", "2", "5", "10"]
    assert display.ax_.xaxis.get_minorticklocs().size == 0


def test_the_last_inputs_are_named(path):
    display = FeaturePathDisplay.from_path(path).plot(max_names=3)
    best = np.argsort(path.ranking)[:3]
    assert labels_of(display.names_axis_.xaxis) == [f"x{j}" for j in best]
    assert display.names_axis_.get_xticks().tolist() == [1, 2, 3]
    names = [f"input {j}" for j in range(10)]
    named = FeaturePathDisplay.from_path(path, feature_names=names).plot()
    assert labels_of(named.names_axis_.xaxis) == [
        names[j] for j in np.argsort(path.ranking)
    ]
    assert named.plot(max_names=0).names_axis_ is None
    with pytest.raises(ValueError, match="2 names for 10 inputs"):
        FeaturePathDisplay.from_path(path, feature_names=["a", "b"])


def test_columns_of_a_dataframe_are_named():
    frame, y = make_frame()
    selector = SparseInputSelector(
        MLPClassifier(**NETWORK | {"max_iter": 5}), n_features_to_select=1
    ).fit(frame, y)
    display = FeaturePathDisplay.from_estimator(selector).plot()
    labels = labels_of(display.names_axis_.xaxis)
    assert sorted(labels) == ["age", "height", "weight"]
    assert labels[0] == selector.get_feature_names_out()[0]
    renamed = FeaturePathDisplay.from_estimator(selector, feature_names="abc").plot()
    assert sorted(labels_of(renamed.names_axis_.xaxis)) == ["a", "b", "c"]


def test_long_names_of_bars_are_in_the_picture():
    scores = np.linspace(0, 1, 30)
    names = [f"the logarithm of column {j}" for j in range(30)]
    display = StabilityDisplay(scores, 0.6, scores >= 0.6, feature_names=names).plot()
    display.figure_.canvas.draw()
    boxes = [text.get_window_extent() for text in display.ax_.get_yticklabels()]
    assert min(box.x0 for box in boxes) >= 0
    # Nor do they cover each other.
    bottoms = sorted(box.y0 for box in boxes)
    assert np.diff(bottoms).min() > 0.8 * boxes[0].height


@pytest.mark.parametrize("figsize", [(6.4, 4.8), (3, 3), (12, 5)])
def test_names_of_inputs_do_not_cover_each_other(figsize):
    plt = pytest.importorskip("matplotlib.pyplot")
    names = [f"the logarithm of column {j}" for j in range(30)]
    numbers = np.arange(30, -1, -1)
    path = FeaturePath(
        feature_alphas=numbers[::-1] / 30,
        support=np.arange(30) < numbers[:, None],
        n_features_selected=numbers,
        coefs=[],
        intercepts=[],
        train_scores=numbers / 30,
        validation_scores=None,
        kkt_residuals=numbers,
        ranking=np.arange(1, 31),
        feature_names=np.array(names, dtype=object),
    )
    figure, ax = plt.subplots(figsize=figsize, layout="constrained")
    display = FeaturePathDisplay.from_path(path).plot(ax)
    figure.canvas.draw()
    labels = display.names_axis_.get_xticklabels()
    assert [label.get_text() for label in labels] == names[: len(labels)]
    assert 2 <= len(labels) <= 10 and (len(labels) == 10) == (figsize[0] == 12)
    # Parallel lines, that far from each other.
    slope = np.sin(np.deg2rad(labels[0].get_rotation()))
    distances = slope * -np.diff([label.get_window_extent().x0 for label in labels])
    assert distances.min() > labels[0].get_fontsize() * figure.dpi / 72
