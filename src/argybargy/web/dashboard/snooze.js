// Questions that are put off: they come back by themselves, or when they are shown again.
// All tabs of a browser share them, and a reload keeps them.
import { computed, signal } from "./ui.js";
import { clock, nowMs } from "./clock.js";
import { timeOfDay } from "./format.js";
import { asksYou, keyOf, waiting } from "./state.js";
import { localStore, onStored, readJson } from "./storage.js";

const KEY = "argy_later";
const MINUTE_MS = 60_000;
/** The hour of the next day at which a question can come back. */
const MORNING = 9;

const isLater = ([, until]) => Number.isFinite(until);
const stored = () => new Map(Object.entries(readJson(localStore, KEY, {})).filter(isLater));

/** When each comes back, in the relay's time, by the key of its question. */
const snoozed = signal(stored());
onStored(KEY, () => (snoozed.value = stored()));
/** The keys of the snoozed questions as one text: it is compared each second, and rarely differs. */
const asleep = computed(() =>
  [...snoozed.value].filter(([, until]) => until > clock.value).map(([key]) => key).join("\n"),
);
const keys = computed(() => new Set(asleep.value.split("\n")));

export const isSnoozed = (row) => keys.value.has(keyOf(row));

/** When a question comes back, in milliseconds. */
export const backAt = (row) => snoozed.value.get(keyOf(row)) ?? 0;

/** The questions that are put off, the one that comes back first at the top. */
export const later = computed(() =>
  waiting.value.filter(isSnoozed).sort((one, other) => backAt(one) - backAt(other)),
);

/** The questions that ask the operator and are not put off. */
export const asksNow = computed(() => asksYou.value.filter((row) => !isSnoozed(row)));

function nextMorning() {
  const day = new Date(nowMs());
  day.setDate(day.getDate() + 1);
  return day.setHours(MORNING, 0, 0, 0);
}

const after = (minutes) => () => nowMs() + minutes * MINUTE_MS;

/** For how long a question can be put off: the words, and what tells when it comes back. */
export const DELAYS = [
  ["For 10 minutes", after(10)],
  ["For 1 hour", after(60)],
  ["For 4 hours", after(240)],
  [`Until tomorrow, ${timeOfDay(nextMorning())}`, nextMorning],
];

function store(change) {
  // Read the storage again: other tabs write too.
  const next = new Map([...stored()].filter(([, until]) => until > nowMs()));
  change(next);
  localStore.set(KEY, JSON.stringify(Object.fromEntries(next)));
  snoozed.value = next;
}

export function snooze(row, until) {
  store((next) => next.set(keyOf(row), until));
}

export function wake(row) {
  store((next) => next.delete(keyOf(row)));
}
