"""What a benchmark is measured on: this machine and the versions that matter."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import psutil

from include.stack.postgres import find_binaries


def facts() -> dict[str, Any]:
    """The machine's size, how many processes want a processor now, and versions; None of what is not installed."""
    return {
        "processors": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "load": round(os.getloadavg()[0], 1),
        "airflow": version_of("apache-airflow"),
        "postgresql": postgres_version(),
        "dlt": version_of("dlt"),
    }


def describe(known: Mapping[str, Any]) -> str:
    """The facts in words, but for the load, which changes."""
    versions = {"Airflow": known["airflow"], "PostgreSQL": known["postgresql"], "dlt": known["dlt"]}
    shown = [f"{name} {number}" for name, number in versions.items() if number]
    return ", ".join([f"{known['processors']} processors, {known['memory_gb']} GB of memory", *shown])


def version_of(package: str) -> str | None:
    """The version of a package."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def postgres_version() -> str:
    """The version of the server that the stack and the benchmarks start."""
    command = [str(find_binaries() / "postgres"), "--version"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1]
