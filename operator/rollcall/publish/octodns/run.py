"""The process of one run: `python -m rollcall.publish.octodns.run PID`, PID being the operator's.

It reads a SyncRequest (msgpack) from its standard input and writes an Outcome (JSON) to its standard output.
"""

import logging
import os
import sys

import msgspec

from rollcall.processes import end_with

from .exchange import Failure, Outcome, SyncRequest
from .redaction import RedactedStream, Redaction
from .settings import InvalidSettings, read


def main() -> None:
    """Answer one request."""
    end_with(int(sys.argv[1]))
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as answer:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a provider prints is not an outcome
        request = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=SyncRequest)
        answer.write(msgspec.json.encode(_outcome(request)))


def _outcome(request: SyncRequest) -> Outcome:
    try:
        config = read(request.settings, request.secret)
    except InvalidSettings as error:
        return Outcome(failure=Failure.SETTINGS, message=str(error))
    redact = Redaction(config.confidential)
    sys.stdout = sys.stderr = RedactedStream(sys.stderr, redact)
    logging.basicConfig(
        level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", handlers=[logging.StreamHandler()]
    )
    try:
        from .sync import Run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "octodns":
            raise
        return Outcome(
            failure=Failure.SETTINGS,
            message="Rollcall's image doesn't have octoDNS: make one with `rollcall[octodns]` and the package"
            " of the provider, such as octodns-route53.",
        )
    outcome = Run(request).outcome(config)
    # What a provider says of its refusal may well hold the key that it refuses.
    return msgspec.structs.replace(outcome, message=redact(outcome.message))


if __name__ == "__main__":
    main()
