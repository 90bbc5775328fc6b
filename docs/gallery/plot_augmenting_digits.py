"""
Learning digits from few images
===============================

A digit that is turned by ten degrees or shifted by half a pixel is the same digit. A
network does not know that. :class:`~skreg.augmentation.RandomAffine` tells it, by
changing every image a little, anew in every minibatch. How much is that worth, and for
how many images?
"""

# %%
# What the augmentation does
# --------------------------
# scikit-learn's digits are 8 x 8 pixels. The pixels are divided by 16, all by the same
# number: a scaler of single columns would destroy what an image is. Seven in ten images
# are turned by up to ten degrees, shifted by up to half a pixel and stretched by up to
# a tenth; the others stay as they are.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedShuffleSplit, train_test_split

from skreg import MLPClassifier
from skreg.augmentation import RandomAffine
from skreg.inspection import AugmentationDisplay

X, y = load_digits(return_X_y=True)
X_pool, X_test, y_pool, y_test = train_test_split(
    X / 16, y, test_size=0.4, stratify=y, random_state=0
)
a_little = RandomAffine((8, 8), rotate=10, translate=0.5 / 8, scale=0.1, p=0.7)
much = RandomAffine((8, 8), rotate=15, translate=1 / 8, scale=0.1)

figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
first_of_each = [int(np.argmax(y_pool == digit)) for digit in (0, 2, 3, 5, 8)]
AugmentationDisplay.from_augmentation(
    a_little, X_pool[first_of_each], n_copies=9, random_state=0
).plot(ax=ax, cmap="gray_r")
plt.show()

# %%
# From 20 images to 600
# ---------------------
# For each number of images, networks are trained without and with two augmentations, on
# three draws of images. The test images are never changed. All have the same number of
# updates, and rates that go to zero, so that none depends on when it is stopped.


def accuracy(n_images, augmentation, draw):
    splitter = StratifiedShuffleSplit(1, train_size=n_images, random_state=draw)
    rows, _ = next(splitter.split(X_pool, y_pool))
    network = MLPClassifier(
        (100,),
        augmentation=augmentation,
        batch_size=20,
        learning_rate="cosine",
        learning_rate_init=0.01,
        max_iter=24_000 // n_images,
        n_iter_no_change=np.inf,
        random_state=draw,
    )
    return network.fit(X_pool[rows], y_pool[rows]).score(X_test, y_test)


sizes = [20, 40, 80, 160, 320, 640]
curves = {
    name: np.array(
        [[accuracy(size, each, draw) for draw in range(3)] for size in sizes]
    )
    for name, each in {
        "as they are": None,
        "changed a little": a_little,
        "changed much": much,
    }.items()
}
print("images", *(f"{name:>17}" for name in curves))
for i, size in enumerate(sizes):
    print(f"{size:6}", *(f"{curve[i].mean():17.3f}" for curve in curves.values()))

# %%
# The picture
# -----------
# Points are single draws, lines their means. To change the images a little is worth
# something at all sizes. To change them much, always and by up to a whole pixel, is
# worth even more for twenty images, and does harm where there are hundreds: on these
# small images, it then blurs what the network could have learned from the images.

figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
for (name, scores), colour, marker in zip(
    curves.items(), ["#0072B2", "#D55E00", "#009E73"], "os^", strict=True
):
    errors = 100 * (1 - scores)
    ax.plot(sizes, errors.mean(axis=1), color=colour, linewidth=2, label=name)
    for size, of_size in zip(sizes, errors, strict=True):
        ax.plot([size] * 3, of_size, marker, color=colour, alpha=0.4, markersize=4)
ax.set(
    xscale="log",
    yscale="log",
    xlabel="training images",
    ylabel="test images misread [%]",
)
ax.set_xticks(sizes, [str(size) for size in sizes])
ax.set_xticks([], minor=True)
ticks = [2, 5, 10, 20, 40]
ax.set_yticks(ticks, [str(tick) for tick in ticks])
ax.set_yticks([], minor=True)
ax.legend(title="training images are")
plt.show()

# %%
# To take home: what a network cannot know from few images, an augmentation can tell it.
# How far images may be turned and shifted depends on them and on their number. It is a
# parameter like others, and worth a search.
