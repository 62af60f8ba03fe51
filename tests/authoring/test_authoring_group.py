"""Tests of authoring: group (being written)."""
