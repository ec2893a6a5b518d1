"""The virtual environment, and how uv is told where the caller's pip gets its packages.

uv does not read pip's configuration, so it is translated. Only the standard library is used: this runs before anything
is installed.
"""

import ast
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

ENVIRONMENT = Path(".venv")
LOCAL_PYTHON = ENVIRONMENT / "bin" / "python"
LOCAL_UV = ENVIRONMENT / "bin" / "uv"
# uv's variable for each setting of pip; lists are separated by spaces in both.
UV_VARIABLES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
    "trusted-host": "UV_INSECURE_HOST",
}


def pip_settings_for_uv() -> dict[str, str]:
    """Return pip's settings, from its files and variables, as variables for uv.

    Like pip, uv shall look into all indexes and take the best match; what it may take is fixed by the hashes.
    """
    listing = run([LOCAL_PYTHON, "-m", "pip", "config", "list"]).stdout
    variables = {"UV_INDEX_STRATEGY": "unsafe-best-match", "UV_PYTHON_DOWNLOADS": "never"}
    # Lines are name='value'; a variable of the environment (":env:.") comes first and wins over a file ("global.").
    for line in reversed(listing.splitlines()):
        name, _, value = line.partition("=")
        uv_name = UV_VARIABLES.get(name.rpartition(".")[2])
        if uv_name:
            variables[uv_name] = " ".join(str(ast.literal_eval(value)).split())
    return variables


def run(command: Sequence[Path | str], variables: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program without input, with its output caught."""
    return subprocess.run(
        [str(part) for part in command],
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
