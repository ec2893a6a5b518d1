"""URLs of the page, of Airflow and of TikTok."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request

from comets.settings import DAG_ID


@dataclass(frozen=True)
class Links:
    """Builder of the links in one response.

    :param root: path of the page, without a trailing slash
    :param airflow: path of Airflow, without a trailing slash
    :param is_framed: whether Airflow shows the page in its sandboxed frame, which no link can leave
    """

    root: str
    airflow: str
    is_framed: bool

    @classmethod
    def from_request(cls, request: Request) -> Links:
        """Return the links for the response to a request."""
        return cls(
            root=request.scope.get("root_path", ""),
            airflow=request.scope.get("app_root_path", "").rstrip("/"),
            is_framed=request.query_params.get("framed") == "1" or request.headers.get("sec-fetch-dest") == "iframe",
        )

    def page(self, path: str = "", **parameters: Any) -> str:
        """Return the URL of a view; parameters that are None are omitted."""
        query = {name: value for name, value in parameters.items() if value is not None}
        if self.is_framed:
            query["framed"] = 1
        return f"{self.root}/{path}" + (f"?{urlencode(query)}" if query else "")

    def creator(self, user_id: str, date: str | None = None) -> str:
        """Return the URL of a creator's page."""
        return self.page(f"creators/{quote(user_id, safe='')}", date=date)

    def static(self, name: str) -> str:
        """Return the URL of a static file."""
        return f"{self.root}/static/{name}"

    def run(self, run_id: str) -> str:
        """Return the URL of a run in Airflow."""
        return f"{self.airflow}/dags/{DAG_ID}/runs/{quote(run_id, safe='')}"

    def dag(self) -> str:
        """Return the URL of the Dag in Airflow."""
        return f"{self.airflow}/dags/{DAG_ID}"

    @staticmethod
    def profile(handle: str) -> str:
        """Return the URL of a TikTok profile."""
        return f"https://www.tiktok.com/@{quote(handle, safe='')}"

    @classmethod
    def video(cls, handle: str, video_id: str) -> str:
        """Return the URL of a TikTok video."""
        return f"{cls.profile(handle)}/video/{quote(video_id, safe='')}"
