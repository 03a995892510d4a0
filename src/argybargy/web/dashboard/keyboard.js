// The keyboard: single letters while nobody types, Escape everywhere.
import { html } from "./ui.js";
import { account } from "./api.js";
import { focusComposer, replyTo } from "./drafts.js";
import { canSearch } from "./header.js";
import { focusInbox } from "./inbox.js";
import { focusRooms, moveInRooms } from "./sidebar.js";
import { messageInHand, moveInTimeline } from "./timeline.js";
import { Dialog, isMenuOpen, isTouch, open, openDialog } from "./widgets.js";

const CHORD_MS = 1_000;
let gAt = -CHORD_MS;

function reply() {
  const message = messageInHand();
  if (message) replyTo(message);
}

const KEYS = {
  j: () => moveInTimeline(1),
  k: () => moveInTimeline(-1),
  r: reply,
  c: focusComposer,
  "/": () => canSearch.peek() && account.peek().is !== "out" && openDialog("search"),
  "?": () => openDialog("help"),
  ArrowDown: () => moveInRooms(1),
  ArrowUp: () => moveInRooms(-1),
};
const CHORDS = { i: focusInbox, r: focusRooms };

const HELP = [
  ["j k", "Next and previous message"],
  ["r", "Reply to the message in hand"],
  ["c", "Write a message"],
  ["/", "Search"],
  ["g i", "Go to who waits on you"],
  ["g r", "Go to the rooms, arrows walk through them"],
  ["Esc", "Close, or leave the text field"],
  ["?", "This list"],
];

function isTyping(target) {
  return target.closest?.("input, textarea, select, [contenteditable]");
}

function onEscape(event) {
  if (isMenuOpen.peek()) isMenuOpen.value = false;
  else if (isTyping(event.target)) event.target.blur();
}

function onKeyDown(event) {
  if (event.defaultPrevented || open.peek().name) return;
  if (event.key === "Escape") return onEscape(event);
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const isChord = event.timeStamp - gAt < CHORD_MS;
  gAt = event.key === "g" ? event.timeStamp : -CHORD_MS;
  const act = isChord ? (CHORDS[event.key] ?? KEYS[event.key]) : KEYS[event.key];
  if (!act) return;
  const isArrow = event.key.startsWith("Arrow");
  if (act() !== false || !isArrow) event.preventDefault();
}

export function startKeyboard() {
  document.addEventListener("keydown", onKeyDown);
}

// -- the focus ------------------------------------------------------------------
// What had the focus may go: then its neighbours have it, else the composer.

const FOCUSABLE = "button, input, select, textarea, [tabindex]";
const HOMES = [".waiting-row", ".inbox", ".composer-foot", "dialog"];
let last = null;
let homes = [];

function remember({ target }) {
  last = target.closest?.(FOCUSABLE);
  homes = HOMES.map((home) => last?.closest(home));
}

function keepFocus() {
  if (!last || last.isConnected || document.activeElement !== document.body) return;
  const home = homes.find((each) => each?.isConnected) ?? document.querySelector("main");
  const otherwise = isTouch() ? ".timeline" : "#composer";
  const where = home.matches("main") ? otherwise : FOCUSABLE;
  const wishes = [last.matches(".close-room") ? ".close-room" : ".waiting-open", where];
  const next = wishes.flatMap((each) => [...home.querySelectorAll(each)]);
  last = null;
  next.find((node) => node.checkVisibility())?.focus();
}

export function startKeepingFocus() {
  document.addEventListener("focusin", remember);
  document.addEventListener("pointerdown", remember);
  new MutationObserver(keepFocus).observe(document.body, { childList: true, subtree: true });
}

export function HelpDialog() {
  return html`<${Dialog} title="Keyboard">
    <dl class="help">
      ${HELP.map(
        ([keys, what]) => html`<div key=${keys}>
          <dt>${keys.split(" ").map((key) => html`<kbd>${key}</kbd>`)}</dt>
          <dd>${what}</dd>
        </div>`,
      )}
    </dl>
  <//>`;
}
