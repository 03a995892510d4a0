// The settings drawer: the relay, who has access, sessions, the audit log, the admin token.
import { cx, html, signal, useEffect, useRef, useState } from "./ui.js";
import { Codes, Guests, Invites, isGuest } from "./access.js";
import { auth, forgetSession, get, post, remove, request, signOut } from "./api.js";
import { nowMs } from "./clock.js";
import { age, fullTime, shortMoment } from "./format.js";
import { Icon } from "./icons.js";
import { NotificationSwitch } from "./notifications.js";
import { isPhone } from "./panes.js";
import { NoPhone, QrCode, reachable } from "./qr.js";
import { Services } from "./services.js";
import { codes, relayInfo } from "./state.js";
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

// -- relay ------------------------------------------------------------------------

function PublicUrl() {
  const { publicUrl } = relayInfo.value;
  return html`<${Section} title="Public URL">
    <div class="code-row">
      <code class="made-secret">${publicUrl}</code>
      <${CopyButton} text=${publicUrl} what="URL" />
    </div>
    <p class="hint">The address that invites and codes give to agents.</p>
  <//>`;
}

// -- sessions -----------------------------------------------------------------------

function Phone() {
  const [link, setLink] = useState(null);
  const make = async () => {
    try {
      const made = await post("admin/sign-in");
      setLink({ ...made, url: reachable(made.url) ?? made.url });
    } catch (error) {
      showError(error);
    }
  };
  const { publicUrl } = relayInfo.value;
  if (publicUrl && !reachable(publicUrl)) return html`<${NoPhone} text=${publicUrl} />`;
  if (!link) {
    return html`<button type="button" onClick=${make}>
      <${Icon} name="phone" size=${16} />Show a code to scan
    </button>`;
  }
  return html`<div class="phone">
    <${QrCode} text=${link.url} label="A link that signs in once, as a QR code" />
    <p class="hint">
      Scan it with the camera of the phone, or open the link on another device. It works once, until
      ${" "}${shortMoment(Date.parse(link.expires), nowMs())}, also after you close this.
    </p>
    <div class="row-actions">
      <${CopyButton} text=${link.url} label="Copy link" quiet />
      <button type="button" class="quiet" onClick=${() => setLink(null)}>Hide it</button>
    </div>
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
    await loadSessions();
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
    ${session.current
      ? html`<button type="button" class="small" onClick=${() => (closeDialog(), signOut())}>Sign out</button>`
      : html`<${ConfirmButton}
          label="End"
          confirm="Sign that browser out"
          kind="danger small"
          onConfirm=${() => endSession(session)}
        />`}
  </li>`;
}

function Sessions() {
  useEffect(() => void loadSessions(), []);
  return html`<${Section} title="Open sessions">
    <ul class="rows">
      ${(sessions.value ?? []).map((session) => html`<${SessionRow} key=${session.id} session=${session} />`)}
    </ul>
    <button type="button" class="quiet" onClick=${() => (section.value = "relay")}>
      <${Icon} name="phone" size=${16} />Sign in on ${isPhone.value ? "another" : "a"} phone
    </button>
  <//>`;
}

// -- audit log ----------------------------------------------------------------------

const AUDIT_PAGE = 50;

const EventRow = ({ row }) => html`<li class="audit-row">
  <time datetime=${row.ts} title=${fullTime(Date.parse(row.ts))}>${shortMoment(Date.parse(row.ts), nowMs())}</time>
  <span>
    <b>${row.action.replaceAll("_", " ")}</b> by <bdi>${row.actor}</bdi>${row.room && html` in #<bdi>${row.room}</bdi>`}
    ${row.detail && html`<bdi class="meta">${row.detail}</bdi>`}
  </span>
</li>`;

/** What was done on this relay, the newest first. */
function Audit() {
  const [rows, setRows] = useState(null);
  const [isEnd, setEnd] = useState(false);
  const load = async (before) => {
    try {
      const { events } = await get(`admin/audit?limit=${AUDIT_PAGE}${before ? `&before=${before}` : ""}`);
      setRows([...(before ? rows : []), ...events.slice().reverse()]);
      setEnd(events.length < AUDIT_PAGE);
    } catch (error) {
      showError(error);
    }
  };
  useEffect(() => void load(null), []);
  if (!rows) return html`<p class="hint">Loading…</p>`;
  return html`<${Section} title="Audit log">
    <ul class="rows is-dense">${rows.map((row) => html`<${EventRow} key=${row.id} row=${row} />`)}</ul>
    ${!isEnd && html`<button type="button" class="quiet" onClick=${() => load(rows.at(-1).id)}>Older</button>`}
  <//>`;
}

