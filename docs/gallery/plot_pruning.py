"""
Pruning and exporting a network
===============================

An L1 penalty makes weights exactly zero, and a unit whose weights are all zero does
nothing. ``prune()`` takes such units out, and ``to_sklearn()`` makes scikit-learn's own
network of what is left. How small does a network get before it gets worse?
"""

# %%
# Networks under stronger and stronger penalties
# ----------------------------------------------
# Digits of 64 pixels, and two layers of hidden units. A third of the images is kept for
# the test.

import pickle
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skreg import MLPClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X / 16, y, test_size=1 / 3, random_state=0, stratify=y
)

alphas = np.array([1e-5, 3e-4, 1e-3, 2e-3, 3e-3, 5e-3])
networks = [
    MLPClassifier(
        (128, 64),
        alpha=alpha,
        l1_ratio=1,
        learning_rate="cosine",
        learning_rate_init=3e-3,
        max_iter=80,
        random_state=0,
    ).fit(X_train, y_train)
    for alpha in alphas
]
pruned = [network.prune(inputs=True) for network in networks]

for alpha, network in zip(alphas, pruned, strict=True):
    print(f"alpha={alpha:g}\n    {network.pruned_}")

# %%
# Nothing was lost
# ----------------
# A pruned network predicts what the whole one predicts. Of the inputs it wants only the
# pixels that some unit reads; ``pruned_.inputs`` says which.

difference = max(
    np.abs(
        small.predict_proba(X_test[:, small.pruned_.inputs])
        - network.predict_proba(X_test)
    ).max()
    for network, small in zip(networks, pruned, strict=True)
)
print(f"largest difference of a probability: {difference:.1e}")

# %%
# The picture
# -----------
# The error of the test images against the number of parameters that are left. Down to
# about two thirds of the parameters the error does not change; below that it rises.

errors = [1 - network.score(X_test, y_test) for network in networks]
sizes = [
    sum(block.size for block in [*network.coefs_, *network.intercepts_])
    for network in pruned
]
whole = sum(block.size for block in [*networks[0].coefs_, *networks[0].intercepts_])

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
thousands = np.divide(sizes, 1000)
left.plot(thousands, np.multiply(100, errors), "o-", color="#0072B2")
left.axvline(whole / 1000, color="0.4", linestyle="--")
left.annotate(
    "before\npruning",
    (whole / 1000, 0.97),
    xycoords=("data", "axes fraction"),
    xytext=(-4, 0),
    textcoords="offset points",
    ha="right",
    va="top",
    color="0.3",
)
for size, error, alpha in zip(thousands, errors, alphas, strict=True):
    left.annotate(
        f"{alpha:g}",
        (size, 100 * error),
        xytext=(6, 3),
        textcoords="offset points",
        fontsize=8,
    )
left.set(
    xlim=(0, None),
    title="Each point is a network, with its alpha",
    xlabel="parameters that are left (thousands)",
    ylabel="wrong test images (%)",
)
left.margins(y=0.15)
units = np.array([small.hidden_layer_sizes for small in pruned])
for layer, colour in enumerate(("#D55E00", "#009E73")):
    right.plot(alphas, units[:, layer], "o-", color=colour, label=f"layer {layer + 1}")
right.set(
    xscale="log",
    title="Units that are left",
    xlabel="alpha",
    ylabel="hidden units",
    ylim=(0, None),
)
right.legend()
plt.show()

# %%
# Export
# ------
# scikit-learn's network of the same function is smaller still, for it keeps nothing to
# go on training with, and whoever loads it needs no skreg. From it skl2onnx makes an
# ONNX graph.

network, small = networks[2], pruned[2]
theirs = small.to_sklearn()
print(f"{type(theirs).__module__}.{type(theirs).__name__}{theirs.hidden_layer_sizes}\n")

for name, model, columns in (
    ("whole", network, slice(None)),
    ("pruned", small, small.pruned_.inputs),
    ("pruned, scikit-learn's", theirs, small.pruned_.inputs),
):
    rows = np.tile(X_test[:, columns], (30, 1))
    started = perf_counter()
    model.predict_proba(rows)
    seconds = perf_counter() - started
    kilobytes = len(pickle.dumps(model)) / 1000
    print(f"{name:23}{kilobytes:7.0f} kB {1000 * seconds:7.0f} ms for {len(rows)} rows")

# %%
# To take home: search ``alpha`` with ``l1_ratio=1``, take the largest one whose error
# you accept, and deploy the pruned network.
