"""Run by Alembic: applies the revisions over the connection that dialer.store.migrate hands in, in its transaction."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
context.run_migrations()
