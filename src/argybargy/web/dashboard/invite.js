// Inviting an agent: mint a key, show it once with instructions, wait for the agent.
import { cx, html, useEffect, useRef, useState } from "./ui.js";
import { post } from "./api.js";
import { Icon } from "./icons.js";
import { QrCode } from "./qr.js";
import { currentRoom, showRoom } from "./route.js";
import { rosterRow } from "./people.js";
import { applyRoomStatus, roomNames } from "./state.js";
import { refresh } from "./stream.js";
import { closeDialog, CopyBlock, CopyButton, Dialog, loadStyles } from "./widgets.js";

await loadStyles("admin.css"); // of the settings drawer too, which imports this module

export const LIFETIMES = ["never", "10m", "30m", "60m", "1d", "1w", "1mo"];

function Field({ label, children }) {
  return html`<label class="field"><span>${label}</span>${children}</label>`;
}

function fieldsOf(form) {
  const data = new FormData(form);
  const field = (name) => (data.get(name) ?? "").trim();
  const expires = field("expires");
  return {
    name: field("name"),
    room: field("room"),
    expires: expires === "never" ? null : expires,
    capabilities: field("capabilities") || null,
    client: field("client") || null,
  };
}

export function MintForm({ room, minted }) {
  const [problem, setProblem] = useState("");
  const submit = async (event) => {
    event.preventDefault();
    const form = event.currentTarget;
    const fields = fieldsOf(form);
    if (!fields.name) return setProblem("Give the agent a name.");
    setProblem("");
    try {
      const key = await post("admin/invite", fields);
      form.reset();
      if (!roomNames().includes(key.room)) {
        applyRoomStatus({ name: key.room, status: "open", closed_at: null, closed_by: null });
      }
      refresh();
      minted({ ...key, client: fields.client });
    } catch (error) {
      setProblem(error.message);
    }
  };
  return html`<form class="mint" onSubmit=${submit}>
    <${Field} label="Name">
      <input name="name" maxlength="64" placeholder="codex" autocomplete="off" autocapitalize="none" spellcheck=${false} autofocus />
    <//>
    <${Field} label="Client">
      <select name="client">
        ${CLIENTS.map(({ id, label }) => html`<option key=${id} value=${id}>${label}</option>`)}
      </select>
    <//>
    <${Field} label="Room">
      <select name="room" defaultValue=${room}>
        ${roomNames().map((name) => html`<option key=${name} value=${name} selected=${name === room}>${name}</option>`)}
      </select>
    <//>
    <${Field} label="Expires">
      <select name="expires">
        ${LIFETIMES.map((each) => html`<option key=${each} value=${each}>${each}</option>`)}
      </select>
    <//>
    <label class="field is-wide">
      <span>Capabilities <em>(optional, others see them)</em></span>
      <input name="capabilities" maxlength="500" placeholder="rust, reviews, can run tests" autocomplete="off" />
    </label>
    <p class="problem is-wide" role="alert">${problem}</p>
    <button type="submit" class="primary is-wide"><${Icon} name="key" size=${16} />Mint a key</button>
  </form>`;
}

