"""Address of a relay, as seen from its own machine."""

from pathlib import Path

import attrs

from argybargy.settings.settings import Settings
from argybargy.store.data_directory import ServerAddress
from argybargy.system.network import host_and_port, local_host


def local_url(settings: Settings) -> str:
    """Return the URL of a relay on this machine that runs with `settings`."""
    scheme = "http" if settings.tls_cert is None else "https"
    return f"{scheme}://{host_and_port(local_host(settings.host), settings.port)}"


def as_served(settings: Settings, address: ServerAddress) -> Settings:
    """Return settings with the certificate of the relay that runs."""
    certificate = None if address.certificate is None else Path(address.certificate)
    return attrs.evolve(settings, tls_cert=certificate)


def describe_local_relay(address: ServerAddress) -> str:
    """Describe the address of the relay that holds the data directory."""
    where = host_and_port(local_host(address.host), address.port)
    return f"The relay of this data listens on {where}."


def leads_to_server(address: ServerAddress, host: str, port: int) -> bool:
    """Return whether connecting to `host` and `port` reaches the relay at `address`."""
    is_same_host = local_host(address.host) == local_host(host)
    is_everywhere = address.host in ("0.0.0.0", "::")  # noqa: S104 - nothing is bound
    is_there = is_everywhere and (":" in address.host) == (":" in host)
    return address.port == port and (is_same_host or is_there)
