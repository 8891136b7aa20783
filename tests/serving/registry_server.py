"""A model registry on loopback, as far as a server of packages asks one: MLflow's own takes 15 s.

with serve_registry() as registry:
    registry.folders["1"] = folder
    registry.aliases["production"] = "1"
    registry.failure = "refuse"      # every request is answered by 500
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

MODEL = "qa~variant"
PREFIX = "/api/2.0/mlflow/"


@dataclass
class RegistryServer:
    """Versions and aliases of the model `qa~variant`, and how the server fails.

    Attributes:
        folders: the artifacts of each version.
        failure: `refuse`: 500; `hang`: no answer until it is empty again; empty: none.
    """

    folders: dict[str, Path] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    failure: str = ""
    requests: list[str] = field(default_factory=list)
    uri: str = ""
    recovered: threading.Event = field(default_factory=threading.Event)

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, dict[str, object]]:
        """Status and body of a reply."""
        if query.get("name", MODEL) != MODEL:
            return _missing(f"Registered Model with name={query['name']} not found")
        if path == "registered-models/search":
            names = [MODEL, "churn-forest"] if self.folders else []
            return 200, {"registered_models": [{"name": name} for name in names]}
        if path == "registered-models/get":
            aliases = [{"alias": name, "version": v} for name, v in self.aliases.items()]
            return 200, {"registered_model": {"name": MODEL, "aliases": aliases}}
        if path == "model-versions/search":
            return 200, {"model_versions": [self._version(v) for v in self.folders]}
        version = query.get("version", "")
        if path == "registered-models/alias":
            version = self.aliases.get(query["alias"], "")
            if not version:
                message = f"Registered model alias {query['alias']} not found."
                return 400, {"error_code": "INVALID_PARAMETER_VALUE", "message": message}
        if version not in self.folders:
            return _missing(f"Model Version (name={MODEL}, version={version}) not found")
        if path == "model-versions/get-download-uri":
            return 200, {"artifact_uri": self.folders[version].as_uri()}
        return 200, {"model_version": self._version(version)}

    def _version(self, version: str) -> dict[str, object]:
        return {
            "name": MODEL,
            "version": version,
            "creation_timestamp": 1_795_965_453_042,
            "run_id": f"run{version}",
            "source": f"models:/m-{version}",
            "status": "READY",
        }


def _missing(message: str) -> tuple[int, dict[str, object]]:
    return 404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": message}


@contextmanager
def serve_registry(
    port: int = 0, registry: RegistryServer | None = None
) -> Iterator[RegistryServer]:
    """The registry from the beginning of a `with` to its end."""
    state = registry or RegistryServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            path = address.path.removeprefix(PREFIX)
            query = {name: values[0] for name, values in parse_qs(address.query).items()}
            state.requests.append(path)
            if state.failure == "hang":
                state.recovered.wait(60)
            status, content = state.answer(path, query)
            if state.failure == "refuse":
                status, content = 500, {"error_code": "INTERNAL_ERROR", "message": "out of order"}
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.uri = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield state
    finally:
        state.recovered.set()
        server.shutdown()
        server.server_close()
        thread.join()
