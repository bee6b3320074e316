"""Structured logs with allow-listed fields: no bodies, query strings, tokens, names or free text ever reach them."""

import logging
import sys
from datetime import UTC, datetime

import msgspec

FIELDS = (
    "service", "method", "route", "status", "ms", "tenant", "client", "request_id", "rule", "stream", "count", "task", "error",
)  # fmt: skip

CHATTY = ("uvicorn.access", "httpx", "httpcore", "nats")
"""Loggers of others that write addresses with their query: heard from WARNING on."""
_ENCODER = msgspec.json.Encoder()


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message and the allowed fields; an exception by its type only."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for field in FIELDS:
            if (value := record.__dict__.get(field)) is not None:
                line[field] = value
        if record.exc_info and (kind := record.exc_info[0]):
            line["error"] = kind.__name__
            trace = record.exc_info[2]
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            if trace is not None:
                line["at"] = f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"
        return _ENCODER.encode(line).decode()


def set_up_logs(level: str = "INFO") -> None:
    """Send every log line to standard error as JSON; the access log of uvicorn, which prints query strings, stays off."""
    # a line names neither thread, process nor the place of the call: none of it is looked up
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)
