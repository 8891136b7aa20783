"""The live page over a store with answers, called without a socket."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from bench import Bench

from workbench.canonical import canonical_json
from workbench.comparing.comparison import compare_stored
from workbench.evaluator import Score
from workbench.model import Completion, Usage
from workbench.plan import Plan, Scope, outline_plan
from workbench.secrets import Redactor, Secret
from workbench.store import Store, completion_json, score_key
from workbench.view.live_comparison import LiveComparison
from workbench.view.page_cache import PageCache
from workbench.view.page_contents import PageContents, read_contents
from workbench.view.page_server import ViewApp

PORT = 5100
SECRET = "sk-canary-4711-0815"
EXPERIMENT = """\
dataset: rows.jsonl
prompts: [plain, loud]
models: [echo:last]
evaluators: [output_tokens]
"""


@dataclass(frozen=True)
class Reply:
    """Status, headers and body of a response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class LivePage:
    """The application with its store and its plan."""

    app: ViewApp
    store: Store
    plan: Plan
    woken: list[bool] = field(default_factory=list)

    def request(
        self, path: str, *, method: str = "GET", body: bytes = b"", **headers: str
    ) -> Reply:
        """Call the application; `{token}` in the path is its token, a header of "" is left out."""
        path, _, query = path.replace("{token}", self.app.token).partition("?")
        sent = {"host": f"127.0.0.1:{PORT}"} | {k.replace("_", "-"): v for k, v in headers.items()}
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": quote(query, safe="=&,%").encode(),
            "headers": [(k.encode(), v.encode()) for k, v in sent.items() if v],
            "server": ("127.0.0.1", PORT),
            "scheme": "http",
            "http_version": "1.1",
        }
        events: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            events.append(message)

        asyncio.run(self.app(scope, receive, send))  # type: ignore[arg-type]
        return Reply(
            events[0]["status"],
            {name.decode(): value.decode() for name, value in events[0]["headers"]},
            b"".join(event.get("body", b"") for event in events),
        )

    def get(self, path: str) -> Any:
        """JSON that the page reads."""
        return self.request("/{token}/" + path, sec_fetch_site="same-origin").json

    def rate(self, body: object, **headers: str) -> Reply:
        """Send a rating as the page does, but for these headers."""
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"origin": f"http://127.0.0.1:{PORT}", "content_type": "application/json"} | headers
        return self.request("/{token}/rate", method="POST", body=text, **sent)

    def save(self, number: int, text: str, variant: int = 0) -> None:
        """Store an answer to a row, with its score."""
        cell = self.plan.cells[variant][number]
        completion = Completion(cell.key, "ok", text=text, usage=Usage(3, 2), raw="{}")
        self.store.save_completions([(self.plan.bodies[cell.key], completion)])
        (evaluator,) = self.plan.experiment.evaluators
        arguments = canonical_json({"completion": completion_json(completion)})
        self.store.save_scores(evaluator, {score_key(evaluator, arguments): Score(2)})


def open_live_page(bench: Bench, *, cached: bool = False) -> LivePage:
    """The page of the project, with answers to the first two rows.

    `cached`: its contents come from an earlier start.
    """
    bench.project.store.mkdir(exist_ok=True)
    redactor = Redactor([Secret("KEY", SECRET)])
    store, plan = Store(bench.project.store, redactor), bench.plan(EXPERIMENT)
    page = LivePage(None, store, plan)  # type: ignore[arg-type]
    for variant in (0, 1):
        for number in (0, 1):
            page.save(number, f"answer {number} of {variant}: <b>größer</b>", variant)

    def read() -> PageContents:
        return read_contents(lambda: compare_stored(plan, store), store, "USD")

    contents = read()
    if cached:
        cache = PageCache(bench.project, store)
        cache.save(contents)
        loaded = cache.load(lambda: outline_plan(bench.experiment(EXPERIMENT), Scope()))
        assert loaded
        contents = loaded
    live = LiveComparison(contents, read, store, person="ann")
    page.app = ViewApp(live, PORT, redactor, rated=lambda: page.woken.append(True))
    return page
