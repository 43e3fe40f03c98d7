"""How much of what PyTensor leaves undone is reached: rows of ``coverage.toml``, in many forms."""
