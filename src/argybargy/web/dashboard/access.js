// Lists in the settings drawer: access codes, one-use invites, and guest links. Only the
// public half of a secret is known here, except in the answer that created it.
import { html, memo, signal, useEffect, useMemo, useRef, useState } from "./ui.js";
import { get, post, remove, roomPath } from "./api.js";
import { Avatar, NamelessAvatar } from "./avatar.js";
import { nowMs } from "./clock.js";
import { age, plural, shortMoment } from "./format.js";
import { AccessForm, Field, Made, Qr, RoomChoice, Secret } from "./invite.js";
import { invites, loadInvites } from "./invites.js";
import { rosterRow, Status } from "./people.js";
import { OneMachine } from "./qr.js";
import { currentRoom } from "./route.js";
import { codes, rosterRoom } from "./state.js";
import { refresh } from "./stream.js";
import { closeDialog, ConfirmButton, Dialog, showError, showNotice } from "./widgets.js";

/** Rows shown at first: hundreds are seldom read, and the filter finds each. */
const SHOWN = 100;
/** Rows from which a list has a filter: fewer are seen at a glance. */
const FILTERED_FROM = 5;
const moment = (text) => shortMoment(Date.parse(text), nowMs());
/** Whether a code is that of a guest link. */
export const isGuest = (row) => row.role === "person" || row.role === "reader";

/** Wrap an action so that its failure is shown. */
const withErrors = (act) => async () => {
  try {
    await act();
  } catch (error) {
    showError(error);
  }
};

async function revoke(body, done = null) {
  const { revoked } = await post("admin/revoke", body);
  refresh();
  showNotice(done ?? `${plural(revoked, "code")} revoked.`);
}

// -- a list with a filter --------------------------------------------------------------

function matches(row, words) {
  const text = [row.name, `#${row.room}`, row.capabilities, row.key_id, row.code, row.client].join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}

/** A list of codes with a box that filters it; `Row` renders one. */
function FilteredRows({ rows, what, Row, ...more }) {
  const [filter, setFilter] = useState("");
  const [limit, setLimit] = useState(SHOWN);
  // Once shown, the field stays: a list must not jump when a row of it ends.
  const hasFilter = useRef(false);
  hasFilter.current ||= rows.length >= FILTERED_FROM;
  const found = useMemo(() => {
    const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
    return rows.filter((row) => matches(row, words));
  }, [rows, filter]);
  if (!rows.length) return html`<p class="hint">No ${what}.</p>`;
  return html`
    ${hasFilter.current &&
    html`<input
      type="search"
      aria-label=${`Filter ${what}`}
      placeholder="Filter by name, #room or capability"
      autocomplete="off"
      spellcheck=${false}
      value=${filter}
      onInput=${(event) => setFilter(event.target.value)}
    />`}
    <p class="hint" role="status">${filter && `${found.length} of ${rows.length} ${what}`}</p>
    <ul class="rows">
      ${found.slice(0, limit).map((row) => html`<${Row} key=${row.key_id} row=${row} ...${more} />`)}
    </ul>
    ${found.length > limit &&
    html`<button type="button" class="quiet" onClick=${() => setLimit(limit + 4 * SHOWN)}>
      Show ${Math.min(4 * SHOWN, found.length - limit)} more of ${found.length}
    </button>`}
  `;
}

// -- codes ------------------------------------------------------------------------------

/** When each member was last seen, by room and name, in seconds before the drawer opened. */
const lastSeen = signal(new Map());
const seenKey = (room, name) => `${room} ${name.toLowerCase()}`;

async function loadLastSeen() {
  const { roster } = await get("admin/state");
  const seen = new Map();
  for (const [room, rows] of Object.entries(roster)) {
    for (const row of rows) {
      const ages = [row.seconds_since_seen, row.last_message_seconds].filter((each) => each !== null);
      seen.set(seenKey(room, row.name), row.online ? 0 : ages.length ? Math.min(...ages) : null);
    }
  }
  lastSeen.value = seen;
}

/** When the holder of a code used it last: from the live roster if its room is in view. */
function LastUsed({ row, seconds }) {
  const member = rosterRoom.value === row.room ? rosterRow(row.name) : null;
  if (member) return html` · <${Status} row=${member} />`;
  if (seconds === undefined) return null;
  if (seconds === null) return " · not used yet";
  return seconds === 0 ? " · online" : ` · used ${age(seconds)} ago`;
}

/** Create a new code before revoking the old one: a failure in between locks nobody out. */
async function rotateCode(row) {
  const expires = row.expires && `${Math.ceil((Date.parse(row.expires) - nowMs()) / 60_000)}m`;
  const { name, room, capabilities, client, model } = row;
  const code = await post("admin/invite", { name, room, capabilities, client, model, expires });
  await post("admin/revoke", { target: row.key_id });
  refresh();
  return { ...code, kind: "code", client: row.client };
}

