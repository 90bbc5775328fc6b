"""
Which pixels matter
===================

A digit of 8 x 8 pixels has corners that are always white and pixels that its neighbours
explain. The path from all pixels to none finds out how few are enough: the network is
trained on all of them, then a penalty on whole inputs rises, and pixel after pixel
leaves for good.
"""

# %%
# The path
# --------
# Scored on rows that were held out. The selector takes the 20 pixels that leave last
# and trains a network on these alone.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from skreg import MLPClassifier
from skreg.feature_selection import SparseInputSelector, feature_path
from skreg.inspection import FeaturePathDisplay

# The path goes on where the dense fit ends: it need not have converged.
warnings.simplefilter("ignore", ConvergenceWarning)

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X / 16, y, test_size=0.3, stratify=y, random_state=0
)
network = MLPClassifier((100,), learning_rate_init=3e-3, max_iter=60, random_state=0)
path = feature_path(network, X_train, y_train, X_val=X_test, y_val=y_test)
selector = SparseInputSelector(network, n_features_to_select=20)
selector.fit(X_train, y_train)
dense = network.fit(X_train, y_train)
sparse_score = selector.estimator_.score(selector.transform(X_test), y_test)
print(f"all 64 pixels: test accuracy {dense.score(X_test, y_test):.3f}")
print(f"{selector.n_features_} pixels: test accuracy {sparse_score:.3f}")

# %%
# The picture
# -----------
# Left: what fewer pixels cost. Middle: the average digit. Right: the pixels that stay;
# grey ones are not looked at. The borders leave, which are always white, and so do many
# pixels in the middle whose neighbours say the same.

figure, axes = plt.subplots(1, 3, figsize=(10.5, 3.5), layout="constrained")
FeaturePathDisplay.from_path(path, score_name="accuracy").plot(ax=axes[0], max_names=0)
axes[0].set_xlabel("pixels left")
axes[1].imshow(X_train.mean(axis=0).reshape(8, 8), cmap="gray_r")
axes[1].set(xticks=[], yticks=[], title="the average digit")
FeaturePathDisplay.from_estimator(selector).plot_image((8, 8), ax=axes[2])
plt.show()

# %%
# What the network sees
# ---------------------
# The average of each digit, above as it is and below through the pixels that stay. They
# are where digits differ: a human would have a hard time with some of them.

figure, axes = plt.subplots(2, 10, figsize=(10, 2.4), layout="constrained")
for digit, (whole, seen) in enumerate(axes.T):
    average = X_train[y_train == digit].mean(axis=0)
    whole.imshow(average.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
    kept = np.ma.masked_array(average, ~selector.support_).reshape(8, 8)
    seen.set_facecolor("#C6D8E8")
    seen.imshow(kept, cmap="gray_r", vmin=0, vmax=1)
    whole.set_title(digit)
    for ax in (whole, seen):
        ax.set(xticks=[], yticks=[])
axes[0, 0].set_ylabel("all 64")
axes[1, 0].set_ylabel(f"{selector.n_features_} pixels")
plt.show()

# %%
# To take home: the path says how much each number of inputs is worth, and for images it
# shows where the network looks. Less than a third of the pixels costs two in a hundred
# digits here.
