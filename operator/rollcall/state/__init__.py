"""What outlives a restart: the serials that were handed out, and the last answers and files."""
