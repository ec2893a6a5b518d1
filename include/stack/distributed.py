"""`make distributed`: the whole stack in the foreground, with Celery workers as separate processes behind a Redis."""

from collections.abc import Sequence
from contextlib import ExitStack

from include.stack.celery_settings import celery_parts, celery_variables
from include.stack.components import Components
from include.stack.environment import Environment
from include.stack.keys import load_redis_password
from include.stack.redis_server import RedisServer, find_redis
from include.stack.up import serve


def run_distributed(_arguments: Sequence[str]) -> int:
    """Serve until Ctrl-C or SIGTERM; return the exit code."""
    find_redis()
    return serve("make distributed", distributed_components)


def distributed_components(environment: Environment, stack: ExitStack) -> Components:
    """Make Airflow's components with their queue, which is there for as long as the given context."""
    state = environment.state
    queue = stack.enter_context(RedisServer(state.redis, load_redis_password(state.keys)))
    return Components(state, celery_variables(environment.variables, queue.url), celery_parts())
