"""Who of several replicas writes, and what it goes on from."""
