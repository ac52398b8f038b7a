"""Images in an S3 bucket."""

import asyncio
from contextlib import AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from aiohttp import ClientConnectionError, ClientPayloadError
from botocore.exceptions import BotoCoreError, ClientError

from contexts.catalog.domain.images import is_image_key
from contexts.catalog.ports import StoredImage
from contexts.shared.unavailable import Unavailable

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client  # stubs only, absent where Prumo just runs

STORE = "object storage"
GET_SECONDS = 10.0
"""Repetitions included: a browser waits for the image."""
_ABSENT = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NotFound"})


class S3Images:
    """A bucket reached by one client, which is open inside `async with`.

    Path-style addresses and no extra checksums: what every S3 look-alike understands.
    """

    def __init__(
        self, endpoint_url: str, bucket: str, key: str, secret: str, region: str = "us-east-1"
    ) -> None:
        self._endpoint_url = endpoint_url
        self._bucket = bucket
        self._key = key
        self._secret = secret
        self._region = region
        self._resources = AsyncExitStack()
        self._client: S3Client | None = None

    async def __aenter__(self) -> Self:
        self._client = await self._resources.enter_async_context(
            get_session().create_client(
                "s3",
                endpoint_url=self._endpoint_url,
                aws_access_key_id=self._key,
                aws_secret_access_key=self._secret,
                region_name=self._region,
                config=AioConfig(
                    s3={"addressing_style": "path"},
                    request_checksum_calculation="when_required",
                    response_checksum_validation="when_required",
                    connect_timeout=5,
                    read_timeout=30,
                    retries={"mode": "standard", "total_max_attempts": 3},
                ),
            )
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client = None
        await self._resources.aclose()

    async def prepare(self) -> None:
        """Make the bucket if it is not there."""
        try:
            await self._open().head_bucket(Bucket=self._bucket)
        except ClientError as error:
            if not _is_absent(error):
                raise
            await self._open().create_bucket(Bucket=self._bucket)

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        if not is_image_key(key):
            raise ValueError(f"not an image key: {key!r}")
        await self._open().put_object(Bucket=self._bucket, Key=key, Body=content, ContentType=content_type)

    async def get(self, key: str) -> StoredImage | None:
        if not is_image_key(key):
            return None
        try:
            async with asyncio.timeout(GET_SECONDS):
                found = await self._open().get_object(Bucket=self._bucket, Key=key)
                async with found["Body"] as body:
                    content = await body.read()
        except ClientError as error:
            if _is_absent(error):
                return None
            raise Unavailable(STORE, error) from error  # it refuses our key, or fails inside
        except (BotoCoreError, ClientConnectionError, ClientPayloadError, OSError) as error:
            raise Unavailable(STORE, error) from error
        return StoredImage(content, found["ContentType"], found["ETag"].strip('"'))

    def _open(self) -> "S3Client":
        if self._client is None:
            raise RuntimeError("S3Images is used inside `async with`")
        return self._client


def _is_absent(error: ClientError) -> bool:
    return error.response.get("Error", {}).get("Code") in _ABSENT
