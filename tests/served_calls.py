"""Served calls for tests of traces, and an outbox whose sender is not started.

call(3)                        a chat completion of request 3
call(3, failed=True)           its model failed
"""

import time
from hashlib import sha256

from workbench.model import Completion, Request, Usage
from workbench.serving.served_names import ServedNames
from workbench.serving.traces.types import ServedAnswer, ServedCall

NAMES = ServedNames(
    task="triage",
    variant="v2 · gpt-6-luna",
    model_name="triage.model",
    model_version="3",
    model_id="m-0123",
    alias="production",
    prompt_uri="prompts:/triage.v2/1",
    run_id="9a",
)


def request_id(number: int) -> str:
    return f"req_{sha256(str(number).encode()).hexdigest()[:32]}"


def call(number: int, *, text: str = "", failed: bool = False) -> ServedCall:
    ticket = text or f"ticket {number}"
    body = {"model": "gpt-6-luna", "messages": [{"role": "user", "content": ticket}]}
    completion = Completion(
        "k",
        "failed" if failed else "ok",
        text="" if failed else "billing",
        error="HTTP 500" if failed else "",
        finish_reason="" if failed else "stop",
        usage=Usage() if failed else Usage(120, 3),
        latency_s=0.2,
        raw=None if failed else '{"choices": []}',
        model="" if failed else "gpt-6-luna-2026",
    )
    now_ns = time.time_ns()
    answer = ServedAnswer({"ticket": ticket}, Request.from_body("k", body), completion)
    status = 502 if failed else 200
    return ServedCall(
        *(request_id(number), "/v1/chat/completions", now_ns - 3 * 10**8, now_ns, NAMES),
        answers=(answer,),
        status=status,
        caller="app",
    )
