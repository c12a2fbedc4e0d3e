"""The only rooms with windows: clock, chance, sockets, files, processes, databases."""
