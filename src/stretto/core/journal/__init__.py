"""What happened: facts, the typed events and the one view made of them, stories."""
