"""Images in an S3 bucket."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from aiohttp import ClientConnectionError, ClientPayloadError
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from contexts.catalog.domain.images import is_image_key
from contexts.catalog.ports import StoredImage
from contexts.shared.unavailable import Unavailable

if TYPE_CHECKING:
    # Stubs only, absent where Prumo just runs.
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_s3.literals import BucketLocationConstraintType

STORE = "object storage"
GET_SECONDS = 10.0
"""Repetitions included: a browser waits for the image."""
CREDENTIAL_SECONDS = 5.0
"""For all places together where credentials may be; a metadata service that is no longer there answers nothing."""
LOOK_AGAIN_SECONDS = 1.0
"""After credentials were not found."""
LOOK_ALIKES_REGION = "us-east-1"
"""What a store that knows no regions signs with."""
_ABSENT = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NotFound"})

log = logging.getLogger(__name__)


class S3Images:
    """A bucket reached by one client, inside `async with`.

    With an `endpoint_url`: path-style addresses and no extra checksums, what every S3 look-alike understands. Without
    one: AWS in the `region`. Without `key` and `secret`, credentials come from where AWS's tools look for them:
    environment, files, web identity, container, instance. They are looked for when the block begins; a block without
    them begins all the same, and they are looked for again when an image is asked for.
    """

    def __init__(
        self,
        endpoint_url: str | None,
        bucket: str,
        key: str | None = None,
        secret: str | None = None,
        region: str | None = None,
    ) -> None:
        self._endpoint_url = endpoint_url
        self._bucket = bucket
        self._key = key or None  # an empty one would be signed with
        self._secret = secret or None
        self._region = region or LOOK_ALIKES_REGION
        self._resources: AsyncExitStack | None = None
        self._client: S3Client | None = None
        self._connecting = asyncio.Lock()
        self._missing: BaseException | None = None
        """Why there were no credentials when they were last looked for."""
        self._look_again_at = 0.0

    async def __aenter__(self) -> Self:
        self._resources = AsyncExitStack()
        try:
            await self._open()
        except Unavailable as missing:
            log.warning(
                "no credentials for the images yet: give PRUMO_S3_KEY and PRUMO_S3_SECRET, or this process a role;"
                " images are 503 until then: %s",
                missing,
            )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        resources, self._resources, self._client = self._resources, None, None
        if resources is not None:
            await resources.aclose()

    async def prepare(self) -> None:
        """Make the bucket if it is not there."""
        client = await self._open()
        with _away():
            try:
                await client.head_bucket(Bucket=self._bucket)
            except ClientError as error:
                if not _is_absent(error):
                    raise
                await self._create_bucket(client)

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        if not is_image_key(key):
            raise ValueError(f"not an image key: {key!r}")
        client = await self._open()
        with _away():
            await client.put_object(Bucket=self._bucket, Key=key, Body=content, ContentType=content_type)

    async def get(self, key: str) -> StoredImage | None:
        if not is_image_key(key):
            return None
        client = await self._open()
        with _away():
            try:
                async with asyncio.timeout(GET_SECONDS):
                    found = await client.get_object(Bucket=self._bucket, Key=key)
                    async with found["Body"] as body:
                        content = await body.read()
            except ClientError as error:
                if _is_absent(error):
                    return None
                raise  # it refuses our key, or fails inside
        return StoredImage(content, found["ContentType"], found["ETag"].strip('"'))

    async def _create_bucket(self, client: "S3Client") -> None:
        if self._region == LOOK_ALIKES_REGION:  # the one that AWS does not want to be told
            await client.create_bucket(Bucket=self._bucket)
        else:
            region = cast("BucketLocationConstraintType", self._region)  # the stubs know some of today's
            await client.create_bucket(
                Bucket=self._bucket, CreateBucketConfiguration={"LocationConstraint": region}
            )

    async def _open(self) -> "S3Client":
        """The client. Raises Unavailable while there are no credentials."""
        if self._resources is None:
            raise RuntimeError("S3Images is used inside `async with`")
        if self._client is None:
            async with self._connecting:
                if self._client is None:
                    self._client = await self._connect(self._resources)
        return self._client

    async def _connect(self, resources: AsyncExitStack) -> "S3Client":
        session, now = get_session(), asyncio.get_running_loop().time
        if self._key is None:
            if self._missing is not None and now() < self._look_again_at:
                raise Unavailable(STORE, self._missing)
            try:
                async with asyncio.timeout(CREDENTIAL_SECONDS):
                    if await session.get_credentials() is None:
                        raise NoCredentialsError
            except (BotoCoreError, OSError) as error:
                self._missing, self._look_again_at = error, now() + LOOK_AGAIN_SECONDS
                raise Unavailable(STORE, error) from error
        return await resources.enter_async_context(
            session.create_client(
                "s3",
                endpoint_url=self._endpoint_url,
                aws_access_key_id=self._key,
                aws_secret_access_key=self._secret,
                region_name=self._region,
                config=AioConfig(
                    signature_version="s3v4",
                    s3={"addressing_style": self._addressing_style()},
                    request_checksum_calculation="when_required",
                    response_checksum_validation="when_required",
                    connect_timeout=5,
                    read_timeout=30,
                    retries={"mode": "standard", "total_max_attempts": 3},
                ),
            )
        )

    def _addressing_style(self) -> str:
        """AWS has the bucket in the host's name, where its certificate allows that. `auto` would sign addresses of
        the host without a region, which sends browsers on, to where the signature is wrong."""
        return "virtual" if self._endpoint_url is None and "." not in self._bucket else "path"


@contextmanager
def _away() -> Iterator[None]:
    """What the store, or the way to it or to its credentials, fails with is raised as Unavailable."""
    try:
        yield
    except (ClientError, BotoCoreError, ClientConnectionError, ClientPayloadError, OSError) as error:
        raise Unavailable(STORE, error) from error


def _is_absent(error: ClientError) -> bool:
    return error.response.get("Error", {}).get("Code") in _ABSENT
