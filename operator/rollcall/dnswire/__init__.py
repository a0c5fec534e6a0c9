"""DNS in wire format, for all who speak it: codes, names, the table of record types, messages, signatures.

Everything but `tsig` is pure, and fast to import: a DNS worker starts with it.
"""
