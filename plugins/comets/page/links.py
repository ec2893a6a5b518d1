"""Addresses: inside the page, in Airflow and at TikTok."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request

from comets.settings import DAG_ID


@dataclass(frozen=True)
class Links:
    """Makes the links of one answer.

    :param root: path under which the page is served, without a slash at its end
    :param airflow: path under which Airflow is served, in the same way
    :param is_framed: whether Airflow shows the page in its sandboxed frame, which no link can leave
    """

    root: str
    airflow: str
    is_framed: bool

    @classmethod
    def of(cls, request: Request) -> Links:
        """The links for the answer to a request."""
        return cls(
            root=request.scope.get("root_path", ""),
            airflow=request.scope.get("app_root_path", "").rstrip("/"),
            is_framed=request.query_params.get("framed") == "1" or request.headers.get("sec-fetch-dest") == "iframe",
        )

    def page(self, path: str = "", **parameters: Any) -> str:
        """A page of ours; parameters that are None are left out."""
        given = {name: value for name, value in parameters.items() if value is not None}
        if self.is_framed:
            given["framed"] = 1
        return f"{self.root}/{path}" + (f"?{urlencode(given)}" if given else "")

    def creator(self, user_id: str, date: str | None = None) -> str:
        """The page of a creator."""
        return self.page(f"creators/{quote(user_id, safe='')}", date=date)

    def static(self, name: str) -> str:
        """A file of ours."""
        return f"{self.root}/static/{name}"

    def run(self, run_id: str) -> str:
        """A run in Airflow."""
        return f"{self.airflow}/dags/{DAG_ID}/runs/{quote(run_id, safe='')}"

    def dag(self) -> str:
        """The Dag in Airflow."""
        return f"{self.airflow}/dags/{DAG_ID}"

    @staticmethod
    def profile(handle: str) -> str:
        """A profile at TikTok."""
        return f"https://www.tiktok.com/@{quote(handle, safe='')}"

    @classmethod
    def video(cls, handle: str, video_id: str) -> str:
        """A video at TikTok."""
        return f"{cls.profile(handle)}/video/{quote(video_id, safe='')}"
