"""What the API server is told: statuses, conditions, Events. After the fact, never in the way."""
