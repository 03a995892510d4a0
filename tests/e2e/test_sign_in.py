"""Signing in to the real server, as a person does: by the link that 'up' shows."""

import re
import signal
import sys
from pathlib import Path

import pytest
import trio

from argybargy.domain.access_codes import CODE_PATTERN, digest_code
from support.relay_process import JsonResponse, RealServer, open_server

pytestmark = pytest.mark.e2e
UP = (sys.executable, "-m", "argybargy", "up", "--no-tunnel")


def read_all_below(directory: Path) -> bytes:
    files = [path for path in directory.rglob("*") if path.is_file()]
    assert len(files) >= 3
    return b"".join(path.read_bytes() for path in files)


async def wait_said(server: RealServer, pattern: str) -> re.Match[str]:
    with trio.fail_after(10):
        while True:
            found = re.search(pattern, server.log.read_text())
            if found is not None:
                return found
            await trio.sleep(0.02)  # another process says it


async def call(
    server: RealServer, method: str, target: str, body: object = None, **headers: str
) -> JsonResponse:
    guest = server.returning("browser", "none")
    return await guest.call(method, target, body, {"authorization": "", **headers})


@pytest.mark.parametrize("core", ["argybargy", "hypercorn"])
async def test_the_link_that_up_shows_signs_in_once(tmp_path: Path, core: str) -> None:
    async with open_server(tmp_path / "data", core=core, command=UP) as server:
        link = await wait_said(server, r"http://127.0.0.1:\d+/dashboard#code=(\w+)")
        assert server.token() not in link.string
        made = await call(server, "POST", "/admin/session", {"code": link[1]})
        assert made.status == 200
        session = made.json["session"]
        me = await call(server, "GET", "/admin/session", **{"x-admin-session": session})
        assert me.json["kind"] == "session"
        again = await call(server, "POST", "/admin/session", {"code": link[1]})
        assert again.status == 401
        rotated = await server.admin("POST", "/admin/regenerate-token")
        assert rotated.status == 200
        gone = await call(
            server, "GET", "/admin/session", **{"x-admin-session": session}
        )
        assert gone.status == 401


async def who(server: RealServer, session: str) -> int:
    me = await call(server, "GET", "/admin/session", **{"x-admin-session": session})
    return me.status


async def test_sessions_outlive_a_killed_relay_and_ended_ones_do_not(
    tmp_path: Path,
) -> None:
    sessions = []
    async with open_server(tmp_path / "data") as server:
        for _ in range(2):
            code = (await server.admin("POST", "/admin/sign-in")).json["code"]
            made = await call(server, "POST", "/admin/session", {"code": code})
            sessions.append(made.json["session"])
        headers = {"x-admin-session": sessions[1]}
        assert (await call(server, "DELETE", "/admin/session", **headers)).status == 200
        await server.stop(signal.SIGKILL)
    everything = read_all_below(tmp_path)
    assert sessions[0].encode() not in everything
    async with open_server(tmp_path / "data") as server:
        assert [await who(server, each) for each in sessions] == [200, 401]
        assert (await server.admin("POST", "/admin/regenerate-token")).status == 200
        await server.stop(signal.SIGKILL)
    async with open_server(tmp_path / "data") as server:
        assert [await who(server, each) for each in sessions] == [401, 401]


async def test_what_signs_in_is_in_no_file_and_no_log(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with open_server(data) as server:
        alice = await server.guest("alice")
        secrets = []
        for _ in range(20):
            code = (await server.admin("POST", "/admin/sign-in")).json["code"]
            made = await call(server, "POST", "/admin/session", {"code": code})
            session = made.json["session"]
            secrets += [code, session]
            await call(server, "GET", "/admin/state", **{"x-admin-session": session})
            refused = await alice.post(f"here: {session}")
            assert refused.json["detail"]["error"] == "contains_secret"
            await call(server, "DELETE", "/admin/session",
                       **{"x-admin-session": session})  # fmt: skip
        assert await server.stop() == 0
    everything = read_all_below(tmp_path)
    assert b"sign_in" in everything, "the audit log is among them"
    (token,) = CODE_PATTERN.findall(everything.decode("latin-1"))
    assert token == (data / "admin.token").read_text().strip()
    for secret in secrets:
        assert secret.encode() not in everything
        assert digest_code(secret) not in everything


async def test_the_commands_sign_in_and_out(tmp_path: Path) -> None:
    async with open_server(tmp_path / "data") as server:

        async def type_in(*arguments: str) -> tuple[int, str, str]:
            options = ["--data", str(server.data), "--port", str(server.address.port)]
            done = await trio.run_process(
                [sys.executable, "-m", "argybargy", *arguments, *options],
                capture_stdout=True,
                capture_stderr=True,
                check=False,
            )
            return done.returncode, done.stdout.decode(), done.stderr.decode()

        status, out, _ = await type_in("open", "--no-browser")
        assert status == 0
        code = out.strip().partition("#code=")[2]
        made = await call(server, "POST", "/admin/session", {"code": code})
        status, out, _ = await type_in("sessions")
        assert (status, made.json["id"] in out) == (0, True)
        status, out, talk = await type_in("qr")
        assert (status, out) == (1, "")
        assert "phone cannot reach" in talk
        status, out, _ = await type_in("sessions", "--revoke", made.json["id"])
        assert (status, out) == (0, f"revoked {made.json['id']}\n")
        assert (await type_in("sessions"))[0] == 3
