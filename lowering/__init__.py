"""Choosing the cheapest form, and the kernels that it becomes."""
