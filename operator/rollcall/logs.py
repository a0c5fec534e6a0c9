"""Log set-up: text for people, one JSON object a line for machines."""

import logging
import sys


def configure(log_format: str, level: str, process: str) -> None:
    """Send everything to standard error in one format; `process` says which of ours is speaking."""
    handler = logging.StreamHandler(sys.stderr)
    if log_format == "json":
        # Only here: a DNS worker starts in less time without it.
        from pythonjsonlogger.json import JsonFormatter

        formatter: logging.Formatter = JsonFormatter(
            "%(asctime)s %(levelname)s %(name)s %(message)s",
            rename_fields={"asctime": "ts", "levelname": "level", "name": "logger", "message": "msg"},
            static_fields={"process": process},
        )
    else:
        formatter = logging.Formatter(f"%(asctime)s %(levelname)-7s {process}: %(message)s")
    handler.setFormatter(formatter)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
