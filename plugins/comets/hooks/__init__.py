"""Hooks of the Comet discovery package."""
