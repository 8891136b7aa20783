"""Choice of the trace writer: `bulk` where it writes what MLflow's client would, else the client.

It depends on the shape of the store's tables and on MLflow, so the two are compared
(`writer_comparison`) when a store is opened whose tables were not seen before.
"""

from pathlib import Path

import mlflow
from mlflow.tracing.client import TracingClient

from workbench.plan import Variant
from workbench.tracking.client_writer import ClientTraceWriter
from workbench.tracking.row_trace import TraceRun
from workbench.tracking.store_file import SQLITE
from workbench.tracking.tracking_store import TrackingStore

CLIENT_COST, SERVER_COST = "about 8 ms a row", "about 40 ms a row"  # docs/performance.md


def bulk_obstacle(store: TrackingStore, variant: Variant) -> str:
    """The reason why traces can't be written straight into the store; empty: they can.

    The `variant` may be any; the sample rows of a comparison are made for it.
    """
    if store.is_server:
        return "the tracking store is a server"
    if not store.uri.startswith(SQLITE):
        return "the tracking store is not an SQLite file"
    try:
        # They import parts of MLflow that other versions may lack.
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
        from mlflow.store.tracking.utils.sql_trace_rollups import rollups_enabled

        from workbench.tracking.writer_comparison import writer_difference
    except (ImportError, AttributeError) as error:
        return f"MLflow {mlflow.__version__} writes traces in another way ({error})"
    if type(TracingClient(store.uri).store) is not SqlAlchemyStore:
        return "MLflow uses a store plug-in"
    if rollups_enabled():
        return "MLflow's trace roll-ups are switched on"
    difference = writer_difference(Path(store.uri.removeprefix(SQLITE)).resolve(), variant)
    version = mlflow.__version__
    return difference and f"MLflow {version} writes traces in another way ({difference})"


def open_traces(store: TrackingStore, run: TraceRun) -> ClientTraceWriter:
    """The fastest writer that the store supports."""
    if bulk_obstacle(store, run.variant):
        return ClientTraceWriter(store, run)
    from workbench.tracking.bulk import BulkTraceWriter

    return BulkTraceWriter(store, run)


def slow_writer_note(store: TrackingStore, variant: Variant) -> tuple[str, ...]:
    """A remark for the user if traces are written through MLflow's client, and why."""
    obstacle = bulk_obstacle(store, variant)
    cost = SERVER_COST if store.is_server else CLIENT_COST
    note = f"traces are written through MLflow's client, {cost}, because {obstacle}"
    return (note,) if obstacle else ()
