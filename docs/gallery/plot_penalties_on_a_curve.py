"""
Penalties on a curve
====================

What do penalties do to what a network has learned? On a curve it can be seen. The
progression of diabetes within a year is predicted from the body mass index alone, by a
network that is far too large for the forty patients that it is trained on.

An L2 penalty, an L1 penalty and dropout each make its curve calmer. They differ in what
they leave of the network.
"""

# %%
# Forty patients
# --------------
# scikit-learn's table of diabetes has 442 patients. Forty are trained on; those of the
# others whose index is in the range of the forty say how good a curve is. Each model
# scales the index before the network, and ``normalize_y`` scales the target inside.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import MLPRegressor

X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
X = X[["bmi"]].to_numpy()
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=40, random_state=0)
is_between = (X_test[:, 0] >= X_train.min()) & (X_test[:, 0] <= X_train.max())
X_test, y_test = X_test[is_between], y_test[is_between]
print(f"{len(X_train)} patients to train on, {len(X_test)} to test on")


def fitted(**params):
    """A network with two layers of 50 units, trained for long, with these penalties."""
    network = MLPRegressor(
        (50, 50),
        **{"alpha": 0, **params},
        learning_rate="cosine",
        learning_rate_init=0.01,
        max_iter=1500,
        n_iter_no_change=np.inf,
        normalize_y=True,
        random_state=0,
    )
    return make_pipeline(StandardScaler(), network).fit(X_train, y_train)


# %%
# Three ways to calm a network
# ----------------------------
# Each row of the table is a network, with the share of the variance that it explains of
# the patients it was trained on and of the others, and the share of its weights that
# are exactly zero.

ways = {
    "L2 penalty": [
        ("none", {}),
        ("alpha=0.01", {"alpha": 0.01}),
        ("alpha=0.1", {"alpha": 0.1}),
    ],
    "L1 penalty (l1_ratio=1)": [
        ("none", {}),
        ("alpha=0.001", {"alpha": 0.001, "l1_ratio": 1}),
        ("alpha=0.01", {"alpha": 0.01, "l1_ratio": 1}),
    ],
    "dropout": [
        ("none", {}),
        ("dropout=0.2", {"dropout": 0.2}),
        ("dropout=0.5", {"dropout": 0.5}),
    ],
}
models = {
    way: {label: fitted(**params) for label, params in strengths}
    for way, strengths in ways.items()
}

print(f"{'':<25} {'':<12} training R2  test R2   zeros")
for way, of_way in models.items():
    for label, model in of_way.items():
        print(
            f"{way:<25} {label:<12} {model.score(X_train, y_train):11.2f}  "
            f"{model.score(X_test, y_test):7.2f}  {model[-1].sparsity_:6.1%}"
        )

# %%
# The curves
# ----------
# Grey points are the forty patients. Without a penalty the network runs after single
# patients, which no other patient confirms: it explains most of the training rows and
# less than a good curve of the others. Each of the three ways, if it is strong enough,
# leads to about the same calm curve.

grid = np.linspace(X_train.min(), X_train.max(), 300)[:, None]
figure, axes = plt.subplots(
    1, 3, figsize=(10, 4), sharex=True, sharey=True, layout="constrained"
)
colours = ["#D55E00", "#56B4E9", "#004B75"]
for ax, (way, of_way) in zip(axes, models.items(), strict=True):
    ax.scatter(X_train, y_train, color="0.6", s=18)
    for (label, model), colour in zip(of_way.items(), colours, strict=True):
        score = model.score(X_test, y_test)
        ax.plot(
            grid,
            model.predict(grid),
            color=colour,
            linewidth=2,
            label=f"{label}: test R² {score:.2f}",
        )
    ax.set(title=way, xlabel="body mass index [kg/m²]", ylim=(0, 480))
    ax.set_xticks([20, 25, 30, 35])
    ax.legend(loc="upper left", fontsize="small")
axes[0].set_ylabel("disease progression")
plt.show()

# %%
# What is left of the network
# ---------------------------
# The 50 x 50 weights between the two layers, of the strongest of each kind. L2 makes
# all weights small and none zero. L1 makes nearly all of them exactly zero (white): a
# few units carry the curve, and the others could be cut out of the network. Dropout
# spreads the curve over many units, with large weights in all places.

figure, axes = plt.subplots(1, 4, figsize=(10, 3.2), layout="constrained")
shown = {"no penalty": models["L2 penalty"]["none"]}
for way, of_way in models.items():
    label, model = list(of_way.items())[-1]
    shown[f"{way.split(' (')[0]}, {label}"] = model
for ax, (title, model) in zip(axes, shown.items(), strict=True):
    weights = np.abs(model[-1].coefs_[1])
    # Zeros are masked, so that they are white on the scale of logarithms.
    image = ax.imshow(
        np.ma.masked_equal(weights, 0), cmap="viridis_r", norm="log", vmin=1e-3, vmax=1
    )
    ax.set(xticks=[], yticks=[], xlabel="second layer")
    ax.set_title(
        f"{title}\n{np.count_nonzero(weights)} of {weights.size} weights",
        fontsize="medium",
    )
axes[0].set_ylabel("first layer")
figure.colorbar(image, ax=axes, label="size of the weight", extend="both", shrink=0.8)
plt.show()

# %%
# To take home: a network that is too large does no harm if it is penalized enough, and
# which penalty to choose depends on what it is for. L2 is the usual one, L1 says how
# few weights are enough, and dropout leaves many units that all do a part.
