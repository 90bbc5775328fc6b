"""What augmentation costs, as Markdown tables.

    python benchmarks/augmentation_cost.py [threads]

Everything that is compared is timed in turn, round after round, in CPU time on one
thread, and the best round counts: on a machine with other work, ratios hold where times
do not. ``threads`` compares wall times with the threads that BLAS takes by default.
"""

import sys
import time
import warnings

import _threads

if __name__ == "__main__":
    _threads.use_one_thread()

import numpy as np
from scipy import ndimage
from sklearn.exceptions import ConvergenceWarning

from skreg import MLPClassifier
from skreg.augmentation import (
    CutMix,
    FeatureDropout,
    GaussianNoise,
    HorizontalFlip,
    Mixup,
    RandomAffine,
    SwapNoise,
)
from skreg.augmentation._warps import WARPS_PER_BLOCK

N_ROUNDS = 60
N_TRAINING_ROUNDS = 10
AFFINE = dict(image_shape=(28, 28), rotate=15, scale=0.12, translate=0.1)
TABLES = [GaussianNoise(), SwapNoise(), FeatureDropout(), Mixup(), CutMix()]
# Features, hidden units, rows a minibatch.
SHAPES = [(20, 100, 200), (50, 100, 200), (50, 256, 200), (617, 100, 200)]


def race(competitors, n_rounds=N_ROUNDS):
    """Least CPU time of each of a dict of functions, in microseconds."""
    best = dict.fromkeys(competitors, np.inf)
    for _ in range(n_rounds):
        for name, function in competitors.items():
            # Once to fetch its data into the cache, as a training loop would have.
            function()
            start = time.process_time()
            function()
            best[name] = min(best[name], time.process_time() - start)
    return {name: 1e6 * seconds for name, seconds in best.items()}


def images_table(rng):
    """Warps of 28 x 28 images: microseconds an image."""
    print(
        "| images | a warp | dtype | palette | own parameters | scipy | own / scipy |"
    )
    print("|---|---|---|---|---|---|---|")
    matrix, offset = np.array([[0.95, 0.2], [-0.2, 0.95]]), 1.0
    for dtype in (np.float32, np.float64):
        for n_images in (32, 64, 128, 200, 256):
            X = rng.random((n_images, 784)).astype(dtype)
            palette = RandomAffine(**AFFINE).prepare(X)
            single = RandomAffine(**AFFINE, palette_size=None).prepare(X)
            times = race(
                {
                    "palette": lambda X=X, a=palette: a(X, None, None, rng),
                    "single": lambda X=X, a=single: a(X, None, None, rng),
                    "scipy": lambda X=X: [
                        ndimage.affine_transform(image, matrix, offset, order=1)
                        for image in X.reshape(-1, 28, 28)
                    ],
                }
            )
            palette, single, scipy = (t / n_images for t in times.values())
            a_warp = min(16, n_images // WARPS_PER_BLOCK)
            print(
                f"| {n_images} | {a_warp} | {np.dtype(dtype)} | {palette:.2f} | "
                f"{single:.1f} | {scipy:.1f} | {single / scipy:.2f} |"
            )


def training_table(rng):
    """Training with an augmentation: what it adds, as a fraction of a step without."""
    names = [type(augmentation).__name__ for augmentation in TABLES]
    print("| features, hidden, rows | dtype | step, us |", " | ".join(names), "|")
    print("|---" * (3 + len(names)) + "|")
    for shape in SHAPES:
        for dtype in (np.float32, np.float64):
            step, fractions = added_cost(shape, dtype, TABLES, rng)
            cells = " | ".join(f"{fraction:.2f}" for fraction in fractions)
            print(
                f"| {', '.join(map(str, shape))} | {np.dtype(dtype)} | {step:.0f} | ",
                end="",
            )
            print(f"{cells} |")
    print(
        "\n| images, hidden, rows | dtype | step, us | RandomAffine | HorizontalFlip |"
    )
    print("|---|---|---|---|---|")
    for dtype in (np.float32, np.float64):
        images = [RandomAffine(**AFFINE), HorizontalFlip((28, 28))]
        step, fractions = added_cost((784, 256, 200), dtype, images, rng)
        cells = " | ".join(f"{fraction:.2f}" for fraction in fractions)
        print(f"| 28 x 28, 256, 200 | {np.dtype(dtype)} | {step:.0f} | {cells} |")


def added_cost(shape, dtype, augmentations, rng):
    """Microseconds of a plain step, and what each augmentation adds, relative to it."""
    n_features, n_hidden, n_rows = shape
    # An epoch of ten minibatches; so many epochs that the rest of a fit is little.
    n_epochs, n_steps = (20, 10) if n_features < 500 else (3, 10)
    X = rng.normal(size=(n_steps * n_rows, n_features)).astype(dtype)
    y = rng.integers(10, size=len(X))

    def training(augmentation):
        network = MLPClassifier(
            (n_hidden,),
            batch_size=n_rows,
            augmentation=augmentation,
            max_iter=n_epochs,
            n_iter_no_change=np.inf,
            random_state=0,
        )
        return lambda: network.fit(X, y)

    competitors = {repr(a): training(a) for a in (None, *augmentations)}
    plain, *others = race(competitors, N_TRAINING_ROUNDS).values()
    return plain / (n_epochs * n_steps), [other / plain - 1 for other in others]


def fit_of(name):
    """A fit of tables with one of the augmentations, to be timed."""
    augmentation = {repr(a): a for a in TABLES}.get(name)
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(2_000, 617)), rng.integers(10, size=2_000)
    network = MLPClassifier(augmentation=augmentation, max_iter=5, random_state=0)
    return lambda: network.fit(X, y)


if __name__ == "__main__" and "threads" in sys.argv[1:]:
    names = ["None", *map(repr, TABLES)]
    pieces = {f"2000 x 617, {name}": (__file__, "fit_of", name) for name in names}
    _threads.print_table(pieces, repeats=5)
elif __name__ == "__main__":
    # Training ends where the measurement says.
    warnings.simplefilter("ignore", ConvergenceWarning)
    generator = np.random.default_rng(0)
    print(f"## {images_table.__doc__}\n")
    images_table(generator)
    print(f"\n## {training_table.__doc__}\n")
    training_table(generator)
