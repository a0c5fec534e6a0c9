"""Every error that the server raises on purpose."""


class ServeError(Exception):
    """The root of this tree; the message says what was wrong, with what, and what to do."""


class ListenError(ServeError):
    """The address to listen on can't be used: it is malformed, not ours, or taken."""


class CookieSecretError(ServeError):
    """The file with the secrets of cookies can't be used."""
