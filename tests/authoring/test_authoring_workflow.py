"""Tests of authoring: workflow (being written)."""
