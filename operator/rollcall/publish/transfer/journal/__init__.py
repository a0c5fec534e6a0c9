"""The versions of each zone that secondaries get: the current one, those before it, and both on disk."""
