"""From a DiscoveryFile and its services to a rendering: the same bytes for the same input, in any order."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from rollcall.model import DiscoveryFile, Key, Members, Problem

from .format import Block, DocumentHead, Format, LeftOut
from .formats import FORMATS, format_of
from .names import invalid_name, short_name
from .rendering import Part, Rendering
from .split import MAX_PART_BYTES, TooLarge, inserted, numbered, pack, size_of, split

DIGEST_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Document:
    """A rendering that only lacks its serial, which depends on whether `digest` is a new one."""

    file: DiscoveryFile
    form: Format
    blocks: tuple[Block, ...]
    left_out: tuple[LeftOut, ...]
    body: str
    digest: str

    def render(self, serial: int) -> Rendering:
        """Finish the rendering. The serial is part of zone files only."""
        parts: tuple[Part, ...] = ()
        too_large = None
        whole = Part.of(1, self._key, self._text(self.body, serial))
        try:
            parts = self._parts(serial, whole)
        except TooLarge as error:
            too_large = _too_large(error, self.file)
        return Rendering(
            content_type=self.form.content_type,
            text=whole.text,
            sha256=whole.sha256,
            parts=parts,
            digest=self.digest,
            serial=serial if self.form.has_serial else None,
            generation=self.file.generation,
            services=len(self.blocks),
            instances=sum(block.instances for block in self.blocks),
            left_out=self.left_out,
            too_large=too_large,
        )

    @property
    def _key(self) -> str:
        return self.file.spec.config_map.key

    def _text(self, body: str, serial: int, number: int = 1, keys: tuple[str, ...] = ()) -> str:
        head = DocumentHead(
            self.file, self.file.generation, self.digest, serial, number, keys or (self._key,)
        )
        return f"{self.form.head(head)}{body}{self.form.tail}"

    def _parts(self, serial: int, whole: Part) -> tuple[Part, ...]:
        if self.form.file_each and not _one_service(self.file):
            return self._part_each(serial)
        if size_of(whole.text) <= MAX_PART_BYTES:
            return (whole,)
        pieces = split(self.form, self.blocks)
        keys = _numbered_keys(self.file, len(pieces))
        return tuple(
            Part.of(number, key, self._text(self.form.body(blocks), serial, number, keys))
            for number, (key, blocks) in enumerate(zip(keys, pieces, strict=True), 1)
        )

    def _part_each(self, serial: int) -> tuple[Part, ...]:
        """Give each service a key of its own."""
        pieces = [piece for block in self.blocks for piece in split(self.form, [block])]
        texts = [self._text(self.form.body(piece), serial) for piece in pieces]
        numbers = pack([size_of(text) for text in texts])
        return tuple(
            Part.of(number, inserted(self._key, short_name(self.file.spec, block.service)), text)
            for number, block, text in zip(numbers, self.blocks, texts, strict=True)
        )


def compose(file: DiscoveryFile, services: Sequence[Members]) -> Document:
    """Compose the content of a file; `Document.render(serial)` finishes it.

    Raises:
        CannotRender: the spec leaves nothing to render.
    """
    form = format_of(file.spec)
    left_out = _absent(file, services)
    valid: list[Members] = []
    for members in sorted(services, key=lambda members: members.key):
        if problem := invalid_name(members.key):
            left_out.append(LeftOut(members.key, "InvalidName", problem))
        else:
            valid.append(members.in_families(file.spec.ip_families))
    contents = form.contents(file, valid)
    body = form.body(contents.blocks)
    bare = DocumentHead(file, 0, "", 0, 1, (file.spec.config_map.key,))
    digest = hashlib.sha256(form.head(bare).encode())
    digest.update(body.encode())
    return Document(
        file=file,
        form=form,
        blocks=tuple(contents.blocks),
        left_out=tuple(sorted(left_out + contents.left_out, key=lambda left: (left.service, left.reason))),
        body=body,
        digest=digest.hexdigest()[:DIGEST_LENGTH],
    )


def render(file: DiscoveryFile, services: Sequence[Members], serial: int) -> Rendering:
    """Render a file of these services. The serial is part of zone files only.

    Raises:
        CannotRender: the spec leaves nothing to render.
    """
    return compose(file, services).render(serial)


def empty_part(file: DiscoveryFile, number: int) -> Part:
    """Return what stands in a ConfigMap that an earlier, larger rendering needed: valid, and empty."""
    keys = _numbered_keys(file, number)
    empty = Document(file, format_of(file.spec), (), (), "", digest="none")
    return Part.of(number, keys[-1], empty._text("", 0, number, keys))


def _numbered_keys(file: DiscoveryFile, count: int) -> tuple[str, ...]:
    return tuple(numbered(file.spec.config_map.key, n + 1) for n in range(count))


def _one_service(file: DiscoveryFile) -> bool:
    """Whether the spec can only ever select one service, so that its key needs no name in it."""
    return len(file.spec.services.names) == 1 and len(file.spec.services.namespaces) <= 1


def _absent(file: DiscoveryFile, services: Sequence[Members]) -> list[LeftOut]:
    """Report the services that the spec names and nobody knows."""
    known = {members.key.name for members in services}
    namespaces = file.spec.services.namespaces or (file.key.namespace,)
    return [
        LeftOut(
            Key(namespaces[0], name),
            "NoSuchService",
            f"spec.services.names has {name!r}, but {' and '.join(namespaces)} has no such service that"
            " spec.services.selector lets through: create it, or correct the name.",
        )
        for name in sorted(set(file.spec.services.names) - known)
    ]


def _too_large(error: TooLarge, file: DiscoveryFile) -> Problem:
    *others, last = [name for name, form in FORMATS.items() if form.divisible]
    return Problem(
        "ServiceTooLarge",
        f"The service {error.service} alone takes {error.size} bytes as {file.spec.format}, more than one"
        f" ConfigMap holds ({MAX_PART_BYTES}), and this format can't divide a service among files: use the"
        f" format {', '.join(others)} or {last}, or read this file over HTTP, where there is no limit.",
    )
