"""Addresses of MLflow's pages, defined without MLflow.

pages = ExperimentPages("http://127.0.0.1:5000", "1")
pages.run("02d4…")                   http://127.0.0.1:5000/#/experiments/1/runs/02d4…
pages.row_by_row("7c0f…", "91ab…")   …/#/experiments/1/runs/7c0f…/traces?compareToRunUuid=91ab…
ExperimentPages("", "1").run("02d4…")                 #/experiments/1/runs/02d4…
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from workbench.secrets import mask_url

COMPARISON = "comparison.html"  # the artifact of a parent run that compares all of its variants


def server_address(uri: str) -> str:
    """The address of a tracking store that is a server, without its credentials.

    Empty: it is no server, or its address has a secret elsewhere.
    """
    if not uri.startswith(("http://", "https://")):
        return ""
    parts = urlsplit(uri)
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])).rstrip("/")
    return bare if bare == mask_url(bare) else ""


@dataclass(frozen=True)
class ExperimentPages:
    """The pages of one experiment.

    Attributes:
        server: its address. Empty: addresses begin with `#`, so that they work on pages of MLflow
            wherever the server is.
    """

    server: str
    experiment_id: str

    @property
    def _experiment(self) -> str:
        return f"{self.server}{'/' if self.server else ''}#/experiments/{self.experiment_id}"

    @property
    def evaluation_runs(self) -> str:
        """The experiment's runs, each below its parent."""
        return f"{self._experiment}/evaluation-runs"

    @property
    def prompts(self) -> str:
        """The prompts that the experiment lists."""
        return f"{self._experiment}/prompts"

    def run(self, run_id: str) -> str:
        """A run's overview."""
        return f"{self._experiment}/runs/{run_id}"

    def row_by_row(self, best: str, baseline: str) -> str:
        """Two runs row by row: the first is compared to the second, so a gain is `+` and green."""
        return f"{self.run(best)}/traces?compareToRunUuid={baseline}"

    def comparison(self, parent_run_id: str) -> str:
        """The comparison of all variants of an invocation."""
        return f"{self.run(parent_run_id)}/artifacts/{COMPARISON}"

    def runs(self, query: Mapping[str, str]) -> str:
        """The experiment's runs, searched and ordered as `query` says."""
        return f"{self._experiment}/runs?{urlencode(query, quote_via=quote)}"
