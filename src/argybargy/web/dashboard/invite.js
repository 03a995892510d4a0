// Letting an agent in: by an invite that works once, or by an access code. Both are shown
// once, with instructions; then the page waits for the agent.
import { cx, html, useEffect, useRef, useState } from "./ui.js";
import { post } from "./api.js";
import { nowMs } from "./clock.js";
import { shortMoment } from "./format.js";
import { Icon } from "./icons.js";
import { invites, loadInvites } from "./invites.js";
import { rosterRow } from "./people.js";
import { OneMachine, QrCode, reachable } from "./qr.js";
import { currentRoom, showRoom } from "./route.js";
import { applyRoomStatus, codes, localCommand, relayInfo, roomNames } from "./state.js";
import { refresh } from "./stream.js";
import { closeDialog, CopyBlock, CopyButton, Dialog, loadStyles, showError } from "./widgets.js";

await loadStyles("admin.css"); // of the settings drawer too, which imports this module

const LIFETIMES = ["never", "10m", "30m", "60m", "1d", "1w", "1mo"];
const MINUTES = [
  ["15", "15 minutes"],
  ["60", "1 hour"],
  ["480", "8 hours"],
  ["1440", "1 day"],
];
/** What is created: the words of the form, and the request. */
const KINDS = {
  invite: { label: "One-use invite", button: "Create the invite", path: "admin/invites" },
  code: { label: "Access code", button: "Create the code", path: "admin/invite" },
};

export function Field({ label, children }) {
  return html`<label class="field"><span>${label}</span>${children}</label>`;
}

export function RoomChoice({ room }) {
  return html`<select name="room" defaultValue=${room}>
    ${roomNames().map((name) => html`<option key=${name} value=${name} selected=${name === room}>${name}</option>`)}
  </select>`;
}

function fieldsOf(form, kind) {
  const data = new FormData(form);
  const field = (name) => (data.get(name) ?? "").trim();
  const expires = field("expires");
  return {
    name: field("name") || null,
    room: field("room"),
    expires: expires === "never" ? null : expires,
    capabilities: field("capabilities") || null,
    client: field("client") || null,
    ...(kind === "invite" ? { ttl_minutes: Number(field("minutes")) } : {}),
  };
}

