"""The process that asks MLflow for a server, and what becomes of it."""

import asyncio
import os
import shutil
import signal
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient
from serving.packages import answer, open_answerer, write_package
from serving.registry_server import RegistryServer, serve_registry

from workbench.errors import WorkbenchError
from workbench.prompt import Renderer
from workbench.serving.deployment import Deployments
from workbench.serving.model_registry import ModelRegistry, RegistryError
from workbench.serving.package_source import parse_source
from workbench.serving.source_follower import WatchSettings, open_deployments

pytestmark = pytest.mark.mlflow
ALIAS = "models:/qa~variant@production"


@pytest.fixture
def registry(tmp_path: Path, renderer: Renderer) -> Iterator[RegistryServer]:
    """A registry with three versions, of which the first serves."""
    with serve_registry() as registry:
        for n in "123":
            folder = tmp_path / f"v{n}"
            registry.folders[n] = write_package(folder, f"user:\nv{n} {{{{ name }}}}", renderer)
        registry.aliases["production"] = "1"
        yield registry


def follow(
    registry: RegistryServer,
    cache: Path,
    use: Callable[[Deployments], Awaitable[None]],
    reference: str = ALIAS,
) -> None:
    async def main() -> None:
        source, settings = parse_source(reference), WatchSettings(registry.uri, 0.05, cache)
        async with open_deployments(source, settings, open_answerer) as deployments:
            await use(deployments)

    asyncio.run(asyncio.wait_for(main(), 200))


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(120):
        while not condition():
            await asyncio.sleep(0.01)


def is_serving(deployments: Deployments, number: str) -> Callable[[], bool]:
    return lambda: bool(
        deployments.current
        and deployments.current.names.model_version == number
        and condition(deployments) == "current"
    )


def condition(deployments: Deployments) -> str:
    assert deployments.source_state
    return deployments.source_state.condition


def watchers() -> list[int]:
    """The processes of this one that run the watcher."""
    tasks = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    children = [int(child) for task in tasks for child in task.read_text().split()]
    commands = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children}
    return [pid for pid, command in commands.items() if b"alias_watcher" in command]


def test_the_process_follows_an_alias_and_reports_what_is_wrong(
    registry: RegistryServer, tmp_path: Path
) -> None:
    async def use(deployments: Deployments) -> None:
        assert await answer(deployments, name="Ada") == "v1 Ada"
        assert deployments.current
        assert deployments.current.names.model_id == "m-1"
        registry.aliases["production"] = "2"
        await until(is_serving(deployments, "2"))
        registry.failure = "refuse"
        await until(lambda: condition(deployments) == "unreachable")
        assert await answer(deployments, name="Ada") == "v2 Ada"
        registry.failure = ""
        registry.aliases.clear()
        await until(lambda: condition(deployments) == "gone")
        shutil.rmtree(registry.folders["3"])
        registry.aliases["production"] = "3"
        await until(lambda: condition(deployments) == "not downloaded")
        assert await answer(deployments, name="Ada") == "v2 Ada"

    follow(registry, tmp_path / "cache", use)
    assert watchers() == []


@pytest.mark.nightly
def test_a_killed_process_is_replaced_and_one_that_hangs_holds_nothing_up(
    registry: RegistryServer, tmp_path: Path
) -> None:
    async def use(deployments: Deployments) -> None:
        (watcher,) = watchers()
        os.kill(watcher, signal.SIGKILL)
        registry.aliases["production"] = "3"
        await until(is_serving(deployments, "3"))
        assert deployments.source_state
        assert deployments.source_state.watcher_restarts == 1
        registry.failure, asked = "hang", len(registry.requests)
        await until(lambda: len(registry.requests) > asked)
        assert await answer(deployments, name="Ada") == "v3 Ada"

    follow(registry, tmp_path / "cache", use)
    assert watchers() == []


@pytest.mark.nightly
def test_a_pinned_version_is_downloaded_once_and_served_when_it_is_deleted(
    registry: RegistryServer, tmp_path: Path
) -> None:
    async def use(deployments: Deployments) -> None:
        await until(lambda: watchers() == [])
        del registry.folders["2"]
        assert await answer(deployments, name="Ada") == "v2 Ada"

    follow(registry, tmp_path / "cache", use, "models:/qa~variant/2")
    registry.failure = "refuse"
    follow(registry, tmp_path / "cache", use_again, "models:/qa~variant/2")


async def use_again(deployments: Deployments) -> None:
    assert condition(deployments) == "unreachable"
    assert await answer(deployments, name="Ada") == "v2 Ada"


