// The relay's clock, which every age on the page reads. Only leaf components subscribe to
// it, so that a tick never renders a list again.
import { computed, html, signal } from "./ui.js";
import { age, fullTime, minutesAndSeconds } from "./format.js";

const TICK_MS = 1_000;
const HIDDEN_TICK_MS = 15_000;

export const isHidden = signal(document.hidden);
const local = signal(Date.now());
let skewMs = 0;
let timer = 0;

function tick() {
  local.value = Date.now();
}

function restart() {
  isHidden.value = document.hidden;
  clearInterval(timer);
  timer = setInterval(tick, document.hidden ? HIDDEN_TICK_MS : TICK_MS);
  tick();
}

document.addEventListener("visibilitychange", restart);
restart();

/** The relay's time, in milliseconds. */
export const clock = computed(() => local.value + skewMs);

/** Synchronise with the relay's clock, since the browser's may be wrong. */
export function setClock(timestamp) {
  const theirs = Date.parse(timestamp);
  if (Number.isNaN(theirs)) return;
  skewMs = theirs - Date.now();
  local.value = Date.now();
}

/** The relay's time in milliseconds, read without subscribing to the tick. */
export function nowMs() {
  return Date.now() + skewMs;
}

/** Seconds since a moment of the relay's clock, never negative. */
export function secondsSince(ms) {
  return Math.max(0, (clock.value - ms) / 1000);
}

/** Seconds until a moment of the browser's own clock, never negative. */
export function secondsUntil(ms) {
  local.value; // renders again every second
  return Math.max(0, (ms - Date.now()) / 1000);
}

/** An age such as "5m" that updates by itself. */
export function Age({ since, suffix = "" }) {
  const text = age(secondsSince(since));
  return html`<time datetime=${new Date(since).toISOString()} title=${fullTime(since)}
    >${text}${text === "now" ? "" : suffix}</time
  >`;
}

/** A running timer as m:ss, hidden from screen readers, which would read every tick. */
export function Timer({ since }) {
  return html`<span class="timer" aria-hidden="true">${minutesAndSeconds(secondsSince(since))}</span>`;
}
