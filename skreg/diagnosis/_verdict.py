r"""From errors to a verdict.

What could be gained is *avoidable*: the validation error minus that of the reference,
which is `target_error` or the least validation error that anything tried reached. It
has two parts,

    avoidable = (training error - reference) + (validation error - training error),

the first met by learning the training rows better, the second, the *gap*, by learning
less that is true of the training rows alone. A gap that is a large part of the error of
a constant is high variance even where nothing tried reduces it.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["Verdict", "judge"]

# Set on seeds below 20 of the generator in benchmarks/diagnosis.py, reported on others.
# What is avoidable matters from this share of the validation error ...
_OF_ERROR = 0.25
# ... and from this one of what can be learned at all.
_OF_LEARNABLE = 0.05
# From there, an avoidable error that is not sure is worth saying so.
_LARGE = 0.15
# Standard errors that a difference must exceed.
_SURE = 2.0
# If the training error's share of what is avoidable is less, the verdict is high
# variance; if it is more than one minus this, high bias; else what the changes say.
_MINOR_SHARE = 0.3
# A gap above this share of the constant's error is high variance whatever else.
_WIDE_GAP = 0.3


@dataclass
class Verdict:
    """What is the matter.

    Attributes
    ----------
    name : str
        "high bias", "high variance", "high bias and high variance", "neither" or
        "inconclusive".
    avoidable, avoidable_se : float
    bias_share : float
        Share of the avoidable error that is in the training error already.
    """

    name: str
    avoidable: float
    avoidable_se: float
    bias_share: float

    def names(self, part):
        """Whether it says that "bias" or "variance" is high."""
        return part in self.name


def judge(
    train, validation, reference, baseline, avoidable_se, gap_se, helpful=frozenset()
):
    """The verdict on mean errors.

    Parameters
    ----------
    train, validation, reference, baseline : float
        Errors; `baseline` is that of a constant prediction.
    avoidable_se, gap_se : float
        Standard errors of ``validation - reference`` and of ``validation - train``.
    helpful : set of {"bias", "variance"}
        What the changes are aimed at that surely lowered the validation error. They
        decide where both parts are large.

    Returns
    -------
    Verdict
    """
    avoidable, gap = validation - reference, validation - train
    learnable = baseline - min(reference, validation)
    share = (train - reference) / avoidable if avoidable > 0 else 0.0
    matters = avoidable > max(_OF_ERROR * validation, _OF_LEARNABLE * learnable)
    is_sure = avoidable > _SURE * avoidable_se
    has_wide_gap = gap > max(_WIDE_GAP * baseline, _SURE * gap_se)
    has_bias = matters and is_sure and share > _MINOR_SHARE
    has_variance = matters and is_sure and share < 1 - _MINOR_SHARE
    if has_bias and has_variance and len(helpful) == 1:
        has_bias, has_variance = "bias" in helpful, "variance" in helpful
    has_variance = has_variance or has_wide_gap
    named = (("high bias", has_bias), ("high variance", has_variance))
    names = [name for name, is_so in named if is_so]
    name = " and ".join(names) or "neither"
    if not names:
        # Either something may well be better, or nothing beats the constant.
        is_open = matters and avoidable > _LARGE * learnable
        if is_open or not learnable > avoidable_se:
            name = "inconclusive"
    return Verdict(name, avoidable, avoidable_se, float(np.clip(share, 0, 1)))
