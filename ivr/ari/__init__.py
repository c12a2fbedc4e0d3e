"""ARI: one websocket, typed events, handles for what lives in Asterisk.  Knows nothing of calls or routing."""
