"""The small supervisor: sets the house up step by step, keeps its servers running, takes everything away again."""
