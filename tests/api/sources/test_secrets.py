"""Keys in the Secrets of one namespace, on the real API server: changed, missing, malformed, never told."""

import asyncio
import base64
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from controlplane import ControlPlane
from rollcall.kube import Forbidden
from rollcall.kube.client import KubeClient
from rollcall.kube.credentials import Credentials
from rollcall.model import KeyRing, Problem, parse_key
from rollcall.sources.secrets import Secrets
from waiting import SECONDS, News, until

CURRENT = base64.b64encode(b"current secret of 32 octets, yes").decode()
PREVIOUS = base64.b64encode(b"previous secret of 32 octets, no").decode()
KEY = f"hmac-sha256:rollcall:{CURRENT}"
OLD_KEY = f"hmac-sha512:rollcall-2024:{PREVIOUS}"


class Store:
    """The Secrets of a namespace, as a user writes them."""

    def __init__(self, client: KubeClient, namespace: str) -> None:
        self._client = client
        self._path = f"/api/v1/namespaces/{namespace}/secrets"

    async def make(self, name: str, **entries: str | bytes) -> None:
        # As kubectl apply does it: the whole object once more in an annotation.
        body: dict[str, Any] = {"apiVersion": "v1", "kind": "Secret", "data": _encoded(entries)}
        annotations = {"kubectl.kubernetes.io/last-applied-configuration": str(body)}
        await self._client.create(self._path, body | {"metadata": {"name": name, "annotations": annotations}})

    async def set(self, name: str, **entries: str | None) -> None:
        removed = {entry: None for entry, text in entries.items() if text is None}
        data = _encoded({entry: text for entry, text in entries.items() if text is not None})
        await self._client.patch(f"{self._path}/{name}", {"data": data | removed})

    async def touch(self, name: str) -> None:
        await self._client.patch(f"{self._path}/{name}", {"metadata": {"labels": {"touched": "yes"}}})

    async def delete(self, name: str) -> None:
        await self._client.delete(f"{self._path}/{name}")


def _encoded(entries: dict[str, str | bytes] | dict[str, str]) -> dict[str, Any]:
    return {
        entry: base64.b64encode(text.encode() if isinstance(text, str) else text).decode()
        for entry, text in entries.items()
    }


class CountedNews(News):
    """Counts what it was told."""

    told = 0

    def tell(self) -> None:
        self.told += 1
        super().tell()


@pytest.fixture
def store(client: KubeClient, namespace: str) -> Store:
    return Store(client, namespace)


@asynccontextmanager
async def following(client: KubeClient, namespace: str) -> AsyncIterator[tuple[Secrets, "CountedNews"]]:
    news = CountedNews()
    known = asyncio.Event()

    def changed() -> None:
        news.tell()
        if secrets.reflector.synced.is_set():
            known.set()

    secrets = Secrets(client, namespace, changed)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(secrets.run())
        async with asyncio.timeout(SECONDS):
            # Not `synced`: that they are known is told just after it, and would count as a change.
            await known.wait()
        yield secrets, news
        task.cancel()


def problem(secrets: Secrets, name: str) -> Problem:
    found = secrets.ring(name)
    assert isinstance(found, Problem)
    return found


async def test_a_key_and_its_rotation_live(client: KubeClient, namespace: str, store: Store) -> None:
    await store.make("tsig", key=OLD_KEY + "\n")
    async with following(client, namespace) as (secrets, news):
        assert secrets.ring("tsig") == KeyRing(parse_key(OLD_KEY))
        await store.set("tsig", key=KEY, previous=OLD_KEY)
        both = KeyRing(parse_key(KEY), parse_key(OLD_KEY))
        await news.until(lambda: secrets.ring("tsig") == both)
        await store.set("tsig", previous="")
        await news.until(lambda: secrets.ring("tsig") == KeyRing(parse_key(KEY)))
        await store.make("later", key=KEY)
        await news.until(lambda: secrets.ring("later") == KeyRing(parse_key(KEY)))


