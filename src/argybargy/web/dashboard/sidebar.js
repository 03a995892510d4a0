// The sidebar: connection status, theme and rooms.
import { computed, cx, html, memo } from "./ui.js";
import { auth } from "./api.js";
import { isUnread } from "./attention.js";
import { Age, clock, nowMs } from "./clock.js";
import { age, plural, shortMoment } from "./format.js";
import { Icon } from "./icons.js";
import { currentRoom, showRoom } from "./route.js";
import { isLoaded, rooms } from "./state.js";
import { localStore, persistedSignal } from "./storage.js";
import { connection, retryNow } from "./stream.js";
import { isMenuOpen, openDialog } from "./widgets.js";

// -- connection -----------------------------------------------------------------

/** The text and the tooltip of each mode. */
const MODES = {
  idle: ["idle", "Not connected: you are not signed in"],
  connecting: ["connecting", "Connecting to the relay"],
  live: ["live", "Relay reachable: messages appear at once"],
  polling: ["polling", "Polling every 3 s"],
};

function Offline({ retryAt, why }) {
  clock.value; // renders the countdown every second
  const seconds = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000));
  return html`<button
    type="button"
    class="connection is-offline"
    title=${`No updates: ${why.replace(/\.?$/, ".")} Click to reconnect now.`}
    onClick=${retryNow}
  >
    <i aria-hidden="true"></i><span>offline, <span class="wide">retrying in </span>${seconds} s</span>
  </button>`;
}

export function Connection() {
  const { mode, retryAt, why } = connection.value;
  if (mode === "offline") return html`<${Offline} retryAt=${retryAt} why=${why} />`;
  const [label, title] = MODES[mode];
  const tooltip = why ? `${title}: ${why}` : title;
  return html`<span class=${`connection is-${mode}`} role="status" title=${tooltip}>
    <i aria-hidden="true"></i>${label}
  </span>`;
}

// -- theme ----------------------------------------------------------------------

const THEMES = [
  ["auto", "auto", "System theme"],
  ["light", "sun", "Light theme"],
  ["dark", "moon", "Dark theme"],
];
const theme = persistedSignal(localStore, "argy_theme", "auto");

function choose(name) {
  theme.value = name;
  document.documentElement.dataset.theme = name;
}

export function ThemeSwitch() {
  return html`<div class="segments" role="group" aria-label="Theme">
    ${THEMES.map(
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
// The most recently active rooms first; closed ones collapsed.

const closedShown = persistedSignal(localStore, "argy_closed_shown", "0");
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

const RoomRow = memo(function RoomRow({ card, isCurrent, hasUnread }) {
  const go = () => {
    showRoom(card.room);
    isMenuOpen.value = false;
  };
  const description = describe(card) + (hasUnread ? ", unread" : "");
  return html`<li>
    <button
      type="button"
      class=${cx("room-row", isCurrent && "active", hasUnread && "unread", isClosed(card) && "is-closed")}
      data-room=${card.room}
      data-status=${card.status}
      aria-current=${isCurrent ? "true" : undefined}
      aria-label=${description}
      title=${description}
      onClick=${go}
    >
      <${Icon} name=${isClosed(card) ? "lock" : "hash"} size=${16} />
      <bdi class="name">${card.room}</bdi>
      ${hasUnread && html`<i class="dot" aria-hidden="true"></i>`}
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
      hasUnread=${isUnread(card)}
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
    onClick=${() => (closedShown.value = isOpen ? "0" : "1")}
  >
    <${Icon} name="caret" size=${14} />${isOpen ? "Hide closed" : "Closed"} · ${count}
  </button>`;
}

/** The closed rooms; the room in view is shown even when they are collapsed. */
function Closed() {
  const cards = closedRooms.value;
  if (!cards.length) return null;
  const isOpen = closedShown.value === "1";
  const kept = isOpen ? cards : cards.filter((card) => card.room === currentRoom.value);
  const count = isOpen ? cards.length : cards.length - kept.length;
  return html`
    ${count > 0 && html`<${Fold} count=${count} isOpen=${isOpen} />`}
    <ul>${roomRows(kept)}</ul>
  `;
}

function List() {
  if (auth.value.status === "out") return html`<p class="hint">Hidden until you sign in.</p>`;
  if (!isLoaded.value) return html`<p class="hint">Loading…</p>`;
  if (!rooms.value.length) return html`<p class="hint">No rooms yet.</p>`;
  return html`<ul>${roomRows(openRooms.value)}</ul><${Closed} />`;
}

export function Rooms() {
  return html`<nav class="rooms" aria-labelledby="rooms-label">
    <h2 id="rooms-label">
      Rooms
      ${auth.value.status === "in" &&
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

/** Focus the room in view, else the first. */
export function focusRooms() {
  (document.querySelector(".room-row.active") ?? document.querySelector(".room-row"))?.focus();
}

/** Move the focus in the list; false if the focus is elsewhere. */
export function moveInRooms(step) {
  const rows = [...document.querySelectorAll(".room-row")];
  const at = rows.indexOf(document.activeElement);
  if (at >= 0) rows[Math.min(rows.length - 1, Math.max(0, at + step))].focus();
  return at >= 0;
}
