"""Decorators of scikit-learn with types, through which a method keeps its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sklearn.utils import metaestimators

__all__ = ["available_if"]

Method = TypeVar("Method", bound=Callable[..., Any])


def available_if(check: Callable[[Any], Any]) -> Callable[[Method], Method]:
    """Decorate a method that an object has only if ``check(object)`` is true."""
    return metaestimators.available_if(check)
