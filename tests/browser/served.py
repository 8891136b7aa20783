"""`workbench ui` on a store, and the addresses it prints.

with served(stored) as site:
    site.addresses["variants"]    # http://127.0.0.1:<port>/#/experiments/1/evaluation-runs
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from processes import reserve_port
from stores import Stored

from workbench.tracking.ui_server import comparison_pages


@dataclass(frozen=True)
class Site:
    """A store that is served, and the addresses that `workbench ui` has printed, by label."""

    stored: Stored
    addresses: dict[str, str]

    def row_by_row(self) -> str:
        """The address that compares the store's pair."""
        pair = [self.stored.variants[name] for name in self.stored.pair]
        return comparison_pages(self._base, pair[0], pair)["row by row"]

    def rows_of(self, variant: str) -> str:
        """The address of one variant's traces."""
        run_id = self.stored.variants[variant].info.run_id
        return f"{self._base}/#/experiments/{self.stored.experiment_id}/runs/{run_id}/traces"

    def kept(self, artifact: str) -> str:
        """The address at which MLflow shows an artifact of the newest invocation."""
        run_id = self.stored.parent.info.run_id
        experiment = self.stored.experiment_id
        return f"{self._base}/#/experiments/{experiment}/runs/{run_id}/artifacts/{artifact}"

    @property
    def _base(self) -> str:
        return self.addresses["variants"].partition("/#/")[0]


@contextmanager
def served(stored: Stored) -> Iterator[Site]:
    """`workbench ui`, which ends all that it has started when it is told to end."""
    command = [str(Path(sys.executable).with_name("workbench")), "ui"]
    with reserve_port() as reserved:
        command += ["--port", str(reserved.getsockname()[1]), "--tracking-uri", stored.uri]
        process = subprocess.Popen(command, cwd=stored.root, stdout=subprocess.PIPE, text=True)
        try:
            yield Site(stored, _addresses(_said(process), stored.experiment))
        finally:
            process.terminate()
            process.communicate()
            assert process.returncode == 0


def _said(process: "subprocess.Popen[str]") -> str:
    """What is printed until the server answers."""
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("Ctrl-C"):
            return "".join(lines)
        lines.append(line)
    raise AssertionError(f"`workbench ui` ended with {process.wait()}")


def _addresses(said: str, experiment: str) -> dict[str, str]:
    """Those printed below the experiment's name."""
    own = said.partition(f"\n\n{experiment}\n")[2].partition("\n\n")[0]
    pairs = (line.strip().rsplit(maxsplit=1) for line in own.splitlines())
    return {label.strip(): address for label, address in pairs}
