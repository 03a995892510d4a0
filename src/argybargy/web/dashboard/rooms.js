// The list of rooms: those with the latest words first, closed ones folded away.
import { computed, cx, html, memo } from "./ui.js";
import { account } from "./account.js";
import { isUnread } from "./attention.js";
import { Age, nowMs } from "./clock.js";
import { age, plural, shortMoment } from "./format.js";
import { Icon } from "./icons.js";
import { currentRoom, showRoom } from "./route.js";
import { isLoaded, rooms } from "./state.js";
import { lasting, remembered } from "./storage.js";
import { isMenuOpen, openDialog } from "./widgets.js";

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

function rowsOf(cards) {
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
    <ul>${rowsOf(kept)}</ul>
  `;
}

function List() {
  if (account.value.is === "out") return html`<p class="hint">Hidden until you sign in.</p>`;
  if (!isLoaded.value) return html`<p class="hint">Loading…</p>`;
  if (!rooms.value.length) return html`<p class="hint">No rooms yet.</p>`;
  return html`<ul>${rowsOf(openRooms.value)}</ul><${Closed} />`;
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
