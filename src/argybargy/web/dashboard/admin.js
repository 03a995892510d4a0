// The settings drawer: public URL, keys, sessions, notifications, the admin token.
import { html, memo, signal, useEffect, useRef, useState } from "./ui.js";
import { auth, forgetSession, get, post, remove, request, SIGNED_OUT, signOut } from "./api.js";
import { canNotify, isNotifying, permission, setNotifying } from "./attention.js";
import { nowMs } from "./clock.js";
import { age, isSameName, plural, shortMoment } from "./format.js";
import { Avatar, Icon } from "./icons.js";
import { Minted, MintForm } from "./invite.js";
import { QrCode } from "./qr.js";
import { view } from "./route.js";
import { rosterRow, Stamp } from "./people.js";
import { codes, relayInfo, rosterRoom } from "./state.js";
import { refresh } from "./stream.js";
import { SignInForm } from "./welcome.js";
import {
  closeDialog,
  ConfirmButton,
  CopyButton,
  Dialog,
  showError,
  showNotice,
} from "./widgets.js";

function Section({ title, children }) {
  return html`<section class="drawer-section"><h3>${title}</h3>${children}</section>`;
}

function PublicUrl() {
  const { publicUrl } = relayInfo.value;
  return html`<${Section} title="Public URL">
    <div class="code-row">
      <code class="minted-code">${publicUrl}</code>
      <${CopyButton} text=${publicUrl} what="URL" />
    </div>
    <p class="hint">The address that invitations give to agents.</p>
  <//>`;
}

function Mint() {
  const [minted, setMinted] = useState(null);
  return html`<${Section} title="Mint a key">
    ${minted
      ? html`<${Minted} minted=${minted} />
          <button type="button" class="quiet" onClick=${() => setMinted(null)}>Another key</button>`
      : html`<${MintForm} room=${view.value.room} minted=${setMinted} />`}
  <//>`;
}

function Phone() {
  const [link, setLink] = useState(null);
  const make = async () => {
    try {
      setLink(await post("admin/sign-in"));
    } catch (error) {
      showError(error);
    }
  };
  if (!link) {
    return html`<button type="button" onClick=${make}>
      <${Icon} name="phone" size=${16} />Sign in on a phone
    </button>`;
  }
  return html`<div class="phone">
    <${QrCode} text=${link.url} label="A link that signs in once, as a QR code" />
    <p class="hint">
      Works once, until ${shortMoment(Date.parse(link.expires), nowMs())}.
      <${CopyButton} text=${link.url} label="Copy link" quiet />
    </p>
  </div>`;
}

const sessions = signal(null);

async function loadSessions() {
  try {
    sessions.value = (await get("admin/sessions")).sessions;
  } catch (error) {
    sessions.value = [];
    showError(error);
  }
}

async function endSession(session) {
  try {
    await remove(`admin/sessions/${encodeURIComponent(session.id)}`);
    if (session.current) forgetSession(SIGNED_OUT);
    else await loadSessions();
  } catch (error) {
    showError(error);
  }
}

function SessionRow({ session }) {
  const moment = (text) => shortMoment(Date.parse(text), nowMs());
  const used = age(session.seconds_since_used ?? 0);
  return html`<li class="session-row" data-session=${session.id}>
    <span>
      <b>${session.current ? "This browser" : session.device || `Session ${session.id}`}</b>
      <span class="meta">
        ${session.current && session.device && `${session.device} · `}${session.address} · since ${moment(session.created)} · used ${used === "now" ? used : `${used} ago`} · until ${moment(session.expires)}
      </span>
    </span>
    <${ConfirmButton} label="End" confirm="Sure?" kind="danger small" onConfirm=${() => endSession(session)} />
  </li>`;
}

function Sessions() {
  useEffect(() => void loadSessions(), []);
  return html`<${Section} title="Sessions">
    <ul class="rows">
      ${(sessions.value ?? []).map((session) => html`<${SessionRow} key=${session.id} session=${session} />`)}
    </ul>
    <div class="row-actions">
      <${Phone} />
      <button type="button" onClick=${() => (closeDialog(), signOut())}>Sign out</button>
    </div>
  <//>`;
}

function Notifications() {
  if (!canNotify) {
    return html`<p class="hint">
      Notifications need https or localhost. The page title counts overdue questions.
    </p>`;
  }
  if (permission.value === "denied") {
    return html`<p class="hint">This browser blocks notifications from this page.</p>`;
  }
  return html`<label class="check">
    <input
      type="checkbox"
      checked=${isNotifying()}
      onChange=${(event) => setNotifying(event.target.checked)}
    />
    Notify me when somebody has waited five minutes
  </label>`;
}

