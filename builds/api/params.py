"""Bounds of the numbers of bodies."""

from builds.contract.fields import INT32

__all__ = ["INT32"]
