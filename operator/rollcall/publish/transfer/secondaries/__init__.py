"""The secondaries: each is told of changes (NOTIFY), and asked how far it is (SOA poll).

`secondaries` runs a `secondary_watch` for each secondary of each zone. That sends NOTIFY (`notify`),
decides when to ask (`poll`), asks (`serial_query`) and says what is wrong (`reasons`); messages go over an
`exchange`. `catalog` makes the zones by which secondaries find out which zones there are.
"""
