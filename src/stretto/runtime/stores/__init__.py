"""Where journals lie."""
