"""Real and generated data for the demo, the tests and the benchmarks; standard library only."""
