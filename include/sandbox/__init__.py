"""A local HTTP imitation of TikHub with made-up creators, for users without an API key and for tests.

Serve it with `python -m include.sandbox`; tests use `include.sandbox.server.running_sandbox`.
"""

NOTICE = "TikHub sandbox: all creators, videos and counts are made up."
