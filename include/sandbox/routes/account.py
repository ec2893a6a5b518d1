"""The free routes: account, usage and health."""

from typing import Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from include.sandbox.envelope import los_angeles_time
from include.sandbox.fault_replies import response_with
from include.sandbox.gate import admit, answer
from include.sandbox.state import Sandbox, sandbox_of

PRICE_USD = 0.001

user_router = APIRouter(prefix="/api/v1/tikhub/user", dependencies=[Depends(admit)], tags=["TikHub"])
health_router = APIRouter(prefix="/api/v1/health", tags=["TikHub"])


@user_router.get("/get_user_info")
async def get_user_info(request: Request) -> Response:
    """Return key and balance. Alone among TikHub's answers it has no `data`: everything is at the top."""
    sandbox = sandbox_of(request)
    spent = PRICE_USD * sandbox.calls.counters()["billed"]
    body = {
        "code": 200,
        "router": request.url.path,
        "api_key_data": {
            "api_key_name": "sandbox",
            "api_key_scopes": ["/api/v1/"],
            "created_at": "2026-01-01 00:00:00",
            "expires_at": None,
            "api_key_status": 1,
        },
        "user_data": {
            "email": "nobody@sandbox.example",
            "balance": round(max(0.0, sandbox.settings.balance_usd - spent), 6),
            "free_credit": sandbox.settings.free_credit_usd,
            "email_verified": True,
            "account_disabled": False,
            "is_active": True,
        },
    }
    return response_with(request.state.rule, body)


@user_router.get("/get_user_daily_usage")
async def get_user_daily_usage(request: Request) -> Response:
    """Return what was called, under the date of Los Angeles. The sandbox counts since its log was cleared."""
    return answer(request, _usage(sandbox_of(request)))


def _usage(sandbox: Sandbox) -> dict[str, Any]:
    counters = sandbox.calls.counters()
    spent = round(PRICE_USD * counters["billed"], 6)
    return {
        "date": los_angeles_time(sandbox.now())[:10],
        "usage": spent,
        "balance_usage": spent,
        "free_credit_usage": 0.0,
        "total_request_per_day": counters["total"],
        "paid_request_per_day": counters["billed"],
    }


@health_router.get("/check")
async def check() -> dict[str, str]:
    """Say that the server runs; needs no key."""
    return {"status": "ok"}
