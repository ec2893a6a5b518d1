"""Command line: `python -m include.sandbox --port 8099`."""

import typer

from include.sandbox import NOTICE
from include.sandbox.server import make_server


def main(host: str = "127.0.0.1", port: int = 8099) -> None:
    """Serve the sandbox until interrupted."""
    print(NOTICE, f"Serving on http://{host}:{port}", sep="\n", flush=True)
    make_server(host=host, port=port).run()


if __name__ == "__main__":
    typer.run(main)
