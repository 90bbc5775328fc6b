"""The picture of an augmentation."""

import subprocess
import sys

import numpy as np
import pytest

from skreg.augmentation import HorizontalFlip, Mixup
from skreg.inspection._augmentation import AugmentationDisplay

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")


@pytest.fixture
def close_figures():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


@pytest.fixture
def X():
    return np.random.default_rng(0).random((3, 20))


def test_matplotlib_is_imported_only_to_plot():
    # scikit-learn itself imports pandas where there is one.
    code = (
        "import sys, skreg.augmentation, skreg.inspection._augmentation as i;"
        "assert not {'matplotlib', 'imblearn', 'polars'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_holds_originals_and_copies(X):
    flip = HorizontalFlip((4, 5), p=1.0)
    display = AugmentationDisplay.from_augmentation(flip, X, n_copies=2)
    np.testing.assert_array_equal(display.originals, X.reshape(3, 4, 5))
    assert display.copies.shape == (2, 3, 4, 5)
    for copy in display.copies:
        np.testing.assert_array_equal(copy, display.originals[:, :, ::-1])


def test_random_state(X):
    def copies(seed):
        return AugmentationDisplay.from_augmentation(
            Mixup(alpha=1.0), X, image_shape=(4, 5), random_state=seed
        ).copies

    np.testing.assert_array_equal(copies(0), copies(0))
    assert not np.array_equal(copies(0), copies(1))
    assert not np.array_equal(copies(0)[0], copies(0)[1])


@pytest.mark.parametrize("channels", [(), (1,), (4,)])
def test_grid(channels, close_figures):
    X = np.random.default_rng(0).random((3, int(np.prod((4, 5, *channels)))))
    flip = HorizontalFlip((4, 5, *channels), p=1.0)
    display = AugmentationDisplay.from_augmentation(flip, X, n_copies=2)
    assert display.plot(gap=2) is display
    grid = display.image_.get_array()
    assert grid.shape[:2] == (3 * 4 + 2 * 2, 3 * 5 + 6 + 2)
    if channels != (4,):
        images = display.originals.reshape(3, 4, 5)
        np.testing.assert_array_equal(grid[6:10, :5], images[1])
        np.testing.assert_array_equal(grid[12:, 18:], images[2, :, ::-1])
        assert grid.mask[4:6].all()
        assert grid.mask[:, 5:11].all()
        assert not grid.mask[:4, 11:16].any()


def test_plots_into_given_axes(X, close_figures):
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots()
    display = AugmentationDisplay.from_augmentation(HorizontalFlip((4, 5)), X)
    display.plot(ax=ax, cmap="viridis")
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert display.image_.get_cmap().name == "viridis"


def test_wrong_shapes(X):
    with pytest.raises(ValueError, match="'image_shape' parameter is needed"):
        AugmentationDisplay.from_augmentation(Mixup(), X)
    with pytest.raises(ValueError, match="stands for 16 values an image"):
        AugmentationDisplay.from_augmentation(Mixup(), X, image_shape=(4, 4))
