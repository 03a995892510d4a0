// The services that notify the operator who is away: whether they work, and a test of them.
import { cx, html, useEffect, useState } from "./ui.js";
import { get, request } from "./api.js";
import { nowMs } from "./clock.js";
import { plural, shortMoment } from "./format.js";
import { localCommand } from "./state.js";
import { CopyButton, showError } from "./widgets.js";

const RELOAD_MS = 10_000;
/** The relay tries each service for some seconds, all at once. */
const TEST_MS = 60_000;

const moment = (text) => shortMoment(Date.parse(text), nowMs());

/** The state of a service in words. */
const STATES = {
  unused: () => "no notification sent yet",
  ok: (row) => `works · ${plural(row.sent, "notification")}, the last ${moment(row.last_sent)}`,
  failing: (row) => html`fails since ${moment(row.since)}: <bdi>${row.reason}</bdi>`,
};

function Outcome({ tested, reason }) {
  if (!tested) return null;
  const isNew = tested.reason !== reason; // else it stands above
  return html`<span class=${cx("service-outcome", tested.ok ? "told" : "problem")}>
    ${tested.ok ? "The test was accepted." : html`The test failed${isNew ? html`: <bdi>${tested.reason}</bdi>` : "."}`}
  </span>`;
}

function Service({ row, tested }) {
  return html`<li class="service-row" data-service=${row.service} data-state=${row.state}>
    <bdi class="name">${row.service}</bdi>
    <span class=${cx("meta", row.state === "failing" && "problem")}>
      ${STATES[row.state](row)}
      ${row.waiting > 0 && ` · ${row.waiting} waiting`}${row.given_up > 0 && ` · ${row.given_up} given up`}
    </span>
    <${Outcome} tested=${tested} reason=${row.reason} />
  </li>`;
}

/** What to do where no service is set. */
function HowTo() {
  const command = `ARGYBARGY_NOTIFY=ntfy://TOPIC ${localCommand("up")}`;
  return html`<p class="hint">
      None is set. Install <code>argybargy[notify]</code>, subscribe to a topic in the ntfy app, and start the relay
      with it:
    </p>
    <div class="code-row">
      <code class="made-secret">${command}</code><${CopyButton} text=${command} what="the command" />
    </div>`;
}

function Quiet({ state }) {
  if (!state.quiet_hours) return null;
  return html`<p class="hint">
    Quiet hours: ${state.quiet_hours}${state.quiet && ", now: only urgent questions and storage trouble are sent"}.
  </p>`;
}

export function Services() {
  const [state, setState] = useState(null);
  const [tested, setTested] = useState(null);
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const load = () =>
    get("admin/notifications").then(
      (answer) => (setState(answer), setProblem("")),
      (error) => error.status !== 401 && setProblem(error.message),
    );
  useEffect(() => {
    load();
    const timer = setInterval(load, RELOAD_MS);
    return () => clearInterval(timer);
  }, []);
  const test = async () => {
    setBusy(true);
    setTested(null);
    try {
      const signal = AbortSignal.timeout(TEST_MS);
      const response = await request("POST", "admin/notifications/test", { body: {}, signal });
      const { services } = await response.json();
      setTested(new Map(services.map((row) => [row.service, row])));
      await load();
    } catch (error) {
      showError(error);
    }
    setBusy(false);
  };
  if (!state) return html`<p class=${problem ? "problem" : "hint"} role="status">${problem || "Loading…"}</p>`;
  if (!state.services.length) return html`<${HowTo} />`;
  return html`
    <ul class="rows is-dense" role="list" aria-live="polite">
      ${state.services.map(
        (row) => html`<${Service} key=${row.service} row=${row} tested=${tested?.get(row.service)} />`,
      )}
    </ul>
    <${Quiet} state=${state} />
    <p class="problem" role="alert">${problem}</p>
    <button type="button" disabled=${isBusy} onClick=${test}>${isBusy ? "Sending…" : "Send a test"}</button>
  `;
}
