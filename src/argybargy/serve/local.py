"""Where a relay is found from the machine that it runs on."""

from typing import Final

from argybargy.serve.settings import Settings

_WILDCARDS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "localhost": "127.0.0.1"}  # noqa: S104


def local_host(host: str) -> str:
    """Return where a relay that listens on `host` is reached from this machine."""
    return _WILDCARDS.get(host, host)


def local_url(settings: Settings) -> str:
    """Return the address of a relay on this machine."""
    host = local_host(settings.host)
    address = f"[{host}]" if ":" in host else host
    scheme = "http" if settings.tls_cert is None else "https"
    return f"{scheme}://{address}:{settings.port}"
