// The sidebar: connection status, theme and rooms.
import { computed, cx, html, memo, signal, useEffect } from "./ui.js";
import { auth } from "./api.js";
import { unreadCount } from "./attention.js";
import { Age, clock, nowMs } from "./clock.js";
import { age, plural, shortMoment } from "./format.js";
import { Icon } from "./icons.js";
import { isPinned } from "./pins.js";
import { shownRoom, showRoom } from "./route.js";
import { asksNow } from "./snooze.js";
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

export function chooseTheme(name) {
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
        onClick=${() => chooseTheme(name)}
      >
        <${Icon} name=${icon} size=${16} />
      </button>`,
    )}
  </div>`;
}

// -- rooms ----------------------------------------------------------------------
// Pinned rooms first, then the most recently active ones; closed ones collapsed.

/** Least number of rooms with which they can be filtered. */
const MANY_ROOMS = 6;
const MOST_COUNTED = 99;

const closedShown = persistedSignal(localStore, "argy_closed_shown", "0");
const filter = signal("");
const isClosed = (card) => card.status === "closed";

/** The rooms in the order of the list. */
export const orderedRooms = computed(() =>
  [...rooms.value].sort((one, other) => isPinned(other.room) - isPinned(one.room)),
);
const matching = computed(() => {
  const wanted = filter.value.trim().toLowerCase();
  return orderedRooms.value.filter((card) => card.room.toLowerCase().includes(wanted));
});
const openRooms = computed(() => matching.value.filter((card) => !isClosed(card)));
const closedRooms = computed(() => matching.value.filter(isClosed));
/** The number of questions to the operator, by room. */
const asks = computed(() => {
  const counts = new Map();
  for (const { room } of asksNow.value) counts.set(room, (counts.get(room) ?? 0) + 1);
  return counts;
});

/** The next open room with unread messages, from the room in view on. */
export function nextUnreadRoom() {
  const cards = orderedRooms.peek().filter((card) => !isClosed(card));
  const at = cards.findIndex((card) => card.room === shownRoom.peek());
  const following = [...cards.slice(at + 1), ...cards.slice(0, at + 1)];
  return following.find((card) => unreadCount(card) > 0)?.room ?? null;
}

function describe(card, unread, asked) {
  const words = card.messages
    ? `${plural(card.messages, "message")}, the last ${age((nowMs() - Date.parse(card.last_ts)) / 1000)} ago`
    : "quiet";
  const closed = isClosed(card)
    ? `, closed by ${card.closed_by} at ${shortMoment(Date.parse(card.closed_at), nowMs())}`
    : ", open";
  const marks = [
    unread > 0 && `, ${unread} unread`,
    asked > 0 && `, ${plural(asked, "question")} to you`,
    isPinned(card.room) && ", pinned",
  ];
  const here = `${card.online} of ${card.members} online`;
  return `Room ${card.room}${closed}, ${words}, ${here}${marks.filter(Boolean).join("")}`;
}

function Meta({ card }) {
  if (isClosed(card)) return html`<span class="meta">closed · <${Age} since=${Date.parse(card.closed_at)} /></span>`;
  if (!card.messages) return html`<span class="meta">quiet</span>`;
  return html`<span class="meta"><${Age} since=${Date.parse(card.last_ts)} /></span>`;
}

const RoomRow = memo(function RoomRow({ card, isCurrent, isKept, unread, asked }) {
  const go = () => {
    showRoom(card.room);
    filter.value = "";
    isMenuOpen.value = false;
  };
  const description = describe(card, unread, asked);
  const icon = isKept ? "pin" : isClosed(card) ? "lock" : "hash";
  return html`<li class=${isCurrent ? "is-current" : undefined}>
    <button
      type="button"
      class=${cx("room-row", isCurrent && "active", unread && "unread", isClosed(card) && "is-closed")}
      data-room=${card.room}
      data-status=${card.status}
      aria-current=${isCurrent ? "true" : undefined}
      aria-label=${description}
      title=${description}
      onClick=${go}
    >
      <${Icon} name=${icon} size=${16} />
      <bdi class="name">${card.room}</bdi>
      ${asked > 0 && html`<span class="asked" aria-hidden="true">${asked === 1 ? "?" : `${asked}?`}</span>`}
      ${unread > 0 &&
      html`<span class="unread-count" aria-hidden="true">${unread > MOST_COUNTED ? `${MOST_COUNTED}+` : unread}</span>`}
      <${Meta} card=${card} />
    </button>
  </li>`;
});

