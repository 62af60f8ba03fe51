"""Tests of authoring: body_check (being written)."""