// -- danger -------------------------------------------------------------------------

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
            <code class="made-secret">${token}</code><${CopyButton} text=${token} label="Copy token" />
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
            confirm="Replace it and sign everybody out"
            kind="danger"
            onConfirm=${rotate}
          />
        </form>`}
    <p class="problem" role="alert">${problem}</p>
    <p class="hint">The old token stops working at once, and all browsers are signed out.</p>
  <//>`;
}

// -- the drawer ---------------------------------------------------------------------

/** The sections by id: the label and the content. Only the chosen one is rendered. */
const SECTIONS = {
  relay: [
    "Relay",
    () => html`<${PublicUrl} />
      <${Section} title=${`Sign in on ${isPhone.value ? "another" : "a"} phone`}><${Phone} /><//>
      <${Section} title="Notifications while you are away"><${Services} /><//>
      <${Section} title="Notifications of this browser"><${NotificationSwitch} /><//>`,
  ],
  codes: ["Codes", () => html`<${Section} title=${`Access codes · ${countOf((row) => !isGuest(row))}`}><${Codes} /><//>`],
  invites: ["Invites", () => html`<${Section} title="One-use invites"><${Invites} /><//>`],
  guests: ["Guests", () => html`<${Section} title=${`Guest links · ${countOf(isGuest)}`}><${Guests} /><//>`],
  sessions: ["Sessions", Sessions],
  audit: ["Audit", Audit],
  danger: ["Danger", Danger],
};
const countOf = (isCounted) => codes.value.filter(isCounted).length;

/** The section shown, kept for the next time. */
const section = signal("relay");

function SectionTabs() {
  const ids = Object.keys(SECTIONS);
  const onKeyDown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    section.value = ids[(ids.indexOf(section.peek()) + step + ids.length) % ids.length];
    event.currentTarget.querySelector(`#section-${section.peek()}`).focus();
  };
  const tabs = useRef(null);
  useEffect(() => {
    // On a phone the row of tabs is wider than the screen; the next one shows in part.
    const selected = tabs.current.querySelector("[aria-selected=true]");
    selected.scrollIntoView({ block: "nearest", inline: "center" });
    // Each section begins at its top, however far the last one was scrolled.
    tabs.current.closest(".dialog-inside").scrollTop = 0;
  }, [section.value]);
  const [isCut, setCut] = useState(false);
  const onScroll = ({ currentTarget }) => setCut(currentTarget.scrollLeft > 4);
  return html`<div class=${cx("tabs drawer-tabs", isCut && "is-cut")} onScroll=${onScroll} ref=${tabs} role="tablist" aria-label="Settings" onKeyDown=${onKeyDown}>
    ${ids.map(
      (id) => html`<button
        type="button"
        role="tab"
        key=${id}
        id=${`section-${id}`}
        class=${cx(id === "danger" && "danger")}
        aria-selected=${id === section.value}
        aria-controls="section"
        tabindex=${id === section.value ? 0 : -1}
        onClick=${() => (section.value = id)}
      >
        ${SECTIONS[id][0]}
      </button>`,
    )}
  </div>`;
}

function SignedInParts() {
  const [, View] = SECTIONS[section.value];
  return html`<${SectionTabs} />
    <div id="section" class="drawer-place" role="tabpanel" aria-labelledby=${`section-${section.value}`}>
      <${View} key=${section.value} />
    </div>`;
}

function LockedParts() {
  return html`<${Section} title="Sign in"><${SignInForm} done=${() => showNotice("Signed in.")} /><//>
    <p class="hint">
      Sign in to replace the admin token. If you have lost it, read the file
      <code>admin.token</code> in the relay's data directory.
    </p>`;
}

/** The drawer; replacing the token signs out, and its answer, shown once, has to stay. */
export function AdminDrawer({ at = null }) {
  useState(() => at && (section.value = at));
  const isIn = auth.value.status !== "out";
  const [wasIn] = useState(isIn);
  const isKept = wasIn && section.value === "danger";
  return html`<${Dialog} title="Settings" kind="drawer">
    ${isIn || isKept ? html`<${SignedInParts} />` : html`<${LockedParts} />`}
    <p class="hint version">Argybargy ${relayInfo.value.version}</p>
  <//>`;
}
