"""Several augmentations as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Self

from ._base import (
    BaseAugmentation,
    accepts_sparse,
    check_augmentation,
    learns_from_rows,
    prepare_augmentation,
)


class Compose(BaseAugmentation):
    """Apply augmentations one after the other.

    Parameters
    ----------
    transforms : list of augmentations
        The augmentations ("members"), which are applied in this order. Plain callables
        of the same form are accepted too.

    Notes
    -----
    Every member is prepared on the training rows themselves, not on rows that the
    members before it have augmented.

    As in :func:`~sklearn.pipeline.make_pipeline`, the name of a member is that of its
    class in lower case, so a grid can vary ``augmentation__mixup__alpha``. Members of
    the same class are numbered: ``mixup-1``, ``mixup-2``.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.augmentation import Compose, GaussianNoise, Mixup
    >>> both = Compose([Mixup(alpha=0.4), GaussianNoise(sigma=0.05)])
    >>> both.set_params(mixup__alpha=0.2)
    Compose(transforms=[Mixup(), GaussianNoise(sigma=0.05)])
    >>> X, Y = np.random.default_rng(0).normal(size=(6, 3)), np.eye(6)
    >>> X_new, Y_new, _ = both(X, Y, None, np.random.default_rng(0))
    >>> Y_new.sum(axis=1).round(6).tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """

    _parameter_constraints: dict = {"transforms": [list, tuple]}

    def __init__(self, transforms: Sequence[Any]) -> None:
        self.transforms = transforms

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters of this augmentation and, if `deep`, of its members.

        Parameters
        ----------
        deep : bool, default=True
            Whether the members and their parameters are included.

        Returns
        -------
        dict of str to object
        """
        params = {"transforms": self.transforms}
        if deep:
            for name, member in self._named_members():
                params[name] = member
                if hasattr(member, "get_params"):
                    for key, value in member.get_params(deep=True).items():
                        params[f"{name}__{key}"] = value
        return params

    def set_params(self, **params: Any) -> Self:
        """Set `transforms`, a member by its name, or parameters of members.

        Parameters
        ----------
        **params : dict
            The values by the names that `get_params` returns.

        Returns
        -------
        self : object
        """
        if "transforms" in params:
            self.transforms = params.pop("transforms")
        for position, (name, _) in enumerate(self._named_members()):
            if name in params:
                members = list(self.transforms)
                members[position] = params.pop(name)
                self.transforms = members
        # The base class sets parameters of members (member__parameter); it raises an
        # error that names any other.
        return super().set_params(**params)

    def _named_members(self):
        if not isinstance(self.transforms, (list, tuple)):
            return []
        names = [_name(member) for member in self.transforms]
        counts, seen = Counter(names), Counter()
        for i, name in enumerate(names):
            if counts[name] > 1:
                seen[name] += 1
                names[i] = f"{name}-{seen[name]}"
        return list(zip(names, self.transforms, strict=True))

    def _learn(self, X, Y):
        self.transforms_ = [
            prepare_augmentation(check_augmentation(member, f"transforms[{i}]"), X, Y)
            for i, member in enumerate(self.transforms)
        ]

    def _trace(self, X, Y, sample_weight, rng):
        all_mixings = ()
        for member in self.transforms_:
            X, Y, sample_weight, mixings = member.trace(X, Y, sample_weight, rng)
            all_mixings += mixings
        return X, Y, sample_weight, all_mixings

    def _learns_from_rows(self):
        return any(learns_from_rows(member) for _, member in self._named_members())

    def _keeps_zeros(self):
        return all(accepts_sparse(member) for _, member in self._named_members())


def _name(member):
    if isinstance(member, BaseAugmentation):
        return type(member).__name__.lower()
    return getattr(member, "__name__", type(member).__name__).lower()
