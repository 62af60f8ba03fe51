"""Tests of authoring: missing (being written)."""
