"""Pictures of how much each input matters to the members of an ensemble."""

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import make_regression
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg.ensemble import FoldEnsembleRegressor
from skreg.inspection import FeatureImportancesDisplay

X, Y = make_regression(60, 5, n_informative=2, random_state=0)
FOREST = RandomForestRegressor(3, random_state=0)
IMPORTANCES = np.array([[0.2, 1.0, 0.0], [0.4, 0.8, 0.0], [0.6, 0.6, 0.3]])
NAMES = ["a", "b", "c"]


def ensemble(estimator=FOREST):
    return FoldEnsembleRegressor(estimator, cv=3, random_state=0)


def labels_of(display):
    return [text.get_text() for text in display.ax_.get_yticklabels()]


def test_bars_points_and_spreads(plt):
    _, ax = plt.subplots()
    display = FeatureImportancesDisplay(IMPORTANCES, feature_names=NAMES).plot(ax)
    assert display.ax_ is ax and display.figure_ is ax.figure
    assert display.order.tolist() == [1, 0, 2]
    assert labels_of(display) == ["b", "a", "c"]
    # The first bar is on top.
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    widths = [bar.get_width() for bar in display.bars_]
    np.testing.assert_allclose(widths, [0.8, 0.4, 0.1])
    ends = np.array([line[:, 0] for line in display.spreads_.get_segments()])
    np.testing.assert_allclose(ends.mean(axis=1), widths)
    spread = IMPORTANCES.std(axis=0)[display.order]
    np.testing.assert_allclose(ends[:, 1] - ends[:, 0], 2 * spread)
    # A point for each member on the bar of its input.
    points = display.points_.get_offsets()
    assert len(points) == 9
    for place, j in enumerate(display.order):
        own = points[points[:, 1] == place, 0]
        np.testing.assert_array_equal(np.sort(own), np.sort(IMPORTANCES[:, j]))
    assert ax.get_title().startswith("mean of 3 members")
    # Nothing is below zero, so that the axis begins there.
    assert ax.get_xlim()[0] == 0
    negative = FeatureImportancesDisplay(IMPORTANCES - 0.5).plot()
    assert negative.ax_.get_xlim()[0] < -0.5
    assert labels_of(negative) == ["x1", "x0", "x2"]


def test_the_mean_and_no_single_member_gives_the_order(plt):
    importances = np.array([[1.0, 0.6, 0.3, 0.5], [0.0, 0.6, 0.3, 0.5]])
    display = FeatureImportancesDisplay(importances).plot()
    # Equal means are in the order of the columns.
    assert display.order.tolist() == [1, 0, 3, 2]
    assert labels_of(display) == ["x1", "x0", "x3", "x2"]


def test_the_largest_are_shown(plt):
    display = FeatureImportancesDisplay(IMPORTANCES, feature_names=NAMES)
    display.plot(max_features=2)
    assert labels_of(display) == ["b", "a"] and len(display.bars_) == 2
    assert "the first 2 of 3 inputs" in display.ax_.get_title()


def test_the_importances_of_a_fitted_ensemble():
    with pytest.raises(NotFittedError):
        FeatureImportancesDisplay.from_estimator(ensemble())
    fitted = ensemble().fit(X, Y)
    display = FeatureImportancesDisplay.from_estimator(fitted)
    expected = [each.feature_importances_ for each in fitted.estimators_]
    np.testing.assert_array_equal(display.importances, expected)
    assert display.feature_names is None
    named = FeatureImportancesDisplay.from_estimator(fitted, feature_names="abcde")
    assert named.feature_names == "abcde"
    with pytest.raises(ValueError, match="2 names for 5 inputs"):
        FeatureImportancesDisplay.from_estimator(fitted, feature_names=["a", "b"])


def test_names_are_those_of_the_columns_that_models_are_given():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcde"))

    def names_of(estimator):
        fitted = ensemble(estimator).fit(frame, Y)
        return list(FeatureImportancesDisplay.from_estimator(fitted).feature_names)

    assert names_of(FOREST) == names_of(None) == list("abcde")
    assert names_of(make_pipeline(StandardScaler(), FOREST)) == list("abcde")
    selecting = make_pipeline(SelectKBest(f_regression, k=2), FOREST)
    important = FoldEnsembleRegressor(FOREST, cv=3).fit(frame, Y).feature_importances_
    best = {"abcde"[j] for j in np.argsort(important)[-2:]}
    assert set(names_of(selecting)) == best
    assert names_of(TransformedTargetRegressor(FOREST)) == list("abcde")


@pytest.mark.parametrize(
    "wrap",
    [
        lambda inner: make_pipeline(StandardScaler(), inner),
        TransformedTargetRegressor,
        lambda inner: GridSearchCV(inner, {"cv": [2, 3]}, cv=2),
    ],
    ids=["pipeline", "target", "search"],
)
def test_ensembles_inside(wrap):
    fitted = wrap(ensemble()).fit(X, Y)
    display = FeatureImportancesDisplay.from_estimator(fitted)
    assert display.importances.shape[1] == 5


def test_what_has_none():
    with pytest.raises(AttributeError, match="feature_importances_"):
        FeatureImportancesDisplay.from_estimator(ensemble(Ridge()).fit(X, Y))
    for wrong in (Ridge().fit(X, Y), FoldEnsembleRegressor, None):
        with pytest.raises(TypeError, match="has no members with feature importances"):
            FeatureImportancesDisplay.from_estimator(wrong)


def test_long_names_are_in_the_picture(plt):
    names = [f"the logarithm of column {j}" for j in range(30)]
    importances = np.random.default_rng(0).random((4, 30))
    display = FeatureImportancesDisplay(importances, feature_names=names).plot()
    display.figure_.canvas.draw()
    boxes = [text.get_window_extent() for text in display.ax_.get_yticklabels()]
    assert min(box.x0 for box in boxes) >= 0
    # Nor do they cover each other.
    bottoms = sorted(box.y0 for box in boxes)
    assert np.diff(bottoms).min() > 0.8 * boxes[0].height
