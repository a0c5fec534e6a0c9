"""A full list of one kind of object, in pages."""

from rollcall.watch.reflector import Transport
from rollcall.watch.resource import Item, Resource, T

PAGE_SIZE = 500


async def read_full_list(client: Transport, resource: Resource[T], namespace: str | None) -> list[Item[T]]:
    """List every object of a kind, in one namespace or in all.

    The pages are of one moment: the API server serves them from one version, or answers 410.

    Raises:
        KubeError: a page could not be had; there is no partial result.
    """
    items: list[Item[T]] = []
    params = {"limit": str(PAGE_SIZE)}
    while True:
        body = await client.list_page(resource.path(namespace), params)
        page = resource.read_page(body)
        items += [resource.read_item(raw) for raw in page.items]
        if not page.continue_token:
            return items
        params = {"limit": str(PAGE_SIZE), "continue": page.continue_token}
