"""Containerfile and compose.yaml, as far as parsing can check them."""

import json
import re
from pathlib import Path
from typing import Final

import attrs
import pytest

from argybargy.relay.lifecycle import CLOSE_SECONDS
from argybargy.serve.main import DRAIN_SECONDS, GRACE_SECONDS
from argybargy.settings.definitions import PREFIX, SETTINGS
from argybargy.settings.settings import parse_settings
from argybargy.web.access.hosts import HostRule
from container.compose import ROOT, read_compose, seconds_of

KNOWN: Final = {
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK",
    "LABEL", "RUN", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
}  # fmt: skip


@attrs.frozen
class Instruction:
    """One instruction of a Containerfile."""

    name: str
    rest: str

    @property
    def words(self) -> list[str]:
        """The arguments, given as JSON."""
        words: list[str] = json.loads(self.rest)
        return words


def read_stages() -> list[list[Instruction]]:
    """Return the instructions of each stage, without those before the first."""
    text = (ROOT / "Containerfile").read_text()
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    stages: list[list[Instruction]] = [[]]
    for line in filter(None, joined.split("\n")):
        name, _, rest = line.partition(" ")
        if name == "FROM":
            stages.append([])
        stages[-1].append(Instruction(name, rest.strip()))
    return stages[1:]


def test_a_containerfile_is_of_instructions_that_builders_know() -> None:
    names = {each.name for stage in read_stages() for each in stage}
    assert names <= KNOWN


def test_an_image_is_built_in_one_stage_and_installed_in_another() -> None:
    build, final = read_stages()
    built = [each.rest for each in build if each.name == "RUN"]
    assert any("pip wheel" in each and "--constraint" in each for each in built)
    assert not [each for each in final if each.name in {"COPY", "ADD"}]
    (installed,) = [each.rest for each in final if each.name == "RUN"]
    assert "--mount=type=bind,from=build,source=/wheels" in installed
    assert "--no-index" in installed


def test_an_image_runs_the_relay_as_a_user_and_says_how_it_is() -> None:
    last = {each.name: each for each in read_stages()[-1]}
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", last["USER"].rest)
    assert last["STOPSIGNAL"].rest == "SIGTERM"
    assert last["ENTRYPOINT"].words == ["argybargy"]
    assert last["CMD"].words == ["serve"]
    assert last["VOLUME"].words == ["/data"]
    command = last["HEALTHCHECK"].rest.partition(" CMD ")[2] or last["HEALTHCHECK"].rest
    assert '["argybargy", "health", "--quiet"]' in command


def test_an_image_sets_only_what_can_be_set() -> None:
    (given,) = [each.rest for each in read_stages()[-1] if each.name == "ENV"]
    pairs = dict(pair.split("=", 1) for pair in given.split())
    ours = {name: value for name, value in pairs.items() if name.startswith(PREFIX)}
    assert ours == {"ARGYBARGY_DATA": "/data", "ARGYBARGY_HOST": "0.0.0.0"}
    assert parse_settings(ours).data == Path("/data")
    assert pairs["PYTHONDONTWRITEBYTECODE"] == "1"


def test_a_build_sees_what_it_needs_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    (copied, source) = [
        each.rest.split()[:-1] for each in read_stages()[0] if each.name == "COPY"
    ]
    allowed = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    assert allowed == {*copied, *source}
    assert all((ROOT / name).exists() for name in allowed)


# -- compose.yaml -------------------------------------------------------------------


def settings_of(environment: dict[str, str]) -> dict[str, str]:
    """Return variables as compose fills them in when nobody gives any."""
    return {
        name: re.sub(r"\$\{\w+:-(.*)\}", r"\1", value)
        for name, value in environment.items()
    }


def test_compose_sets_only_what_can_be_set() -> None:
    given = read_compose()["services"]["bridge"]["environment"]
    assert set(given) <= {setting.variable for setting in SETTINGS}
    for name, value in given.items():
        assert value.startswith(f"${{{name}:-"), "nobody could give another one"
    settings = parse_settings(settings_of(given))
    assert settings.warnings == ()
    assert settings.public_url is None


