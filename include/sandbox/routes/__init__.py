"""The routes: TikHub's own, and those that control the sandbox."""
