"""What Alembic runs: it renders the steps as SQL, and `ivr.edge.database` runs that under its own lock."""

from alembic import context

context.configure(dialect_name="postgresql", transactional_ddl=False)
context.run_migrations()
