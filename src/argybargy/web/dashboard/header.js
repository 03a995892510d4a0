// The header: the room in view, its status and activity, and its latest question.
import { computed, html, signal } from "./ui.js";
import { auth, get, post, roomPath, sender } from "./api.js";
import { Avatar } from "./avatar.js";
import { Age, nowMs, Timer } from "./clock.js";
import { plural, shortMoment } from "./format.js";
import { Icon } from "./icons.js";
import { Menu } from "./menu.js";
import { isPaneShown, openPeople, openSearch, pane, togglePeople } from "./panes.js";
import { memberCount, onlineCount, PersonFacts, questions, rosterRow } from "./people.js";
import { isPinned, togglePin } from "./pins.js";
import { addressOf, currentRoom, showRoom, view } from "./route.js";
import { Connection } from "./sidebar.js";
import { asksNow, isSnoozed } from "./snooze.js";
import { applyRoomStatus, cardOf, isQuestion, isWaiting, messageLog } from "./state.js";
import { namesYou } from "./status.js";
import { connection, refresh } from "./stream.js";
import { copyText, isMenuOpen, openDialog, showError, showNotice } from "./widgets.js";

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

/** The questions of a room that wait and are not put off: those that nobody works on first, then the longest wait. */
function openIn(room) {
  const isClaimed = (each) => stateOf(each) === "claimed";
  return questions.value
    .filter(({ seq }) => !isSnoozed({ room, seq }))
    .sort((one, other) => isClaimed(one) - isClaimed(other) || one.seq - other.seq);
}

/**
 * The question that the header shows, { message, lead, more }: of those that ask the operator
 * the one that waits longest, else of all that wait, else the latest; and how many more of these there are.
 */
const headline = computed(() => {
  const room = currentRoom.value;
  if (!room) return null;
  const open = openIn(room);
  const mine = asksNow.value.filter((row) => row.room === room).sort((one, other) => one.seq - other.seq);
  if (mine.length) {
    const lead = namesYou(mine[0].expects_reply) ? "Asks you" : "Asks anyone";
    return { message: mine[0], lead, isMine: true, more: mine.length - 1 };
  }
  if (open.length) return { message: open[0], lead: "Open question", more: open.length - 1 };
  const message = messageLog(room).messages.value.findLast((each) => isQuestion(each) && !isWaiting(each));
  return message ? { message, lead: "Latest question", more: 0 } : null;
});

/** The state that a question has; a row of the inbox waits, or is claimed. */
const stateOf = (message) => message.question?.state ?? (message.claimed_by ? "claimed" : "open");

const Who = ({ name }) => (namesYou(name) ? "you" : html`<bdi>${name}</bdi>`);

/** How long a question has waited; it stands on one line with what separates it. */
const Waited = ({ since }) => html`<span class="unbroken">· <${Timer} since=${since} /></span>`;

/** The state of a question, in words. */
function Standing({ message, isMine }) {
  const state = stateOf(message);
  const { by } = message.question ?? {};
  const since = Date.parse(message.ts);
  const { from } = message;
  if (isMine) {
    const works = message.claimed_by && html` · <bdi>${message.claimed_by}</bdi> works on it`;
    return html`<bdi>${from}</bdi>${works} <${Waited} since=${since} />`;
  }
  if (state === "open") {
    const who = message.expects_reply_resolved ?? message.expects_reply;
    return html`<${Who} name=${from} /> ${namesYou(from) ? "asked" : "asks"} <${Who} name=${who} /> <${Waited} since=${since} />`;
  }
  if (state === "claimed") {
    return html`<bdi>${message.claimed_by}</bdi> works on what <${Who} name=${from} /> asked <${Waited} since=${since} />`;
  }
  if (state === "withdrawn") return html`<${Who} name=${from} /> no longer ${namesYou(from) ? "need" : "needs"} an answer`;
  return html`<${Who} name=${by} /> answered <${Who} name=${from} />`;
}

const STANDING_ICONS = { open: "ask", claimed: "person" };

/** The question of the room that matters most, what became of it, and the way to it. */
function LatestQuestion() {
  if (!headline.value) return null;
  const { message, lead, isMine = false, more } = headline.value;
  const state = stateOf(message);
  return html`<button
    type="button"
    class=${`turn is-${state}`}
    title=${`Go to this question: ${message.text}`}
    onClick=${() => showRoom(currentRoom.peek(), message.seq)}
  >
    <${Icon} name=${STANDING_ICONS[state] ?? "check"} size=${14} />
    <span class="turn-words">${lead}: <${Standing} message=${message} isMine=${isMine} />${more > 0 && html` <span class="unbroken">· ${more} more</span>`}</span>
  </button>`;
}

export function MenuButton() {
  const count = asksNow.value.length;
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
    <span class="pill">filtered · #<bdi>${room}</bdi></span>
    <span class="spring"></span>
  `;
}

/** How many are here; it shows the people, or hides them. */
function Present({ room }) {
  const counts = `${onlineCount.value} of ${memberCount.value}`;
  const isShown = isPaneShown.value && pane.value.name === "people";
  return html`<button
    type="button"
    class="plain present"
    aria-label=${`People: ${counts} online`}
    aria-expanded=${isShown}
    title=${`${counts} in #${room} online. Click to ${isShown ? "hide" : "see"} them.`}
    onClick=${togglePeople}
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
    { name: "Invite an agent", icon: "plus", act: () => openDialog("invite", { room }) },
    { name: "Invite a guest", icon: "person", act: () => openDialog("guest", { room }) },
    { name: "People", icon: "people", act: openPeople },
    { name: isPinned(room) ? "Unpin room" : "Pin room", icon: "pin", act: () => togglePin(room) },
    { name: "Copy link to room", icon: "copy", act: () => copyLink(room) },
    isClosed
      ? { name: "Reopen room", icon: "hash", act: () => setRoomStatus(room, "reopen") }
      : { name: "Close room…", icon: "lock", act: () => openDialog("close-room", { room }) },
    isClosed && {
      name: "Delete room…",
      icon: "close",
      kind: "danger is-apart",
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
      : html`<button
          type="button"
          class="close-room"
          title="Tell the agents in this room to leave; you can reopen it"
          onClick=${() => openDialog("close-room", { room })}
        >
          Close room
        </button>`}
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
  const isPlace = auth.value.status !== "out" && place === "room";
  const [isRoom, isPerson] = [isPlace && !peer, isPlace && peer];
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
    ${isPerson && html`<${PersonFacts} name=${peer} />`}
  </header>`;
}
