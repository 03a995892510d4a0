"""Check the port: free, or held by which process."""

import errno
from pathlib import Path
from typing import Final

from argybargy.cli.doctor.finding import Finding, fine, problem, warning
from argybargy.serve.local_relay import leads_to_server
from argybargy.settings.settings import Settings
from argybargy.store.data_directory import ServerAddress, find_server_address, is_held
from argybargy.system.network import host_and_port, next_port
from argybargy.system.ports import Holder, find_holder, find_refusal
from argybargy.system.values import frozen

CHECK: Final = "port"


@frozen
class PortFacts:
    """Facts about the port.

    Attributes:
        host: Address in the settings.
        port: Port in the settings.
        data: Data directory in the settings.
        refusal: Error number of a trial bind; ``None`` if it succeeded.
        holder: Process that listens on the port, if it can be found.
        is_served: Whether a relay holds the data directory.
        served_at: Address of that relay, if it listens.
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
        """Whether the relay of this data directory listens on the port, or seems to."""
        if self.refusal != errno.EADDRINUSE:
            return False
        if self.holder is None:
            place = self.served_at
            return place is not None and leads_to_server(place, self.host, self.port)
        return self.holder.data is not None and self.holder.data == self.data.resolve()

    @property
    def place(self) -> str:
        """Address and port as text."""
        return host_and_port(self.host, self.port)

    @property
    def other_port(self) -> str:
        """Command that starts a relay on another port."""
        return f"argybargy up --port {next_port(self.port)}"


def look_at_port(settings: Settings) -> PortFacts:
    """Try to bind the port, and find its holder if it is taken."""
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
    """Judge the port."""
    match facts.refusal:
        case None:
            return _judge_free(facts)
        case errno.EADDRINUSE:
            return _judge_taken(facts)
        case errno.EACCES:
            text = f"{facts.place} needs special rights."
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
        return fine(CHECK, "Each start chooses a free port.")
    return fine(CHECK, f"{facts.place} is free.")


def _judge_taken(facts: PortFacts) -> Finding:
    if facts.is_ours:
        number = f" (process {facts.holder.pid})" if facts.holder else ""
        text = f"{facts.place} is held by the relay of this data directory{number}."
        return fine(CHECK, text)
    if facts.holder is not None:
        text = f"{facts.place} is held by {facts.holder}."
        return problem(CHECK, text, facts.other_port)
    text = f"{facts.place} is held by a process that this user may not see."
    return problem(CHECK, text, facts.other_port)
