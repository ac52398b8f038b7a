"""Images in a real S3."""

from collections.abc import AsyncIterator, Iterator

import pytest

from contexts.catalog.adapters.images import S3Images
from gateway.embedded.s3 import S3


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    server = S3(tmp_path_factory.mktemp("s3"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
async def images(s3: S3) -> AsyncIterator[S3Images]:
    async with S3Images(s3.endpoint, "pictures", s3.access_key, s3.secret_key) as images:
        await images.prepare()
        await images.prepare()
        yield images


async def test_what_was_put_comes_back(images: S3Images) -> None:
    await images.put("products/cim-001.png", b"\x89PNG one", "image/png")
    first = await images.get("products/cim-001.png")
    assert first is not None
    assert (first.content, first.content_type) == (b"\x89PNG one", "image/png")
    assert first.etag
    assert '"' not in first.etag
    await images.put("products/cim-001.png", b"\x89PNG two!", "image/png")
    second = await images.get("products/cim-001.png")
    assert second is not None
    assert second.content == b"\x89PNG two!"
    assert second.etag != first.etag


@pytest.mark.parametrize("key", ["products/none.png", "products", "", "../identity.json", "a\0b", "x" * 5000])
async def test_what_is_not_there_is_none(images: S3Images, key: str) -> None:
    assert await images.get(key) is None


async def test_a_key_that_climbs_is_refused(images: S3Images) -> None:
    with pytest.raises(ValueError, match="not an image key"):
        await images.put("../escape.png", b"", "image/png")


async def test_a_wrong_secret_is_an_error_not_an_absence(s3: S3) -> None:
    async with S3Images(s3.endpoint, "pictures", s3.access_key, "wrong") as images:
        with pytest.raises(Exception, match=r"SignatureDoesNotMatch|403"):
            await images.get("products/cim-001.png")


async def test_it_is_used_while_open(s3: S3) -> None:
    closed = S3Images(s3.endpoint, "pictures", s3.access_key, s3.secret_key)
    with pytest.raises(RuntimeError, match="async with"):
        await closed.get("products/cim-001.png")
