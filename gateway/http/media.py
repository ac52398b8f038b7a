"""/media/{key}: product images, read from S3 on behalf of browsers.

The embedded S3 knows no anonymous reads. In production PRUMO_MEDIA_URL names a CDN and this route idles.
"""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from contexts.catalog.api import Images
from gateway.authentication import client_address
from gateway.http.capacity import RETRY_AFTER_SECONDS
from schema.rate_limiter import RateLimiter

AT_ONCE = 10
"""Images read at once: as many connections as the store's client opens. Each is in memory as a whole."""
MOST_WAITING = 200
"""Requests that wait for their turn; beyond it 503."""


class Media:
    """Images never change under their key (it holds a hash of the content), so they may be kept for ever.

    An image costs an anonymous caller's point: browsers send no token for it. `throttle` is None where nobody is
    throttled.
    """

    def __init__(self, images: Images, throttle: RateLimiter | None) -> None:
        self._images = images
        self._throttle = throttle
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._asked = 0

    async def __call__(self, request: Request) -> Response:
        """200 with the image, 304 when the browser has it, 404; 429 or 503 when there are too many."""
        if self._throttle is not None:
            bucket = self._throttle.bucket(None, client_address(request.scope))
            if not bucket.take(1):
                return _later(429, bucket.seconds_until(1), b"Too many images for now.")
        if self._asked >= AT_ONCE + MOST_WAITING:
            return _later(503, RETRY_AFTER_SECONDS, b"Too many images are being read.")
        self._asked += 1
        try:
            async with self._turns:
                image = await self._images.get(request.path_params["key"])
        finally:
            self._asked -= 1
        if image is None:
            return Response(b"There is no such image.", status_code=404, media_type="text/plain")
        etag = f'"{image.etag}"'
        headers = {
            "ETag": etag,
            "Cache-Control": "public, max-age=31536000, immutable",
            "Content-Security-Policy": "default-src 'none'; sandbox",
        }
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return Response(image.content, media_type=image.content_type, headers=headers)


def _later(status: int, seconds: int, reason: bytes) -> Response:
    headers = {"Retry-After": str(seconds), "Cache-Control": "no-store"}
    return Response(reason, status_code=status, headers=headers, media_type="text/plain")
