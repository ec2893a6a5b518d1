"""A TikHub look-alike over real HTTP: every creator, video and count it serves is made up.

It exists for people without an API key and for tests. `python -m include.sandbox` serves it,
`include.sandbox.server.running_sandbox` runs it inside a test.
"""

NOTICE = "TikHub sandbox: every creator, video and count in its answers is made up."
