"""/media/{key}: product images, read from S3 on behalf of browsers.

The embedded S3 knows no anonymous reads. In production PRUMO_MEDIA_URL names a CDN and this route idles.
"""

from starlette.requests import Request
from starlette.responses import Response

from contexts.catalog.api import Images


class Media:
    """Images never change under their key (it holds a hash of the content), so they may be kept for ever."""

    def __init__(self, images: Images) -> None:
        self._images = images

    async def __call__(self, request: Request) -> Response:
        """200 with the image, 304 when the browser has it, 404."""
        image = await self._images.get(request.path_params["key"])
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
