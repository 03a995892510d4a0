"""Questions from the command line to a real relay and back."""

import http.client
import json
from pathlib import Path
from typing import Any

from support.real_commands import Desk


def post(port: int, code: str, path: str, **fields: object) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"Authorization": f"Bearer {code}", "Content-Type": "application/json"}
    connection.request("POST", path, json.dumps(fields), headers)
    response = connection.getresponse()
    answer = response.status, json.loads(response.read())
    connection.close()
    return answer


def test_a_question_goes_there_and_back_through_a_real_relay(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "data", yes=True)
    invited = desk.type("invite", "--name", "alice", "--room", "build", "--json").json
    with desk.relay():
        status, asked = post(
            desk.port,
            invited["code"],
            "/ask",
            text="May I?",
            to="operator",
            choices=["yes", "no"],
            wait=0,
        )
        assert (status, asked["seq"]) == (202, 1)
        (waiting,) = desk.type("waiting", "--mine", "--json").json
        assert waiting["choices"] == ["yes", "no"]
        shown = desk.type("show", "1")
        assert shown.code == 0
        assert "[asks you (yes | no)]" in shown.out
        refused = desk.type("answer", "1", "--choice", "maybe")
        assert refused.code == 2
        assert "Question 1 of build offers: yes | no" in refused.talk
        answered = desk.type("answer", "1", "--choice", "YES")
        assert (answered.code, answered.out) == (
            0,
            "#build seq 2 sent as operator -> alice\n",
        )
        assert desk.type("show", "build", "1", "--json").json["answer"]["seq"] == 2
        late = desk.type("answer", "build", "1", "no")
        assert late.code == 6
        unheard = desk.type("ask", "build", "Well?", "--to", "alice", "--timeout", "0")
        assert (unheard.code, unheard.out) == (3, "")
        status, _ = post(
            desk.port, invited["code"], "/messages", text="Well.", reply_to=3
        )
        assert status == 200
        assert "answered by alice in 4" in desk.type("show", "build", "3").out