@pytest.mark.parametrize(
    ("host", "is_allowed"),
    [
        ("localhost:8765", True),
        ("127.0.0.1:8765", True),
        ("bridge:8765", True),
        ("some-words.trycloudflare.com", True),
        ("trycloudflare.com.evil.example", False),
        ("evil.example", False),
    ],
)
def test_compose_names_the_hosts_that_the_relay_answers_to(
    host: str, is_allowed: bool
) -> None:
    given = read_compose()["services"]["bridge"]["environment"]
    settings = parse_settings({**settings_of(given), "ARGYBARGY_HOST": "0.0.0.0"})
    rule = HostRule.make(settings.host, settings.public_url, settings.allowed_hosts)
    assert rule.allows(host) is is_allowed


def test_compose_gives_the_relay_the_time_that_it_takes_to_stop() -> None:
    bridge = read_compose()["services"]["bridge"]
    longest = DRAIN_SECONDS + GRACE_SECONDS + CLOSE_SECONDS
    assert seconds_of(bridge["stop_grace_period"]) > longest


@pytest.mark.parametrize("name", ["bridge", "tunnel"])
def test_compose_takes_away_what_a_service_does_not_need(name: str) -> None:
    service = read_compose()["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}
    assert not service.get("privileged")


def test_compose_serves_this_machine_on_the_usual_port_and_keeps_the_data() -> None:
    compose = read_compose()
    bridge = compose["services"]["bridge"]
    (port,) = [setting.default for setting in SETTINGS if setting.name == "port"]
    assert bridge["ports"] == [f"127.0.0.1:{port}:{port}"]
    (volume,) = bridge["volumes"]
    source, _, target = volume.partition(":")
    assert target == "/data"
    assert source in compose["volumes"]


def test_compose_opens_a_tunnel_only_when_asked_to() -> None:
    tunnel = read_compose()["services"]["tunnel"]
    assert tunnel["profiles"] == ["tunnel"]
    assert tunnel["command"][-2:] == ["--url", "http://bridge:8765"]
    assert tunnel["depends_on"] == {"bridge": {"condition": "service_healthy"}}


def test_a_health_check_waits_longer_than_the_relay_takes_to_start() -> None:
    """A relay that is sent no request in time would be called unhealthy."""
    (check,) = [each.rest for each in read_stages()[-1] if each.name == "HEALTHCHECK"]
    options = dict(re.findall(r"--(\S+)=(\S+)", check))
    assert seconds_of(options["start-period"]) >= 10
    assert seconds_of(options["timeout"]) < seconds_of(options["interval"])


# -- the profile `cluster` -----------------------------------------------------------


def test_a_relay_of_the_cluster_is_set_up_as_the_settings_demand() -> None:
    node = read_compose()["services"]["node"]
    settings = parse_settings(
        {**settings_of(node["environment"]), "ARGYBARGY_HOST": "0.0.0.0"}
    )
    assert settings.store is not None
    assert settings.store.value == "postgresql://relay@db/relay"
    assert settings.public_url == "http://localhost:8765"
    rule = HostRule.make(settings.host, settings.public_url, settings.allowed_hosts)
    assert rule.allows("localhost:8765")
    assert node["build"]["args"] == {"EXTRAS": "[postgres]"}
    assert "ports" not in node, "two relays cannot have the same one"
    longest = DRAIN_SECONDS + GRACE_SECONDS + CLOSE_SECONDS
    assert seconds_of(node["stop_grace_period"]) > longest


def test_the_cluster_runs_only_when_asked_to_and_its_database_is_not_reachable() -> (
    None
):
    compose = read_compose()
    services = compose["services"]
    for name in ("db", "node", "balancer"):
        assert services[name]["profiles"] == ["cluster"]
    assert services["db"]["networks"] == ["store"]
    assert compose["networks"]["store"]["internal"] is True
    assert "ports" not in services["db"]
    assert services["balancer"]["ports"] == services["bridge"]["ports"]
    assert services["node"]["depends_on"]["db"]["condition"] == "service_healthy"
