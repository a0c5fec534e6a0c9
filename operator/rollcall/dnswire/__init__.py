"""DNS messages in wire format, for updates and transfers: reading, building, signing."""