const CodeRow = memo(function CodeRow({ row, others, seconds, show }) {
  const rotate = withErrors(async () => show(await rotateCode(row)));
  // What no longer works is not offered for copying.
  const revokeOne = withErrors(async () => {
    await revoke({ target: row.key_id });
    show((made) => (made?.key_id === row.key_id ? null : made));
  });
  const revokeAll = withErrors(async () => {
    await revoke({ target: row.name, all: true });
    show((made) => (made?.name === row.name ? null : made));
  });
  return html`<li class="code-row-item" data-key=${row.key_id} data-name=${row.name}>
    <${Avatar} name=${row.name} small />
    <div>
      <bdi class="name">${row.name}</bdi> <code>${row.code}</code>
      <span class="meta">
        #<bdi>${row.room}</bdi> · ${row.expires ? `until ${moment(row.expires)}` : "never expires"} · made ${moment(row.created)}<${LastUsed} row=${row} seconds=${seconds} />
      </span>
      ${row.capabilities && html`<bdi class="agent-caps" title=${row.capabilities}>${row.capabilities}</bdi>`}
      <div class="row-actions">
        <${ConfirmButton} label="Rotate" confirm="Replace this code?" kind="small" title="A new code; this one stops working" onConfirm=${rotate} />
        <${ConfirmButton} label="Revoke" confirm="Revoke this code?" kind="danger small" title="Stops working at once" onConfirm=${revokeOne} />
        ${others > 0 &&
        html`<${ConfirmButton}
          label=${`Revoke all ${others + 1}`}
          confirm=${`All codes of ${row.name}?`}
          kind="danger small"
          title="In every room"
          onConfirm=${revokeAll}
        />`}
      </div>
    </div>
  </li>`;
});

/** A row with what it needs of the whole list, so that it renders again only when that changes. */
function CodeRowIn({ row, counts, show }) {
  const others = counts.get(row.name.toLowerCase()) - 1;
  return html`<${CodeRow} row=${row} others=${others} seconds=${lastSeen.value.get(seenKey(row.room, row.name))} show=${show} />`;
}

export function Codes() {
  const [made, setMade] = useState(null);
  const [isNew, setNew] = useState(false);
  useEffect(() => void withErrors(loadLastSeen)(), []);
  const all = codes.value;
  const rows = useMemo(() => all.filter((row) => !isGuest(row)), [all]);
  const counts = useMemo(() => {
    const found = new Map();
    for (const { name } of rows) found.set(name.toLowerCase(), (found.get(name.toLowerCase()) ?? 0) + 1);
    return found;
  }, [rows]);
  const onMade = (answer) => (setMade(answer), setNew(false));
  return html`
    ${made && html`<${Made} made=${made} /><button type="button" class="quiet" onClick=${() => setMade(null)}>Hide it</button>`}
    ${isNew
      ? html`<${AccessForm} room=${currentRoom.value} kind="code" made=${onMade} />`
      : html`<button type="button" onClick=${() => (setNew(true), setMade(null))}>New code</button>`}
    <${FilteredRows} rows=${rows} what="codes" Row=${CodeRowIn} counts=${counts} show=${setMade} />
  `;
}

// -- invites ----------------------------------------------------------------------------

const STATES = {
  open: (row) => `until ${moment(row.expires_at)}`,
  used: (row) => `used ${moment(row.ended_at)}`,
  revoked: (row) => `revoked ${moment(row.ended_at)}`,
  expired: (row) => `expired ${moment(row.expires_at)}`,
};

const InviteRow = memo(function InviteRow({ row, revoke: revokeOne }) {
  return html`<li class="code-row-item" data-invite=${row.id} data-state=${row.state}>
    ${row.name ? html`<${Avatar} name=${row.name} small />` : html`<${NamelessAvatar} />`}
    <div>
      <bdi class="name">${row.name ?? "any name"}</bdi> <code>${row.invite}</code>
      <span class="meta">
        #<bdi>${row.room}</bdi> · ${row.state} · ${STATES[row.state](row)}${row.code_key_id && ` · code ${row.code_key_id}`}
      </span>
      ${row.state === "open" &&
      html`<div class="row-actions">
        <${ConfirmButton} label="Revoke" confirm="Revoke this invite?" kind="danger small" onConfirm=${() => revokeOne(row.id)} />
      </div>`}
    </div>
  </li>`;
});

export function Invites() {
  const rows = invites.value;
  const [made, setMade] = useState(null);
  const load = withErrors(loadInvites);
  const revokeOne = useMemo(() => {
    const act = async (id) => {
      await remove(`admin/invites/${encodeURIComponent(id)}`);
      setMade((made) => (made?.id === id ? null : made));
      await loadInvites();
    };
    return (id) => withErrors(() => act(id))();
  }, []);
  // A code that appears may be what an invite was traded for.
  useEffect(() => void load(), [codes.value]);
  const onMade = (answer) => (setMade(answer), load());
  return html`
    ${made
      ? html`<${Made} made=${made} /><button type="button" class="quiet" onClick=${() => setMade(null)}>Another invite</button>`
      : html`<${AccessForm} room=${currentRoom.value} kind="invite" made=${onMade} />`}
    ${rows && !rows.length && html`<p class="hint">No invites that are open or ended within a day.</p>`}
    <ul class="rows">
      ${(rows ?? []).map((row) => html`<${InviteRow} key=${row.id} row=${row} revoke=${revokeOne} />`).reverse()}
    </ul>
  `;
}

