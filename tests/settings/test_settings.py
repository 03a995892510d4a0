"""Settings: who wins, what is refused, and that every mistake is named at once."""

from collections.abc import Mapping
from pathlib import Path

import attrs
import platformdirs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argybargy.agent.seat import SEAT_VARIABLE, SESSION_VARIABLE
from argybargy.domain.limits import Limits
from argybargy.settings.definitions import AGENT_VARIABLES, SETTINGS
from argybargy.settings.settings import Settings, SettingsError, parse_settings

ROWS = {row.name: row for row in SETTINGS}


def mistakes(
    environment: Mapping[str, str], overrides: Mapping[str, object] | None = None
) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse_settings(environment, overrides)
    return [str(mistake) for mistake in caught.value.mistakes]


def test_without_sources_all_values_are_defaults() -> None:
    settings = parse_settings({"HOME": "/root", "PATH": "/bin"})
    assert (settings.host, settings.port) == ("127.0.0.1", 8765)
    assert settings.data == platformdirs.user_data_path("argybargy", appauthor=False)
    assert settings.limits() == Limits()
    assert settings.warnings == ()
    assert {settings.source(name) for name in ROWS} == {"default"}


def test_the_table_and_the_attributes_are_the_same_list() -> None:
    fields = [field.name for field in attrs.fields(Settings)]
    assert fields == [*ROWS, "warnings", "_sources"]


def test_every_default_is_a_value_that_its_own_parser_takes() -> None:
    for row in SETTINGS:
        default = row.default_value()
        if default is not None:
            assert row.parse(default) == default


def test_flags_win_over_variables_and_those_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('port = 1\nhost = "a.test"\nmax_text = 10\n')
    environment = {"ARGYBARGY_PORT": "2", "ARGYBARGY_HOST": "b.test"}
    settings = parse_settings(environment, {"port": 3, "host": None}, config=file)
    assert (settings.port, settings.host, settings.max_text) == (3, "b.test", 10)
    assert settings.source("port") == "--port"
    assert settings.source("host") == "ARGYBARGY_HOST"
    assert settings.source("max_text") == f"{file}: max_text"
    assert settings.source("docs") == "default"


def test_a_named_file_is_read_instead_of_the_usual_one(tmp_path: Path) -> None:
    usual, named = tmp_path / "config.toml", tmp_path / "other.toml"
    usual.write_text("port = 1")
    named.write_text("port = 2")
    settings = parse_settings({"ARGYBARGY_CONFIG": str(named)}, config=usual)
    assert settings.port == 2


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    (problem,) = mistakes({"ARGYBARGY_CONFIG": str(path)})
    assert problem.startswith(f"ARGYBARGY_CONFIG={path} cannot be read: ")


def test_the_usual_file_need_not_be_there(tmp_path: Path) -> None:
    assert parse_settings({}, config=tmp_path / "config.toml").port == 8765


def test_a_file_that_is_not_toml_is_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("port: 1")
    with pytest.raises(SettingsError, match="cannot be read"):
        parse_settings({}, config=file)


