"""Alembic's entry: migrations run on the connection that `store.migrate` hands over."""

from alembic import context

from nurture.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=False,
    transactional_ddl=False,
)
context.run_migrations()
