"""The pure wing: no clock, no dice, no I/O, no user code. What is decided, is decided here."""