def test_every_mistake_is_named_at_once_with_its_source(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('prot = 1\ndocs = "maybe"\n')
    environment = {"ARGYBARGY_MAX_WIAT": "1", "ARGYBARGY_RATE_MAX": "many"}
    with pytest.raises(SettingsError) as caught:
        parse_settings(environment, {"port": 70_000}, config=file)
    assert [str(mistake) for mistake in caught.value.mistakes] == [
        f"{file}: prot is not a setting; is port meant?",
        f"{file}: docs must be true or false; it is 'maybe'.",
        "ARGYBARGY_MAX_WIAT is not a setting; is ARGYBARGY_MAX_WAIT meant?",
        "ARGYBARGY_RATE_MAX must be a whole number, 0 to 1000000; it is 'many'.",
        "--port must be a whole number, 0 to 65535; it is 70000.",
    ]
    assert str(caught.value).count("\n") == 4


def test_what_is_overridden_is_still_checked() -> None:
    assert mistakes({"ARGYBARGY_PORT": "x"}, {"port": 1})


def test_an_empty_variable_counts_as_not_set() -> None:
    settings = parse_settings({"ARGYBARGY_HOST": "", "ARGYBARGY_PUBLIC_URL": " "})
    assert (settings.host, settings.public_url) == ("127.0.0.1", None)


def test_an_unknown_variable_is_a_mistake_even_when_empty() -> None:
    assert mistakes({"ARGYBARGY_NONSENSE": ""}) == [
        "ARGYBARGY_NONSENSE is not a setting."
    ]


def test_the_variables_of_agents_are_no_settings_and_no_mistakes() -> None:
    """Programs set them for all commands that an agent runs."""
    assert {SEAT_VARIABLE, SESSION_VARIABLE} == AGENT_VARIABLES
    parse_settings({SEAT_VARIABLE: "build/alice", SESSION_VARIABLE: ""})


def test_the_deprecated_hash_codes_is_accepted_with_a_warning() -> None:
    settings = parse_settings({"ARGYBARGY_HASH_CODES": "0"})
    assert settings.warnings == (
        "ARGYBARGY_HASH_CODES is off, but codes are always hashed: each is shown "
        "only when created.",
    )
    assert parse_settings({"ARGYBARGY_HASH_CODES": "true"}).warnings == ()
    assert mistakes({"ARGYBARGY_HASH_CODES": "perhaps"})


def test_trusting_every_address_gives_a_warning() -> None:
    settings = parse_settings({"ARGYBARGY_TRUSTED_PROXIES": "10.0.0.0/8, ::/0"})
    assert settings.warnings == (
        "ARGYBARGY_TRUSTED_PROXIES trusts every address: any client may forge its "
        "address.",
    )
    assert not parse_settings({"ARGYBARGY_TRUSTED_PROXIES": "10.0.0.0/8"}).warnings


def test_public_metrics_give_a_warning() -> None:
    (warning,) = parse_settings({"ARGYBARGY_METRICS_BIND": "0.0.0.0:9464"}).warnings
    assert "every host that reaches it" in warning
    assert not parse_settings({"ARGYBARGY_METRICS_BIND": "[::1]:9464"}).warnings


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("host", "::1", "::1"),
        ("host", "[::1]", "::1"),
        ("host", "0.0.0.0", "0.0.0.0"),
        ("host", " LocalHost ", "localhost"),
        ("port", "0", 0),
        ("port", " 8080 ", 8080),
        ("log_level", "WARNING", "warning"),
        ("public_url", "https://relay.example.com/", "https://relay.example.com"),
        ("public_url", "http://[::1]:80", "http://[::1]:80"),
        ("public_url", "HTTP://[FD00:0::1]", "http://[fd00::1]"),
        ("public_url", "http://LocalHost:", "http://localhost"),
        (
            "public_url",
            "https://relay.example.com.:443",
            "https://relay.example.com.:443",
        ),
        ("allowed_hosts", "a.example, *.B.example,", ("a.example", "*.b.example")),
        (
            "trusted_proxies",
            "192.0.2.1, 10.0.0.0/8, FD00::/8",
            ("192.0.2.1/32", "10.0.0.0/8", "fd00::/8"),
        ),
        ("log_format", "JSON", "json"),
        ("metrics_bind", "127.0.0.1:9464", "127.0.0.1:9464"),
        ("metrics_bind", " [::1]:09464 ", "[::1]:9464"),
        ("metrics_bind", "localhost:0", "localhost:0"),
        ("docs", "off", False),
        ("docs", "Yes", True),
        ("http_core", "hypercorn", "hypercorn"),
        ("cors_origins", "https://A.example:444", ("https://a.example:444",)),
        ("cors_origins", "https://a.example:443", ("https://a.example",)),
        ("cors_origins", "http://a.example:80", ("http://a.example",)),
        ("cors_origins", "http://a.example:443", ("http://a.example:443",)),
        ("cors_origins", "http://[FD00::1]:8080", ("http://[fd00::1]:8080",)),
        ("cors_origins", "https://a.example:", ("https://a.example",)),
        ("max_wait", "2.5", 2.5),
        ("max_idle_seconds", "0", 0),
        ("session_days", "0.5", 0.5),
        ("rate_max", "0", 0),
    ],
)
def test_a_good_value_is_read(name: str, text: str, value: object) -> None:
    settings = parse_settings({ROWS[name].variable: text})
    assert getattr(settings, name) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("host", "two words"),
        ("session_days", "0"),
        ("session_days", "401"),
        ("session_days", "nan"),
        ("host", "relay.example.com:80/"),
        ("port", "65536"),
        ("port", "-1"),
        ("port", "8e3"),
        ("port", "٣"),
        ("port", "9" * 5_000),
        ("data", "a\0b"),
        ("log_level", "loud"),
        ("public_url", "relay.example.com"),
        ("public_url", "ftp://relay.example.com"),
        ("public_url", "https://relay.example.com/below"),
        ("public_url", "https://relay.example.com?x"),
        ("public_url", "https://me:secret@relay.example.com"),
        ("public_url", "https://relay.example.com:port"),
        ("public_url", "https://"),
        ("public_url", "http://[::1]x`touch pwned`"),
        ("public_url", "http://[::1]$(touch pwned):80"),
        ("public_url", "http://x[::1]"),
        ("public_url", "http://[127.0.0.1]"),
        ("public_url", "http://[::1%25eth0]"),
        ("public_url", "http://[:::]"),
        ("public_url", "http://relay.example.com:0"),
        ("public_url", "http://relay.example.com:65536"),
        ("public_url", "http://relay.example.com:+80"),
        ("public_url", "http://-relay"),
        ("public_url", "http://relay'example"),
        ("cors_origins", "http://[::1]x"),
        ("cors_origins", "http://[::1]x:80"),
        ("host", "[relay"),
        ("metrics_bind", "[127.0.0.1:9464"),
        ("allowed_hosts", "*"),
        ("trusted_proxies", "proxy.example.com"),
        ("trusted_proxies", "10.0.0.1/8"),
        ("trusted_proxies", "fe80::1%eth0"),
        ("tls_cert", "/no/such/file"),
        ("tls_key", "a\0b"),
        ("allowed_hosts", "https://relay.example.com"),
        ("allowed_hosts", "relay.example.com:80"),
        ("http_core", "uvicorn"),
        ("log_format", "xml"),
        ("metrics_bind", "9464"),
        ("metrics_bind", ":9464"),
        ("metrics_bind", "::1:9464"),
        ("metrics_bind", "[::1]"),
        ("metrics_bind", "127.0.0.1:65536"),
        ("metrics_bind", "127.0.0.1:http"),
        ("cors_origins", "*"),
        ("cors_origins", "https://a.example/"),
        ("cors_origins", "null"),
        ("max_text", "0"),
        ("max_wait", "nan"),
        ("max_wait", "-1"),
        ("rate_window", "inf"),
        ("claim_lease_seconds", "86401"),
    ],
)
def test_a_bad_value_is_refused_and_its_source_named(name: str, text: str) -> None:
    (problem,) = mistakes({ROWS[name].variable: text})
    assert problem.startswith(f"{ROWS[name].variable} must be ")
    assert len(problem) < 250


