"""Performs what the scheduler decides: the engine, executors, stores, and the same scheduler on virtual time."""
