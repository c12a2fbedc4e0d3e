"""The read model's history: forward only, each step plain SQL of PostgreSQL 15 beside its revision."""
