"""Runs, replications and benchmarks."""
