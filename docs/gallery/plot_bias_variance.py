"""
Bias and variance of a curve
============================

Forty noisy points of a sine wave, again and again: how far is the average fit from the
wave (bias), and how much does the fit change with the points (variance)?

- A **line** misses: all its fits are alike, and wrong.
- A **large network** trained to the end memorizes the noise: right on average, but
  every fit is another one.
- The **same network, regularized**, by an L2 or an L1 penalty, by early stopping or by
  noise added to the inputs (augmentation), gives up a little bias for much less
  variance.
"""

# %%
# Training sets
# -------------
# With simulated data, fresh training sets can be drawn at will. Only they show the bias
# and variance of the definition; from one sample of real data pass
# ``resampling="bootstrap"``, and read its caveats.

import warnings

import matplotlib.pyplot as plt
import numpy as np

from skreg import MLPRegressor
from skreg.augmentation import GaussianNoise
from skreg.diagnosis import bias_variance_decomposition
from skreg.inspection import BiasVarianceDisplay


def wave(X):
    return np.sin(2 / 3 * X[:, 0])


def sample(random_state):
    X = random_state.uniform(-6, 6, size=(40, 1))
    return X, wave(X) + 0.5 * random_state.normal(size=len(X))


X_test = np.linspace(-5.7, 5.7, 100)[:, None]

# %%
# Six models
# ----------
# The network is large for forty points, and trained long.

network = MLPRegressor(
    (30, 30),
    learning_rate_init=0.02,
    batch_size=40,
    max_iter=400,
    n_iter_no_change=np.inf,
    alpha=0.0,
)


def variant(**params):
    return MLPRegressor(**{**network.get_params(), **params})


models = {
    "a line": variant(hidden_layer_sizes=()),
    "a network, unregularized": network,
    "with L2": variant(alpha=0.01),
    "with L1": variant(alpha=0.003, l1_ratio=1.0),
    "with early stopping": variant(
        early_stopping=True, validation_fraction=0.25, n_iter_no_change=100
    ),
    "with noise on the inputs": variant(augmentation=GaussianNoise(sigma=0.15)),
}

# %%
# Twenty-five training sets each; the networks of one model train side by side. Those
# that end at ``max_iter`` raise a warning: here it is on purpose.

results = {}
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    for name, model in models.items():
        results[name] = bias_variance_decomposition(
            model,
            X_test=X_test,
            y_test=wave(X_test),
            resampling=sample,
            n_rounds=25,
            random_state=0,
        )

print(f"{'model':<26}  bias²   variance  sum")
for name, result in results.items():
    print(
        f"{name:<26}  {result.bias:.3f}   {result.variance:.3f}     {result.loss:.3f}"
    )

# %%
# The fits
# --------
# Thin lines are single fits, the thick one is their mean, the dashed one the truth.

figure, axes = plt.subplots(
    2, 3, figsize=(9, 5), sharex=True, sharey=True, layout="constrained"
)
for ax, (name, result) in zip(axes.flat, results.items(), strict=True):
    ax.plot(X_test, result.predictions[:20].T, color="C0", alpha=0.25, linewidth=0.8)
    ax.plot(X_test, result.main_prediction, color="C0", linewidth=2.5)
    ax.plot(X_test, wave(X_test), color="black", linestyle="--")
    ax.set_title(
        f"{name}\nbias² {abs(result.bias):.2f}, variance {result.variance:.2f}"
    )
axes[0, 0].set_ylim(-2, 2)
plt.show()

# %%
# From too flexible to too stiff
# ------------------------------
# The strength of the L2 penalty, from none to all: somewhere in between, the sum is
# least.

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    display = BiasVarianceDisplay.from_estimator(
        variant(max_iter=200),
        param_name="alpha",
        param_range=np.logspace(-4, 1, 6).tolist(),
        X_test=X_test,
        y_test=wave(X_test),
        resampling=sample,
        n_rounds=12,
        random_state=0,
    )
figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
display.plot(ax=ax)
plt.show()

# %%
# To take home: a penalty, early stopping and noise all do the same in different ways.
# They cost little bias where the network is large enough, and how much of them is right
# has to be measured.
