"""The port: free, or whose it is."""

import errno
from pathlib import Path
from typing import Final

import attrs

from argybargy.cli.doctor.finding import Finding, fine, problem, warning
from argybargy.serve.local_relay import leads_to_server
from argybargy.settings.settings import Settings
from argybargy.store.data_directory import ServerAddress, find_server_address, is_held
from argybargy.system.network import host_and_port, next_port
from argybargy.system.ports import Holder, find_holder, find_refusal

CHECK: Final = "port"


@attrs.frozen
class PortFacts:
    """How it is about the port.

    Attributes:
        host: The address that the settings name.
        port: The port that they name.
        data: The data directory that they name.
        refusal: The number of the error with which it cannot be taken, if so.
        holder: Who listens there, if that can be told.
        is_served: Whether some relay holds the data directory.
        served_at: Where that relay listens, if it does.
    """

    host: str
    port: int
    data: Path
    refusal: int | None = None
    holder: Holder | None = None
    is_served: bool = False
    served_at: ServerAddress | None = None

    @property
    def is_ours(self) -> bool:
        """Whether the relay of this data directory listens there, or seems to."""
        if self.refusal != errno.EADDRINUSE:
            return False
        if self.holder is None:
            place = self.served_at
            return place is not None and leads_to_server(place, self.host, self.port)
        return self.holder.data is not None and self.holder.data == self.data.resolve()

    @property
    def place(self) -> str:
        """The address, as one writes it."""
        return host_and_port(self.host, self.port)

    @property
    def other_port(self) -> str:
        """What to type for another port."""
        return f"argybargy up --port {next_port(self.port)}"


def look_at_port(settings: Settings) -> PortFacts:
    """Try the port, and ask who has it if it is taken."""
    host, port = settings.host, settings.port
    refusal = find_refusal(host, port)
    return PortFacts(
        host=host,
        port=port,
        data=settings.data,
        refusal=refusal.errno if refusal else None,
        holder=find_holder(host, port) if refusal and port else None,
        is_served=is_held(settings.data),
        served_at=find_server_address(settings.data),
    )


def judge_port(facts: PortFacts) -> Finding:
    """Say whose the port is."""
    match facts.refusal:
        case None:
            return _judge_free(facts)
        case errno.EADDRINUSE:
            return _judge_taken(facts)
        case errno.EACCES:
            text = f"{facts.place} cannot be taken without special rights."
            return problem(CHECK, text, "argybargy up --port 8765")
        case _:
            text = f"{facts.host} is not an address of this machine."
            return problem(CHECK, text, "argybargy up --host 127.0.0.1")


def _judge_free(facts: PortFacts) -> Finding:
    if facts.is_served:
        port = facts.served_at.port if facts.served_at else "<the port of that relay>"
        return warning(
            CHECK,
            f"A relay serves {facts.data}, but not on {facts.place}.",
            f"argybargy doctor --port {port}",
        )
    if not facts.port:
        return fine(CHECK, "A free port is taken at each start.")
    return fine(CHECK, f"{facts.place} is free.")


def _judge_taken(facts: PortFacts) -> Finding:
    if facts.is_ours:
        who = "the relay of this data directory"
        number = f" (process {facts.holder.pid})" if facts.holder else ""
        return fine(CHECK, f"{facts.place} is held by {who}{number}.")
    if facts.holder is not None:
        text = f"{facts.place} is held by {facts.holder}."
        return problem(CHECK, text, facts.other_port)
    text = f"{facts.place} is taken; by whom, this user cannot tell here."
    return problem(CHECK, text, facts.other_port)
