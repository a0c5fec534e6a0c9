"""A full list of one kind of object, in pages."""

from contextlib import aclosing

from rollcall.kube.errors import BadAnswer
from rollcall.model import Key
from rollcall.watch.pages import Transport, read_pages
from rollcall.watch.resource import Item, Resource, T
from rollcall.watch.versions import Versions

PAGE_SIZE = 500


async def read_full_list(
    client: Transport, resource: Resource[T], namespace: str | None, versions: Versions
) -> list[Item[T]]:
    """List every object of a kind, in one namespace or in all.

    The pages are of one moment: the API server serves them from one version, or answers 410.

    Raises:
        KubeError: a page could not be had, or is not one; there is no partial result.
    """
    items = dict[Key, Item[T]]()
    path = resource.path(namespace)
    pages = read_pages(client, resource, path, {}, versions, size=PAGE_SIZE)
    async with aclosing(pages):
        async for page in pages:
            for item in map(resource.read_item, page.items):
                if item.key in items:
                    raise BadAnswer(f"{path}: a list that holds {item.key} twice")
                items[item.key] = item
    return list(items.values())
