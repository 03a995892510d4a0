// The header: the room in view, its status and activity, and its latest question.
import { computed, html, signal } from "./ui.js";
import { auth, get, post, roomPath, sender } from "./api.js";
import { Age, nowMs } from "./clock.js";
import { plural, shortMoment } from "./format.js";
import { Avatar, Icon } from "./icons.js";
import { Badge } from "./message.js";
import { currentRoom, showRoom, view } from "./route.js";
import { applyRoomStatus, cardOf, isQuestion, messageLog, roster, waiting } from "./state.js";
import { openPeople, openSearch } from "./panes.js";
import { onlineCount, rosterRow, Stamp } from "./people.js";
import { Connection } from "./sidebar.js";
import { connection, refresh } from "./stream.js";
import { ConfirmButton, isMenuOpen, showError, showNotice } from "./widgets.js";

/** Whether the relay has search. */
export const canSearch = signal(true);

/** Ask the relay once whether it has search; without it, the page hides the button. */
export async function detectSearch() {
  try {
    await get("admin/search?q=a&limit=1");
  } catch (error) {
    canSearch.value = error.status !== 404 && error.status !== 405;
  }
}

/** Close or reopen a room. */
async function setRoomStatus(room, what) {
  try {
    const answer = await post(roomPath(room, what), { by: sender.value });
    applyRoomStatus(answer.room);
    refresh();
    showNotice(what === "close" ? `#${room} is closed. Its agents are told to leave.` : `#${room} is open.`);
  } catch (error) {
    showError(error);
  }
}

function Status({ card }) {
  const isClosed = card.status === "closed";
  const title = isClosed
    ? `Closed by ${card.closed_by} at ${shortMoment(Date.parse(card.closed_at), nowMs())}: agents were told to leave, you can still post`
    : "Agents may join, read and write";
  return html`<span class=${`pill room-${card.status}`} title=${title}>${card.status}</span>`;
}

const lastQuestion = computed(() => {
  const room = currentRoom.value;
  if (!room) return null;
  return messageLog(room).messages.value.findLast(isQuestion) ?? null;
});

function LatestQuestion() {
  const latest = lastQuestion.value;
  if (!latest) return null;
  return html`<button
    type="button"
    class="turn"
    title="Go to the latest question"
    onClick=${() => showRoom(currentRoom.peek(), latest.seq)}
  >
    <${Badge} message=${latest} />
  </button>`;
}

export function MenuButton() {
  const count = waiting.value.length;
  return html`<button
    type="button"
    class="plain menu-button"
    aria-label=${count ? `Menu, ${plural(count, "question")} waiting` : "Menu"}
    aria-expanded=${isMenuOpen.value}
    onClick=${() => (isMenuOpen.value = !isMenuOpen.value)}
  >
    <${Icon} name="menu" size=${20} />
    ${count > 0 && html`<span class="count" aria-hidden="true">${count}</span>`}
  </button>`;
}

function PeerHeader({ peer, room }) {
  const row = rosterRow(peer);
  return html`
    <button
      type="button"
      class="plain"
      aria-label=${`Back to ${room}`}
      onClick=${() => showRoom(room)}
    >
      <${Icon} name="back" size=${20} />
    </button>
    <${Avatar} name=${peer} online=${row?.online ?? false} small />
    <h1 class="channel-title"><bdi>${peer}</bdi></h1>
    <span class="head-stamp">${row && html`<${Stamp} row=${row} more />`}</span>
    <span class="pill">filtered · #<bdi>${room}</bdi></span>
    <span class="spring"></span>
  `;
}

/** How many are here; it opens the people, where they are not beside the conversation. */
function Present({ room }) {
  const online = onlineCount.value;
  const title = `${online} of ${roster.value.length} in #${room} online. Click to see who.`;
  return html`<button
    type="button"
    class="plain present"
    aria-label=${`People: ${online} of ${roster.value.length} online`}
    title=${title}
    onClick=${openPeople}
  >
    <${Icon} name="people" size=${18} />${online}
  </button>`;
}

function RoomHeader({ room, card }) {
  const isClosed = card.status === "closed";
  return html`
    <span class=${`head-icon ${isClosed ? "is-closed" : ""}`}>
      <${Icon} name=${isClosed ? "lock" : "hash"} size=${20} />
    </span>
    <h1 class="channel-title"><bdi>${room}</bdi></h1>
    <${Status} card=${card} />
    <${Present} room=${room} />
    <span class="head-stamp counted">
      ${card.messages} msg${card.last_ts && html` · <${Age} since=${Date.parse(card.last_ts)} suffix=" ago" />`}
    </span>
    <span class="spring"></span>
    <${LatestQuestion} />
    ${isClosed
      ? html`<button type="button" class="close-room" onClick=${() => setRoomStatus(room, "reopen")}>
          Reopen<span class="wide"> room</span>
        </button>`
      : html`<${ConfirmButton}
          key=${room}
          kind="close-room"
          label=${html`Close<span class="wide"> room</span>`}
          confirm="Confirm close"
          title="Dismiss the agents in this room"
          onConfirm=${() => setRoomStatus(room, "close")}
        />`}
  `;
}

function Title() {
  const { place, room, peer } = view.value;
  if (auth.value.status === "out") {
    return html`<${Icon} name="key" size=${20} /><h1 class="channel-title">not signed in</h1>`;
  }
  if (place === "inbox") return html`<h1 class="channel-title">Inbox</h1><span class="spring"></span>`;
  const card = room && cardOf(room);
  if (!card) return html`<h1 class="channel-title">Argybargy</h1>`;
  if (peer) return html`<${PeerHeader} peer=${peer} room=${room} />`;
  return html`<${RoomHeader} room=${room} card=${card} />`;
}

/** A bad connection, for small screens that hide the sidebar. */
function ConnectionProblem() {
  const { mode } = connection.value;
  if (mode !== "offline" && mode !== "polling") return null;
  return html`<span class="trouble"><${Connection} /></span>`;
}

export function Header() {
  return html`<header class="head">
    <${MenuButton} />
    <${Title} />
    <${ConnectionProblem} />
    ${auth.value.status !== "out" &&
    canSearch.value &&
    html`<button
      type="button"
      class="plain search-button"
      aria-label="Search messages"
      title="Search ( / )"
      onClick=${() => openSearch()}
    >
      <${Icon} name="search" size=${20} />
    </button>`}
  </header>`;
}
