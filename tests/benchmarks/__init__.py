"""Benchmarks, run by `make bench`: they measure and print, and assert nothing."""
