"""What equals what: one family of identities per file."""
