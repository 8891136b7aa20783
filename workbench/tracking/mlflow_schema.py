"""The schema check of a database that is to be a tracking store; it changes nothing.

Without it MLflow creates its tables in any database it is given, and upgrades an older store, which
may break other programs that use that store.

    error: this is no MLflow store: it holds the tables invoices
"""

from contextlib import closing

import sqlalchemy
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from mlflow.store.db.utils import _get_alembic_config

from workbench.errors import ExitCode, WorkbenchError
from workbench.secrets import mask_url

MLFLOW_TABLES = {"experiments", "runs", "metrics", "params", "tags"}  # since MLflow 1.0


def check_schema(uri: str) -> None:
    """Refuse a database that this version of MLflow can't use; accept an empty one.

    Raises:
        WorkbenchError: an older store, a newer one, or tables that aren't MLflow's (exit code 6).
        SQLAlchemyError: the database can't be read.
    """
    engine = sqlalchemy.create_engine(uri)
    try:
        with closing(engine.connect()) as connection:
            tables = set(sqlalchemy.inspect(connection).get_table_names())
            if not tables:
                return
            revision = MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
    scripts = ScriptDirectory.from_config(_get_alembic_config(uri))
    if not tables >= MLFLOW_TABLES or revision is None:
        names = ", ".join(sorted(tables)[:5]) + (", …" if len(tables) > 5 else "")
        message = f"this is no MLflow store: it holds the tables {names}"
        fix = "name another file or database, or leave --tracking-uri out"
    elif revision in scripts.get_heads():
        return
    elif revision in {script.revision for script in scripts.walk_revisions()}:
        message = f"an older MLflow made this store (schema {revision})"
        fix = f"keep a copy of it, then: mlflow db upgrade {mask_url(uri)}"
    else:
        message = f"a newer MLflow made this store (schema {revision})"
        fix = "pip install --upgrade mlflow, or name another --tracking-uri"
    raise WorkbenchError(message, where=mask_url(uri), fix=fix, exit_code=ExitCode.NOT_RECORDED)
