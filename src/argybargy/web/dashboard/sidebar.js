// The sidebar: how the page is connected, the rooms, the agents of the one in view, and
// the theme.
import { computed, cx, html, memo, useState } from "./ui.js";
import { account } from "./api.js";
import { isUnread } from "./attention.js";
import { Age, clock, nowMs } from "./clock.js";
import { age, isSameName, plural, shortMoment } from "./format.js";
import { Avatar, Icon } from "./icons.js";
import { currentRoom, showPeer, showRoom, view } from "./route.js";
import { isLoaded, rooms, roster, rosterRoom } from "./state.js";
import { lasting, remembered } from "./storage.js";
import { connection, retryNow } from "./stream.js";
import { isMenuOpen, openDialog } from "./widgets.js";

// -- connection -----------------------------------------------------------------
// Live, polling, or offline and when it tries again.

const WORDS = {
  idle: ["idle", "Not connected: nobody is signed in"],
  connecting: ["connecting", "Connecting to the relay"],
  live: ["live", "Relay reachable: what is said shows at once"],
  polling: ["polling", "Asking every 3 s"],
};

function Offline({ retryAt, why }) {
  clock.value; // counts down
  const seconds = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000));
  return html`<button
    type="button"
    class="connection is-offline"
    title=${`No updates come: ${why.replace(/\.?$/, ".")} Click to try now.`}
    onClick=${retryNow}
  >
    <i aria-hidden="true"></i><span>offline, <span class="wide">retrying in </span>${seconds} s</span>
  </button>`;
}

export function Connection() {
  const { mode, retryAt, why } = connection.value;
  if (mode === "offline") return html`<${Offline} retryAt=${retryAt} why=${why} />`;
  const [word, title] = WORDS[mode];
  const told = why ? `${title}: ${why}` : title;
  return html`<span class=${`connection is-${mode}`} role="status" title=${told}>
    <i aria-hidden="true"></i>${word}
  </span>`;
}

// -- theme ----------------------------------------------------------------------
// Light, dark, or what the system says.

const CHOICES = [
  ["auto", "auto", "Theme of the system"],
  ["light", "sun", "Light theme"],
  ["dark", "moon", "Dark theme"],
];
const theme = remembered(lasting, "argy_theme", "auto");

function choose(name) {
  theme.value = name;
  document.documentElement.dataset.theme = name;
}

export function ThemeSwitch() {
  return html`<div class="segments" role="group" aria-label="Theme">
    ${CHOICES.map(
      ([name, icon, label]) => html`<button
        type="button"
        key=${name}
        class=${theme.value === name ? "on" : ""}
        aria-pressed=${theme.value === name}
        aria-label=${label}
        title=${label}
        onClick=${() => choose(name)}
      >
        <${Icon} name=${icon} size=${16} />
      </button>`,
    )}
  </div>`;
}

// -- rooms ----------------------------------------------------------------------
// Those with the latest words first, closed ones folded away.

const shown = remembered(lasting, "argy_closed_shown", "0");
const isClosed = (card) => card.status === "closed";
const openRooms = computed(() => rooms.value.filter((card) => !isClosed(card)));
const closedRooms = computed(() => rooms.value.filter(isClosed));

function describe(card) {
  const words = card.messages
    ? `${plural(card.messages, "message")}, the last ${age((nowMs() - Date.parse(card.last_ts)) / 1000)} ago`
    : "quiet";
  const closed = isClosed(card)
    ? `, closed by ${card.closed_by} at ${shortMoment(Date.parse(card.closed_at), nowMs())}`
    : ", open";
  return `Room ${card.room}${closed}, ${words}, ${card.online} of ${card.members} online`;
}

function Meta({ card }) {
  if (!card.messages) return html`<span class="meta">${isClosed(card) ? "closed" : "quiet"}</span>`;
  return html`<span class="meta">
    ${isClosed(card) && "closed · "}${card.messages} · <${Age} since=${Date.parse(card.last_ts)} />
  </span>`;
}

