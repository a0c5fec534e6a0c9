"""The zones that secondaries get, with all the versions that a secondary may still have.

`zones` follows the feed and says what is served. A `journaled_zone` is a content and its `journal`, from
which a `difference` is computed. `archive` keeps journals over a restart, each in a `journal_file` of
`frames`.
"""