function roomRows(cards) {
  return cards.map(
    (card) => html`<${RoomRow}
      key=${card.room}
      card=${card}
      isCurrent=${card.room === shownRoom.value}
      isKept=${isPinned(card.room)}
      unread=${unreadCount(card)}
      asked=${asks.value.get(card.room) ?? 0}
    />`,
  );
}

function Fold({ count, hidden, isOpen }) {
  const title = isOpen
    ? `${plural(count, "closed room")} shown. Click to hide them.`
    : `${plural(hidden, "closed room")} hidden. Click to show them.`;
  return html`<button
    type="button"
    class="fold"
    aria-expanded=${isOpen}
    data-hidden=${hidden}
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
  const isOpen = closedShown.value === "1" || Boolean(filter.value.trim());
  const kept = isOpen ? cards : cards.filter((card) => card.room === shownRoom.value);
  const hidden = cards.length - kept.length;
  return html`
    ${(isOpen || hidden > 0) && html`<${Fold} count=${cards.length} hidden=${hidden} isOpen=${isOpen} />`}
    <ul>${roomRows(kept)}</ul>
  `;
}

function Filter() {
  if (rooms.value.length < MANY_ROOMS && !filter.value) return null;
  const onKeyDown = (event) => {
    const [first] = matching.peek();
    if (event.key === "Enter" && first) {
      showRoom(first.room);
      isMenuOpen.value = false;
    }
    if (event.key === "Enter" || (event.key === "Escape" && filter.peek())) {
      event.preventDefault();
      filter.value = "";
    }
  };
  return html`<label class="room-filter">
    <${Icon} name="search" size=${14} />
    <input
      type="search"
      aria-label="Filter rooms"
      placeholder="Filter rooms"
      autocomplete="off"
      spellcheck=${false}
      value=${filter.value}
      onInput=${(event) => (filter.value = event.target.value)}
      onKeyDown=${onKeyDown}
    />
  </label>`;
}

function List() {
  useEffect(() => {
    // The list may be longer than the screen.
    document.querySelector(".room-row.active")?.scrollIntoView({ block: "nearest" });
  }, [shownRoom.value, isLoaded.value]);
  if (auth.value.status === "out") return html`<p class="hint">Hidden until you sign in.</p>`;
  if (!isLoaded.value) return html`<p class="hint">Loading…</p>`;
  if (!rooms.value.length) return html`<p class="hint">No rooms yet.</p>`;
  return html`
    <${Filter} />
    ${!matching.value.length && html`<p class="hint" role="status">No room has “${filter.value}” in its name.</p>`}
    <ul>${roomRows(openRooms.value)}</ul>
    <${Closed} />
  `;
}

/** The key of the switcher, as the operator's keyboard has it. */
const SWITCH_KEY = /Mac|iPhone|iPad/.test(navigator.platform) ? "⌘K" : "Ctrl K";

export function Rooms() {
  const isIn = auth.value.status === "in";
  return html`<nav class="rooms" aria-labelledby="rooms-label">
    <h2 id="rooms-label">
      Rooms
      <span class="spring"></span>
      ${isIn &&
      html`<button
        type="button"
        class="plain switch-to"
        aria-label="Go to"
        title=${`Go to a room, an agent or a command ( ${SWITCH_KEY} )`}
        onClick=${() => openDialog("switch")}
      >
        <kbd>${SWITCH_KEY}</kbd><${Icon} name="jump" size=${16} /><span class="words">Go to</span>
      </button>`}
      ${isIn &&
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
