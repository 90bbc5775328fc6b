"""What is printed of public objects fits on a screen."""

import re

import numpy as np
import pytest
from sklearn.datasets import load_iris

import skreg
from skreg import MLPClassifier, MLPRegressor, MLPRegressorCV
from skreg._utils.presentation import SITE
from skreg.augmentation import (
    AugmentingResampler,
    Compose,
    CutMix,
    Mixing,
    Mixup,
    RandomAffine,
    ResampledClassifier,
    SwapNoise,
    prepare_augmentation,
)
from skreg.ensemble import FoldEnsembleClassifier
from skreg.feature_selection import SparseInputSelector, StabilitySelection
from skreg.inspection import AugmentationDisplay, LossCurveDisplay, PenaltyGridDisplay
from skreg.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
)
from skreg.neural_network import (
    GeneralizationLoss,
    Patience,
    ProgressQuotient,
    SuccessiveIncreases,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# A screen, about.
MOST_LINES = 20

X, Y = np.arange(600.0).reshape(100, 6), np.eye(4)[np.arange(100) % 4]
LONG = np.geomspace(1e-5, 10, 900)
NETWORK = MLPClassifier(
    (100,) * 50,
    class_weight={label: 1.0 for label in range(500)},
    feature_groups=np.arange(900),
    augmentation=Compose([SwapNoise(one_hot_groups=[np.arange(90)] * 9), Mixup()]),
)
GRID = {"alpha": LONG, "hidden_layer_sizes": [(100,) * 3] * 40}
SEARCHES = (
    GridSearchCV,
    RandomizedSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
)


@pytest.mark.parametrize(
    "shown",
    [
        NETWORK,
        MLPRegressor(feature_groups=LONG.reshape(300, 3)),
        *(search(NETWORK, GRID) for search in SEARCHES),
        *(search(MLPRegressor(), [{"alpha": LONG}] * 20) for search in SEARCHES),
        SparseInputSelector(NETWORK),
        StabilitySelection(NETWORK),
        FoldEnsembleClassifier(NETWORK),
        MLPRegressorCV([{"alpha": LONG}] * 20),
        ResampledClassifier(NETWORK, AugmentingResampler(CutMix())),
        AugmentingResampler(Mixup(), sampling_strategy=dict(enumerate(LONG))),
        CutMix(one_hot_groups=[np.arange(90)] * 20),
        RandomAffine((8, 8)).prepare(np.ones((5, 64))),
        Mixing(np.arange(900), LONG),
        prepare_augmentation(Compose([Mixup(), SwapNoise()]), X, Y),
        Patience(3, 0.1),
        GeneralizationLoss(),
        ProgressQuotient(),
        SuccessiveIncreases(),
    ],
    ids=lambda shown: type(shown).__name__,
)
def test_fits_on_a_screen(shown):
    text = str(shown)
    assert len(text.splitlines()) <= MOST_LINES, text
    assert len("".join(text.split())) < 1500
    assert type(shown).__name__ in text.splitlines()[0]
    assert " object at 0x" not in text


def test_nested_estimators_have_lines_of_their_own():
    text = str(GridSearchCV(MLPClassifier(alpha=0.1, beta_1=0.5, tol=0.1), GRID))
    assert text.startswith(
        "GridSearchCV(estimator=MLPClassifier(alpha=0.1, beta_1=0.5,"
    )
    assert text.splitlines()[1].strip().startswith("param_grid=")


def test_fitted_ones_print_as_before():
    X, y = load_iris(return_X_y=True)
    search = GridSearchCV(MLPClassifier((3,), max_iter=2), {"alpha": [0.1, 1.0]}, cv=2)
    before = repr(search)
    assert repr(search.fit(X, y)) == before
    for display in (
        LossCurveDisplay.from_estimator(search.best_estimator_),
        PenaltyGridDisplay.from_estimator(search),
        AugmentationDisplay.from_augmentation(Mixup(), X, image_shape=(2, 2)),
    ):
        assert len(repr(display)) < 100


def test_the_settings_of_numpy_stay():
    before = np.get_printoptions()
    repr(GridSearchCV(NETWORK, GRID))
    assert np.get_printoptions() == before


def test_the_modules_are_short_as_well():
    assert all(len(repr(getattr(skreg, name))) < 200 for name in skreg.__all__)


@pytest.mark.parametrize(
    "estimator",
    [
        MLPClassifier(alpha=0.1),
        ResampledClassifier(MLPClassifier(alpha=0.1), AugmentingResampler(Mixup())),
        GridSearchCV(MLPRegressor(), {"alpha": [0.1]}),
    ],
    ids=["network", "resampled", "search"],
)
def test_links_lead_to_what_is_there(estimator):
    html = estimator._repr_html_()
    page = rf"{SITE}api/generated/skreg\.[\w.]+\.html"
    assert re.search(page, html)
    # Newer versions of scikit-learn link parameters to their texts in that page.
    texts = re.findall(r'href="([^"#]+)#:~:text=', html)
    assert all(re.fullmatch(page, address) for address in texts)
    assert "alpha" in html
