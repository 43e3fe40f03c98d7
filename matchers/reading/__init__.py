"""How each PyTensor Op reads as a term, by kind of Op; the table is in `matchers.readers`."""
