"""Where things are in the API."""


def api_path(
    group_version: str,
    plural: str,
    *,
    namespace: str | None = None,
    name: str | None = None,
    subresource: str | None = None,
) -> str:
    """Make the path of a collection, an object or its subresource; `group_version` as in apiVersion."""
    root = "apis" if "/" in group_version else "api"
    scope = ["namespaces", namespace] if namespace else []
    parts = [root, group_version, *scope, plural, name, subresource]
    return "/" + "/".join(part for part in parts if part)
