// What is in view: the room, whether it is open, how busy it is, and whose turn it is.
import { computed, html, signal } from "./ui.js";
import { account, get, post, roomPath, sender } from "./api.js";
import { Age, nowMs } from "./clock.js";
import { plural, shortMoment } from "./format.js";
import { Avatar, Icon } from "./icons.js";
import { Badge } from "./message.js";
import { currentRoom, showRoom, view } from "./route.js";
import { cardOf, isQuestion, log, takeRoomStatus, waiting } from "./state.js";
import { Connection, onlineCount, rosterRow, Stamp } from "./sidebar.js";
import { connection, refresh } from "./stream.js";
import { complain, isMenuOpen, openDialog, say, SureButton } from "./widgets.js";

/** Whether the relay can search; one that cannot is not asked again. */
export const canSearch = signal(true);

/** Ask once whether the relay can search. */
export async function learnSearch() {
  try {
    await get("admin/search?q=a&limit=1");
  } catch (error) {
    canSearch.value = error.status !== 404 && error.status !== 405;
  }
}

async function act(room, what) {
  try {
    const answer = await post(roomPath(room, what), { by: sender.value });
    takeRoomStatus(answer.room);
    refresh();
    say(what === "close" ? `#${room} is closed: its agents are told to leave.` : `#${room} is open.`);
  } catch (error) {
    complain(error);
  }
}

function Status({ card }) {
  const isClosed = card.status === "closed";
  const title = isClosed
    ? `Closed by ${card.closed_by} at ${shortMoment(Date.parse(card.closed_at), nowMs())}: agents were told to leave, you can still speak`
    : "Agents may join, read and write";
  return html`<span class=${`pill room-${card.status}`} title=${title}>${card.status}</span>`;
}

const lastQuestion = computed(() => {
  const room = currentRoom.value;
  if (!room) return null;
  const found = log(room).messages.value.findLast(isQuestion);
  return found ? { message: found, answer: log(room).answers.value.get(found.seq) } : null;
});

function Turn() {
  const turn = lastQuestion.value;
  if (!turn) return null;
  return html`<button
    type="button"
    class="turn"
    title="Go to the latest question"
    onClick=${() => showRoom(currentRoom.peek(), turn.message.seq)}
  >
    <${Badge} message=${turn.message} answer=${turn.answer} room=${currentRoom.value} />
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

function RoomHeader({ room, card }) {
  const isClosed = card.status === "closed";
  return html`
    <span class=${`head-icon ${isClosed ? "is-closed" : ""}`}>
      <${Icon} name=${isClosed ? "lock" : "hash"} size=${20} />
    </span>
    <h1 class="channel-title"><bdi>${room}</bdi></h1>
    <${Status} card=${card} />
    <span class="head-stamp present">${onlineCount.value} present</span>
    <span class="head-stamp counted">
      ${card.messages} msg${card.last_ts && html` · <${Age} since=${Date.parse(card.last_ts)} suffix=" ago" />`}
    </span>
    <span class="spring"></span>
    <${Turn} />
    ${isClosed
      ? html`<button type="button" class="close-room" onClick=${() => act(room, "reopen")}>
          Reopen<span class="wide"> room</span>
        </button>`
      : html`<${SureButton}
          key=${room}
          kind="close-room"
          label=${html`Close<span class="wide"> room</span>`}
          sure="Confirm close"
          title="Dismiss the agents in this room"
          act=${() => act(room, "close")}
        />`}
  `;
}

function Inside() {
  const { room, peer } = view.value;
  if (account.value.is === "out") {
    return html`<${Icon} name="key" size=${20} /><h1 class="channel-title">not signed in</h1>`;
  }
  const card = room && cardOf(room);
  if (!card) return html`<h1 class="channel-title">Argybargy</h1>`;
  if (peer) return html`<${PeerHeader} peer=${peer} room=${room} />`;
  return html`<${RoomHeader} room=${room} card=${card} />`;
}

/** Where the sidebar is out of sight, a bad connection shows up here. */
function Trouble() {
  const { mode } = connection.value;
  if (mode !== "offline" && mode !== "polling") return null;
  return html`<span class="trouble"><${Connection} /></span>`;
}

export function Header() {
  return html`<header class="head">
    <${MenuButton} />
    <${Inside} />
    <${Trouble} />
    ${account.value.is !== "out" &&
    canSearch.value &&
    html`<button
      type="button"
      class="plain search-button"
      aria-label="Search messages"
      title="Search ( / )"
      onClick=${() => openDialog("search")}
    >
      <${Icon} name="search" size=${20} />
    </button>`}
  </header>`;
}
