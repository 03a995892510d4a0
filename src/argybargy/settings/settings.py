"""Settings of one run: flags override ``ARGYBARGY_*`` variables override config.toml.

:mod:`argybargy.settings.definitions` defines them. A setting called ``max_wait`` in
``config.toml`` is ``ARGYBARGY_MAX_WAIT`` in the environment.

An empty variable counts as unset: compose files and service managers pass variables
without a value as empty.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import attrs
import platformdirs

from argybargy.domain.limits import Limits
from argybargy.domain.nearest import nearest
from argybargy.domain.quiet_hours import QuietHours
from argybargy.settings.definitions import AGENT_VARIABLES, PREFIX, SETTINGS, Setting
from argybargy.settings.secret import Secret
from argybargy.system.values import define, frozen

CONFIG_VARIABLE: Final = "ARGYBARGY_CONFIG"
_NO_SETTINGS: Final = AGENT_VARIABLES | {CONFIG_VARIABLE}
DEFAULT_SOURCE: Final = "default"
_SHOWN_CHARS: Final = 60
_PAIRS: Final = (
    ("tls_cert", "tls_key"),
    ("tls_key", "tls_cert"),
    ("webhook_secret", "webhook"),
)
_BYTES_PER_CHAR: Final = 4


@frozen
class Mistake:
    """One invalid setting.

    Attributes:
        source: Flag, variable, or file and key of the value.
        problem: Rest of the sentence that `source` begins, with the valid values.
    """

    source: str
    problem: str

    def __str__(self) -> str:
        return f"{self.source} {self.problem}"


class SettingsError(Exception):
    """The settings are invalid.

    Attributes:
        mistakes: All invalid settings.
    """

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(map(str, self.mistakes)))


@frozen
class Settings:
    """Settings of one run, as defined in `definitions.SETTINGS`.

    Attributes:
        warnings: Warnings to log at the start, one sentence each.
    """

    host: str
    port: int
    data: Path
    store: Secret | None
    log_level: str
    log_format: str
    metrics_bind: str | None
    public_url: str | None
    allowed_hosts: tuple[str, ...]
    wake_hosts: tuple[str, ...]
    notify: tuple[Secret, ...]
    webhook: Secret | None
    webhook_secret: Secret | None
    notify_after: float
    urgent: tuple[str, ...]
    quiet_hours: QuietHours | None
    ephemeral: bool
    docs: bool
    http_core: str
    cors_origins: tuple[str, ...]
    trusted_proxies: tuple[str, ...]
    tls_cert: Path | None
    tls_key: Path | None
    hash_codes: bool
    max_text: int
    max_wait: float
    max_ask_wait: float
    max_history: int
    max_messages_per_room: int
    online_window: float
    max_idle_seconds: int
    session_days: float
    rate_max: int
    claims_max: int
    reads_max: int
    rate_window: float
    claim_lease_seconds: int
    loop_turns: int
    max_rooms: int
    max_codes: int
    warnings: tuple[str, ...] = ()
    _sources: Mapping[str, str] = attrs.field(factory=dict, repr=False)

    def source(self, name: str) -> str:
        """Return the source of a setting's value.

        Args:
            name: Name of the setting.

        Returns:
            The flag, the variable, the file and key, or ``default``.
        """
        return self._sources.get(name, DEFAULT_SOURCE)

    def limits(self) -> Limits:
        """Return the limits of the relay.

        A larger `max_text` raises the limits of a message's bytes and of a request
        body too, so that no message of an allowed length is refused.
        """
        rows = [row for row in SETTINGS if row.limit is not None]
        given: dict[str, Any] = {
            str(row.limit): getattr(self, row.name) for row in rows
        }
        limits = Limits(**given)
        text_bytes = max(limits.text_bytes, _BYTES_PER_CHAR * limits.text_chars)
        return attrs.evolve(
            limits,
            text_bytes=text_bytes,
            body_bytes=max(limits.body_bytes, 2 * text_bytes),
        )


def read_settings(overrides: Mapping[str, object] | None = None) -> Settings:
    """Read the settings of this process.

    Args:
        overrides: Values from the command line by name; ``None`` is not given.

    Raises:
        SettingsError: Values are invalid; it names all of them.
    """
    environment = dict(os.environ)  # noqa: TID251 - the one place that reads it
    return parse_settings(environment, overrides, config=config_path())


def config_path() -> Path:
    """Return the path of the settings file of this user, which may not exist."""
    folder = platformdirs.user_config_path("argybargy", appauthor=False)
    return folder / "config.toml"


def parse_settings(
    environment: Mapping[str, str],
    overrides: Mapping[str, object] | None = None,
    *,
    config: Path | None = None,
) -> Settings:
    """Merge settings from a file, the environment and the command line.

    Args:
        environment: Variables by name; others than ``ARGYBARGY_*`` are ignored.
        overrides: Values from the command line by name; ``None`` is not given.
        config: File to read if it exists and ``ARGYBARGY_CONFIG`` is not set.

    Raises:
        SettingsError: Values are invalid; it names all of them.
    """
    gathered = _Gathered()
    gathered.take_file(environment.get(CONFIG_VARIABLE), config)
    gathered.take_environment(environment)
    gathered.take_overrides(overrides or {})
    return gathered.resolve()


@define
class _Gathered:
    """Values from all sources so far; a later source overrides an earlier one.

    Overridden values are validated, too: otherwise a mistake in ``config.toml`` would
    surface on the day the overriding variable is removed.
    """

    values: dict[str, object] = attrs.field(factory=dict)
    sources: dict[str, str] = attrs.field(factory=dict)
    warnings: list[str] = attrs.field(factory=list)
    mistakes: list[Mistake] = attrs.field(factory=list)

    def take_file(self, named: str | None, usual: Path | None) -> None:
        path = Path(named).expanduser() if named else usual
        if path is None or not (named or path.is_file()):
            return
        import tomllib  # noqa: PLC0415 - most relays have no file

        try:
            content = tomllib.loads(path.read_text("utf-8-sig"))
        except (OSError, ValueError) as error:
            source = f"{CONFIG_VARIABLE}={path}" if named else str(path)
            why = (error.strerror if isinstance(error, OSError) else None) or error
            self.mistakes.append(Mistake(source, f"cannot be read: {why}"))
            return
        rows = {row.name: row for row in SETTINGS}
        for key, value in content.items():
            self._take(rows, key, value, f"{path}: {key}")

    def take_environment(self, environment: Mapping[str, str]) -> None:
        rows = {row.variable: row for row in SETTINGS}
        for name, value in sorted(environment.items()):
            is_setting = name.startswith(PREFIX) and name not in _NO_SETTINGS
            if is_setting and (value.strip() or name not in rows):
                self._take(rows, name, value, name)

    def take_overrides(self, overrides: Mapping[str, object]) -> None:
        rows = {row.name: row for row in SETTINGS}
        for name, value in overrides.items():
            if value is not None:
                self._take(rows, name, value, rows[name].flag)

    def _take(
        self, rows: Mapping[str, Setting], key: str, value: object, source: str
    ) -> None:
        row = rows.get(key)
        if row is None:
            self.mistakes.append(Mistake(source, _unknown(key, rows)))
            return
        try:
            parsed = row.parse(value)
        except ValueError as error:
            given = str(value) if isinstance(value, Path) else value
            shown = f"; it is {repr(given)[:_SHOWN_CHARS]}"
            shown = "" if row.is_secret else shown
            self.mistakes.append(Mistake(source, f"must be {error}{shown}."))
            return
        self.values[row.name], self.sources[row.name] = parsed, source

    def resolve(self) -> Settings:
        self._check_pairs()
        self._check_store()
        if self.mistakes:
            raise SettingsError(self.mistakes)
        rows = {row.name: row for row in SETTINGS}
        for name, value in self.values.items():
            warn = rows[name].warn
            warning = warn(value) if warn is not None else None
            if warning is not None:
                self.warnings.append(f"{self.sources[name]} {warning}")
        values: dict[str, Any] = {
            name: self.values.get(name, row.default_value())
            for name, row in rows.items()
        }
        return Settings(**values, warnings=tuple(self.warnings), sources=self.sources)

    def _check_pairs(self) -> None:
        """Record settings that are useless without another one that is missing."""
        for name, other in _PAIRS:
            if name in self.values and other not in self.values and not self.mistakes:
                needed = f"is of no use without {PREFIX}{other.upper()}."
                self.mistakes.append(Mistake(self.sources[name], needed))

    def _check_store(self) -> None:
        """Record settings that do not go with a store that several relays share."""
        if self.values.get("store") is None or self.mistakes:
            return
        source = self.sources["store"]
        if "public_url" not in self.values:
            needed = (
                f"needs {PREFIX}PUBLIC_URL, the address that leads to all the relays "
                "of the store."
            )
            self.mistakes.append(Mistake(source, needed))
        if self.values.get("ephemeral"):
            text = f"does not go with {self.sources['ephemeral']}: name one of them."
            self.mistakes.append(Mistake(source, text))


def _unknown(key: str, rows: Mapping[str, Setting]) -> str:

    names = {name.removeprefix(PREFIX): name for name in rows}
    near = nearest(key.removeprefix(PREFIX), names)
    if near is None:
        return "is not a setting."
    return f"is not a setting; is {names[near]} meant?"
