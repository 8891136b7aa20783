"""Settings of traces: the share of requests, their texts, and the place on disk.

TraceSettings(Path("/var/lib/workbench/triage"), "http://mlflow:5000", "triage production", 0.1)
"""

from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

MAX_SIZE = 256 << 20  # bytes
SEGMENT_SIZE = 8 << 20
MAX_TEXT = 20_000  # characters
HASH_BYTES = 8


@dataclass(frozen=True)
class TraceSettings:
    """Settings of an outbox and its sender.

    Attributes:
        folder: of the outbox, for one server alone; made if it is missing.
        tracking_uri: of MLflow.
        experiment: of the traces, created if it is missing.
        rate: 0 to 1, the share of requests that are traced. Failed requests are always traced.
        texts: False: traces have no inputs, messages, answers and error messages.
        max_size: bytes on disk, after which traces are dropped and counted.
        segment_size: bytes of one file.
        max_text: characters of one text; the rest is cut.
    """

    folder: Path
    tracking_uri: str
    experiment: str
    rate: float = 1.0
    texts: bool = True
    max_size: int = MAX_SIZE
    segment_size: int = SEGMENT_SIZE
    max_text: int = MAX_TEXT


def is_sampled(request_id: str, rate: float) -> bool:
    """True for the share `rate` of all request ids; every server decides the same for an id."""
    share = int.from_bytes(blake2b(request_id.encode(), digest_size=HASH_BYTES).digest(), "big")
    return share < rate * float(2 ** (8 * HASH_BYTES))


def production_experiment(task: str) -> str:
    """The experiment of a task's served requests, beside that of its evaluations."""
    return f"{task} production"
