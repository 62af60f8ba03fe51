"""Small steps and helpers for the tests of authoring."""
