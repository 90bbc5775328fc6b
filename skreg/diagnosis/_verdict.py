r"""From errors to a verdict.

The *avoidable* error is the validation error minus the reference error, which is
`target_error` or the least validation error of all that was tried. It has two parts,

    avoidable = (training error - reference) + (validation error - training error).

The first part gets smaller when the training rows are learned better. The second part,
the *gap*, gets smaller when less is learned that is true of the training rows alone. A
gap that is a large part of the error of a constant is high variance even if no change
reduces it.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["Verdict", "judge"]

# These numbers were chosen on seeds below 20 of the generator in
# benchmarks/diagnosis.py, which reports results on other seeds.
# The avoidable error matters if it is above this share of the validation error ...
_OF_ERROR = 0.25
# ... and above this share of what can be learned at all.
_OF_LEARNABLE = 0.05
# An uncertain avoidable error above this share of what can be learned makes the verdict
# inconclusive.
_LARGE = 0.15
# A difference is certain if it exceeds so many standard errors.
_SURE = 2.0
# The verdict is high variance if the training error has a smaller share of the
# avoidable error than this, and high bias if it has more than one minus this. In
# between, the changes that helped decide.
_MINOR_SHARE = 0.3
# A certain gap above this share of the constant's error is high variance in any case.
_WIDE_GAP = 0.3


@dataclass
class Verdict:
    """The verdict on an estimator, and the numbers that it rests on.

    Attributes
    ----------
    name : str
        "high bias", "high variance", "high bias and high variance", "neither" or
        "inconclusive".
    avoidable, avoidable_se : float
        The avoidable error and its standard error.
    bias_share : float
        The share of the avoidable error that the training error has already.
    """

    name: str
    avoidable: float
    avoidable_se: float
    bias_share: float

    def names(self, part):
        """Whether the verdict says that a part, "bias" or "variance", is high."""
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
        The aims of the changes that surely lowered the validation error. They decide if
        both parts of the avoidable error are large.

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
        # It is inconclusive if something may well be better, or if nothing beats the
        # constant.
        is_open = matters and avoidable > _LARGE * learnable
        if is_open or not learnable > avoidable_se:
            name = "inconclusive"
    return Verdict(name, avoidable, avoidable_se, float(np.clip(share, 0, 1)))
