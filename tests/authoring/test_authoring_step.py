"""Tests of authoring: step (being written)."""