async def test_what_is_wrong_and_what_to_do(client: KubeClient, namespace: str, store: Store) -> None:
    await store.make("empty")
    await store.make("binary", key=b"\xff\xfe")
    await store.make("weak", key=f"hmac-md5:rollcall:{CURRENT}")
    await store.make("half", key=KEY, previous=f"{PREVIOUS}:rollcall:hmac-sha256")
    async with following(client, namespace) as (secrets, news):
        assert problem(secrets, "none") == Problem(
            "SecretNotFound",
            f"There is no Secret none in the namespace {namespace}: make it with `kubectl -n {namespace}"
            " create secret generic none --from-literal=key=KEY`, the KEY written as ALGORITHM:NAME:SECRET,"
            " as in hmac-sha256:rollcall:<base64>.",
        )
        assert problem(secrets, "empty").reason == "KeyMissing"
        assert f"{namespace}/empty has no entry `key`" in problem(secrets, "empty").message
        assert problem(secrets, "binary") == Problem(
            "KeyInvalid", f"The Secret {namespace}/binary: the entry `key` is not text."
        )
        assert "in the entry `key` the algorithm hmac-md5 is not one of" in problem(secrets, "weak").message
        assert "in the entry `previous` what comes first" in problem(secrets, "half").message
        await store.set("half", previous=None)
        await news.until(lambda: secrets.ring("half") == KeyRing(parse_key(KEY)))
        await store.delete("half")
        await news.until(lambda: secrets.data("half") is None)
        assert problem(secrets, "half").reason == "SecretNotFound"


async def test_the_entries_for_octodns(client: KubeClient, namespace: str, store: Store) -> None:
    await store.make("route53", **{"config.yaml": "providers: {}", "token": "t"})
    async with following(client, namespace) as (secrets, _):
        assert secrets.data("route53") == {"config.yaml": b"providers: {}", "token": b"t"}
        assert secrets.data("none") is None


async def test_no_other_namespace_counts(client: KubeClient, namespace: str, store: Store) -> None:
    await store.make("tsig", key=KEY)
    async with following(client, "default") as (secrets, _):
        assert problem(secrets, "tsig").reason == "SecretNotFound"


async def test_only_a_difference_is_told(client: KubeClient, namespace: str, store: Store) -> None:
    await store.make("tsig", key=KEY)
    async with following(client, namespace) as (secrets, news):
        before = news.told
        await store.touch("tsig")
        await store.set("tsig", previous=OLD_KEY)
        both = KeyRing(parse_key(KEY), parse_key(OLD_KEY))
        await news.until(lambda: secrets.ring("tsig") == both)
        assert news.told == before + 1


async def test_without_the_right(cluster: ControlPlane, namespace: str) -> None:
    cluster.kubectl("create", "serviceaccount", "nobody", "-n", namespace)
    credentials = Credentials(str(cluster.account_kubeconfig(namespace, "nobody")))
    async with KubeClient(credentials) as client:
        secrets = Secrets(client, namespace, lambda: None)
        assert problem(secrets, "tsig").reason == "SecretsUnknown"
        async with asyncio.TaskGroup() as group:
            task = group.create_task(secrets.run())
            await until(lambda: isinstance(secrets.reflector.trouble, Forbidden))
            task.cancel()
        said = problem(secrets, "tsig")
        assert said.reason == "SecretsUnknown"
        assert 'cannot list resource "secrets"' in said.message


async def test_nothing_that_is_said_tells_a_secret(
    client: KubeClient, namespace: str, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = {
        "good": {"key": KEY, "previous": OLD_KEY},
        "swapped": {"key": f"{CURRENT}:rollcall:hmac-sha256"},
        "bare": {"key": CURRENT},
        "cut": {"key": KEY[:-3]},
        "named": {"key": f"hmac-sha256:{CURRENT}:rollcall"},
        "weak": {"key": f"hmac-sha1:rollcall:{CURRENT}"},
    }
    for name, entries in wrong.items():
        await store.make(name, **entries)
    async with following(client, namespace) as (secrets, news):
        said = [repr(secrets.ring(name)) for name in wrong]
        said += [repr(each) for each in secrets.reflector.view.objects.values()]
        said.append(repr(secrets.reflector.view.objects))
        for name in wrong:
            await store.set(name, key=f"{PREVIOUS}:{CURRENT}")
            await store.delete(name)
        await news.until(lambda: secrets.data("weak") is None)
    ours = [each.getMessage() for each in caplog.records if each.name.startswith("rollcall")]
    assert any("synced" in each for each in ours), "the log is looked at"
    for each in (*said, *ours):
        for secret in (CURRENT, PREVIOUS, "current secret", "previous secret"):
            assert secret[:10].lower() not in each.lower()
            assert base64.b64encode(secret.encode()).decode()[:10] not in each
