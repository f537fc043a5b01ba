"""HTTP requests to hosts that the configuration allows. It follows no redirects and keeps no cookies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from . import _json, _options, _wit
from ._calls import call as _call
from ._failure import Failure
from ._options import CallOptions


@dataclass(frozen=True)
class Response:
    """What came back, whatever its status."""

    status: int
    headers: list[tuple[str, str]]
    """Headers, in order."""
    body: bytes
    """The body, decompressed."""

    def ok(self) -> Response:
        """Gives the response itself, or raises the failure ``http-status`` for a status outside 200 to 299."""
        if 200 <= self.status < 300:
            return self
        raise Failure("http-status", f"the server answered with status {self.status}", {"status": self.status})

    def header(self, name: str) -> str | None:
        """The first value of a header. Case does not matter."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def text(self) -> str:
        """The body as text. What is no UTF-8 is the failure ``invalid-utf8``."""
        try:
            return self.body.decode()
        except UnicodeDecodeError as error:
            raise Failure("invalid-utf8", str(error)) from error

    def json(self) -> Any:
        """The body, read as JSON."""
        return _json.decode(self.text, "invalid-response", "the body of the response does not fit")


async def fetch(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    body: bytes | str | None = None,
    json: Any = None,
    options: CallOptions | None = None,
) -> Response:
    """Sends a request to an absolute address. ``json`` sets the body, and the header ``content-type``.

    Raises `Failure`: ``invalid-request``, ``denied``, ``unavailable``, ``timeout``, ``response-too-large``.
    """
    wire = _wit.http
    pairs = list(headers.items() if isinstance(headers, Mapping) else headers)
    if json is not None:
        pairs.append(("content-type", "application/json"))
        body = _json.encode(json, "the body of the request")
    request = wire.Request(
        method=method,
        url=url,
        headers=[wire.Header(name=name, value=value) for name, value in pairs],
        body=body.encode() if isinstance(body, str) else body,
    )
    response = await _call(wire.fetch(request, _options.to_wire(options)))
    return Response(response.status, [(header.name, header.value) for header in response.headers], response.body)


async def get(url: str, **request: Any) -> Response:
    """A request with ``GET``; ``request`` is what `fetch` takes besides."""
    return await fetch("GET", url, **request)


async def post(url: str, **request: Any) -> Response:
    """A request with ``POST``; ``request`` is what `fetch` takes besides."""
    return await fetch("POST", url, **request)
