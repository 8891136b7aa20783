"""Whether a database is an MLflow store of just this MLflow's schema; nothing is changed in it.

Left to itself MLflow makes its tables in whatever database it is given, and brings an older store
up to date, which whoever else uses that store may not survive.
"""

from contextlib import closing

import sqlalchemy
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from mlflow.store.db.utils import _get_alembic_config

from workbench.errors import ExitCode, WorkbenchError
from workbench.secrets import mask_url

OWN = {"experiments", "runs", "metrics", "params", "tags"}  # since MLflow 1.0


def check_schema(uri: str) -> None:
    """Passes over an empty database, which MLflow fills.

    Raises:
        WorkbenchError: an older store, a newer one, or somebody else's tables (exit code 6).
        SQLAlchemyError: it can't be read.
    """
    engine = sqlalchemy.create_engine(uri)
    try:
        with closing(engine.connect()) as db:
            tables = set(sqlalchemy.inspect(db).get_table_names())
            found = MigrationContext.configure(db).get_current_revision() if tables else None
    finally:
        engine.dispose()
    if not tables:
        return
    if not tables >= OWN or found is None:
        named = ", ".join(sorted(tables)[:5]) + (", …" if len(tables) > 5 else "")
        raise _refused(
            uri,
            f"this is no MLflow store: it holds the tables {named}",
            "name another file or database, or leave --tracking-uri out",
        )
    scripts = ScriptDirectory.from_config(_get_alembic_config(uri))
    if found in scripts.get_heads():
        return
    if found in {script.revision for script in scripts.walk_revisions()}:
        raise _refused(
            uri,
            f"an older MLflow made this store (schema {found})",
            f"keep a copy of it, then: mlflow db upgrade {mask_url(uri)}",
        )
    raise _refused(
        uri,
        f"a newer MLflow made this store (schema {found})",
        "pip install --upgrade mlflow, or name another --tracking-uri",
    )


def _refused(uri: str, message: str, fix: str) -> WorkbenchError:
    return WorkbenchError(message, where=mask_url(uri), fix=fix, exit_code=ExitCode.NOT_RECORDED)
