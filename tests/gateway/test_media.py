"""Images for strangers: so many at once, and no more that wait."""

import asyncio

import httpx
from starlette.applications import Starlette
from starlette.routing import Route

from contexts.catalog.ports import StoredImage
from gateway.http.media import AT_ONCE, MOST_WAITING, Media


class SlowImages:
    """A store that answers when it is let."""

    def __init__(self) -> None:
        self.let = asyncio.Event()
        self.reading = self.most = 0

    async def prepare(self) -> None:
        raise NotImplementedError

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        raise NotImplementedError

    async def get(self, key: str) -> StoredImage | None:
        self.reading += 1
        self.most = max(self.most, self.reading)
        await self.let.wait()
        self.reading -= 1
        return StoredImage(b"picture", "image/png", "1")


async def test_so_many_images_are_read_at_once_and_so_many_may_wait() -> None:
    images = SlowImages()
    app = Starlette(routes=[Route("/media/{key:path}", Media(images, None).__call__)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://prumo.test") as http:
        asked = [
            asyncio.create_task(http.get("/media/products/x.png")) for _ in range(AT_ONCE + MOST_WAITING + 1)
        ]
        (refused,), _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        assert (refused.result().status_code, refused.result().headers["retry-after"]) == (503, "1")
        images.let.set()
        answers = [answer for answer in await asyncio.gather(*asked) if answer is not refused.result()]
    assert {answer.status_code for answer in answers} == {200}
    assert images.most == AT_ONCE
