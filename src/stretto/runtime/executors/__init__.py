"""Where an attempt runs when it is not a coroutine on the loop."""
