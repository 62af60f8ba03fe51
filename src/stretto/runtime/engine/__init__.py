"""The one async loop: performs commands, brings facts back, appends before it acts."""
