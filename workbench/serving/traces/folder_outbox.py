"""The outbox in a folder: calls and feedback, on disk before the answer leaves the server.

<folder>/  lock                            one server at a time
           00000000000000000001.log        records that MLflow may lack (segments.py)
           sent.json                       how far the sender is (sent_state.py)
           refused.jsonl                   what MLflow refuses for good, with the reason

A full outbox, a full disk or a read-only one loses traces: they are counted, and reported once.
"""

import fcntl
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from workbench.errors import WorkbenchError, bytes_text
from workbench.secrets import Redactor
from workbench.serving.traces.segments import NO_LINKS, SegmentWriter, total_size
from workbench.serving.traces.sender_process import SenderProcess
from workbench.serving.traces.sent_state import read_state
from workbench.serving.traces.served_records import encode_call, encode_feedback
from workbench.serving.traces.trace_settings import TraceSettings, is_sampled
from workbench.serving.traces.trace_texts import TraceTexts
from workbench.serving.traces.types import ServedCall, ServedFeedback, TraceCounts

LOCK = "lock"
QUIET_S = 60.0  # after a report of losses
RESCAN_S = 1.0  # between two looks at what the sender has deleted, while the outbox is full
MAX_RECENT = 2_000  # calls that aren't sampled, kept in memory in case that feedback comes
MAX_RECENT_SIZE = 16 << 20  # bytes of their texts
MAX_EXTRA = 10_000  # ids of calls that are traced although they aren't sampled

Report = Callable[[str], None]


def open_outbox(
    settings: TraceSettings,
    redactor: Redactor,
    report: Report,
    is_token: Callable[[str], bool] = lambda _: False,
) -> "FolderOutbox":
    """An outbox whose sender is running; arguments and errors as of `FolderOutbox`."""
    outbox = FolderOutbox(settings, redactor, report, is_token)
    outbox.sender = SenderProcess(settings, redactor, report)
    return outbox


class FolderOutbox:
    """See `Outbox`.

    Attributes:
        sender: the process that empties it; None: nothing does.

    Args:
        settings: of this server's traces.
        redactor: of the known secrets.
        report: gets a message when traces are lost, can't be sent, or are sent again.
        is_token: True for the token of a caller.

    Raises:
        WorkbenchError: the folder can't be used, or another server uses it.
    """

    def __init__(
        self,
        settings: TraceSettings,
        redactor: Redactor,
        report: Report,
        is_token: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._settings = settings
        self._report = report
        self._texts = TraceTexts(redactor, settings.max_text, is_token)
        self._lock = threading.Lock()
        self._dropped = 0
        self._quiet_until_s = 0.0
        self._rescanned_s = 0.0
        self._recent: OrderedDict[str, ServedCall] = OrderedDict()
        self._recent_size = 0
        self._extra: OrderedDict[str, None] = OrderedDict()
        self._folder_lock = _lock_folder(settings)
        self._size = total_size(settings.folder)
        sent = read_state(settings.folder).position
        self._writer = SegmentWriter(settings.folder, settings.segment_size, sent)
        self.sender: SenderProcess | None = None

    def add(self, call: ServedCall) -> None:
        """See `Outbox`."""
        sampled = is_sampled(call.request_id, self._settings.rate)
        with self._lock:
            if sampled or call.failed:
                self._append_call(call)
                if not sampled:
                    self._note_extra(call.request_id)
            else:
                self._remember(call)

    def add_feedback(self, feedback: ServedFeedback) -> bool:
        """See `Outbox`. It traces a recent call that isn't sampled."""
        request_id = feedback.request_id
        with self._lock:
            if call := self._recent.pop(request_id, None):
                self._recent_size -= _text_size(call)
                self._append_call(call)
                self._note_extra(request_id)
            elif request_id not in self._extra and not is_sampled(request_id, self._settings.rate):
                return False
            with_texts = self._settings.texts
            self._append(lambda: encode_feedback(feedback, self._texts, with_texts=with_texts))
        return True

    def counts(self) -> TraceCounts:
        """See `Outbox`."""
        state = read_state(self._settings.folder)
        backlog = max(0, self._writer.last_number - state.position.number)
        return TraceCounts(backlog, state.written, self._dropped, state.refused)

    def close(self, timeout_s: float) -> None:
        """See `Outbox`."""
        with self._lock:
            self._writer.close()
        if self.sender:
            self.sender.close(timeout_s)
        os.close(self._folder_lock)

    def _note_extra(self, request_id: str) -> None:
        self._extra[request_id] = None
        if len(self._extra) > MAX_EXTRA:
            self._extra.popitem(last=False)

    def _append_call(self, call: ServedCall) -> None:
        with_texts = self._settings.texts
        self._append(lambda: encode_call(call, self._texts, with_texts=with_texts))

    def _append(self, encode: Callable[[], bytes]) -> None:
        """Write a record, or count it as lost: an answer never fails for its trace."""
        try:
            payload = encode()
            if self._is_full(len(payload)):
                limit = bytes_text(self._settings.max_size)
                self._lose(f"the outbox is full ({limit}): MLflow takes less than is served")
                return
            self._size += self._writer.append(payload)
        except OSError as error:
            self._lose(f"the outbox can't be written: {error.strerror or error}")
        except Exception as error:  # whatever is odd about it, it has been answered
            self._lose(f"a request can't be written as a trace: {type(error).__name__}")

    def _lose(self, reason: str) -> None:
        self._dropped += 1
        if time.monotonic() >= self._quiet_until_s:
            self._quiet_until_s = time.monotonic() + QUIET_S
            self._report(
                f"traces are lost, {self._dropped:,} so far: {reason}\n"
                f"  where: {self._settings.folder}"
            )

    def _is_full(self, size: int) -> bool:
        if self._size + size <= self._settings.max_size:
            return False
        now_s = time.monotonic()
        if now_s - self._rescanned_s >= RESCAN_S:
            self._rescanned_s = now_s
            self._size = total_size(self._settings.folder)
        return self._size + size > self._settings.max_size

    def _remember(self, call: ServedCall) -> None:
        """Keep the call in memory for a while, without the replies as they were received."""
        answers = tuple(
            replace(a, completion=a.completion and replace(a.completion, raw=None))
            for a in call.answers
        )
        call = replace(call, answers=answers)
        self._recent[call.request_id] = call
        self._recent_size += _text_size(call)
        while self._recent_size > MAX_RECENT_SIZE or len(self._recent) > MAX_RECENT:
            _, oldest = self._recent.popitem(last=False)
            self._recent_size -= _text_size(oldest)


def _text_size(call: ServedCall) -> int:
    """About the bytes that a call takes in memory: its body has its inputs, too."""
    return sum(
        1_000
        + 2 * len(answer.request.text if answer.request else "")
        + len(answer.completion.full_text if answer.completion else "")
        for answer in call.answers
    )


def _lock_folder(settings: TraceSettings) -> int:
    """Make the folder, for this user alone, and lock it as long as the process lives."""
    folder = settings.folder
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | NO_LINKS, 0o600)
    except OSError as error:
        raise WorkbenchError(
            f"the outbox of traces can't be used: {error.strerror}",
            where=str(folder),
            fix="name a folder that you may write to, or leave traces out: --traces 0",
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        owner = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
        os.close(descriptor)
        raise WorkbenchError(
            f"another server uses this outbox of traces: process {owner or 'unknown'}",
            where=str(folder),
            fix="give each server a folder of its own",
        ) from None
    with suppress(OSError):  # a full disk: the number is for people only
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return descriptor
