"""What messages and tools say: texts and pictures. It loads no pictures: give an address, or bytes in base64."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from . import _wit


@dataclass(frozen=True)
class Text:
    """Plain text."""

    text: str


@dataclass(frozen=True)
class Image:
    """A picture: either an address that the model's provider fetches, or its bytes in base64."""

    media_type: str
    """Such as ``image/png``."""
    url: str | None = None
    base64: str | None = None

    def __post_init__(self) -> None:
        if (self.url is None) == (self.base64 is None):
            raise ValueError("a picture has either `url` or `base64`")


ContentPart: TypeAlias = Text | Image


def texts(parts: Iterable[ContentPart]) -> str:
    """The texts among the parts, one a line."""
    return "\n".join(part.text for part in parts if isinstance(part, Text))


def from_wire(part: Any) -> ContentPart:
    """A part that the host gave."""
    types = _wit.types
    if isinstance(part, types.ContentPart_Text):
        return Text(part.value)
    image = part.value
    if isinstance(image.source, types.ImageSource_Url):
        return Image(image.media_type, url=image.source.value)
    return Image(image.media_type, base64=image.source.value)


def to_wire(part: ContentPart) -> Any:
    """A part as the host takes it."""
    types = _wit.types
    if isinstance(part, Text):
        return types.ContentPart_Text(part.text)
    source = types.ImageSource_Url(part.url) if part.url is not None else types.ImageSource_Base64(part.base64)
    return types.ContentPart_Image(types.Image(media_type=part.media_type, source=source))
