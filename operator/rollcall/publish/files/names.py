"""How services are called where there is no DNS."""

from rollcall.model import FileSpec, Key, is_host_label


def invalid_name(key: Key) -> str:
    """Say what is wrong with the name of a service; "" where nothing is."""
    for text in key:
        if not is_host_label(text):
            return (
                f"{text!r} is not a name that every consumer takes: use at most 63 of a-z, 0-9 and '-',"
                " beginning and ending with a letter or a digit."
            )
    return ""


def short_name(spec: FileSpec, key: Key) -> str:
    """Return what a service is called where there is no domain.

    As in Kubernetes' own DNS: `web` in the file's own namespace, so that the same configuration works in
    staging and in production, and `web.shop` where a file names namespaces.
    """
    return f"{key.name}.{key.namespace}" if spec.services.namespaces else key.name
