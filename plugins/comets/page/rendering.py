"""Responses from templates and JSON."""

from __future__ import annotations

import json
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response

from comets.page import formatting
from comets.page.links import Links

FOLDER = Path(__file__).parent
STATIC_FOLDER = FOLDER / "static"

# Keeps `</script>` and the like harmless wherever the JSON is embedded.
_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "'": "\\u0027"})


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(formatting.FILTERS)
    environment.globals["style_version"] = _version("comets.css")
    environment.globals["script_version"] = _version("comets.js")
    environment.globals["theme_version"] = _version("theme.js")
    return environment


def _version(name: str) -> str:
    return sha256((STATIC_FOLDER / name).read_bytes()).hexdigest()[:12]


def render(request: Request, template: str, values: dict[str, Any], status: int = 200) -> Response:
    """Return the page of a template, with `links` added to its values."""
    text = _templates().get_template(template).render(links=Links.from_request(request), **values)
    return Response(text, status, media_type="text/html")


def json_text(value: Any) -> str:
    """Return JSON that is safe inside HTML and scripts; dates are ISO 8601."""
    return json.dumps(value, default=str, allow_nan=False).translate(_ESCAPES)


def json_response(value: Any, status: int = 200) -> Response:
    """Return a JSON response."""
    return Response(json_text(value), status, media_type="application/json")
