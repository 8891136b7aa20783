"""Versions that replace one another while requests are answered."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from serving.packages import answer, open_answerer, write_package

from workbench.errors import WorkbenchError
from workbench.prompt import Renderer
from workbench.serving.deployment import Deployment, Deployments, open_deployment
from workbench.serving.errors import MissingInputsError
from workbench.serving.served_names import ServedNames


@pytest.fixture
def versions(tmp_path: Path, renderer: Renderer) -> list[Path]:
    """Packages whose answers begin with their number."""
    return [
        write_package(tmp_path / f"v{n}", f"user:\nv{n} {{{{ name }}}}", renderer) for n in range(3)
    ]


def serving(use: Callable[[Deployments], Awaitable[None]]) -> None:
    """Use deployments, then see that they end with everything that they have started."""

    async def main() -> None:
        before = children()
        deployments = Deployments(open_answerer)
        await asyncio.wait_for(use(deployments), 120)
        await deployments.close()
        assert deployments.current is None
        assert children() == before

    asyncio.run(main())


def children() -> set[str]:
    """The processes that this one has started and that live."""
    tasks = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return {child for task in tasks for child in task.read_text().split()}


def test_a_replaced_version_answers_what_it_has_begun(versions: list[Path]) -> None:
    async def use(deployments: Deployments) -> None:
        await deployments.replace(versions[0], ServedNames(model_version="1"))
        first = deployments.current
        assert first
        with first.lease():
            await deployments.replace(versions[1], ServedNames(model_version="2"))
            assert await answer(deployments, name="Ada") == "v1 Ada"
            request = await first.prepare({"name": "Bob"})
            assert (await first.answerer.answer(request)).text == "v0 Bob"
        assert deployments.current
        assert deployments.current.names.model_version == "2"

    serving(use)


@pytest.mark.parametrize("swaps", [4, pytest.param(20, marks=pytest.mark.nightly)])
def test_no_request_is_lost_while_versions_change(versions: list[Path], swaps: int) -> None:
    """Each answer is by a version that was current between its question and its end."""

    async def use(deployments: Deployments) -> None:
        begun, replaced = [0], 0  # the versions so far; the last replacement that has returned
        await deployments.replace(versions[0], ServedNames())
        swapped = asyncio.Event()
        answers = 0

        async def client(number: int) -> None:
            nonlocal answers
            while not swapped.is_set():
                first = replaced
                text = await answer(deployments, name=str(number))
                allowed = {f"v{n} {number}" for n in begun[first:]}
                assert text in allowed, (text, allowed)
                answers += 1

        clients = [asyncio.create_task(client(number)) for number in range(16)]
        for swap in range(1, swaps + 1):
            enough = answers + 32
            while answers < enough and not any(task.done() for task in clients):
                await asyncio.sleep(0.001)
            begun.append(swap % 3)
            await deployments.replace(versions[swap % 3], ServedNames())
            replaced = swap
        swapped.set()
        await asyncio.gather(*clients)
        assert deployments.last_error == ""

    serving(use)


def broken_packages(folder: Path, renderer: Renderer) -> Iterator[tuple[Path, str]]:
    """Packages that can't be served, and what is said of them."""
    yield folder / "missing", "no packaged variant"
    changed = write_package(folder / "changed", "user:\nHi {{ name }}", renderer)
    template = changed / "artifacts/variant/prompt.jinja"
    template.write_text(template.read_text() + "!")
    yield changed, "not the one that was packaged"
    cut = write_package(folder / "cut", "user:\nHi {{ name }}", renderer)
    (cut / "artifacts/variant/variant.json").write_text('{"format": 1, "task"')
    yield cut, "can't be read"
    binary = write_package(folder / "binary", "user:\nHi {{ name }}", renderer)
    (binary / "artifacts/variant/variant.json").write_bytes(b"\xff\xfe\x00")
    yield binary, "can't be read"
    other = {"identity": {"echo": "of other weights"}}
    yield write_package(folder / "weights", "user:\nHi", renderer, **other), "other echo"


def test_a_version_that_cannot_be_loaded_leaves_the_old_one_serving(
    versions: list[Path], tmp_path: Path, renderer: Renderer
) -> None:
    packages = list(broken_packages(tmp_path, renderer))

    async def use(deployments: Deployments) -> None:
        await deployments.replace(versions[0], ServedNames())
        for package, message in packages:
            with pytest.raises(WorkbenchError, match=message):
                await deployments.replace(package, ServedNames())
            assert message in deployments.last_error
            assert await answer(deployments, name="Ada") == "v0 Ada"
        await deployments.replace(versions[1], ServedNames())
        assert deployments.last_error == ""
        assert await answer(deployments, name="Ada") == "v1 Ada"

    serving(use)


def test_of_versions_that_come_at_once_the_last_wins(versions: list[Path]) -> None:
    async def use(deployments: Deployments) -> None:
        in_use: list[Path] = []

        def using(folder: Path) -> Callable[[], object]:
            @contextmanager
            def use() -> Iterator[None]:
                in_use.append(folder)
                yield
                in_use.remove(folder)

            return use

        changes = [versions[n % 3] for n in range(8)]
        await asyncio.gather(
            *(deployments.replace(folder, ServedNames(), using(folder)) for folder in changes)
        )
        assert await answer(deployments, name="Ada") == "v1 Ada"
        await asyncio.gather(*deployments._closing)
        assert in_use == [changes[-1]]
        await deployments.close()
        assert in_use == []

    serving(use)


def test_names_are_those_of_the_package_and_of_mlflow(versions: list[Path]) -> None:
    (versions[0] / "MLmodel").write_text("model_id: m-1f\nrun_id: 9a\nflavors:\n  run_id: x\n")
    meta = "model_name: qa~variant\nmodel_version: '3'\n"
    (versions[0] / "registered_model_meta").write_text(meta)
    expected = ServedNames(
        task="qa",
        variant="plain · echo:last",
        model_name="qa~variant",
        model_version="3",
        model_id="m-1f",
        alias="production",
        prompt_uri="prompts:/qa.plain/4",
        run_id="9a",
    )

    async def names() -> ServedNames:
        deployment = await open_deployment(
            versions[0], ServedNames(alias="production"), open_answerer
        )
        await deployment.close()
        return deployment.names

    assert asyncio.run(names()) == expected


def test_missing_variables_are_named_before_anything_is_rendered(versions: list[Path]) -> None:
    async def use(deployments: Deployments) -> None:
        await deployments.replace(versions[0], ServedNames())
        assert isinstance(deployments.current, Deployment)
        with pytest.raises(MissingInputsError, match="'name'"):
            await deployments.current.prepare({"nme": "Ada"})

    serving(use)
