"""Tests of authoring: trace (being written)."""