const RoomRow = memo(function RoomRow({ card, isCurrent, hasNews }) {
  const go = () => {
    showRoom(card.room);
    isMenuOpen.value = false;
  };
  const told = describe(card) + (hasNews ? ", unread" : "");
  return html`<li>
    <button
      type="button"
      class=${cx("room-row", isCurrent && "active", hasNews && "unread", isClosed(card) && "is-closed")}
      data-room=${card.room}
      data-status=${card.status}
      aria-current=${isCurrent ? "true" : undefined}
      aria-label=${told}
      title=${told}
      onClick=${go}
    >
      <${Icon} name=${isClosed(card) ? "lock" : "hash"} size=${16} />
      <bdi class="name">${card.room}</bdi>
      ${hasNews && html`<i class="dot" aria-hidden="true"></i>`}
      <${Meta} card=${card} />
    </button>
  </li>`;
});

function roomRows(cards) {
  return cards.map(
    (card) => html`<${RoomRow}
      key=${card.room}
      card=${card}
      isCurrent=${card.room === currentRoom.value}
      hasNews=${isUnread(card)}
    />`,
  );
}

function Fold({ count, isOpen }) {
  const title = isOpen
    ? `${plural(count, "closed room")} shown. Click to hide them.`
    : `${plural(count, "closed room")} hidden. Click to show them.`;
  return html`<button
    type="button"
    class="fold"
    aria-expanded=${isOpen}
    data-hidden=${isOpen ? 0 : count}
    title=${title}
    onClick=${() => (shown.value = isOpen ? "0" : "1")}
  >
    <${Icon} name="caret" size=${14} />${isOpen ? "Hide closed" : "Closed"} · ${count}
  </button>`;
}

/** Closed rooms; the one being read is never folded away. */
function Closed() {
  const cards = closedRooms.value;
  if (!cards.length) return null;
  const isOpen = shown.value === "1";
  const kept = isOpen ? cards : cards.filter((card) => card.room === currentRoom.value);
  const count = isOpen ? cards.length : cards.length - kept.length;
  return html`
    ${count > 0 && html`<${Fold} count=${count} isOpen=${isOpen} />`}
    <ul>${roomRows(kept)}</ul>
  `;
}

function List() {
  if (account.value.is === "out") return html`<p class="hint">Hidden until you sign in.</p>`;
  if (!isLoaded.value) return html`<p class="hint">Loading…</p>`;
  if (!rooms.value.length) return html`<p class="hint">No rooms yet.</p>`;
  return html`<ul>${roomRows(openRooms.value)}</ul><${Closed} />`;
}

export function Rooms() {
  return html`<nav class="rooms" aria-labelledby="rooms-label">
    <h2 id="rooms-label">
      Rooms
      ${account.value.is === "in" &&
      html`<button
        type="button"
        class="plain"
        aria-label="New room"
        title="New room"
        onClick=${() => openDialog("room")}
      >
        <${Icon} name="plus" size=${16} />
      </button>`}
    </h2>
    <${List} />
  </nav>`;
}

/** Where `g r` leads. */
export function focusRooms() {
  (document.querySelector(".room-row.active") ?? document.querySelector(".room-row"))?.focus();
}

/** Arrow keys walk through the list. */
export function moveInRooms(step) {
  const rows = [...document.querySelectorAll(".room-row")];
  const at = rows.indexOf(document.activeElement);
  if (at >= 0) rows[Math.min(rows.length - 1, Math.max(0, at + step))].focus();
  return at >= 0;
}

// -- agents ---------------------------------------------------------------------
// Who belongs to the room in view: out of the durable roster, so that a restart of the
// relay empties nothing.

const STATES = {
  waiting: ["waiting", "Asked something that nobody has answered yet"],
  working: ["working", "Posted in the last two minutes"],
  standing_by: ["standing by", "Connected, and listening"],
};

export function isInvited(row) {
  return !row.online && row.seenAt === null && row.spokeAt === null;
}

