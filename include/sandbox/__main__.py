"""Command line: `python -m include.sandbox --port 8099 --date 2026-03-01`."""

import argparse
import os
import sys
from contextlib import suppress
from datetime import datetime

from include.sandbox import NOTICE
from include.sandbox.server import SandboxServer, listen, url_of
from include.sandbox.settings import SandboxSettings

_RUN_TIME = "T02:00:00Z"  # when the daily run starts


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text + _RUN_TIME if len(text) == len("2026-03-01") else text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m include.sandbox", description=NOTICE)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8099, help="0 takes a free one")
    parser.add_argument("--date", type=_moment, help="date (then 02:00 UTC) or instant at which time stands still")
    parser.add_argument("--seed", type=int, default=7, help="another seed is another made-up world")
    parser.add_argument("--refuse-key", action="append", default=[], metavar="KEY", help="answer this key with 401")
    parser.add_argument("--rate-limit", type=int, metavar="N", help="calls per second and route")
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS", help="waited before every API answer")
    return parser.parse_args()


def main() -> int:
    """Serve until interrupted; return the exit code."""
    arguments = _arguments()
    settings = SandboxSettings(
        seed=arguments.seed,
        now=arguments.date,
        refused_keys=tuple(arguments.refuse_key),
        per_second=arguments.rate_limit,
        latency_seconds=arguments.latency,
    )
    try:
        listener = listen(arguments.host, arguments.port)
    except OSError as error:
        print(f"Cannot listen on {arguments.host}:{arguments.port}: {os.strerror(error.errno or 0)}", file=sys.stderr)
        return 1
    with listener:
        server = SandboxServer(settings)
        print(NOTICE, f"Serving on {url_of(listener)}", sep="\n", flush=True)
        # uvicorn stops in order on Ctrl-C and then raises it again.
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