/** Replacing the admin token, which takes the token itself: a session is not enough. */
function Danger() {
  const field = useRef(null);
  const [token, setToken] = useState("");
  const [problem, setProblem] = useState("");
  const rotate = async () => {
    const headers = { "X-Admin-Token": field.current.value.trim() };
    setProblem("");
    try {
      const response = await request("POST", "admin/regenerate-token", { body: {}, headers });
      setToken((await response.json()).admin_token);
      forgetSession("The admin token was replaced, which ended all sessions.");
    } catch (error) {
      setProblem(error.message);
    }
  };
  return html`<${Section} title="Danger">
    ${token
      ? html`<p class="once">The new admin token. Copy it now: all sessions have ended.</p>
          <div class="code-row">
            <code class="minted-code">${token}</code><${CopyButton} text=${token} label="Copy token" />
          </div>`
      : html`<form class="field-row" onSubmit=${(event) => event.preventDefault()}>
          <input
            type="password"
            autocomplete="off"
            aria-label="Current admin token"
            placeholder="Admin token"
            ref=${field}
          />
          <${ConfirmButton}
            label="Regenerate token"
            confirm="Really? All sessions end"
            kind="danger"
            onConfirm=${rotate}
          />
        </form>`}
    <p class="problem" role="alert">${problem}</p>
    <p class="hint">The old token stops working at once, and all browsers are signed out.</p>
  <//>`;
}

function SignedInParts() {
  return html`
    <${PublicUrl} />
    <${Mint} />
    <${Section} title=${`Access keys · ${codes.value.length}`}><${Keys} /><//>
    <${Sessions} />
    <${Section} title="Notifications"><${Notifications} /><//>
  `;
}

function LockedParts() {
  return html`<${Section} title="Sign in"><${SignInForm} done=${() => showNotice("Signed in.")} /><//>
    <p class="hint">
      Sign in to replace the admin token. If you have lost it, read the file
      <code>admin.token</code> in the relay's data directory.
    </p>`;
}

export function AdminDrawer() {
  const isIn = auth.value.status !== "out";
  return html`<${Dialog} title="Relay" kind="drawer">
    ${isIn ? html`<${SignedInParts} />` : html`<${LockedParts} />`}
    <${DangerPlace} isIn=${isIn} />
    <p class="hint version">Argybargy ${relayInfo.value.version}</p>
  <//>`;
}

/** Stays after it has signed this browser out itself, since it shows the new token once. */
function DangerPlace({ isIn }) {
  const [wasIn] = useState(isIn);
  return wasIn ? html`<${Danger} />` : null;
}

// -- keys -----------------------------------------------------------------------
// Access keys: holder, room and expiry; rotate and revoke. Only the public half of a key
// is known here.

async function revoke(body) {
  const { revoked } = await post("admin/revoke", body);
  refresh();
  showNotice(`${plural(revoked, "key")} revoked.`);
}

/** Mint a new key before revoking the old one: a failure in between locks nobody out. */
async function rotateKey(row) {
  const expires = row.expires && `${Math.ceil((Date.parse(row.expires) - nowMs()) / 60_000)}m`;
  const { name, room, capabilities, client, model } = row;
  const key = await post("admin/invite", { name, room, capabilities, client, model, expires });
  await post("admin/revoke", { target: row.key_id });
  refresh();
  return { ...key, client: row.client };
}

/** Wrap an action so that its failure is shown. */
const withErrors = (act) => async () => {
  try {
    await act();
  } catch (error) {
    showError(error);
  }
};

function LastSeen({ row }) {
  const member = rosterRoom.value === row.room ? rosterRow(row.name) : null;
  return member ? html` · <${Stamp} row=${member} />` : null;
}

const KeyRow = memo(function KeyRow({ row, others, show }) {
  const rotate = withErrors(async () => show(await rotateKey(row)));
  const revokeOne = withErrors(() => revoke({ target: row.key_id }));
  const revokeAll = withErrors(() => revoke({ target: row.name, all: true }));
  const moment = (text) => shortMoment(Date.parse(text), nowMs());
  return html`<li class="key-row" data-key=${row.key_id} data-name=${row.name}>
    <${Avatar} name=${row.name} small />
    <div>
      <bdi class="name">${row.name}</bdi> <code>${row.code}</code>
      <span class="meta">
        #<bdi>${row.room}</bdi> · ${row.expires ? `until ${moment(row.expires)}` : "never expires"} · made ${moment(row.created)}<${LastSeen} row=${row} />
      </span>
      ${row.capabilities && html`<bdi class="agent-caps" title=${row.capabilities}>${row.capabilities}</bdi>`}
      <div class="row-actions">
        <${ConfirmButton} label="Rotate" confirm="Sure?" seconds=${2.5} kind="small" title="A new key; this one stops working" onConfirm=${rotate} />
        <${ConfirmButton} label="Revoke" confirm="Sure?" seconds=${2.5} kind="danger small" title="Stops working at once" onConfirm=${revokeOne} />
        ${others > 0 &&
        html`<${ConfirmButton}
          label=${`Revoke all ${others + 1}`}
          confirm=${`All keys of ${row.name}?`}
          seconds=${2.5}
          kind="danger small"
          title="In every room"
          onConfirm=${revokeAll}
        />`}
      </div>
    </div>
  </li>`;
});

export function Keys() {
  const [minted, setMinted] = useState(null);
  const rows = codes.value;
  const othersOf = (row) => rows.filter((each) => isSameName(each.name, row.name)).length - 1;
  if (!rows.length && !minted) return html`<p class="hint">No keys yet.</p>`;
  return html`
    ${minted && html`<${Minted} minted=${minted} />`}
    <ul class="rows">
      ${rows.map((row) => html`<${KeyRow} key=${row.key_id} row=${row} others=${othersOf(row)} show=${setMinted} />`)}
    </ul>
  `;
}
