"""The settings of a provider: the entry provider.yaml of a Secret, as in octoDNS's own configuration.

class: octodns_powerdns.PowerDnsProvider
host: pdns.example.net
api_key: secret/api-key        # the entry api-key of the same Secret
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import yaml

ENTRY = "provider.yaml"
MAX_BYTES = 64 * 1024
MAX_DEPTH = 16

_REFERENCE = "secret/"
_ENVIRONMENT = "env/"
_CONFIDENTIAL = re.compile(r"secret|token|passw|passphrase|credential|private|api_?key|access_key|^key$")
_CLASS = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
_SHORTEST = 4
"""A shorter value isn't looked for in what is logged: it would be found everywhere."""


class InvalidSettings(ValueError):
    """Settings that can't be used; the message says why and what to do."""


class ProviderConfig(NamedTuple):
    """A provider's class (module.Class) and arguments, and the values that must not be shown to anybody."""

    class_path: str
    arguments: dict[str, Any]
    confidential: frozenset[str]


def read(entries: Mapping[str, bytes], secret: str) -> ProviderConfig:
    """Read the settings in the entries of the Secret of a name.

    Raises:
        InvalidSettings: they can't be used.
    """
    raw = entries.get(ENTRY)
    if raw is None:
        raise InvalidSettings(f"The Secret {secret} has no entry {ENTRY}: put the provider's settings there.")
    if len(raw) > MAX_BYTES:
        raise InvalidSettings(
            f"{ENTRY} of the Secret {secret} has {len(raw)} bytes; {MAX_BYTES} are allowed."
        )
    try:
        text = raw.decode()
        _check_size_of_content(text, secret)
        content = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        place = getattr(error, "problem_mark", None)
        where = f", line {place.line + 1}" if place else ""
        # No more than that: the text of the error shows the line, secrets included.
        raise InvalidSettings(f"{ENTRY} of the Secret {secret} is not YAML{where}.") from None
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise InvalidSettings(
            f"{ENTRY} of the Secret {secret} has to be a map of settings, class among them."
        )
    class_path = content.pop("class", None)
    if not isinstance(class_path, str) or not _CLASS.fullmatch(class_path):
        raise InvalidSettings(
            f"{ENTRY} of the Secret {secret} has no class, such as octodns_route53.Route53Provider."
        )
    reading = _Reading(entries, secret)
    arguments = {key: reading.value(key, value) for key, value in content.items()}
    return ProviderConfig(class_path, arguments, frozenset(reading.confidential))


def _check_size_of_content(text: str, secret: str) -> None:
    """Refuse what stands for far more than its bytes, or takes PyYAML minutes: aliases, and depth."""
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent):
            raise InvalidSettings(f"{ENTRY} of the Secret {secret} holds an alias (*name): write it out.")
        if depth > MAX_DEPTH:
            raise InvalidSettings(f"{ENTRY} of the Secret {secret} is nested more than {MAX_DEPTH} deep.")


class _Reading:
    """Puts entries of the Secret where the settings refer to them, and takes note of what is confidential."""

    def __init__(self, entries: Mapping[str, bytes], secret: str) -> None:
        self._entries = entries
        self._secret = secret
        self.confidential: set[str] = set()
        for name, raw in entries.items():
            if name != ENTRY:
                self._hide(raw.decode(errors="replace"))

    def value(self, key: str, value: Any) -> Any:
        match value:
            case dict():
                return {name: self.value(str(name), each) for name, each in value.items()}
            case list():
                return [self.value(key, each) for each in value]
            case str() if value.startswith(_REFERENCE):
                return self._entry(key, value.removeprefix(_REFERENCE))
            case str() if value.startswith(_ENVIRONMENT):
                raise InvalidSettings(
                    f"{key} in {ENTRY} of the Secret {self._secret} refers to the environment, which"
                    f" octoDNS isn't given here: put the value into an entry of the Secret, and write"
                    f" {_REFERENCE} and its name."
                )
        if isinstance(value, str) and _CONFIDENTIAL.search(key.lower()):
            self._hide(value)
        return value

    def _entry(self, key: str, name: str) -> str:
        raw = self._entries.get(name)
        if raw is None:
            raise InvalidSettings(
                f"{key} in {ENTRY} of the Secret {self._secret} refers to the entry {name}, which it"
                " doesn't have."
            )
        try:
            return raw.decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise InvalidSettings(f"The entry {name} of the Secret {self._secret} is not text.") from None

    def _hide(self, value: str) -> None:
        for part in {value.strip(), *map(str.strip, value.splitlines())}:
            if len(part) >= _SHORTEST:
                self.confidential.add(part)
