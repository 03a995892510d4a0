// Unread rooms, and overdue questions.

// -- read marks -----------------------------------------------------------------
// The last message read in this browser, by room; shared by its tabs.
import { computed, effect, signal, untracked } from "./ui.js";
import { auth } from "./api.js";
import { clock, isHidden } from "./clock.js";
import { startNotifying } from "./notifications.js";
import { countOwn, forgetOwn, isNoted, noteElsewhere, startOwn } from "./own.js";
import { shownRoom, view } from "./route.js";
import { asksNow } from "./snooze.js";
import { isLoaded, rooms } from "./state.js";
import { localStore, readJson } from "./storage.js";
import { showError } from "./widgets.js";

const KEY = "argy_seen";
const marks = signal(readJson(localStore, KEY, {}));
/** The last message read before the room was entered; Infinity if nothing was unread. */
export const readOnEntry = signal(Infinity);

function readMark(card) {
  const mark = Number(marks.value[card.room]) || 0;
  // Above the last message: the mark is of another database, and nothing was read.
  return mark > card.last_seq ? 0 : mark;
}

/** The number of messages of others that were not read yet; 0 for the room in view. */
export function unreadCount(card) {
  if (card.room === shownRoom.value) return 0;
  const read = Math.max(readMark(card), card.first_seq - 1);
  const news = card.last_seq - read - countOwn(card.room, read, card.last_seq);
  return Math.min(Math.max(0, news), card.messages);
}

const storedMarks = () => readJson(localStore, KEY, {});

function markRead(room, seq) {
  // Read the storage again: other tabs write marks too.
  marks.value = { ...marks.peek(), ...storedMarks(), [room]: seq };
  localStore.set(KEY, JSON.stringify(marks.peek()));
  forgetOwn(room, seq);
}

/** The room whose `readOnEntry` is set; a hidden tab enters it again. */
let entered = null;

/** Mark the room in view as read, unless the tab is hidden. */
function trackReading() {
  if (isHidden.value) entered = null;
  if (!isLoaded.value || isHidden.value) return;
  const card = rooms.value.find((each) => each.room === shownRoom.value);
  if (!card) return;
  if (entered !== card.room) {
    entered = card.room;
    const mark = marks.peek()[card.room] === undefined ? card.last_seq : untracked(() => readMark(card));
    readOnEntry.value = mark < card.last_seq ? mark : Infinity;
  }
  if (marks.peek()[card.room] !== card.last_seq) {
    markRead(card.room, card.last_seq);
  }
}

/** Note own messages that were written elsewhere, before they are counted as unread. */
function trackOwn() {
  const news = rooms.value
    .map((card) => ({ ...card, read: readMark(card) }))
    .filter(({ room, operator_seq: seq, read }) => seq > read && room !== shownRoom.value && !isNoted(room, seq));
  if (news.length) untracked(() => noteElsewhere(news).catch(showError));
}

export function startReadTracking() {
  effect(trackReading);
  effect(trackOwn);
  startOwn();
  addEventListener("storage", ({ key }) => key === KEY && (marks.value = storedMarks()));
}

// -- overdue questions ----------------------------------------------------------
// Their number in the page's title; notifications.js shows one notification for each.

export const OVERDUE_SECONDS = 300;

const overdue = computed(() =>
  asksNow.value.filter((row) => clock.value - row.since >= OVERDUE_SECONDS * 1000),
);
export const overdueCount = computed(() => overdue.value.length);

export function startNotifications() {
  effect(() => {
    const { place, room } = view.value;
    const name = place === "inbox" ? "Inbox" : room && `#${room}`;
    const count = overdueCount.value;
    document.title = `${count ? `(${count}) ` : ""}${name && auth.value.status !== "out" ? `${name} · ` : ""}Argybargy`;
  });
  startNotifying(overdue);
}
