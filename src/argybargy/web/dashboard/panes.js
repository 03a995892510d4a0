// The right pane: the people of the room in view, a thread, or search results. From 1,200
// pixels on it stands beside the conversation, below that it lies over it. This module says
// what it shows; pane.js draws it.
import { computed, effect, signal } from "./ui.js";
import { dropThread, showThread, view, visits as navigations } from "./route.js";
import { isMenuOpen } from "./widgets.js";

const narrow = matchMedia("(width < 1200px)");
/** Whether the right pane lies over the conversation. */
export const isNarrow = signal(narrow.matches);
narrow.addEventListener("change", () => (isNarrow.value = narrow.matches));

const phone = matchMedia("(width <= 640px)");
/** Whether the page has one pane only. */
export const isPhone = signal(phone.matches);
phone.addEventListener("change", () => (isPhone.value = phone.matches));

/** The search in the pane, { query, visit }, or null. */
const search = signal(null);
/** Counts the calls of `openSearch`: asking for the open search again moves the focus to it. */
let visits = 0;
/** Whether the people are shown over the conversation, on a narrow screen. */
const isPeopleShown = signal(false);
/** Whether the people are hidden, on a wide screen. */
const isPeopleHidden = signal(false);
// Who goes elsewhere wants to see what is there.
effect(() => {
  navigations.value;
  isPeopleShown.value = false;
});

/**
 * What the pane shows: { name: "people" }, { name: "search", query, visit } or
 * { name: "thread", room, seq }.
 */
export const pane = computed(() => {
  const { room, thread } = view.value;
  if (search.value) return { name: "search", ...search.value };
  return thread ? { name: "thread", room, seq: thread } : { name: "people" };
});

/** Whether the pane is on the screen. In the inbox there are no people to show. */
export const isPaneShown = computed(() => {
  if (pane.value.name !== "people") return true;
  return Boolean(view.value.room) && (isNarrow.value ? isPeopleShown.value : !isPeopleHidden.value);
});

// -- opening and closing ----------------------------------------------------------

/** Where the focus was before the pane was opened. */
let opener = null;
/** Whether the pane should take the focus once it is rendered. */
let isOpening = false;

/** Whether the pane should take the focus; the question is asked once. */
export function takesFocus() {
  const takes = isOpening;
  isOpening = false;
  return takes;
}

function open(change) {
  const isInside = document.activeElement?.closest(".pane");
  if (!isInside) opener = document.activeElement;
  isMenuOpen.value = false;
  isOpening = true;
  change();
}

/** Show a message with its replies. */
export function openThread(room, seq) {
  open(() => {
    search.value = null;
    showThread(room, seq);
  });
}

/** Show the search, with a query or the last one, and move the focus into its field. */
export function openSearch(query = null) {
  visits += 1;
  open(() => {
    search.value = { query, visit: visits };
    isPeopleShown.value = false; // a result that is opened would lie below them
  });
}

/** Show the people of the room in view. */
export function openPeople() {
  open(() => {
    search.value = null;
    dropThread();
    isPeopleShown.value = true;
    isPeopleHidden.value = false;
  });
}

/** Show the people, or hide them if they are what the pane shows. */
export function togglePeople() {
  if (pane.peek().name !== "people" || !isPaneShown.peek()) openPeople();
  else if (isNarrow.peek()) closePane();
  else isPeopleHidden.value = true;
}

/**
 * Return to what the pane showed before: the people, if they were open; else on a narrow
 * screen the conversation. The focus returns to where it was.
 */
export function closePane() {
  const isInside = document.activeElement?.closest(".pane");
  const isBack = isNarrow.peek() && isPeopleShown.peek() && pane.peek().name !== "people";
  if (search.peek()) search.value = null;
  else if (pane.peek().name === "thread") dropThread();
  if (isBack) {
    isOpening = true; // if the focus was on what is gone, the people take it
    return;
  }
  isPeopleShown.value = false;
  const back = isInside || document.activeElement === document.body ? opener : null;
  opener = null;
  // What the pane lay over takes no focus before the page is rendered without it.
  requestAnimationFrame(() => back?.isConnected && back.focus());
}

/** Whether Escape has something to close. */
export const isPaneClosable = computed(
  () => pane.value.name !== "people" || (isNarrow.value && isPeopleShown.value),
);
