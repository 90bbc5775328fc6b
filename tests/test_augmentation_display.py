"""The picture of an augmentation."""

import subprocess
import sys

import numpy as np
import pytest

from skreg.augmentation import (
    Compose,
    GaussianNoise,
    HorizontalFlip,
    Mixup,
    RandomErasing,
)
from skreg.inspection import AugmentationDisplay

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")


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


@pytest.mark.parametrize(
    "augmentation",
    [
        Compose([HorizontalFlip((4, 5)), Mixup()]),
        Compose([GaussianNoise(), RandomErasing((4, 5))]),
        Compose([Mixup(), Compose([lambda *args: args[:3], HorizontalFlip((4, 5))])]),
    ],
)
def test_the_shape_is_that_of_a_member(X, augmentation):
    display = AugmentationDisplay.from_augmentation(augmentation, X)
    assert display.originals.shape == (3, 4, 5)


def test_a_handful_of_images_is_shown():
    X = np.arange(400.0).reshape(20, 20)
    mixup = Mixup(alpha=1.0)

    def rows(**kwargs):
        display = AugmentationDisplay.from_augmentation(
            mixup, X, image_shape=(4, 5), **kwargs
        )
        assert display.copies.shape[1:] == display.originals.shape
        return (display.originals[:, 0, 0] / 20).tolist()

    assert rows() == [0, 4, 8, 11, 15, 19]
    assert rows(n_images=2) == [0, 19]
    assert rows(n_images=1) == [0]
    assert rows(n_images=None) == rows(n_images=30) == list(range(20))
    assert rows(y=np.arange(20.0), n_images=2) == [0, 19]


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_the_images_that_are_shown_keep_their_targets(n_outputs):
    def add_target(X, Y, sample_weight, rng):
        assert Y.shape == (3, n_outputs)
        return X + Y[:, :1], Y, sample_weight

    X, y = np.zeros((20, 20)), np.arange(20.0)
    y = y if n_outputs == 1 else np.stack([y, -y], axis=1)
    display = AugmentationDisplay.from_augmentation(
        add_target, X, y, image_shape=(4, 5), n_images=3, n_copies=1
    )
    assert display.copies[0, :, 0, 0].tolist() == [0, 10, 19]


def test_all_rows_are_learned_from_whatever_is_shown():
    X = np.zeros((20, 20))
    X[7:13] = np.random.default_rng(0).normal(size=(6, 20))
    display = AugmentationDisplay.from_augmentation(
        GaussianNoise(1.0), X, image_shape=(4, 5), n_images=2
    )
    assert display.copies.any()


def test_the_training_rows_that_are_given_are_learned_from(X):
    display = AugmentationDisplay.from_augmentation(
        GaussianNoise(1.0), X, image_shape=(4, 5), X_train=np.ones((4, 20))
    )
    # Constant columns get no noise.
    np.testing.assert_array_equal(display.copies[0], display.originals)


def test_what_is_written_into_a_minibatch_is_not_written_into_the_originals(X):
    def darken(images, Y, sample_weight, rng):
        images *= 0.5
        return images, Y, sample_weight

    before = X.copy()
    display = AugmentationDisplay.from_augmentation(darken, X, image_shape=(4, 5))
    np.testing.assert_array_equal(X, before)
    np.testing.assert_array_equal(display.originals, before.reshape(3, 4, 5))
    np.testing.assert_array_equal(display.copies, [display.originals / 2] * 5)


def test_the_target_of_the_images_is_not_that_of_the_training_rows(X):
    class Centred:
        def prepare(self, X, Y):
            assert Y is None or len(X) == len(Y)
            return lambda X, Y, sample_weight, rng: (X + Y, Y, sample_weight)

        def __call__(self, X, Y, sample_weight, rng):
            raise AssertionError("it was not prepared")

    y = np.arange(3.0)
    for X_train in (None, np.ones((7, 20))):
        display = AugmentationDisplay.from_augmentation(
            Centred(), X, y, image_shape=(4, 5), X_train=X_train
        )
        expected = display.originals + y[:, None, None]
        np.testing.assert_array_equal(display.copies[0], expected)


def test_colours_span_the_range_of_the_originals(plt):
    originals = np.linspace(-1, 3, 12).reshape(1, 3, 4)
    display = AugmentationDisplay(originals, 9 * originals[None]).plot()
    assert display.image_.get_clim() == (-1, 3)
    colours = np.stack([originals] * 3, axis=-1)
    grid = AugmentationDisplay(colours, 9 * colours[None]).plot(gap=0).image_
    np.testing.assert_allclose(grid.get_array()[:, :4], (colours[0] + 1) / 4)


def test_random_state(X):
    def copies(seed):
        return AugmentationDisplay.from_augmentation(
            Mixup(alpha=1.0), X, image_shape=(4, 5), random_state=seed
        ).copies

    np.testing.assert_array_equal(copies(0), copies(0))
    assert not np.array_equal(copies(0), copies(1))
    assert not np.array_equal(copies(0)[0], copies(0)[1])


@pytest.mark.parametrize("channels", [(), (1,), (4,)])
def test_grid(channels, plt):
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


def test_plots_into_given_axes(X, plt):
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
