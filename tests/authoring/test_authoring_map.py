"""Tests of authoring: map (being written)."""
