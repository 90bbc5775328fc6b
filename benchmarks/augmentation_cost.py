"""What augmentation costs, as Markdown tables.

    OMP_NUM_THREADS=1 python benchmarks/augmentation_cost.py

Everything that is compared is timed in turn, round after round, and the best round
counts: on a machine with other work, ratios hold where times do not.
"""

import time

import numpy as np
from scipy import ndimage

from skreg.augmentation import (
    CutMix,
    FeatureDropout,
    GaussianNoise,
    Mixup,
    RandomAffine,
    SwapNoise,
    prepare_augmentation,
)
from skreg.augmentation._warps import WARPS_PER_BLOCK

N_ROUNDS = 60
AFFINE = dict(image_shape=(28, 28), rotate=15, scale=0.12, translate=0.1)
TABLES = [GaussianNoise(), SwapNoise(), FeatureDropout(), Mixup(), CutMix()]
# Features, hidden units, rows a minibatch.
SHAPES = [(20, 100, 200), (50, 100, 200), (50, 256, 200), (617, 100, 200)]


def race(competitors, n_rounds=N_ROUNDS):
    """Best time of each of a dict of functions, in microseconds."""
    best = dict.fromkeys(competitors, np.inf)
    for _ in range(n_rounds):
        for name, function in competitors.items():
            # Once to fetch its data into the cache, as a training loop would have.
            function()
            start = time.perf_counter()
            function()
            best[name] = min(best[name], time.perf_counter() - start)
    return {name: 1e6 * seconds for name, seconds in best.items()}


class TrainingStep:
    """One step of Adam for a network with one hidden layer, in lean NumPy.

    relu and softmax, preallocated buffers, all parameters in one vector: what an
    augmentation has to be cheap against.
    """

    def __init__(self, n_features, n_hidden, n_classes, n_rows, dtype, rng):
        shapes = [(n_features + 1, n_hidden), (n_hidden + 1, n_classes)]
        sizes = [a * b for a, b in shapes]
        self.parameters = rng.normal(size=sum(sizes)).astype(dtype) * 0.1
        self.gradient, self.m, self.v, self.work = np.zeros((4, sum(sizes)), dtype)
        cut = sizes[0]
        self.W = [
            part.reshape(shape)
            for part, shape in zip(
                np.split(self.parameters, [cut]), shapes, strict=True
            )
        ]
        self.dW = [
            part.reshape(shape)
            for part, shape in zip(np.split(self.gradient, [cut]), shapes, strict=True)
        ]
        # A constant input stands for the bias.
        self.inputs = np.ones((n_rows, n_features + 1), dtype)
        self.hidden = np.ones((n_rows, n_hidden + 1), dtype)
        self.out = np.empty((n_rows, n_classes), dtype)
        self.delta = np.empty((n_rows, n_hidden), dtype)

    def __call__(self, X, Y):
        self.inputs[:, :-1] = X
        hidden, out = self.hidden[:, :-1], self.out
        np.matmul(self.inputs, self.W[0], out=hidden)
        np.maximum(hidden, 0, out=hidden)
        np.matmul(self.hidden, self.W[1], out=out)
        out -= out.max(axis=1, keepdims=True)
        np.exp(out, out=out)
        out /= out.sum(axis=1, keepdims=True)
        out -= Y
        out /= len(X)
        np.matmul(self.hidden.T, out, out=self.dW[1])
        np.matmul(out, self.W[1][:-1].T, out=self.delta)
        self.delta *= hidden > 0
        np.matmul(self.inputs.T, self.delta, out=self.dW[0])
        self.adam(self.gradient, self.m, self.v, self.work)

    def adam(self, gradient, m, v, work):
        m *= 0.9
        np.multiply(gradient, 0.1, out=work)
        m += work
        v *= 0.999
        np.multiply(gradient, gradient, out=work)
        work *= 0.001
        v += work
        np.sqrt(v, out=work)
        work += 1e-8
        np.divide(m, work, out=work)
        work *= 1e-3
        self.parameters -= work


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


def tables_table(rng):
    """Augmentations of a minibatch as fractions of the training step they feed."""
    names = [type(augmentation).__name__ for augmentation in TABLES]
    print("| features, hidden, rows | dtype | step, us |", " | ".join(names), "|")
    print("|---" * (3 + len(names)) + "|")
    for n_features, n_hidden, n_rows in SHAPES:
        for dtype in (np.float32, np.float64):
            X = rng.normal(size=(n_rows, n_features)).astype(dtype)
            Y = np.eye(10, dtype=dtype)[rng.integers(10, size=n_rows)]
            step = TrainingStep(n_features, n_hidden, 10, n_rows, dtype, rng)
            competitors = {"step": lambda step=step, X=X, Y=Y: step(X, Y)}
            for augmentation in TABLES:
                prepared = prepare_augmentation(augmentation, X, Y)
                competitors[repr(augmentation)] = lambda X=X, Y=Y, a=prepared: a(
                    X, Y, None, rng
                )
            training, *others = race(competitors).values()
            fractions = " | ".join(f"{other / training:.2f}" for other in others)
            print(
                f"| {n_features}, {n_hidden}, {n_rows} | {np.dtype(dtype)} | "
                f"{training:.0f} | {fractions} |"
            )


if __name__ == "__main__":
    generator = np.random.default_rng(0)
    print(f"## {images_table.__doc__}\n")
    images_table(generator)
    print(f"\n## {tables_table.__doc__}\n")
    tables_table(generator)
