"""
A bad model, diagnosed and mended
=================================

A network reads digits badly. Is it too simple or too flexible, and which of its
parameters should be changed? :func:`~skreg.diagnosis.diagnose` measures that, and tries
the changes that could help.
"""

# %%
# The patient
# -----------
# A network of three hidden units, for ten digits. 400 images are there to train on, and
# the others judge it at the end.

import matplotlib.pyplot as plt
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import MLPClassifier
from skreg.diagnosis import diagnose
from skreg.inspection import BiasVarianceDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=400, stratify=y, random_state=0
)
network = MLPClassifier(
    (3,), early_stopping=True, n_iter_no_change=20, max_iter=100, random_state=0
)
bad = make_pipeline(StandardScaler(), network)

# %%
# The diagnosis
# -------------
# ``diagnose`` cross-validates the model, the model with one change each, and a few
# stronger ones to compare with. The printed report holds what was found.

first = diagnose(bad, X_train, y_train, cv=3, random_state=0)
print(first)

# %%
# The cure
# --------
# The first of the remedies are parameters for ``set_params``. What is left to say of
# the network with them?

mended = clone(bad).set_params(**first.remedies[0].params)
second = diagnose(mended, X_train, y_train, cv=3, random_state=0)
print(second)

test_errors = {}
for name, model in {"before": bad, "after": mended}.items():
    test_errors[name] = 1 - model.fit(X_train, y_train).score(X_test, y_test)
    print(f"test images misread {name}: {test_errors[name]:.1%}")

# %%
# Before and after
# ----------------
# The learning curves of the two diagnoses. Before, the network misreads the very images
# that it was trained on, far above the dashed line, which is what other models reach:
# this is bias, and more images of the same kind would not lower that. After, it reads
# nearly all of them. What is left is a gap, which more images close.

figure, axes = plt.subplots(
    1, 2, figsize=(9, 4), sharex=True, sharey=True, layout="constrained"
)
for ax, name, diagnosis in zip(axes, test_errors, (first, second), strict=True):
    curve = diagnosis.learning_curve
    for key, colour, marker in (
        ("validation_error", "#D55E00", "s"),
        ("train_error", "#0072B2", "o"),
    ):
        label = "on other images" if key == "validation_error" else "on training images"
        ax.plot(
            curve["n_rows"],
            [100 * each for each in curve[key]],
            color=colour,
            marker=marker,
            linewidth=2,
            label=label,
        )
    ax.axhline(
        100 * diagnosis.reference_error, color="0.3", linestyle="--", label="reference"
    )
    units = (bad if name == "before" else mended)[-1].hidden_layer_sizes[0]
    ax.set(
        title=f"{name}: {units} units, {diagnosis.verdict}",
        xlabel="training images",
        ylim=(0, None),
    )
axes[0].set_ylabel("images misread [%]")
axes[1].legend()
plt.show()

# %%
# How many units are enough
# -------------------------
# Bias and variance of networks that are trained on resamples of the images, from one
# hidden unit to a hundred. The bias falls steeply up to some ten units. The variance is
# largest for two or three, where each network finds another way to tell a few digits
# apart. Wide networks do no harm here, because their training stops early; narrow ones
# do.

n_units = [1, 2, 3, 5, 10, 30, 100]
display = BiasVarianceDisplay.from_estimator(
    bad,
    X_train,
    y_train,
    param_name="mlpclassifier__hidden_layer_sizes",
    param_range=[(n,) for n in n_units],
    X_test=X_test,
    y_test=y_test,
    n_rounds=12,
    random_state=0,
)
figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
display.plot(ax=ax)
ax.set_xticks(range(len(n_units)), n_units)
ax.set(xlabel="hidden units", ylabel="share of images misread")
plt.show()
