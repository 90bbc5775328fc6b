"""
When to stop: four criteria on one curve
========================================

Early stopping holds rows out, watches the loss on them and keeps the best epoch. But
when is training over? A curve that rises may fall again. Four criteria answer
differently: they trade the time of training for the risk of having stopped too early.
"""

# %%
# A network without an end
# ------------------------
# First a network that is trained to the end, whatever the validation rows say:
# ``n_iter_no_change=np.inf`` never loses patience. It predicts the progression of
# diabetes from ten measurements of 331 patients, which it can learn by heart.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import MLPRegressor
from skreg.inspection import LossCurveDisplay
from skreg.neural_network import (
    GeneralizationLoss,
    Patience,
    ProgressQuotient,
    SuccessiveIncreases,
)

X, y = load_diabetes(return_X_y=True, scaled=False)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)


def fitted(**params):
    """A network with a quarter of the training rows held out, in a pipeline."""
    network = MLPRegressor(
        (100,),
        learning_rate_init=0.0005,
        normalize_y=True,
        early_stopping=True,
        validation_fraction=0.25,
        max_iter=250,
        random_state=0,
        **params,
    )
    return make_pipeline(StandardScaler(), network).fit(X_train, y_train)


endless = fitted(n_iter_no_change=np.inf)

# %%
# Four criteria
# -------------
# The same network, with the same seed, so that all of them walk along the same curve
# and only end at different places.

criteria = {
    "patience of 20 epochs": Patience(n_iter_no_change=20, tol=1e-4),
    "generalization loss of 5 %": GeneralizationLoss(threshold=5),
    "progress quotient of 1": ProgressQuotient(threshold=1, strip_length=5),
    "three rises in a row": SuccessiveIncreases(n_strips=3, strip_length=5),
}
models = {
    name: fitted(stopping_criterion=criterion) for name, criterion in criteria.items()
}

print(f"{'criterion':<28} ended after  kept epoch  test R2  stop_reason_")
for name, model in {**models, "none": endless}.items():
    network = model[-1]
    print(
        f"{name:<28} {network.n_iter_:11}  {network.best_iter_:10}  "
        f"{model.score(X_test, y_test):7.3f}  {network.stop_reason_}"
    )

# %%
# The picture
# -----------
# :class:`~skreg.inspection.LossCurveDisplay` draws the two curves of the endless
# network and its best epoch. Each criterion ends training at its mark. The loss on
# training rows falls on and on, while that on validation rows has its minimum within
# ten epochs. All four have passed it when they end, and so keep the same epoch; but one
# of them needs ten times as many epochs as another to be sure.

figure, ax = plt.subplots(figsize=(8.5, 4.5), layout="constrained")
display = LossCurveDisplay.from_estimator(endless).plot(ax=ax)
losses = endless[-1].validation_loss_curve_
markers = ["o", "s", "D", "^"]
for (name, model), marker in zip(models.items(), markers, strict=True):
    end = model[-1].n_iter_
    ax.plot(
        end,
        losses[end - 1],
        marker,
        color="black",
        markerfacecolor="white",
        markeredgewidth=1.8,
        markersize=9,
        label=f"{name}: ends after {end}",
    )
ax.set_title("Where each criterion ends training")
ax.set(ylabel="loss (half the squared error)", ylim=(0, 2500))
ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
plt.show()

# %%
# To take home: whatever ends training, the best epoch so far is what is kept, so that a
# criterion which waits costs time and nothing else. The default is a patience of 100
# epochs, because to stop too early is what costs accuracy.
