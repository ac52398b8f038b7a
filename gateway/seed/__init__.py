"""Loading data: the demo shop on the first start, large synthetic data for benchmarks."""
