// The switcher: go to a room, an agent or a command by some of its letters.
import { cx, html, useLayoutEffect, useRef, useState } from "./ui.js";
import { signOut } from "./api.js";
import { isSameName } from "./format.js";
import { canSearch, setRoomStatus } from "./header.js";
import { Icon } from "./icons.js";
import { showNotListening } from "./not_listening.js";
import { openPeople, openSearch } from "./panes.js";
import { isPinned, togglePin } from "./pins.js";
import { showInbox, showPeer, showRoom, shownRoom } from "./route.js";
import { chooseTheme, orderedRooms } from "./sidebar.js";
import { cardOf, codes } from "./state.js";
import { closeDialog, Dialog, openDialog } from "./widgets.js";

const MOST_SHOWN = 30;

// -- matching -----------------------------------------------------------------------

/**
 * Rate how well a text fits what was typed: 0 for not at all, and more for a better fit. In
 * this order: the same, its start, the start of a word, anywhere, its letters with gaps.
 */
function rate(text, typed) {
  const [whole, wanted] = [text.toLowerCase(), typed.toLowerCase()];
  if (whole === wanted) return 5;
  if (whole.startsWith(wanted)) return 4;
  const at = whole.indexOf(wanted);
  if (at >= 0) return /[a-z0-9]/.test(whole[at - 1]) ? 2 : 3;
  let from = 0;
  for (const letter of wanted) {
    from = whole.indexOf(letter, from) + 1;
    if (!from) return 0;
  }
  return 1;
}

/** Choose the entries that fit, the best first; equal ones stay in their order. */
export function choose(entries, typed) {
  if (!typed) return entries;
  const rated = entries.map((entry) => ({ entry, rating: rate(entry.name, typed) }));
  return rated
    .filter(({ rating }) => rating)
    .sort((one, other) => other.rating - one.rating)
    .map(({ entry }) => entry);
}

// -- what there is to go to -----------------------------------------------------------

/** The open rooms, the one in view after the others; then the closed ones. */
function roomEntries() {
  const here = shownRoom.value;
  const isClosed = (card) => card.status === "closed";
  const place = (card) => (isClosed(card) ? 2 : Number(card.room === here));
  const cards = [...orderedRooms.value].sort((one, other) => place(one) - place(other));
  return cards.map((card) => ({
    key: `room ${card.room}`,
    name: card.room,
    icon: isClosed(card) ? "lock" : "hash",
    note: isClosed(card) ? "closed room" : "room",
    act: () => showRoom(card.room),
  }));
}

function peopleEntries() {
  return codes.value.map((row) => ({
    key: `agent ${row.room} ${row.name}`,
    name: row.name,
    icon: "person",
    note: `in #${row.room}`,
    act: () => showPeer(row.name, row.room),
  }));
}

function roomCommands(room) {
  const isClosed = cardOf(room)?.status === "closed";
  return [
    ["Invite an agent", "plus", `to #${room}`, () => openDialog("invite", { room })],
    ["People", "people", `of #${room}`, openPeople],
    [isPinned(room) ? "Unpin room" : "Pin room", "pin", `#${room}`, () => togglePin(room)],
    isClosed
      ? ["Reopen room", "hash", `#${room}`, () => setRoomStatus(room, "reopen")]
      : ["Close room", "lock", `#${room}`, () => openDialog("close-room", { room })],
  ];
}

function commandEntries() {
  const room = shownRoom.value;
  const commands = [
    ["Inbox", "inbox", "questions to you", showInbox],
    ["Agents not listening", "person", "in all rooms", showNotListening],
    canSearch.value && ["Search messages", "search", "command", () => openSearch()],
    ["New room", "plus", "command", () => openDialog("room")],
    ...(room ? roomCommands(room) : []),
    ["Relay settings", "gear", "command", () => openDialog("admin")],
    ["Sign in on a phone", "phone", "command", () => openDialog("admin", { at: "relay" })],
    ["Keyboard shortcuts", "key", "command", () => openDialog("help")],
    ["Light theme", "sun", "command", () => chooseTheme("light")],
    ["Dark theme", "moon", "command", () => chooseTheme("dark")],
    ["System theme", "auto", "command", () => chooseTheme("auto")],
    ["Sign out", "key", "command", signOut],
  ];
  return commands
    .filter(Boolean)
    .map(([name, icon, note, act]) => ({ key: `command ${name}`, name, icon, note, act }));
}

const ROOM_NAME = /^[A-Za-z0-9][\w.-]{0,63}$/;

/** The offers for a text: to search for it, and to make a room of that name. */
function offersFor(typed) {
  const offers = [];
  if (typed && canSearch.value) {
    const act = () => openSearch(typed);
    offers.push({ key: "search", name: `Search for “${typed}”`, icon: "search", note: "in all rooms", act });
  }
  const isTaken = orderedRooms.value.some((card) => isSameName(card.room, typed));
  if (ROOM_NAME.test(typed) && !isTaken) {
    const act = () => openDialog("room", { proposed: typed });
    offers.push({ key: "new", name: `New room #${typed}`, icon: "plus", note: "command", act });
  }
  return offers;
}

// -- the dialog -------------------------------------------------------------------------

export function Switcher() {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const list = useRef(null);
  const typed = text.trim().replace(/^[#@]/, "");
  const all = [...roomEntries(), ...commandEntries(), ...(typed ? peopleEntries() : [])];
  const found = [...choose(all, typed).slice(0, MOST_SHOWN), ...offersFor(typed)];
  const chosen = Math.min(at, found.length - 1);
  useLayoutEffect(() => {
    list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [chosen, text]);
  const go = (entry) => {
    closeDialog();
    entry?.act();
  };
  const onKeyDown = (event) => {
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };
    const step = steps[event.key];
    if (step) setAt(Math.min(found.length - 1, Math.max(0, chosen + step)));
    else if (event.key === "Enter" && !event.isComposing) go(found[chosen]);
    else return;
    event.preventDefault();
  };
  return html`<${Dialog} title="Go to" kind="switcher">
    <label class="switch-field">
      <${Icon} name="search" />
      <input
        type="text"
        role="combobox"
        aria-label="Room, agent or command"
        aria-expanded="true"
        aria-controls="switch-list"
        aria-autocomplete="list"
        aria-activedescendant=${found.length ? `switch-${chosen}` : undefined}
        placeholder="Room, agent or command"
        autocomplete="off"
        spellcheck=${false}
        autofocus
        value=${text}
        onInput=${(event) => (setText(event.target.value), setAt(0))}
        onKeyDown=${onKeyDown}
      />
    </label>
    <ul id="switch-list" role="listbox" aria-label="Places and commands" ref=${list}>
      ${found.map(
        (entry, index) => html`<li
          key=${entry.key}
          id=${`switch-${index}`}
          class=${cx("switch-row", index === chosen && "active")}
          role="option"
          aria-selected=${index === chosen}
          onClick=${() => go(entry)}
          onPointerMove=${() => index !== chosen && setAt(index)}
        >
          <${Icon} name=${entry.icon} size=${16} />
          <bdi class="name">${entry.name}</bdi>
          <span class="where">${entry.note}</span>
        </li>`,
      )}
    </ul>
    ${!found.length && html`<p class="hint" role="status">No matches.</p>`}
  <//>`;
}
