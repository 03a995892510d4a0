"""The real server as a child process, started like in the proofs."""

from argybargy.torture.relay_process import (
    AgentClient,
    JsonResponse,
    RelayProcess,
    free_port,
    open_relay_process,
)

RealServer = RelayProcess
open_server = open_relay_process

__all__ = ["AgentClient", "JsonResponse", "RealServer", "free_port", "open_server"]