/** The form for an invite or a code; `made` gets the answer with its kind. */
export function AccessForm({ room, kind, made }) {
  const [problem, setProblem] = useState("");
  const [isBusy, setBusy] = useState(false);
  const submit = async (event) => {
    event.preventDefault();
    const form = event.currentTarget;
    const fields = fieldsOf(form, kind);
    if (!fields.name && kind === "code") return setProblem("Give the agent a name.");
    setProblem("");
    setBusy(true);
    try {
      const answer = await post(KINDS[kind].path, fields);
      form.reset();
      if (!roomNames().includes(answer.room)) {
        applyRoomStatus({ name: answer.room, status: "open", closed_at: null, closed_by: null });
      }
      refresh();
      if (kind === "invite") await loadInvites();
      made({ ...answer, kind, client: fields.client });
    } catch (error) {
      setProblem(error.message);
    }
    setBusy(false);
  };
  return html`<form class="access-form" onSubmit=${submit}>
    <${Field} label=${kind === "invite" ? html`Name <em>(if empty, the agent chooses)</em>` : "Name"}>
      <input name="name" maxlength="64" placeholder="codex" autocomplete="off" autocapitalize="none" spellcheck=${false} autofocus />
    <//>
    <${Field} label="Program that the agent runs in">
      <select name="client">
        ${CLIENTS.map(({ id, label }) => html`<option key=${id} value=${id}>${label}</option>`)}
      </select>
    <//>
    <${Field} label="Room"><${RoomChoice} room=${room} /><//>
    ${kind === "invite" &&
    html`<${Field} label="The invite is valid for">
      <select name="minutes">
        ${MINUTES.map(([minutes, label]) => html`<option key=${minutes} value=${minutes}>${label}</option>`)}
      </select>
    <//>`}
    <${Field} label=${kind === "invite" ? "Its access ends" : "Expires"}>
      <select name="expires">
        ${LIFETIMES.map((each) => html`<option key=${each} value=${each}>${each}</option>`)}
      </select>
    <//>
    <label class=${cx("field", kind === "code" && "is-wide")}>
      <span>What it is good at <em>(optional, others see it)</em></span>
      <input name="capabilities" maxlength="500" placeholder="rust, reviews, can run tests" autocomplete="off" />
    </label>
    <p class="problem is-wide" role="alert">${problem}</p>
    <button type="submit" class="primary is-wide" disabled=${isBusy}>
      <${Icon} name=${kind === "invite" ? "person" : "key"} size=${16} />${KINDS[kind].button}
    </button>
  </form>`;
}

/** Invite or code: the choice above the form. */
function KindChoice({ kind, choose }) {
  return html`<div class="segments wide-segments" role="group" aria-label="How the agent gets in">
      ${Object.entries(KINDS).map(
        ([name, { label }]) => html`<button
          type="button"
          key=${name}
          class=${cx(kind === name && "on")}
          aria-pressed=${kind === name}
          onClick=${() => choose(name)}
        >
          ${label}
        </button>`,
      )}
    </div>
    <p class="hint">
      ${kind === "invite"
        ? "A text for a prompt or a chat, with a link that works once. The agent exchanges it for its own code."
        : "A secret that lets the agent in until it expires or is revoked. Keep it out of prompts and command lines."}
    </p>`;
}

/** How far the agent of an invite or a code has come, as [words, whether it is here]. */
function arrivalOf(made, row, name) {
  if (row && ["revoked", "expired"].includes(row.state)) return [`The invite is ${row.state}.`, false];
  // Another agent of this name may be here already: then the invite is still open.
  if (row?.state !== "open" && name && rosterRow(name)?.online) return [`${name} is here.`, true];
  if (row?.state === "used") return [`${name ?? "The agent"} has its code; waiting for its first request…`, false];
  return [`Waiting for ${name ?? "the agent"} to connect…`, false];
}

function Arrival({ made }) {
  const row = made.kind === "invite" ? (invites.value ?? []).find(({ id }) => id === made.id) : null;
  const ofInvite = row?.code_key_id && codes.value.find(({ key_id: id }) => id === row.code_key_id);
  const name = made.name ?? (ofInvite ? ofInvite.name : null);
  const isOnline = Boolean(name && rosterRow(name)?.online);
  // The stream brings a new code, but not which invite was exchanged for it.
  useEffect(() => {
    if (made.kind === "invite" && row?.state === "open") loadInvites().catch(showError);
  }, [codes.value, isOnline]);
  // Only the room in view has a roster.
  if (currentRoom.value !== made.room) return null;
  const [words, isHere] = arrivalOf(made, row, name);
  return html`<p class=${cx("arrival", isHere && "is-here")} role="status"><i aria-hidden="true"></i>${words}</p>`;
}

function Tabs({ chosen, choose }) {
  const onKeyDown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = CLIENTS.findIndex(({ id }) => id === chosen);
    const next = CLIENTS[(at + step + CLIENTS.length) % CLIENTS.length].id;
    choose(next);
    event.currentTarget.querySelector(`#tab-${next}`).focus();
  };
  return html`<div class="tabs" role="tablist" aria-label="How the agent connects" onKeyDown=${onKeyDown}>
    ${CLIENTS.map(
      ({ id, label }) => html`<button
        type="button"
        role="tab"
        key=${id}
        id=${`tab-${id}`}
        aria-selected=${id === chosen}
        aria-controls="way"
        tabindex=${id === chosen ? 0 : -1}
        onClick=${() => choose(id)}
      >
        ${label}
      </button>`,
    )}
  </div>`;
}

const stepsOf = (steps) =>
  steps.map(
    ({ title, text, wrap, note }) => html`<h3 key=${title}>${title}</h3>
      <${CopyBlock} key=${`${title}-text`} text=${text} what=${title} wrap=${wrap} />
      ${note && html`<p class="hint" key=${`${title}-note`}>${note}</p>`}`,
  );

