"""The watch over the secondaries: NOTIFY, SOA polls, how far each has got, and their catalogs."""
