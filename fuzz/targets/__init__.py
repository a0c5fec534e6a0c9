"""The targets: one module each, with a `TARGET`."""
