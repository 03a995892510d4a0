// Keyboard shortcuts: single letters outside text fields, Escape everywhere; and the focus.
import { html } from "./ui.js";
import { auth } from "./api.js";
import { focusComposer, replyTo } from "./drafts.js";
import { canSearch } from "./header.js";
import { focusInbox } from "./inbox.js";
import { closePane, isPaneClosable, openSearch } from "./panes.js";
import { view } from "./route.js";
import { focusRooms, moveInRooms } from "./sidebar.js";
import { moveInTimeline, selectedMessage } from "./timeline.js";
import { Dialog, isMenuOpen, isTouch, openDialog, openedDialog } from "./widgets.js";

const CHORD_MS = 1_000;
/** When `g`, the first key of a chord, was pressed. */
let gAt = -CHORD_MS;

function reply() {
  if (view.peek().place !== "room") return;
  const message = selectedMessage();
  if (message) replyTo(message);
}

const KEYS = {
  j: () => moveInTimeline(1),
  k: () => moveInTimeline(-1),
  r: reply,
  c: focusComposer,
  "/": () => canSearch.peek() && auth.peek().status !== "out" && openSearch(),
  "?": () => openDialog("help"),
  ArrowDown: () => moveInRooms(1),
  ArrowUp: () => moveInRooms(-1),
};
const CHORDS = { i: focusInbox, r: focusRooms };

const HELP = [
  ["j k", "Next and previous message"],
  ["r", "Reply to the selected message"],
  ["c", "Write a message"],
  ["/", "Search"],
  ["g i", "Go to the questions waiting for you"],
  ["g r", "Go to the rooms; arrow keys move between them"],
  ["Esc", "Close, or leave the text field"],
  ["?", "This list"],
];

function isTyping(target) {
  return target.closest?.("input, textarea, select, [contenteditable]");
}

function onEscape(event) {
  if (isMenuOpen.peek()) isMenuOpen.value = false;
  else if (isTyping(event.target) && !event.target.closest(".pane")) event.target.blur();
  else if (isPaneClosable.peek()) closePane();
}

function onKeyDown(event) {
  if (event.defaultPrevented || openedDialog.peek().name) return;
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
// When the focused element is removed (a sent answer, an armed button), the browser moves
// the focus to the body, and a keyboard user starts again at the top of the page. Move it
// to a neighbour in the same container instead, else to the composer.

const FOCUSABLE = "button, input, select, textarea, [tabindex]";
const CONTAINERS = [".waiting-row", ".inbox", ".composer-foot", "dialog"];
/** The last focused element, and the containers it was in: once removed, it has none. */
let last = null;
let containers = [];

function rememberFocus({ target }) {
  last = target.closest?.(FOCUSABLE);
  containers = CONTAINERS.map((selector) => last?.closest(selector));
}

function rescueFocus() {
  if (!last || last.isConnected || document.activeElement !== document.body) return;
  const container = containers.find((each) => each?.isConnected) ?? document.querySelector("main");
  // On a touch screen the composer would open the keyboard.
  const fallback = isTouch() ? ".timeline" : "#composer";
  const anywhere = container.matches("main") ? fallback : FOCUSABLE;
  const selectors = [last.matches(".close-room") ? ".close-room" : ".waiting-open", anywhere];
  const candidates = selectors.flatMap((each) => [...container.querySelectorAll(each)]);
  last = null;
  candidates.find((node) => node.checkVisibility())?.focus();
}

export function startFocusRescue() {
  document.addEventListener("focusin", rememberFocus);
  document.addEventListener("pointerdown", rememberFocus);
  new MutationObserver(rescueFocus).observe(document.body, { childList: true, subtree: true });
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
