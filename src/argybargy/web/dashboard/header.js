// The header: the room in view, its status and activity, and its latest question.
import { computed, html, signal } from "./ui.js";
import { auth, get, post, roomPath, sender } from "./api.js";
import { Avatar } from "./avatar.js";
import { Age, nowMs, Timer } from "./clock.js";
import { isSameName, plural, shortMoment } from "./format.js";
import { Icon } from "./icons.js";
import { Menu } from "./menu.js";
import { isPinned, togglePin } from "./pins.js";
import { addressOf, currentRoom, showRoom, view } from "./route.js";
import { applyRoomStatus, asksYou, cardOf, isQuestion, messageLog } from "./state.js";
import { openPeople, openSearch } from "./panes.js";
import { memberCount, onlineCount, rosterRow, Stamp } from "./people.js";
import { Connection } from "./sidebar.js";
import { connection, refresh } from "./stream.js";
import { ConfirmButton, copyText, isMenuOpen, openDialog, showError, showNotice } from "./widgets.js";

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
export async function setRoomStatus(room, what) {
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

/** The state of a question, in words. */
function Standing({ message }) {
  const { state, by } = message.question;
  const since = Date.parse(message.ts);
  const { from } = message;
  if (state === "open") {
    const who = message.expects_reply_resolved ?? message.expects_reply;
    return html`<bdi>${from}</bdi> asks <bdi>${isSameName(who, "operator") ? "you" : who}</bdi> · <${Timer} since=${since} />`;
  }
  if (state === "claimed") {
    return html`<bdi>${message.claimed_by}</bdi> works on what <bdi>${from}</bdi> asked · <${Timer} since=${since} />`;
  }
  if (state === "withdrawn") return html`<bdi>${from}</bdi> no longer needs an answer`;
  return html`<bdi>${by}</bdi> answered <bdi>${from}</bdi>`;
}

const STANDING_ICONS = { open: "ask", claimed: "person" };

/** The latest question of the room, what became of it, and the way to it. */
function LatestQuestion() {
  const latest = lastQuestion.value;
  if (!latest) return null;
  const { state } = latest.question;
  return html`<button
    type="button"
    class=${`turn is-${state}`}
    title=${`Go to the latest question of this room: ${latest.text}`}
    onClick=${() => showRoom(currentRoom.peek(), latest.seq)}
  >
    <${Icon} name=${STANDING_ICONS[state] ?? "check"} size=${14} />
    <span class="turn-words">Latest question: <${Standing} message=${latest} /></span>
  </button>`;
}

export function MenuButton() {
  const count = asksYou.value.length;
  return html`<button
    type="button"
    class="plain menu-button"
    aria-label=${count ? `Menu, ${plural(count, "question")} to you` : "Menu"}
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
  const counts = `${onlineCount.value} of ${memberCount.value}`;
  return html`<button
    type="button"
    class="plain present"
    aria-label=${`People: ${counts} online`}
    title=${`${counts} in #${room} online. Click to see who.`}
    onClick=${openPeople}
  >
    <${Icon} name="people" size=${18} />${onlineCount.value}
  </button>`;
}

async function copyLink(room) {
  const link = location.origin + addressOf({ room });
  const isDone = await copyText(link, document.querySelector(".head .menu button"));
  showNotice(isDone ? `The link to #${room} is copied.` : `Copy this link: ${link}`, !isDone);
}

function RoomMenu({ room, isClosed }) {
  const items = [
    { name: "Add an agent", icon: "plus", act: () => openDialog("invite", { room }) },
    { name: "People", icon: "people", act: openPeople },
    { name: isPinned(room) ? "Unpin room" : "Pin room", icon: "pin", act: () => togglePin(room) },
    { name: "Copy link to room", icon: "copy", act: () => copyLink(room) },
    isClosed
      ? { name: "Reopen room", icon: "hash", act: () => setRoomStatus(room, "reopen") }
      : { name: "Close room…", icon: "lock", act: () => openDialog("close-room", { room }) },
    isClosed && {
      name: "Delete room…",
      icon: "close",
      kind: "danger",
      act: () => openDialog("delete-room", { room }),
    },
  ];
  return html`<${Menu} label=${`Actions for #${room}`} items=${items} />`;
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
      ${plural(card.messages, "message")}${card.last_ts && html` · <${Age} since=${Date.parse(card.last_ts)} suffix=" ago" />`}
    </span>
    <span class="spring"></span>
    ${isClosed
      ? html`<button type="button" class="close-room" onClick=${() => setRoomStatus(room, "reopen")}>Reopen room</button>`
      : html`<${ConfirmButton}
          key=${room}
          kind="close-room"
          label="Close room"
          confirm="Close and send agents away"
          title="Tell the agents in this room to leave; you can reopen it"
          onConfirm=${() => setRoomStatus(room, "close")}
        />`}
    <${RoomMenu} room=${room} isClosed=${isClosed} />
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
  const { place, peer } = view.value;
  const isRoom = auth.value.status !== "out" && place === "room" && !peer;
  return html`<header class="head">
    <div class="head-row">
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
    </div>
    ${isRoom && html`<${LatestQuestion} />`}
  </header>`;
}
