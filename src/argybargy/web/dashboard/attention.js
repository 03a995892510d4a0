// What was read in this browser, by room.
import { computed, effect, signal, untracked } from "./ui.js";
import { account } from "./api.js";
import { clock, isHidden } from "./clock.js";
import { currentRoom, showRoom } from "./route.js";
import { isLoaded, rooms, waiting } from "./state.js";
import { lasting, passing, readJson, remembered } from "./storage.js";
import { say } from "./widgets.js";

const KEY = "argy_seen";
const marks = signal(readJson(lasting, KEY, {}));
/** What was read last before the room in view was come to, if more had come since. */
export const entryMark = signal(Infinity);

function markOf(card) {
  const mark = Number(marks.value[card.room]) || 0;
  // Another database: nothing of it was read.
  return mark > card.last_seq ? 0 : mark;
}

export function isUnread(card) {
  return card.room !== currentRoom.value && card.last_seq > markOf(card);
}

const stored = () => readJson(lasting, KEY, {});

function store(room, seq) {
  // Other tabs read too.
  marks.value = { ...marks.peek(), ...stored(), [room]: seq };
  lasting.set(KEY, JSON.stringify(marks.peek()));
}

let entered = null;

function readRoom() {
  if (isHidden.value) entered = null;
  if (!isLoaded.value || isHidden.value) return;
  const card = rooms.value.find((each) => each.room === currentRoom.value);
  if (!card) return;
  if (entered !== card.room) {
    entered = card.room;
    const mark = marks.peek()[card.room] === undefined ? card.last_seq : untracked(() => markOf(card));
    entryMark.value = mark < card.last_seq ? mark : Infinity;
  }
  if (marks.peek()[card.room] !== card.last_seq) {
    store(card.room, card.last_seq);
  }
}

export function startReading() {
  effect(readRoom);
  addEventListener("storage", ({ key }) => key === KEY && (marks.value = stored()));
}

// -- calling back ---------------------------------------------------------------
// Calls the operator back to a page that is not being looked at: the number of long
// waits in the title, and a notification for each, once.

export const LOUD_SECONDS = 300;

const isWished = remembered(lasting, "argy_notify", "");
const TOLD = "argy_told";
const told = new Set([].concat(readJson(passing, TOLD, [])));

const loud = computed(() =>
  waiting.value.filter((row) => clock.value - row.since >= LOUD_SECONDS * 1000),
);
export const loudCount = computed(() => loud.value.length);

export const canNotify = typeof Notification === "function" && window.isSecureContext;
export const permission = signal(canNotify ? Notification.permission : "unsupported");

export function isNotifying() {
  return isWished.value === "1" && permission.value === "granted";
}

export async function setNotifying(isOn) {
  if (isOn && permission.peek() !== "granted") {
    permission.value = await Notification.requestPermission();
  }
  isWished.value = isOn && permission.peek() === "granted" ? "1" : "";
}

function tell(row) {
  // With the time, since numbers begin again with another database.
  const key = `${row.room} ${row.seq} ${row.ts}`;
  if (told.has(key)) return;
  told.add(key);
  passing.set(TOLD, JSON.stringify([...told].slice(-200)));
  if (!isNotifying()) return;
  let shown;
  try {
    shown = new Notification(`${row.from} waits in #${row.room}`, {
      body: row.text.slice(0, 200),
      tag: key,
    });
  } catch {
    isWished.value = "";
    return say("This browser cannot notify from a page.", true);
  }
  shown.onclick = () => {
    window.focus();
    showRoom(row.room, row.seq);
    shown.close();
  };
}

export function startNotifying() {
  effect(() => {
    const room = account.value.is !== "out" && currentRoom.value;
    const count = loudCount.value;
    document.title = `${count ? `(${count}) ` : ""}${room ? `#${room} · ` : ""}Argybargy`;
  });
  effect(() => loud.value.forEach(tell));
}
