"""Colours and initials: no two names of a relay have the same."""

from typing import Any

import pytest
from playwright.sync_api import expect

from support.browser import Dashboard, NewDashboard

pytestmark = pytest.mark.browser

CROWD = (
    "claude-backend",
    "claude-frontend",
    "codex-tests",
    "gemini-docs",
    "reviewer",
    "perf-lab",
    "planner",
    "sre-bot",
    "release-captain",
    "quinn",
    "security-scan",
    "alice",
)
"""Names of which the first release gave three one colour, and two one monogram."""

CONTRASTS = """(hues) => {
  const rgb = (colour) => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d");
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (colour) => rgb(colour).map((each) => each / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  const contrast = (one, other) => {
    const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const grounds = ["--bg", "--side", "--sunken", "--raised", "--hover", "--amber-soft"]
    .map((name) => {
      const node = document.createElement("p");
      node.style.backgroundColor = `var(${name})`;
      document.body.append(node);
      return getComputedStyle(node).backgroundColor;
    });
  const styled = (classes, hue) => {
    const node = document.createElement("span");
    node.className = classes;
    node.style.setProperty("--hue", hue);
    document.body.append(node);
    return getComputedStyle(node);
  };
  return hues.map((hue) => {
    const name = styled("name is-hued", hue).color;
    const to = styled("to", hue), avatar = styled("avatar", hue);
    return [
      name,
      Math.min(...grounds.map((ground) => contrast(name, ground))),
      contrast(to.color, to.backgroundColor),
      contrast(avatar.color, avatar.backgroundColor),
    ];
  });
}"""


def marks(dashboard: Dashboard, names: list[str]) -> list[dict[str, Any]]:
    """Return the hue and the letters of names in a room of their own."""
    found: list[dict[str, Any]] = dashboard.page.evaluate(
        """async (names) => {
          const { Palette } = await import("/dashboard/palette.js");
          const palette = new Palette();
          return names.map((name) => palette.markOf(name));
        }""",
        names,
    )
    return found


def test_no_two_of_hundreds_of_names_have_one_hue_or_one_monogram(
    dashboard: Dashboard,
) -> None:
    dashboard.open()
    names = [*CROWD, *(f"agent-{number}" for number in range(400))]
    found = marks(dashboard, names)
    assert len({mark["hue"] for mark in found}) == len(names)
    assert len({mark["letters"] for mark in found}) == len(names)
    assert all(0 <= mark["hue"] < 360 for mark in found)
    assert all(1 <= len(mark["letters"]) <= 2 for mark in found)


def test_the_first_twelve_hues_are_far_apart(dashboard: Dashboard) -> None:
    dashboard.open()
    hues = sorted(mark["hue"] for mark in marks(dashboard, list(CROWD)))
    gaps = [
        (other - one) % 360
        for one, other in zip(hues, hues[1:] + hues[:1], strict=True)
    ]
    assert min(gaps) == 30


def test_a_name_keeps_its_mark_when_others_join(dashboard: Dashboard) -> None:
    """And case does not matter, as everywhere else."""
    dashboard.open()
    before = marks(dashboard, list(CROWD[:6]))
    assert marks(dashboard, list(CROWD))[:6] == before
    one, other = marks(dashboard, ["Claude", "claude"])
    assert one == other
    assert marks(dashboard, ["planner", "perf-lab"])[0]["letters"] == "PL"
    assert marks(dashboard, ["planner", "perf-lab"])[1]["letters"] != "PL"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_hue_can_be_read_in_both_themes(
    new_dashboard: NewDashboard, scheme: str
) -> None:
    dashboard = new_dashboard(color_scheme=scheme).open()
    hues = [number * 3.75 for number in range(96)]
    found = dashboard.page.evaluate(CONTRASTS, hues)
    assert len({colour for colour, *_ in found}) > 90
    for _, name, to, avatar in found:
        assert name >= 4.5
        assert to >= 4.5
        assert avatar >= 4.5


def test_a_room_shows_twelve_agents_in_twelve_colours_in_every_browser(
    new_dashboard: NewDashboard,
) -> None:
    here, there = new_dashboard(), new_dashboard()
    relay = here.relay
    agents = [relay.agent(name) for name in CROWD[:8]]
    here.sign_in()
    for agent in agents:
        agent.say("hello")
    for name in reversed(CROWD[8:]):
        relay.agent(name).say("hello")
    there.sign_in()
    shown = """all => Object.fromEntries(all.map((row) => [
      row.dataset.from,
      [row.querySelector(".avatar").style.getPropertyValue("--hue"),
       row.querySelector(".avatar").textContent.trim()],
    ]))"""
    for dashboard in (here, there):
        expect(dashboard.css(".msg")).to_have_count(12)
    found = here.css(".msg").evaluate_all(shown)
    assert len({hue for hue, _ in found.values()}) == 12
    assert len({letters for _, letters in found.values()}) == 12
    assert there.css(".msg").evaluate_all(shown) == found


def test_a_name_has_one_face_in_every_room_and_in_the_inbox(
    dashboard: Dashboard,
) -> None:
    """The oldest code has the first choice; guests and others come after the agents."""
    relay = dashboard.relay
    planner = relay.agent("planner", "one")
    planner.say("Here.")
    relay.do("/admin/rooms/one/guests", {"name": "pl-guest", "speaks": True})
    for room in ("one", "two"):
        lab = relay.agent("perf-lab", room)
        lab.ask("Which run?")
    dashboard.sign_in("?room=two")
    face = """node => [node.textContent.trim(), node.style.getPropertyValue("--hue")]"""
    here = dashboard.css('.msg[data-from="perf-lab"] .avatar').evaluate(face)
    dashboard.enter("one")
    there = dashboard.css('.msg[data-from="perf-lab"] .avatar').evaluate(face)
    other = dashboard.css('.msg[data-from="planner"] .avatar').evaluate(face)
    cards = dashboard.css(".waiting-row .avatar").evaluate_all(
        """all => all.map((node) =>
             [node.textContent.trim(), node.style.getPropertyValue("--hue")])"""
    )
    assert here == there
    assert other[0] == "PL"
    assert here[0] != "PL"
    assert here[1] != other[1]
    assert cards == [here, here]
    marks = "['planner', 'perf-lab', 'pl-guest'].map((name) => m.markOf(name).letters)"
    assert dashboard.call_module("colours", marks)[:2] == [other[0], here[0]]