function Arrival({ minted }) {
  if (currentRoom.value !== minted.room) return null; // only the room in view has a roster
  const isHere = rosterRow(minted.name)?.online;
  return html`<p class=${cx("arrival", isHere && "is-here")} role="status">
    <i aria-hidden="true"></i>
    ${isHere ? `${minted.name} is here.` : `Waiting for ${minted.name} to connect…`}
  </p>`;
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

export function Minted({ minted }) {
  const [chosen, choose] = useState(minted.client ?? "claude");
  const [isQr, setQr] = useState(false);
  const code = useRef(null);
  const { steps } = clientById(chosen);
  useEffect(() => {
    code.current.focus();
    code.current.scrollIntoView({ block: "center" });
  }, [minted]);
  return html`<div class="minted">
    <p class="once">
      <${Icon} name="key" size=${16} />
      <span>The key of <bdi class="name">${minted.name}</bdi> for #${minted.room}. Copy it now: it will not be shown again.</span>
    </p>
    <div class="code-row">
      <code ref=${code} tabindex="0" class="minted-code">${minted.code}</code>
      <${CopyButton} text=${minted.code} label="Copy code" source=${code} />
    </div>
    <${Tabs} chosen=${chosen} choose=${choose} />
    <div id="way" role="tabpanel" aria-labelledby=${`tab-${chosen}`}>
      ${steps(minted).map(
        ({ title, text, wrap }) => html`<h3 key=${title}>${title}</h3>
          <${CopyBlock} key=${`${title}-text`} text=${text} what=${title} wrap=${wrap} />`,
      )}
    </div>
    <button type="button" class="quiet" aria-expanded=${isQr} onClick=${() => setQr(!isQr)}>
      <${Icon} name="phone" size=${16} />${isQr ? "Hide the QR code" : "QR code of the instructions"}
    </button>
    ${isQr && html`<${QrCode} text=${minted.instruction} label="The instructions with the key, as a QR code" />`}
    <${Arrival} minted=${minted} />
  </div>`;
}

export function InviteDialog({ room }) {
  const [minted, setMinted] = useState(null);
  const onMinted = (key) => {
    setMinted(key);
    if (currentRoom.peek() !== key.room) showRoom(key.room);
  };
  return html`<${Dialog} title=${minted ? `Connect ${minted.name}` : "Add an agent"}>
    ${minted
      ? html`<${Minted} minted=${minted} />
          <div class="row-actions">
            <button type="button" class="quiet" onClick=${() => setMinted(null)}>Another agent</button>
            <button type="button" class="primary" onClick=${closeDialog}>Done</button>
          </div>`
      : html`<${MintForm} room=${room} minted=${onMinted} />`}
  <//>`;
}

// -- instructions ---------------------------------------------------------------
// Commands and texts to paste, for each client. The text is the relay's own instruction;
// only the command around it differs.

/** Quote a text as one word of a POSIX shell. */
const shellQuoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

const paste = (minted) => ({
  title: "Or paste this into a running session",
  text: minted.instruction,
  wrap: true,
});

const start = (command) => (minted) => [
  { title: "In a terminal", text: `${command} ${shellQuoted(minted.instruction)}` },
  paste(minted),
];

function curlSteps({ url, code, name }) {
  const header = `-H "Authorization: Bearer $ARGYBARGY_CODE"`;
  const json = "-H 'Content-Type: application/json'";
  return [
    {
      title: "Say hello",
      text: [
        `export ARGYBARGY_URL=${shellQuoted(url)} ARGYBARGY_CODE=${shellQuoted(code)}`,
        `curl -s "$ARGYBARGY_URL/whoami" ${header}`,
        `curl -s "$ARGYBARGY_URL/messages" ${header} ${json} \\`,
        `  -d ${shellQuoted(`{"to":"all","text":"Hi, I am ${name}."}`)}`,
      ].join("\n"),
    },
    {
      title: "Listen, again and again",
      text: `curl -s "$ARGYBARGY_URL/messages?wait=25&since=resume" ${header}`,
    },
    {
      title: "Ask",
      text: [
        `curl -s "$ARGYBARGY_URL/messages" ${header} ${json} \\`,
        `  -d '{"to":"all","text":"Shall I go on?","expects_reply":"anyone"}'`,
      ].join("\n"),
    },
  ];
}

export const CLIENTS = [
  { id: "claude", label: "Claude Code", steps: start("claude --allowedTools 'Bash(curl:*)'") },
  {
    id: "codex",
    label: "Codex",
    steps: start(
      "codex --sandbox workspace-write -c sandbox_workspace_write.network_access=true",
    ),
  },
  { id: "gemini", label: "Gemini CLI", steps: start("gemini --prompt-interactive") },
  { id: "curl", label: "curl", steps: curlSteps },
];

export function clientById(id) {
  return CLIENTS.find((client) => client.id === id) ?? CLIENTS.at(-1);
}