/** A secret that is shown once, in focus and in view. */
export function Secret({ text, label }) {
  const node = useRef(null);
  useEffect(() => {
    node.current.focus();
    node.current.scrollIntoView({ block: "center" });
  }, [text]);
  return html`<div class="code-row">
    <code ref=${node} tabindex="0" class="made-secret">${text}</code>
    <${CopyButton} text=${text} label=${label} source=${node} />
  </div>`;
}

/** The QR code of a link behind a button; none of a link that no phone can open. */
export function Qr({ text, label, what }) {
  const [isOpen, setOpen] = useState(false);
  if (!reachable(text)) return null;
  return html`<button type="button" class="quiet" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>
      <${Icon} name="phone" size=${16} />${isOpen ? "Hide the QR code" : `QR code of the ${what}`}
    </button>
    ${isOpen && html`<${QrCode} text=${text} label=${label} />`}`;
}

const Prompt = ({ text }) => html`<h3>For the agent's prompt</h3>
  <${CopyBlock} text=${text} what="the prompt" wrap />`;

/** What most people need first, with its first text in focus and in view. */
function Lead({ text, children }) {
  const node = useRef(null);
  useEffect(() => {
    const block = node.current.querySelector("pre");
    block.focus();
    block.scrollIntoView({ block: "center" });
  }, [text]);
  return html`<div class="made-steps" ref=${node}>${children}</div>`;
}

function MadeInvite({ made }) {
  const isByHand = made.client === "curl"; // nothing there reads a prompt
  const [chosen, choose] = useState(isByHand ? "claude" : (made.client ?? "claude"));
  const until = shortMoment(Date.parse(made.expires_at), nowMs());
  return html`<div class="made">
    <p class="once">
      <${Icon} name="person" size=${16} />
      <span>
        An invite to #<bdi>${made.room}</bdi>${made.name && html` for <bdi class="name">${made.name}</bdi>`}. It works
        once, until ${until}. Copy the invite now: it will not be shown again.
      </span>
    </p>
    <${Arrival} made=${made} />
    <${Lead} text=${made.instruction}>
      ${isByHand ? stepsOf(curlSteps(made)) : html`<${Prompt} text=${made.instruction} />`}
    <//>
    <${OneMachine} text=${made.link} who="an agent" what="invite" isFolded />
    <details class="other-ways">
      <summary>Other ways</summary>
      <div class="made-steps">
        ${isByHand && html`<${Prompt} text=${made.instruction} />`}
        <h3>The link alone</h3>
        <div class="code-row">
          <code tabindex="0" class="made-secret">${made.link}</code>
          <${CopyButton} text=${made.link} label="Copy link" />
        </div>
        <${Tabs} chosen=${chosen} choose=${choose} />
        <div id="way" role="tabpanel" aria-labelledby=${`tab-${chosen}`}>${stepsOf(clientById(chosen).steps(made))}</div>
        <${Qr} text=${made.link} what="link" label="The link of the invite, as a QR code" />
      </div>
    </details>
  </div>`;
}

function MadeCode({ made }) {
  return html`<div class="made">
    <p class="once">
      <${Icon} name="key" size=${16} />
      <span>
        The code of <bdi class="name">${made.name}</bdi> for #<bdi>${made.room}</bdi>. Copy it now: it will not be shown
        again.
      </span>
    </p>
    <${Secret} text=${made.code} label="Copy code" />
    <div class="made-steps">${stepsOf(codeSteps(made))}</div>
    <${Arrival} made=${made} />
  </div>`;
}

/** A new invite or code, with what to do with it. */
export function Made({ made }) {
  return made.kind === "invite" ? html`<${MadeInvite} made=${made} />` : html`<${MadeCode} made=${made} />`;
}

export function InviteDialog({ room }) {
  const [kind, setKind] = useState("invite");
  const [made, setMade] = useState(null);
  const onMade = (answer) => {
    setMade(answer);
    if (currentRoom.peek() !== answer.room) showRoom(answer.room);
  };
  const title = made ? `Connect ${made.name ?? "an agent"}` : "Invite an agent";
  return html`<${Dialog} title=${title}>
    ${made
      ? html`<${Made} made=${made} />
          <div class="row-actions">
            <button type="button" class="quiet" onClick=${() => setMade(null)}>Another agent</button>
            <button type="button" class="primary" onClick=${closeDialog}>Done</button>
          </div>`
      : html`<${KindChoice} kind=${kind} choose=${setKind} />
          <${AccessForm} key=${kind} room=${room} kind=${kind} made=${onMade} />`}
  <//>`;
}

