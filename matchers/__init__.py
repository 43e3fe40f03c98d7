"""The view of a PyTensor graph as terms, and unification over those terms."""
