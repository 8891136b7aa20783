"""One version that is served, and the current one, which is replaced without a lost request.

    deployments = Deployments(open_answerer)
    await deployments.replace(folder, ServedNames(model_version="3"))
    deployment = deployments.current
    with deployment.lease():                       # no await between these two lines
        request = await deployment.prepare(inputs)
        completion = await deployment.answerer.answer(request)

A version is loaded and checked while the old one serves; the old one is closed after its last
lease. If the new one can't be loaded, the old one goes on serving.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.model import Request
from workbench.serving.interfaces import Answerer
from workbench.serving.render_queue import RenderQueue
from workbench.serving.served_names import ServedNames
from workbench.serving.served_variant import ServedVariant, open_variant
from workbench.serving.source_state import SourceState

AnswererOpener = Callable[[ServedVariant], Awaitable[Answerer]]
LOG = logging.getLogger("workbench.serving")
MLFLOW_FILES = ("MLmodel", "registered_model_meta")  # of a package: names that MLflow gave it
MLFLOW_NAME = re.compile(r"^(model_id|run_id|model_name|model_version): *['\"]?([^'\"\n]+)", re.M)


class Deployment:
    """One version that is loaded.

    Attributes:
        folder: of its package.
        names: to which its traces are linked.
        answerer: sends its requests.
        in_use: contexts that end once it is closed.
    """

    def __init__(
        self, folder: Path, names: ServedNames, variant: ServedVariant, answerer: Answerer
    ) -> None:
        self.folder, self.names, self.answerer = folder, names, answerer
        self._variant = variant
        self._rows = RenderQueue(variant.prompt)
        self.in_use = ExitStack()
        self._leases = 0
        self._unused = asyncio.Event()
        self._unused.set()

    async def prepare(self, inputs: Mapping[str, JSON]) -> Request:
        """Return the request for the inputs, rendered in a child process.

        Raises:
            InputsError: variables are missing, or the inputs make no request.
            BusyError: too many rows wait.
        """
        self._variant.check_inputs(inputs)
        return self._variant.prepare(await self._rows.render(inputs))

    @contextmanager
    def lease(self) -> Iterator[None]:
        """Keep the deployment open, even once it is replaced."""
        self._leases += 1
        self._unused.clear()
        try:
            yield
        finally:
            self._leases -= 1
            if not self._leases:
                self._unused.set()

    async def start(self) -> None:
        """Start what renders its rows.

        Raises:
            WorkbenchError: it can't be started, or the template can't be compiled.
        """
        await self._rows.start()

    async def close(self) -> None:
        """Wait for the last lease, and end its processes and connections."""
        await self._unused.wait()
        with self.in_use:
            try:
                await self._rows.close()
            finally:
                await self.answerer.close()


async def open_deployment(
    folder: Path, names: ServedNames, open_answerer: AnswererOpener
) -> Deployment:
    """Load the package in `folder` and check that it can answer.

    Raises:
        WorkbenchError: it can't.
    """

    def load() -> tuple[ServedVariant, ServedNames]:
        variant = open_variant(folder)
        variant.provider.check_ready()
        check_identity(variant, folder)
        return variant, complete_names(names, variant, folder)

    variant, names = await asyncio.to_thread(load)
    answerer = await open_answerer(variant)
    deployment = Deployment(folder, names, variant, answerer)
    try:
        await deployment.start()
    except BaseException:
        await deployment.close()
        raise
    return deployment


def check_identity(variant: ServedVariant, folder: Path) -> None:
    """Refuse other weights than those that were evaluated; note another address of an API.

    Raises:
        WorkbenchError: the model here has other weights or settings.
    """
    packaged, identity = variant.spec.identity, variant.provider.identity
    if differing := sorted(name for name in packaged if packaged[name] != identity.get(name)):
        names = ", ".join(differing)
        if not variant.provider.concurrent:
            message = f"{variant.model.ref} is not the model that was evaluated: other {names}"
            fix = "install the same weights and versions, or evaluate and package the variant again"
            raise WorkbenchError(message, where=str(folder), fix=fix)
        LOG.warning("%s was evaluated with another %s", variant.model.ref, names)


def complete_names(names: ServedNames, variant: ServedVariant, folder: Path) -> ServedNames:
    """Return `names` with those that the package itself has."""
    spec, written = variant.spec, dict[str, str]()
    for file in MLFLOW_FILES:
        try:
            written |= MLFLOW_NAME.findall((folder / file).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError):
            continue
    return replace(
        names,
        task=names.task or spec.task,
        variant=names.variant or spec.name,
        prompt_uri=names.prompt_uri or spec.prompt.uri,
        **{name: getattr(names, name) or value for name, value in written.items()},
    )


class Deployments:
    """The version that answers now.

    Args:
        open_answerer: opens the model of a version in the running loop.

    Attributes:
        current: None until the first version is loaded.
        last_error: the reason why the newest version doesn't answer; empty: it does.
        source_state: of the source that is followed; None: a folder is served.
    """

    def __init__(self, open_answerer: AnswererOpener) -> None:
        self._open_answerer = open_answerer
        self.current: Deployment | None = None
        self.source_state: SourceState | None = None
        self.last_error = ""
        self._replacing = asyncio.Lock()
        self._newest = 0
        self._closing: set[asyncio.Task[None]] = set()

    async def replace(
        self,
        folder: Path,
        names: ServedNames,
        use: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        """Serve the package in `folder` once it is loaded and checked.

        Of several calls at once the last wins; those that have not begun are left out. `use` gives
        a context that spans the use of the folder, from its loading to its last request.

        Raises:
            WorkbenchError: it can't be loaded; the version before goes on serving.
        """
        self._newest += 1
        number = self._newest
        async with self._replacing:
            if number != self._newest:
                return
            in_use = ExitStack()
            try:
                await asyncio.to_thread(in_use.enter_context, use())
                deployment = await open_deployment(folder, names, self._open_answerer)
            except BaseException as error:
                in_use.close()
                if not isinstance(error, Exception):
                    raise
                loading_error = _loading_error(error, folder)
                self.last_error = str(loading_error)
                raise loading_error from error
            self.last_error = ""
            deployment.in_use = in_use
            replaced, self.current = self.current, deployment
            self._close_later(replaced)

    async def close(self) -> None:
        """Serve nothing more, and return once the last requests are answered."""
        async with self._replacing:
            replaced, self.current = self.current, None
            self._close_later(replaced)
        await asyncio.gather(*self._closing)

    def _close_later(self, deployment: Deployment | None) -> None:
        if deployment:
            closing = asyncio.create_task(deployment.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closed)

    def _closed(self, closing: asyncio.Task[None]) -> None:
        self._closing.discard(closing)
        if not closing.cancelled() and (error := closing.exception()):
            LOG.error("a version that is no longer served can't be closed: %s", error)


def _loading_error(error: Exception, folder: Path) -> WorkbenchError:
    if isinstance(error, WorkbenchError):
        return error
    message = f"the package can't be loaded: {type(error).__name__}: {error}"
    return WorkbenchError(message, where=str(folder), fix="package the variant again")
