"""Where zones and files go: each target has its own worker, queue and back-off."""