// -- guests -----------------------------------------------------------------------------

const HOURS = [
  ["1h", "1 hour"],
  ["8h", "8 hours"],
  ["24h", "1 day"],
  ["168h", "1 week"],
  ["720h", "30 days"],
];

function GuestForm({ made, room = currentRoom.value }) {
  const [speaks, setSpeaks] = useState(false);
  const [problem, setProblem] = useState("");
  const submit = async (event) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    const name = (data.get("name") ?? "").trim();
    if (speaks && !name) return setProblem("A guest who speaks needs a name.");
    setProblem("");
    try {
      const path = roomPath(data.get("room"), "guests");
      made(await post(path, { name: name || null, speaks, ttl: data.get("ttl") }));
      refresh();
    } catch (error) {
      setProblem(error.message);
    }
  };
  return html`<form class="access-form" onSubmit=${submit}>
    <${Field} label="Room"><${RoomChoice} room=${room} /><//>
    <${Field} label="The link ends after">
      <select name="ttl">
        ${HOURS.map(([hours, label]) => html`<option key=${hours} value=${hours} selected=${hours === "24h"}>${label}</option>`)}
      </select>
    <//>
    <div class="is-wide guest-rights" role="radiogroup" aria-label="What the guest may do">
      <label class="check">
        <input type="radio" name="rights" checked=${!speaks} onChange=${() => setSpeaks(false)} />
        Read only
      </label>
      <label class="check">
        <input type="radio" name="rights" checked=${speaks} onChange=${() => setSpeaks(true)} />
        Speak as
      </label>
    </div>
    <label class="field is-wide">
      <span>${speaks ? "The name they speak under" : html`Name <em>(optional, for your list)</em>`}</span>
      <input name="name" maxlength="64" placeholder="pat" autocomplete="off" autocapitalize="none" spellcheck=${false} />
    </label>
    <p class="problem is-wide" role="alert">${problem}</p>
    <button type="submit" class="primary is-wide">Create the guest link</button>
  </form>`;
}

function MadeGuest({ made, show }) {
  const end = withErrors(async () => {
    await revoke({ target: made.key_id }, `The link of ${made.name} has ended.`);
    show(null);
  });
  return html`<div class="made">
    <p class="once">
      <span>
        A link for <bdi class="name">${made.name}</bdi> to ${made.speaks ? "read and speak in" : "read only, in"} #<bdi>${made.room}</bdi>, until
        ${" "}${moment(made.expires_at)}. Copy it now: it will not be shown again.
      </span>
    </p>
    <${Secret} text=${made.link} label="Copy link" />
    <${OneMachine} text=${made.link} who="a guest" />
    <${Qr} text=${made.link} what="link" label="The link of the guest, as a QR code" />
    <div class="row-actions">
      <${ConfirmButton} label="End this link" confirm="Yes, end this link" kind="danger small" onConfirm=${end} />
    </div>
  </div>`;
}

const GuestRow = memo(function GuestRow({ row, show }) {
  const end = withErrors(async () => {
    await revoke({ target: row.key_id }, `The link of ${row.name} has ended.`);
    show((made) => (made?.name === row.name && made.room === row.room ? null : made));
  });
  return html`<li class="code-row-item" data-key=${row.key_id} data-name=${row.name}>
    <${Avatar} name=${row.name} small />
    <div>
      <bdi class="name">${row.name}</bdi> <code>${row.code}</code>
      <span class="meta">
        #<bdi>${row.room}</bdi> · ${row.role === "person" ? `speaks as ${row.name}` : "read only"} · until ${row.expires && moment(row.expires)}
      </span>
      <div class="row-actions">
        <${ConfirmButton} label="End" confirm="End this link?" kind="danger small" onConfirm=${end} />
      </div>
    </div>
  </li>`;
});

export function Guests() {
  const [made, setMade] = useState(null);
  const all = codes.value;
  const rows = useMemo(() => all.filter(isGuest), [all]);
  return html`
    ${made
      ? html`<${MadeGuest} made=${made} show=${setMade} /><button type="button" class="quiet" onClick=${() => setMade(null)}>Another link</button>`
      : html`<${GuestForm} made=${setMade} />`}
    <${FilteredRows} rows=${rows} what="guest links" Row=${GuestRow} show=${setMade} />
  `;
}

/** Invite a guest to a room, from its menu. */
export function GuestDialog({ room }) {
  const [made, setMade] = useState(null);
  return html`<${Dialog} title="Invite a guest">
    ${made
      ? html`<${MadeGuest} made=${made} show=${closeDialog} />
          <div class="row-actions">
            <button type="button" onClick=${() => setMade(null)}>Another link</button>
            <button type="button" class="primary" onClick=${closeDialog}>Done</button>
          </div>`
      : html`<p class="hint">A link for a person. It opens this room in a browser, and nothing else.</p>
          <${GuestForm} made=${setMade} room=${room} />`}
  <//>`;
}