@pytest.mark.nightly
def test_a_cache_that_cannot_be_written_is_named(registry: RegistryServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    async def use(_: Deployments) -> None:
        raise AssertionError("it is served")

    with pytest.raises(WorkbenchError, match="the package can't be stored") as refused:
        follow(registry, tmp_path / "file" / "cache", use)
    assert "WORKBENCH_CACHE" in refused.value.fix


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("models:/qa~variant@prodution", "unknown alias of the model 'qa~variant': 'prodution'"),
        ("models:/qa~varient@production", "did you mean 'qa~variant'?"),
        ("models:/qa~variant/7", "unknown version of the model 'qa~variant': '7'"),
    ],
)
def test_a_name_that_names_nothing_lists_the_names_that_do(
    registry: RegistryServer, reference: str, message: str
) -> None:
    with pytest.raises(RegistryError) as refused:
        ModelRegistry(registry.uri).resolve(parse_source(reference))
    assert refused.value.problem == "missing"
    assert message in str(refused.value.error)
    assert "known: " in refused.value.error.fix


@pytest.mark.parametrize("reference", ["other@production", "qa@production"])
def test_where_nothing_was_promoted_the_command_is_named(reference: str) -> None:
    with serve_registry() as empty, pytest.raises(RegistryError) as refused:
        ModelRegistry(empty.uri).resolve(parse_source(reference))
    assert refused.value.problem == "missing"
    fix = "nothing was promoted there: workbench promote TASK VARIANT --to ALIAS"
    assert refused.value.error.fix == fix


def test_a_download_has_every_file_or_is_refused(registry: RegistryServer, tmp_path: Path) -> None:
    client = ModelRegistry(registry.uri)
    package = client.resolve(parse_source(ALIAS))
    client.download(package, tmp_path)
    assert (tmp_path / "artifacts/variant/variant.json").is_file()
    shutil.rmtree(registry.folders["1"])
    with pytest.raises(RegistryError, match="can't be downloaded") as refused:
        client.download(package, tmp_path / "second")
    assert refused.value.problem == "download"


def test_a_store_that_is_missing_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="no such MLflow store"):
        ModelRegistry(f"sqlite:///{tmp_path}/mlflow.db")
    assert list(tmp_path.iterdir()) == []


def test_an_unreachable_registry_is_named_without_its_password(registry: RegistryServer) -> None:
    registry.failure = "refuse"
    uri = registry.uri.replace("//", "//ada:s3cretword@")
    with pytest.raises(RegistryError) as refused:
        ModelRegistry(uri).resolve(parse_source(ALIAS))
    assert refused.value.problem == "unreachable"
    assert "s3cretword" not in str(refused.value.error) + str(refused.value)


@pytest.mark.nightly
def test_no_request_is_lost_while_an_alias_moves_in_an_embedded_store(
    tmp_path: Path, renderer: Renderer
) -> None:
    """16 clients at once; the alias is moved by MLflow's own client, forth and back."""
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    client = MlflowClient(uri, uri)
    client.create_registered_model("qa~variant")
    for n in "12":
        package = write_package(tmp_path / f"v{n}", f"user:\nv{n} {{{{ name }}}}", renderer)
        client.create_model_version("qa~variant", package.as_uri())
    client.set_registered_model_alias("qa~variant", "production", "1")

    async def main() -> list[str]:
        source = parse_source("qa@production", lambda task: f"{task}~variant")
        settings = WatchSettings(uri, 0.05, tmp_path / "cache")
        async with open_deployments(source, settings, open_answerer) as deployments:
            return await ask_while_moving(deployments)

    async def ask_while_moving(deployments: Deployments) -> list[str]:
        texts: list[str] = []
        moved = asyncio.Event()

        async def ask(number: int) -> None:
            while not moved.is_set():
                texts.append(await answer(deployments, name=str(number)))
                assert texts[-1] in (f"v1 {number}", f"v2 {number}")

        clients = [asyncio.create_task(ask(number)) for number in range(16)]
        for version in "2121":
            move = client.set_registered_model_alias
            await asyncio.to_thread(move, "qa~variant", "production", version)
            await until(is_serving(deployments, version))
            assert await answer(deployments, name="after") == f"v{version} after"
        moved.set()
        await asyncio.gather(*clients)
        assert deployments.last_error == ""
        return texts

    texts = asyncio.run(asyncio.wait_for(main(), 250))
    assert {text.split()[0] for text in texts} == {"v1", "v2"}
