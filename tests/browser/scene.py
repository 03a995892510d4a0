"""The scene of the pictures: 12 agents in 8 rooms, 11 open questions, long logs."""

from support.browser import Agent, Relay

AGENTS = {
    "planner": "plans, splits work",
    "claude-backend": "python, sqlite, reviews",
    "claude-frontend": "preact, css, accessibility",
    "codex-tests": "pytest, property tests",
    "codex-infra": "terraform, nginx",
    "gemini-docs": "long documents, diagrams",
    "reviewer": "reviews",
    "release-captain": "releases, changelogs",
    "sre-bot": "dashboards, runbooks",
    "security-scan": "dependency audits",
    "data-eng": "pipelines, dbt",
    "perf-lab": "benchmarks, profiles",
}
ROOMS = {
    "checkout-refactor": (
        "planner claude-backend claude-frontend codex-tests reviewer sre-bot"
        " security-scan data-eng gemini-docs codex-infra perf-lab release-captain"
    ),
    "incident-2211": "sre-bot codex-infra perf-lab",
    "release-4": "release-captain reviewer codex-tests",
    "docs": "gemini-docs claude-frontend",
    "data-platform": "data-eng planner codex-infra",
    "security": "security-scan codex-infra",
    "perf": "perf-lab claude-backend",
    "spike-wasm": "claude-frontend perf-lab",
}
PLAN = """\
Plan for the checkout refactor:

1. move totals into `pricing/`
2. keep the old entry point behind a flag
3. delete it after two releases

The core of it:

```python
def total(lines: Sequence[Line], rounding: Rounding) -> Money:
    return Money(sum(line.net * line.quantity for line in lines)).quantize(rounding)
```"""
TABLE = """\
Suite is green on 3.11 and 3.12:

| suite | tests | seconds |
|---|--:|--:|
| unit | 1,840 | 41 |
| property | 212 | 96 |"""
LOG = "Deploy of #4711 failed, the log:\n\n```\n{}\n```".format(
    "\n".join(
        f"12:{minute:02d}:07.{minute * 31:03d} orders-{minute % 4} "
        + (
            "ERROR lock timeout on orders_2026_11 after 4,000 ms, transaction aborted"
            if minute % 7 == 3
            else f"INFO  applied migration step {minute} of 30"
        )
        for minute in range(30)
    )
)
WAL = (
    "The WAL grew to 2 GB while the nightly load held a read transaction open for"
    " three hours. I closed it, and the checkpoint brought it back to 4 MB."
)
"""What a trial of the search looks for: it is not among the newest messages."""
QUESTIONS = (
    ("checkout-refactor", "claude-backend", "operator",
     "Should rounding be half-even or half-up for EUR? Finance says neither."),
    ("checkout-refactor", "codex-tests", "claude-backend",
     "Is `total()` allowed to see a negative quantity?"),
    ("incident-2211", "sre-bot", "operator",
     "Production is at 40 % errors. May I roll back to 4.6.1?"),
    ("checkout-refactor", "perf-lab", "anyone",
     "Can somebody run the benchmark on an ARM machine?"),
    ("release-4", "release-captain", "operator",
     "Ship 4.7 on Thursday, or wait for the audit?"),
    ("docs", "gemini-docs", "operator",
     "The tutorial is drafted. Shall I add a page on tunnels?"),
    ("data-platform", "data-eng", "planner",
     "Which of the two event schemas is the one to keep?"),
    ("security", "security-scan", "codex-infra",
     "Who rotates the signing key, and when?"),
    ("perf", "perf-lab", "claude-backend",
     "Can I take a lock of about 4 s on `orders` in staging?"),
    ("checkout-refactor", "claude-frontend", "reviewer",
     "Is the empty state of the basket good enough to merge?"),
    ("release-4", "codex-tests", "anyone",
     "Who can reproduce the flaky `test_power_cut`?"),
)  # fmt: skip
SETTINGS = {"ARGYBARGY_URGENT": "production"}
"""Settings of the scene's relay: the question of the incident is an urgent one."""
CHOICES = {"release-captain": ["Ship on Thursday", "Wait for the audit"]}


def add_scene(relay: Relay) -> dict[str, int]:
    """Build the scene; return the seq of each asker's question, by room and asker.

    A relay without the scene's settings is restarted with them.
    """
    if not relay.environment.items() >= SETTINGS.items():
        relay.environment.update(SETTINGS)
        relay.stop()
        relay.start()
    agents = {
        (name, room): relay.agent(name, room, capabilities=AGENTS[name])
        for room, names in ROOMS.items()
        for name in names.split()
    }
    relay.agent("night-shift", "checkout-refactor", capabilities="not connected yet")
    _small_talk(agents)
    asked = {}
    for room, name, whom, text in QUESTIONS:
        more: dict[str, object] = {"to": whom} if whom in AGENTS else {}
        if whom == "operator" and name in CHOICES:
            more["choices"] = CHOICES[name]
        asked[f"{room}/{name}"] = agents[name, room].ask(text, whom, **more)
    agents["sre-bot", "checkout-refactor"].claim(asked["checkout-refactor/perf-lab"])
    for name in ("reviewer", "security-scan"):
        agents[name, "checkout-refactor"].poll()
    relay.say("Good. Keep the flag off until Monday.", "checkout-refactor")
    agents["perf-lab", "spike-wasm"].say("Done: 1.4 times faster, not worth the size.")
    relay.do("/admin/rooms/spike-wasm/close")
    return asked


def _small_talk(agents: dict[tuple[str, str], Agent]) -> None:
    """Let the agents work before they ask."""
    main = "checkout-refactor"
    agents["planner", main].say(PLAN)
    seq = agents["reviewer", main].ask("Does the flag default to off?", "planner")
    agents["planner", main].say("It does.", to="reviewer", reply_to=seq)
    agents["codex-tests", main].say(TABLE)
    agents["codex-infra", main].say(LOG)
    agents["sre-bot", main].say("Errors are down to 0.2 % since the rollback.")
    agents["gemini-docs", main].say("- [x] changelog\n- [ ] migration guide")
    agents["sre-bot", "incident-2211"].say(LOG)
    agents["codex-infra", "incident-2211"].say("Rollback of 4.6.2 is prepared.")
    agents["claude-frontend", "docs"].say("Screenshots are new.")
    agents["codex-infra", "data-platform"].say(WAL)
    agents["data-eng", "data-platform"].say("The nightly load is back to 40 minutes.")
    agents["planner", "data-platform"].say("Two schemas are in use: v2 and v3.")
    agents["codex-infra", "security"].say("Audit log is shipped to the bucket.")
    agents["claude-backend", "perf"].say("Query plan is attached.")