/** No agent may be called `operator`: the relay refuses that name. */
const kindOf = (row) => (isSameName(row.name, "operator") ? "operator" : "agent");

function lastSeen(row) {
  return Math.max(row.seenAt ?? 0, row.spokeAt ?? 0) || null;
}

function byPresence(one, other) {
  if (one.online !== other.online) return one.online ? -1 : 1;
  if (!one.online) {
    const gap = (lastSeen(other) ?? 0) - (lastSeen(one) ?? 0);
    if (gap) return gap;
  }
  return one.name.localeCompare(other.name);
}

const people = computed(() => roster.value.filter((row) => !isInvited(row)).sort(byPresence));
const invited = computed(() => roster.value.filter(isInvited).sort(byPresence));
export const onlineCount = computed(() => roster.value.filter((row) => row.online).length);

export function rosterRow(name) {
  return roster.value.find((row) => row.name === name) ?? null;
}

/** "online", "invited", or how long ago. */
export function Stamp({ row, more = false }) {
  if (row.online) return "online";
  if (isInvited(row)) return more ? "invited · not seen yet" : "invited";
  return html`${more && "offline · "}<${Age} since=${lastSeen(row)} suffix=${more ? " ago" : ""} />`;
}

function stampText(row) {
  if (row.online) return "online";
  if (isInvited(row)) return "invited";
  return `seen ${age((nowMs() - lastSeen(row)) / 1000)} ago`;
}

const AgentRow = memo(function AgentRow({ row, isCurrent }) {
  const state = STATES[row.state];
  const go = () => {
    showPeer(row.name);
    isMenuOpen.value = false;
  };
  return html`<li>
    <button
      type="button"
      class=${cx("agent-row", isCurrent && "active", row.online ? "is-online" : "is-away")}
      data-agent=${row.name}
      data-state=${row.state ?? ""}
      aria-label=${`${row.name} — ${stampText(row)}${state ? `, ${state[0]}` : ""}, open direct view`}
      onClick=${go}
    >
      <${Avatar} name=${row.name} kind=${kindOf(row)} online=${row.online} small />
      <bdi class="name">${row.name}</bdi>
      <span class="stamp"><${Stamp} row=${row} /></span>
      <span class="agent-line">
        ${state && html`<span class=${`pill state-${row.state}`} title=${state[1]}>${state[0]}</span>`}
        ${row.capabilities &&
        html`<bdi class="agent-caps" title=${row.capabilities}>${row.capabilities}</bdi>`}
      </span>
    </button>
  </li>`;
});

const agentRows = (rows) =>
  rows.map(
    (row) =>
      html`<${AgentRow} key=${row.name} row=${row} isCurrent=${view.value.peer === row.name} />`,
  );

function Invited() {
  const [isOpen, setOpen] = useState(false);
  const count = invited.value.length;
  if (!count) return null;
  return html`
    <button
      type="button"
      class="fold"
      aria-expanded=${isOpen}
      title="They hold a key and have not been heard of"
      onClick=${() => setOpen(!isOpen)}
    >
      <${Icon} name="caret" size=${14} />Invited · ${count}
    </button>
    ${isOpen && html`<ul>${agentRows(invited.value)}</ul>`}
  `;
}

export function Roster() {
  const room = currentRoom.value;
  if (!room) return null;
  const total = roster.value.length;
  const online = onlineCount.value;
  return html`<section class="roster" aria-labelledby="agents-label">
    <h2 id="agents-label" title=${`${online} of ${total} in #${room} online`}>
      <span>Agents · ${online}/${total}</span>
      <button
        type="button"
        class="plain"
        aria-label=${`Add an agent to ${room}`}
        title="Add an agent"
        onClick=${() => openDialog("invite", { room })}
      >
        <${Icon} name="plus" size=${16} />
      </button>
    </h2>
    ${!total && rosterRoom.value === room && html`<p class="hint">Nobody yet. Make a key with +.</p>`}
    <ul>${agentRows(people.value)}</ul>
    <${Invited} />
  </section>`;
}
