"""What decides: pure functions and values.  No clock, chance, socket or file; `now` is an argument."""
