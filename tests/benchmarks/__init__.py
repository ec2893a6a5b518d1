"""Benchmarks: they measure and print, and assert nothing. `make bench` runs them; pytest does not collect them."""
