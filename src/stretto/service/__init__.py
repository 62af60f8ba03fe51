"""The doors: the command line, and `wiring`, the only place that picks concrete parts from settings."""
