// What was read in this browser, by room.
import { effect, signal } from "./ui.js";
import { isHidden } from "./clock.js";
import { lasting, readJson } from "./storage.js";
import { isLoaded, rooms } from "./state.js";
import { currentRoom } from "./route.js";

const KEY = "argy_seen";
const marks = signal(readJson(lasting, KEY, {}));
/** The last message read before the room in view was entered. */
export const entryMark = signal(0);

function markOf(card) {
  const mark = Number(marks.value[card.room]) || 0;
  return mark > card.last_seq ? 0 : mark; // another database: nothing of it was read
}

export function isUnread(card) {
  return card.room !== currentRoom.value && card.last_seq > markOf(card);
}

function store(next) {
  marks.value = next;
  lasting.set(KEY, JSON.stringify(next));
}

let entered = null;

function readRoom() {
  if (!isLoaded.value || isHidden.value) return;
  const card = rooms.value.find((each) => each.room === currentRoom.value);
  if (!card) return;
  if (entered !== card.room) {
    entered = card.room;
    entryMark.value = marks.peek()[card.room] === undefined ? card.last_seq : markOf(card);
  }
  if (marks.peek()[card.room] !== card.last_seq) {
    store({ ...marks.peek(), [card.room]: card.last_seq });
  }
}

export function startReading() {
  effect(readRoom);
}
