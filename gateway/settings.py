"""Everything that can be configured, from the environment. What is absent is embedded or has a safe default."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

ISSUER = "prumo"
AUDIENCE = "prumo"


def _absolute(path: Path) -> Path:
    return path.expanduser().resolve()


class Settings(BaseSettings):
    """Read once at start-up. Each field's variable is PRUMO_ and its name; PORT alone goes without."""

    model_config = SettingsConfigDict(env_prefix="PRUMO_", frozen=True, env_ignore_empty=True)

    home: Annotated[Path, AfterValidator(_absolute)] = Field(
        Path(".prumo"),
        validate_default=True,
        description="State of what is embedded, signing keys, kept mail.",
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(
        8000, ge=0, le=65535, validation_alias=AliasChoices("PORT", "port"), description="Port to listen on."
    )
    public_url: str | None = Field(
        None, description="Where clients reach this server; absent: the address it listens on."
    )
    database_url: str | None = Field(None, description="PostgreSQL 15+; absent: embedded (`prumo dev`).")
    database_pool: int = Field(10, ge=1, description="Connections per process.")
    s3_endpoint: str | None = Field(
        None, description="S3-compatible storage; absent: embedded (`prumo dev`)."
    )
    s3_bucket: str = Field("prumo", description="Bucket of the product images.")
    s3_key: str = Field("", description="Access key.", repr=False)
    s3_secret: str = Field("", description="Secret key.", repr=False)
    media_url: str | None = Field(
        None, description="Public address of the bucket (a CDN); absent: this server's /media/."
    )
    smtp_url: str | None = Field(
        None,
        description="smtp[s]://user:password@host:port; absent: mail is kept under PRUMO_HOME.",
        repr=False,
    )
    introspection: bool | None = Field(None, description="on or off; absent: on in `prumo dev` only.")
    ide: bool | None = Field(None, description="GraphiQL for browsers; absent: on in `prumo dev` only.")
    max_body_bytes: int = Field(1_000_000, ge=1_000, description="Largest request body; beyond it 413.")
    access_token_minutes: int = Field(10, ge=1, le=60, description="Life of an access token.")

    def in_development(self) -> Self:
        """The same, with what helps a developer switched on unless it was switched off."""
        return self.model_copy(
            update={
                "introspection": self.introspection is not False,
                "ide": self.ide is not False,
            }
        )

    @property
    def base_url(self) -> str:
        """Where clients reach this server, without a slash at the end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def image_url(self) -> str:
        """What `/` and an image's key are appended to."""
        return (self.media_url or f"{self.base_url}/media").rstrip("/")
