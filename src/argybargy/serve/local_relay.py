"""Where a relay is found from the machine that it runs on."""

from pathlib import Path

import attrs

from argybargy.settings.settings import Settings
from argybargy.store.data_directory import ServerAddress
from argybargy.system.network import host_and_port, local_host


def local_url(settings: Settings) -> str:
    """Return the address of a relay on this machine."""
    scheme = "http" if settings.tls_cert is None else "https"
    return f"{scheme}://{host_and_port(local_host(settings.host), settings.port)}"


def as_served(settings: Settings, place: ServerAddress) -> Settings:
    """Return settings with the certificate that the relay at `place` shows."""
    certificate = None if place.certificate is None else Path(place.certificate)
    return attrs.evolve(settings, tls_cert=certificate)


def describe_local_relay(place: ServerAddress) -> str:
    """Say where the relay of the data at hand is found."""
    where = host_and_port(local_host(place.host), place.port)
    return f"The relay of this data listens on {where}."


def leads_to_server(place: ServerAddress, host: str, port: int) -> bool:
    """Tell whether what listens at `place` is what `host` and `port` lead to."""
    is_same_host = local_host(place.host) == local_host(host)
    is_everywhere = place.host in ("0.0.0.0", "::")  # noqa: S104 - nothing is bound
    is_there = is_everywhere and (":" in place.host) == (":" in host)
    return place.port == port and (is_same_host or is_there)
