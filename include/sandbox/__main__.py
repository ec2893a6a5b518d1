"""Command line: `python -m include.sandbox --port 8099`."""

from typing import Annotated

import typer

from include.sandbox import NOTICE
from include.sandbox.server import make_server


def main(
    host: str = "127.0.0.1",
    port: int = 8099,
    allowed_host: Annotated[list[str], typer.Option(help="Another name under which clients reach it.")] = [],  # noqa: B006
) -> None:
    """Serve the sandbox until interrupted."""
    print(NOTICE, f"Serving on http://{host}:{port}", sep="\n", flush=True)
    make_server(host=host, port=port, allowed_hosts=allowed_host).run()


if __name__ == "__main__":
    typer.run(main)
