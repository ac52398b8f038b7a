"""Images in a real S3, reached with every kind of credentials."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from contexts.catalog.adapters.images import S3Images
from contexts.shared.unavailable import Unavailable
from gateway.embedded.s3 import S3
from tests.api.serving import served
from tests.polling import until


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


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment in which no credentials are found; tests add where they are."""
    for name in os.environ:
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


async def presigned(images: S3Images) -> str:
    """The address of one image, good for a minute, as the store's client makes it."""
    async with images:
        client = await images._open()
        asked = {"Bucket": "pictures", "Key": "products/a.png"}
        return str(await client.generate_presigned_url("get_object", asked, 60))


async def test_on_aws_a_role_signs_for_the_region_and_names_the_bucket_as_host(
    bare: pytest.MonkeyPatch,
) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "ASIAROLE",
        "AWS_SECRET_ACCESS_KEY": "s3cret",
        "AWS_SESSION_TOKEN": "the/token",
    }.items():
        bare.setenv(name, value)
    url = urlsplit(await presigned(S3Images(None, "pictures", region="sa-east-1")))
    signed = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert (url.scheme, url.path) == ("https", "/products/a.png")
    assert url.hostname == "pictures.s3.sa-east-1.amazonaws.com"
    key, _, region = signed["X-Amz-Credential"].split("/")[:3]
    assert (key, region, signed["X-Amz-Security-Token"]) == ("ASIAROLE", "sa-east-1", "the/token")


async def test_an_endpoint_of_ones_own_has_the_bucket_in_the_path(bare: pytest.MonkeyPatch) -> None:
    """Keys that are given come before those of the environment."""
    bare.setenv("AWS_ACCESS_KEY_ID", "ASIAROLE")
    bare.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    for region, signed_for in ((None, "us-east-1"), ("br-1", "br-1")):
        images = S3Images("https://store.example:9000", "pictures", "own", "s3cret", region)
        url = urlsplit(await presigned(images))
        assert (url.netloc, url.path) == ("store.example:9000", "/pictures/products/a.png")
        assert parse_qs(url.query)["X-Amz-Credential"][0].split("/")[::2][:2] == ["own", signed_for]


@asynccontextmanager
async def metadata_of(s3: S3) -> AsyncIterator[str]:
    """The address of what tells credentials: an instance's metadata, a container's, the token service. The role has the
    store's keys."""

    async def token(request: Request) -> PlainTextResponse:
        return PlainTextResponse("session", headers={"x-aws-ec2-metadata-token-ttl-seconds": "21600"})

    async def role(request: Request) -> PlainTextResponse:
        return PlainTextResponse("prumo-role")

    async def credentials(request: Request) -> JSONResponse:
        return JSONResponse(
            {
                "Code": "Success",
                "AccessKeyId": s3.access_key,
                "SecretAccessKey": s3.secret_key,
                "Token": "a-session",
                "Expiration": "2100-01-01T00:00:00Z",
            }
        )

    async def assumed(request: Request) -> Response:
        asked = parse_qs((await request.body()).decode())
        assert asked["WebIdentityToken"] == ["a-web-identity"]
        return Response(
            "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
            f"<AccessKeyId>{s3.access_key}</AccessKeyId><SecretAccessKey>{s3.secret_key}</SecretAccessKey>"
            "<SessionToken>a-session</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration>"
            "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>",
            media_type="text/xml",
        )

    roles = "/latest/meta-data/iam/security-credentials"
    app = Starlette(
        routes=[
            Route("/latest/api/token", token, methods=["PUT"]),
            Route(f"{roles}/", role),
            Route(f"{roles}/prumo-role", credentials),
            Route("/task", credentials),
            Route("/", assumed, methods=["POST"]),
        ]
    )
    async with served(app) as address:
        yield f"http://{address}"


@pytest.mark.parametrize("place", ["instance", "container", "web identity"])
async def test_a_role_reads_and_writes(bare: pytest.MonkeyPatch, s3: S3, tmp_path: Path, place: str) -> None:
    token = tmp_path / "token"
    token.write_text("a-web-identity")
    async with metadata_of(s3) as address:
        told = {
            "instance": {
                "AWS_EC2_METADATA_DISABLED": "false",
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": address,
            },
            "container": {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{address}/task"},
            "web identity": {
                "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
                "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/prumo",
                "AWS_ENDPOINT_URL_STS": address,
            },
        }
        for name, value in told[place].items():
            bare.setenv(name, value)
        async with S3Images(s3.endpoint, "pictures") as images:
            await images.prepare()
            await images.put("products/role.png", place.encode(), "image/png")
            found = await images.get("products/role.png")
    assert found is not None
    assert found.content == place.encode()


async def test_without_credentials_images_are_unavailable_until_there_are_some(
    bare: pytest.MonkeyPatch, s3: S3
) -> None:
    """The block begins all the same: nobody signs with an empty key, and nobody has to be started again."""
    async with metadata_of(s3) as address, S3Images(s3.endpoint, "pictures") as images:
        with pytest.raises(Unavailable, match="NoCredentialsError"):
            await images.get("products/none.png")
        with pytest.raises(Unavailable, match="NoCredentialsError"):
            await images.put("products/none.png", b"", "image/png")
        bare.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{address}/task")

        async def is_reached() -> bool:
            try:
                return await images.get("products/none.png") is None
            except Unavailable:
                return False

        await until(is_reached)
