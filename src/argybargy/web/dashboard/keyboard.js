// Keyboard shortcuts: single letters outside text fields, Escape everywhere; and the focus.
import { html } from "./ui.js";
import { auth } from "./api.js";
import { focusComposer, replyTo } from "./drafts.js";
import { canSearch } from "./header.js";
import { focusInbox } from "./inbox.js";
import { closePane, isPaneClosable, openSearch } from "./panes.js";
import { showRoom, view } from "./route.js";
import { focusRooms, moveInRooms, nextUnreadRoom } from "./sidebar.js";
import { scrollToEnd } from "./state.js";
import { moveInTimeline, selectedMessage } from "./timeline.js";
import { Dialog, isMenuOpen, isTouch, openDialog, openedDialog, showNotice } from "./widgets.js";

const CHORD_MS = 1_000;
/** When `g`, the first key of a chord, was pressed. */
let gAt = -CHORD_MS;

function reply() {
  if (view.peek().place !== "room") return;
  const message = selectedMessage();
  if (message) replyTo(message);
}

/** Show a room to be read: the next key is a command too, so the composer gets no focus. */
function readRoom(room) {
  last = null;
  showRoom(room);
  document.activeElement.blur();
  requestAnimationFrame(() => document.querySelector(".timeline")?.focus({ preventScroll: true }));
}

/** Show the first unread message of this room, else the next room with unread ones. */
function goToUnread() {
  const news = document.querySelector(".timeline .is-news");
  const box = news?.closest(".timeline").getBoundingClientRect();
  if (news && news.getBoundingClientRect().bottom < box.top) return news.scrollIntoView({ block: "start" });
  const room = nextUnreadRoom();
  if (room) return readRoom(room);
  showNotice("Everything is read.");
}

const KEYS = {
  n: goToUnread,
  End: () => (scrollToEnd.value += 1),
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
  ["n", "Next unread message, or the next room with unread ones"],
  ["End", "Newest message"],
  ["r", "Reply to the selected message"],
  ["c", "Write a message"],
  ["/", "Search"],
  ["Ctrl+K", "Go to a room, an agent or a command"],
  ["g i", "Go to the inbox: the questions to you"],
  ["g r", "Go to the rooms; arrow keys move between them"],
  ["Esc", "Close the pane on the right, or leave the text field"],
  ["?", "This list"],
];

/** The message that was chosen with the mouse. Who types there has missed the text field. */
let clicked = null;
let isPressed = false;

function rememberClick({ target }) {
  isPressed = true;
  clicked = target.closest?.("[data-seq]") ?? null;
}

/** A focus that the mouse did not move: from now on, letters are for its message. */
function forgetClick() {
  if (!isPressed) clicked = null;
}

/** Whether a letter was typed after a click on a message, which is no shortcut. */
function isMistyped({ key, target }) {
  isPressed = false;
  return key.length === 1 && clicked !== null && (target === document.body || clicked.contains(target));
}

function isTyping(target) {
  return target.closest?.("input, textarea, select, [contenteditable]");
}

/** Ctrl+K, or on a Mac Cmd+K; also in text fields. */
function isSwitchKey({ key, ctrlKey, metaKey, altKey, shiftKey }) {
  return key.toLowerCase() === "k" && ctrlKey !== metaKey && !altKey && !shiftKey;
}

function onEscape(event) {
  if (isMenuOpen.peek()) isMenuOpen.value = false;
  else if (isTyping(event.target) && !event.target.closest(".pane")) event.target.blur();
  else if (isPaneClosable.peek()) closePane();
}

function onKeyDown(event) {
  if (event.defaultPrevented || openedDialog.peek().name) return;
  if (isSwitchKey(event)) {
    event.preventDefault();
    if (auth.peek().status !== "out") openDialog("switch");
    return;
  }
  if (event.key === "Escape") return onEscape(event);
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || isMistyped(event)) return;
  const isChord = event.timeStamp - gAt < CHORD_MS;
  gAt = event.key === "g" ? event.timeStamp : -CHORD_MS;
  const act = isChord ? (CHORDS[event.key] ?? KEYS[event.key]) : KEYS[event.key];
  if (!act) return;
  const isArrow = event.key.startsWith("Arrow");
  if (act() !== false || !isArrow) event.preventDefault();
}

export function startKeyboard() {
  document.addEventListener("keydown", onKeyDown);
  document.addEventListener("mousedown", rememberClick);
  document.addEventListener("mouseup", () => (isPressed = false));
  document.addEventListener("focusin", forgetClick);
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
/** Where the row with the focus was among its neighbours. */
let rowIndex = -1;

function rememberFocus({ target }) {
  last = target.closest?.(FOCUSABLE);
  containers = CONTAINERS.map((selector) => last?.closest(selector));
  const row = last?.closest(".waiting-row");
  rowIndex = row ? [...row.parentElement.children].indexOf(row) : -1;
}

function rescueFocus() {
  if (!last || last.isConnected || document.activeElement !== document.body) return;
  const container = containers.find((each) => each?.isConnected) ?? document.querySelector("main");
  // On a touch screen the composer would open the keyboard.
  const fallback = isTouch() ? ".timeline" : "#composer";
  const anywhere = container.matches("main") ? fallback : FOCUSABLE;
  const selectors = [last.matches(".close-room") ? ".close-room" : ".waiting-open", ".wake", anywhere];
  const candidates = selectors.flatMap((each) => [...container.querySelectorAll(each)]);
  const questions = [...container.querySelectorAll(".waiting-open")];
  // The row that took the place of a removed one; the list must not scroll.
  const successor = questions[Math.min(rowIndex, questions.length - 1)];
  last = null;
  [successor, ...candidates].find((node) => node?.checkVisibility())?.focus({ preventScroll: true });
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
