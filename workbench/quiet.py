"""Keeps what MLflow and its neighbours say of themselves off the user's terminal."""

import logging
import warnings


def silence() -> None:
    """Only errors get through; MLflow sets its levels back while it works, so call it again."""
    for name in ("mlflow", "alembic", "sqlalchemy"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"mlflow\..*")
    warnings.filterwarnings("ignore", category=FutureWarning)
