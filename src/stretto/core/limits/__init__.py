"""Arithmetic of named permits; time comes in as an argument, nothing here waits."""

from stretto.core.limits.budget import Budget
from stretto.core.limits.pools import Pools, Token

__all__ = ["Budget", "Pools", "Token"]
