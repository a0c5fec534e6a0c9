"""The transfer process, as a child of a test that is its control process."""
