"""One GET to a server on loopback, to see whether it is there yet."""

import http.client
import ssl

_TIMEOUT_SECONDS = 2.0


def get(port: int, path: str, context: ssl.SSLContext | None = None, token: str = "") -> bytes | None:
    """Return the body of a 200 from 127.0.0.1, or None when anything else came.

    With a context it is HTTPS.
    """
    connection: http.client.HTTPConnection
    if context is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
    else:
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS, context=context)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return body if response.status == 200 else None
