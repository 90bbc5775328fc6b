"""A scorer by which tests see what training does, epoch by epoch."""


class Recorder:
    """A scorer that notes what it is given: rows, labels, weights and parameters.

    Parameters
    ----------
    scores : list of float, default=None
        What to return, the last one for ever; minus the calls so far where None.
    """

    def __init__(self, scores=None):
        self.scores = scores
        self.X, self.y, self.sample_weight, self.parameters = [], [], [], []

    def __call__(self, estimator, X, y, sample_weight=None):
        self.X.append(X.copy())
        self.y.append(y.copy())
        self.sample_weight.append(sample_weight)
        arrays = estimator.coefs_ + estimator.intercepts_
        self.parameters.append([array.copy() for array in arrays])
        if self.scores is None:
            return -float(len(self.y))
        return self.scores[min(len(self.y), len(self.scores)) - 1]