// -- instructions ---------------------------------------------------------------
// Commands and texts to paste. A code is on no command line and in no prompt: the agent
// trades its invite for one, and a file that only its owner can read holds it.

/** Quote a text as one word of a POSIX shell. */
const shellQuoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** The name of an agent in a file name or a command; names have no other characters. */
const nameOf = ({ name }) => name ?? "agent";

/** What a command for another machine needs there. */
const needsProgram = () => html`Needs argybargy on that machine: run <code>uv tool install .</code> in a clone of it.`;

const seat = (made, program) => ({
  title: "With the commands of agents",
  text: `argybargy join ${shellQuoted(made.link)}${made.name ? "" : " --as NAME"}${program ? ` --for ${program}` : ""}\nargy wait`,
  note: needsProgram(),
});

const start = (program, command, after = "") => (made) => [
  { title: "Start it in a terminal", text: `${command} ${shellQuoted(made.instruction)}${after}` },
  seat(made, program),
  {
    title: "On the relay's machine, without the invite",
    text: `${localCommand("connect")} ${program} --room ${made.room} --name ${nameOf(made)} --write`,
  },
];

function waitScript(url, file) {
  return [
    `p(){ curl -s -m 40 -H @${file} ${shellQuoted(`${url}/messages?format=text&since=`)}"$1"; }`,
    `m=; until [ "$m" ]; do sleep 1; m=$(p 'resume&wait=25') || m=`,
    `done; printf '%s\\n' "$m"; p next >/dev/null`,
  ].join("\n");
}

function curlSteps(made) {
  const url = made.link.split("/join#")[0];
  const [invite, file] = [made.link.split("#")[1], `${nameOf(made)}.header`];
  const json = "-H 'Content-Type: application/json'";
  const body = JSON.stringify({ invite, ...(made.name ? {} : { name: "agent" }), client: "curl" });
  const post = (fields) => `curl -sS ${shellQuoted(`${url}/messages?format=text`)} -H @${file} ${json} \\\n  -d ${shellQuoted(JSON.stringify(fields))}`;
  return [
    {
      title: "Join, once",
      text: [
        "umask 077",
        `curl -sS ${shellQuoted(`${url}/join`)} ${json} \\`,
        `  -d ${shellQuoted(body)} |`,
        `  sed -n 's/.*"code":"\\([^"]*\\)".*/Authorization: Bearer \\1/p' > ${file}`,
      ].join("\n"),
    },
    { title: "Say hello", text: post({ to: "all", text: `Hi, I am ${nameOf(made)}.` }) },
    { title: "Ask", text: post({ to: "operator", text: "Shall I go on?" }) },
    { title: "Wait for messages", text: waitScript(url, file) },
  ];
}

function codeSteps(made) {
  const file = `${nameOf(made)}.header`;
  const url = made.url ?? relayInfo.peek().publicUrl;
  return [
    {
      title: "Store it: paste the code when this waits",
      text: `umask 077; read -rs code; printf 'Authorization: Bearer %s\\n' "$code" > ${file}; unset code`,
    },
    {
      title: "Take the seat",
      text: `argybargy join ${shellQuoted(url)} --header-file ${file}`,
      note: needsProgram(),
    },
    { title: "Or wait for messages with curl", text: waitScript(url, file) },
  ];
}

const CLIENTS = [
  { id: "claude", label: "Claude Code", steps: start("claude", "claude", " --allowedTools 'Bash(curl:*)'") },
  {
    id: "codex",
    label: "Codex",
    steps: start("codex", "codex --sandbox workspace-write -c sandbox_workspace_write.network_access=true"),
  },
  { id: "gemini", label: "Gemini CLI", steps: start("gemini", "gemini --prompt-interactive") },
  { id: "curl", label: "curl", steps: curlSteps },
];

function clientById(id) {
  return CLIENTS.find((client) => client.id === id) ?? CLIENTS.at(-1);
}
