"""Where the API server is and who we are there, as the `kubernetes` package finds it.

That package knows every kind of kubeconfig user: tokens, certificates, login programs, identity providers.
It is imported when it is needed, because it costs 20 MB and 0.2 s.
"""

import asyncio
import dataclasses
import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from .errors import CredentialsError
from .proxy import Proxy, proxy_for

if TYPE_CHECKING:
    from kubernetes.client import Configuration

LOAD_SECONDS = 60.0
"""A login program may open a browser window."""

REFRESH_SECONDS = 30.0
"""How old a token may get before its source is asked again. Kubelets rotate a projected token when a fifth of
its life, two minutes at least, is left."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a request needs. `tls` is None for a plain http server; `tls_server_name` replaces the host's.

    `proxy` is the one on the way, None without.
    """

    server: str
    authorization: str | None
    tls: ssl.SSLContext | None
    tls_server_name: str | None
    proxy: Proxy | None = None


class Credentials:
    """Loads credentials, keeps tokens fresh, and loads everything again after a 401.

    With neither a kubeconfig nor a context it is the pod's own service account where there is one, else the
    default kubeconfig. A proxy on the way is found as kubectl finds it (`proxy_for`).
    """

    def __init__(self, kubeconfig: str | None = None, context: str | None = None) -> None:
        self._kubeconfig = kubeconfig
        self._context = context
        self._lock = asyncio.Lock()
        self._configuration: Configuration | None = None
        self._access: Access | None = None
        self._fresh_until = 0.0

    async def access(self) -> Access:
        """Return what a request needs now.

        Raises:
            CredentialsError: there is no usable kubeconfig or service account.
        """
        access = self._access
        if access is not None and asyncio.get_running_loop().time() < self._fresh_until:
            return access
        async with self._lock:
            if self._access is None or self._access is access:
                await self._refresh(self._load if access is None else self._ask_again)
            assert self._access is not None
            return self._access

    async def renew(self, refused: Access) -> Access:
        """Load everything again, because the API server refused this access or we refused its certificate.

        Raises:
            CredentialsError: there is no usable kubeconfig or service account.
        """
        async with self._lock:
            if self._access is None or self._access is refused:
                await self._refresh(self._load)
            assert self._access is not None
            return self._access

    async def _refresh(self, step: Callable[[], Access]) -> None:
        # In a thread: files are read, login programs run.
        try:
            async with asyncio.timeout(LOAD_SECONDS):
                self._access = await asyncio.to_thread(step)
        except TimeoutError as error:
            raise CredentialsError(f"{self._source()}: no credentials after {LOAD_SECONDS:.0f} s") from error
        self._fresh_until = asyncio.get_running_loop().time() + REFRESH_SECONDS

    def _load(self) -> Access:
        from kubernetes import client, config

        configuration = client.Configuration()
        configuration.proxy = None  # that of the environment, with no regard to NO_PROXY
        try:
            if in_cluster(self._kubeconfig, self._context):
                config.load_incluster_config(configuration)  # type: ignore[no-untyped-call]  # it has no types
            else:
                config.load_kube_config(  # type: ignore[no-untyped-call]  # it has no types
                    kubeconfig_path(self._kubeconfig), self._context, configuration
                )
            self._configuration = configuration
            return Access(
                server=configuration.host.rstrip("/"),
                authorization=_authorization(configuration),
                tls=_tls(configuration) if configuration.host.startswith("https") else None,
                tls_server_name=configuration.tls_server_name or None,
                proxy=proxy_for(configuration.host, configuration.proxy, os.environ),
            )
        except CredentialsError as error:
            raise CredentialsError(f"{self._source()}: {error}") from error
        # A kubeconfig that is YAML but no kubeconfig surfaces in that package as any of the last three.
        except (config.ConfigException, OSError, yaml.YAMLError, ValueError, TypeError, KeyError) as error:
            raise CredentialsError(f"{self._source()}: {error}") from error

    def _ask_again(self) -> Access:
        access, configuration = self._access, self._configuration
        assert access is not None
        assert configuration is not None
        try:
            authorization = _authorization(configuration)
        except OSError as error:
            raise CredentialsError(f"{self._source()}: {error}") from error
        return dataclasses.replace(access, authorization=authorization)

    def _source(self) -> str:
        return source(self._kubeconfig, self._context)


def in_cluster(kubeconfig: str | None, context: str | None) -> bool:
    """Whether the pod's own service account is meant: nothing else is given, and there is one."""
    explicit = kubeconfig or context or os.environ.get("KUBECONFIG")
    return not explicit and "KUBERNETES_SERVICE_HOST" in os.environ


def source(kubeconfig: str | None, context: str | None) -> str:
    """Say for people where credentials come from."""
    if in_cluster(kubeconfig, context):
        return "service account of this pod"
    where = kubeconfig or os.environ.get("KUBECONFIG") or "the default kubeconfig"
    return f"{where}, context {context}" if context else where


def kubeconfig_path(given: str | None) -> str | None:
    """Return which kubeconfig is meant; None is the default one.

    The `kubernetes` package reads $KUBECONFIG when it is imported, not when it is asked.
    """
    return given or os.environ.get("KUBECONFIG") or None


def _authorization(configuration: "Configuration") -> str | None:
    # This runs the hook that renews a token which is about to expire. The second name is that of
    # releases before 36.
    value: str | None = configuration.get_api_key_with_prefix("BearerToken", "authorization")
    return value


def _tls(configuration: "Configuration") -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    # Python 3.13 asks for extensions that the certificate authorities of many clusters lack.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    return context
