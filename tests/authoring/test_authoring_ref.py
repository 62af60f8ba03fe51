"""Tests of authoring: ref (being written)."""
