"""Lists of host names, as operators write them in settings."""

from collections.abc import Set as AbstractSet


def is_host_listed(host: str, names: AbstractSet[str]) -> bool:
    """Tell whether a host is in a list.

    Args:
        host: A host name or address, in lower case.
        names: Names and addresses; ``*.example.com`` stands for every name below it.
    """
    if host in names:
        return True
    labels = host.split(".")
    return any(
        "*." + ".".join(labels[start:]) in names for start in range(1, len(labels))
    )
