// One clock for every age on the page. Only leaf components read it, so a second
// passing never renders a list.
import { computed, html, signal } from "./ui.js";
import { age, counted, fullTime } from "./format.js";

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

/** Set the clock by the relay's. */
export function setClock(timestamp) {
  const theirs = Date.parse(timestamp);
  if (Number.isNaN(theirs)) return;
  skewMs = theirs - Date.now();
  local.value = Date.now();
}

/** The relay's time now, for those who do not render it. */
export function nowMs() {
  return Date.now() + skewMs;
}

/** Seconds since a moment of the relay's clock, never negative. */
export function secondsSince(ms) {
  return Math.max(0, (clock.value - ms) / 1000);
}

/** How long ago, growing by itself. */
export function Age({ since, suffix = "" }) {
  const text = age(secondsSince(since));
  return html`<time datetime=${new Date(since).toISOString()} title=${fullTime(since)}
    >${text}${text === "now" ? "" : suffix}</time
  >`;
}

/** How long something has been waiting, as m:ss. Nothing reads it out each second. */
export function Timer({ since }) {
  return html`<span class="timer" aria-hidden="true">${counted(secondsSince(since))}</span>`;
}
