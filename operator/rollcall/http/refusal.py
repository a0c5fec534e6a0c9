"""How a page says no: in JSON, with a word for programs and a sentence for people."""

from typing import NoReturn

import msgspec
from aiohttp import web

RETRY_AFTER_SECONDS = 1


def refuse(kind: type[web.HTTPException], reason: str, message: str) -> NoReturn:
    """Answer with an error. 503 and 504 pass: curl --retry asks again after them."""
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if kind is web.HTTPServiceUnavailable else None
    body = msgspec.json.encode({"error": reason, "message": message}).decode()
    raise kind(text=f"{body}\n", content_type="application/json", headers=headers)


def refuse_unknown_parameters(request: web.Request, known: tuple[str, ...]) -> None:
    """Answer with an error if a request has parameters that the page doesn't take."""
    for name in request.query:
        if name not in known:
            refuse(
                web.HTTPBadRequest,
                "UnknownParameter",
                f"{name[:32]!r}: this page takes {' and '.join(known)}",
            )