@pytest.mark.parametrize(
    "line",
    ["port = true", "port = 1.5", "port = [1]", "max_wait = true", "host = 1",
     "cors_origins = [1]", "cors_origins = 1", "[port]", "data = 3",
     "trusted_proxies = 7", "tls_cert = 1"],
)  # fmt: skip
def test_a_value_of_the_wrong_type_in_the_file_is_refused(
    line: str, tmp_path: Path
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(line)
    with pytest.raises(SettingsError, match="must be"):
        parse_settings({}, config=file)


def test_the_file_takes_its_own_types(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        'docs = false\nmax_wait = 5\nallowed_hosts = ["a.example"]\nport = 80\n'
    )
    settings = parse_settings({}, config=file)
    assert (settings.docs, settings.max_wait) == (False, 5.0)
    assert (settings.allowed_hosts, settings.port) == (("a.example",), 80)


def test_a_certificate_is_of_no_use_without_its_key(tmp_path: Path) -> None:
    file = tmp_path / "one.pem"
    file.touch(mode=0o600)
    assert mistakes({"ARGYBARGY_TLS_CERT": str(file)}) == [
        "ARGYBARGY_TLS_CERT is of no use without ARGYBARGY_TLS_KEY."
    ]
    assert mistakes({"ARGYBARGY_TLS_KEY": str(file)}) == [
        "ARGYBARGY_TLS_KEY is of no use without ARGYBARGY_TLS_CERT."
    ]


def test_a_world_readable_key_gives_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "one.pem"
    file.touch()
    both = {"ARGYBARGY_TLS_CERT": str(file), "ARGYBARGY_TLS_KEY": str(file)}
    file.chmod(0o640)
    assert parse_settings(both).warnings == ()
    file.chmod(0o644)
    (warning,) = parse_settings(both).warnings
    assert f"chmod o= {file}" in warning


def test_the_data_directory_may_not_be_a_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    (problem,) = mistakes({"ARGYBARGY_DATA": str(file)})
    assert "must be a directory" in problem


def test_the_limits_carry_the_names_the_rules_know_them_by() -> None:
    environment = {
        row.variable: str(n) for n, row in enumerate(SETTINGS, 2) if row.limit
    }
    limits = parse_settings(environment).limits()
    for number, row in enumerate(SETTINGS, 2):
        if row.limit:
            assert getattr(limits, row.limit) == number


def test_longer_texts_may_take_more_bytes() -> None:
    limits = parse_settings({"ARGYBARGY_MAX_TEXT": "20000"}).limits()
    assert limits.text_bytes == 80_000
    assert limits.body_bytes == 160_000


@given(
    st.dictionaries(
        st.sampled_from([row.variable for row in SETTINGS]) | st.text(max_size=20),
        st.text(max_size=30),
    )
)
def test_any_environment_gives_settings_or_named_mistakes(
    environment: dict[str, str],
) -> None:
    environment.pop("ARGYBARGY_CONFIG", None)
    try:
        settings = parse_settings(environment)
    except SettingsError as error:
        sources = [mistake.source for mistake in error.mistakes]
        assert sources == sorted(sources)
        assert set(sources) <= set(environment)
    else:
        settings.limits()


@given(st.integers(0, 65_535), st.integers(0, 65_535), st.booleans(), st.booleans())
def test_flags_override_variables_override_the_file(
    flag: int, variable: int, has_flag: bool, has_variable: bool
) -> None:
    settings = parse_settings(
        {"ARGYBARGY_PORT": str(variable)} if has_variable else {},
        {"port": flag if has_flag else None},
    )
    expected = (
        (flag, "--port")
        if has_flag
        else (variable, "ARGYBARGY_PORT")
        if has_variable
        else (8765, "default")
    )
    assert (settings.port, settings.source("port")) == expected
