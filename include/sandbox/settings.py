"""What can be chosen when the sandbox starts."""

from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

SAMPLE_FILE = Path(__file__).parent / "data" / "videos_sample.jsonl"


class SandboxSettings(BaseModel):
    """Start options of one sandbox; the control routes change the running one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 7
    now: datetime | None = Field(default=None, description="Virtual time to start at; None is real time.")
    refused_keys: tuple[str, ...] = Field(default=(), description="API keys answered with 401, as a wrong key is.")
    balance_usd: float = Field(default=5.0, ge=0, description="Balance before the first billed call.")
    free_credit_usd: float = Field(default=0.1, ge=0)
    per_second: int | None = Field(default=None, ge=1, description="Calls per second and route; None is no limit.")
    latency_seconds: float = Field(default=0.0, ge=0, description="Waited before every API answer.")
    sample_file: Path = SAMPLE_FILE
