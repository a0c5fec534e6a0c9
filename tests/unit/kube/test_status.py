"""Which error a refusal becomes, and what it says."""

import msgspec
import pytest

from rollcall.kube import errors
from rollcall.kube.status import error_of, read_status

FORBIDDEN = (
    'pods is forbidden: User "system:serviceaccount:rollcall:rollcall" cannot list resource "pods" '
    'in API group "" at the cluster scope'
)


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (400, "BadRequest", errors.ApiError),
        (401, "Unauthorized", errors.Unauthorized),
        (403, "Forbidden", errors.Forbidden),
        (404, "NotFound", errors.KindMissing),
        (409, "Conflict", errors.Conflict),
        (409, "AlreadyExists", errors.AlreadyExists),
        (410, "Expired", errors.Gone),
        (410, "Gone", errors.Gone),
        (422, "Invalid", errors.Invalid),
        (429, "TooManyRequests", errors.TooManyRequests),
        (500, "InternalError", errors.ServerError),
        (504, "Timeout", errors.ServerError),
    ],
)
def test_a_class_for_each_status(code: int, reason: str, kind: type[errors.ApiError]) -> None:
    body = msgspec.json.encode({"kind": "Status", "code": code, "reason": reason, "message": "because"})
    for error in (error_of("GET /x", read_status(body), code), error_of("GET /x", read_status(body))):
        assert type(error) is kind
        assert (error.status, error.reason, error.message) == (code, reason, "because")
        assert str(error) == f"GET /x: {code} {reason}: because"


def test_forbidden_says_which_verb_and_resource() -> None:
    body = msgspec.json.encode({"reason": "Forbidden", "message": FORBIDDEN, "code": 403})
    assert str(error_of("GET /api/v1/pods", read_status(body), 403)).endswith(FORBIDDEN)


def test_a_version_from_the_future_means_listing_again() -> None:
    status = {
        "code": 504,
        "reason": "Timeout",
        "message": "Too large resource version: 9, current: 3",
        "details": {
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
            "retryAfterSeconds": 1,
        },
    }
    assert type(error_of("GET /x", read_status(msgspec.json.encode(status)))) is errors.Gone


@pytest.mark.parametrize(
    ("details", "header", "seconds"),
    [
        ({"retryAfterSeconds": 3}, "7", 3.0),
        (None, "7", 7.0),
        ({}, None, None),
        (None, "Tue, 24 Nov 2026 06:00:00 GMT", None),
    ],
)
def test_how_long_to_wait(details: object, header: str | None, seconds: float | None) -> None:
    body = msgspec.json.encode({"code": 429, "details": details})
    assert error_of("GET /x", read_status(body), 429, header).retry_after_seconds == seconds


@pytest.mark.parametrize(
    ("body", "http_status", "text"),
    [
        (b"<html>502 Bad Gateway</html>", 502, "GET /x: 502 BadGateway: <html>502 Bad Gateway</html>"),
        (b"", 503, "GET /x: 503 ServiceUnavailable: no message"),
        (b"\xff", 520, "GET /x: 520 Unknown: \N{REPLACEMENT CHARACTER}"),
        (b"a" * 1000, 500, "GET /x: 500 InternalServerError: " + "a" * 200),
    ],
)
def test_an_answer_that_is_not_the_api_servers(body: bytes, http_status: int, text: str) -> None:
    error = error_of("GET /x", read_status(body), http_status)
    assert type(error) is errors.ServerError
    assert str(error) == text


def test_the_tree_is_whole() -> None:
    for name in ("Unreachable", "CredentialsError", "ApiError"):
        assert issubclass(getattr(errors, name), errors.KubeError)


OURS = "/apis/rollcall.dev/v1alpha1/discoveryzones"
PAGE = b"404 page not found\n"
NO_RESOURCE = msgspec.json.encode(
    {
        "reason": "NotFound",
        "message": "the server could not find the requested resource",
        "details": {},
        "code": 404,
    }
)


@pytest.mark.parametrize("body", [PAGE, NO_RESOURCE, b""])
@pytest.mark.parametrize("doing", [f"GET {OURS}", f"GET {OURS}?watch", f"PATCH {OURS}/main/status"])
def test_where_our_kinds_are_missing_it_says_what_to_apply(body: bytes, doing: str) -> None:
    error = error_of(doing, read_status(body), 404)
    assert type(error) is errors.KindMissing
    assert str(error).startswith(f"{doing}: 404 NotFound: ")
    assert "kubectl apply --server-side -f manifests/crds/" in error.message
    assert "page not found" not in error.message


@pytest.mark.parametrize("body", [PAGE, NO_RESOURCE])
def test_kinds_of_others_are_theirs_to_install(body: bytes) -> None:
    error = error_of("GET /apis/flagger.app/v1beta1/canaries", read_status(body), 404)
    assert type(error) is errors.KindMissing
    assert "manifests" not in str(error)


def test_an_object_that_is_missing_is_not_its_kind() -> None:
    status = {
        "reason": "NotFound",
        "message": 'discoveryzones.rollcall.dev "main" not found',
        "details": {"name": "main", "group": "rollcall.dev", "kind": "discoveryzones"},
        "code": 404,
    }
    error = error_of(f"GET {OURS}/main", read_status(msgspec.json.encode(status)), 404)
    assert type(error) is errors.NotFound
    assert error.message == status["message"]
