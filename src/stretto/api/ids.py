"""Ids of runs."""

from __future__ import annotations

import os

__all__ = ["new_run_id"]


def new_run_id() -> str:
    """12 hexadecimal digits, at random."""
    return os.urandom(6).hex()
