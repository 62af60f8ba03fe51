"""Tests of authoring: resource (being written)."""
