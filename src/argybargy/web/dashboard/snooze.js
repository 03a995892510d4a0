// Questions that are put off: they come back by themselves, or when they are shown again.
import { computed, signal } from "./ui.js";
import { clock } from "./clock.js";
import { asksYou, keyOf, waiting } from "./state.js";

const SNOOZE_MS = 600_000;

/** When each comes back, in the relay's time, by the key of its question. */
const snoozed = signal(new Map());
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

export function snooze(row) {
  snoozed.value = new Map(snoozed.value).set(keyOf(row), clock.peek() + SNOOZE_MS);
}

export function wake(row) {
  const next = new Map(snoozed.value);
  next.delete(keyOf(row));
  snoozed.value = next;
}
