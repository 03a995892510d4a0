// The right pane: the people of the room in view, a thread, or search results. From 1,200
// pixels on it stands beside the conversation, below that it lies over it.
import { computed, cx, html, signal, useEffect, useRef, useState } from "./ui.js";
import { Icon } from "./icons.js";
import { People } from "./people.js";
import { dropThread, showThread, view } from "./route.js";
import { isMenuOpen, showNotice } from "./widgets.js";

const narrow = matchMedia("(width < 1200px)");
/** Whether the right pane lies over the conversation. */
export const isNarrow = signal(narrow.matches);
narrow.addEventListener("change", () => (isNarrow.value = narrow.matches));

/** The search in the pane, { query }, or null. */
const search = signal(null);
/** Whether the people are shown over the conversation, on a narrow screen. */
const isPeopleShown = signal(false);

/**
 * What the pane shows: { name: "people" }, { name: "search", query } or
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
  return Boolean(view.value.room) && (!isNarrow.value || isPeopleShown.value);
});

// -- opening and closing ----------------------------------------------------------

/** Where the focus was before the pane was opened. */
let opener = null;
/** Whether the pane should take the focus once it is rendered. */
let isOpening = false;

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
  open(() => (search.value = { query }));
  const load = import("./search.js");
  load.then(({ focusSearch }) => focusSearch(), () => {}); // the pane says why it is empty
}

/** Show the people of the room in view. */
export function openPeople() {
  open(() => {
    search.value = null;
    dropThread();
    isPeopleShown.value = true;
  });
}

/** Return to the people, or on a narrow screen to the conversation; and the focus to where it was. */
export function closePane() {
  const isInside = document.activeElement?.closest(".pane");
  if (search.peek()) search.value = null;
  else dropThread();
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

// -- the pane -----------------------------------------------------------------------

/** What the pane shows, by name. The large parts are loaded when they first open. */
const CONTENTS = {
  people: { title: "People", load: () => People },
  search: { title: "Search", load: () => import("./search.js").then((module) => module.SearchPane) },
  thread: { title: "Thread", load: () => import("./thread.js").then((module) => module.Thread) },
};

function Content({ name, more }) {
  const [loaded, setLoaded] = useState(name === "people" ? { name, View: People } : {});
  useEffect(() => {
    let isCurrent = true;
    Promise.resolve(CONTENTS[name].load()).then(
      (View) => isCurrent && setLoaded({ name, View }),
      () => isCurrent && (closePane(), showNotice("The relay does not answer.", true)),
    );
    return () => (isCurrent = false);
  }, [name]);
  if (loaded.name !== name) return html`<p class="hint" role="status">Loading…</p>`;
  return html`<${loaded.View} ...${more} />`;
}

/** The pane; it takes the focus when the operator opens something in it. */
export function Pane() {
  const { name, ...more } = pane.value;
  const node = useRef(null);
  const isShown = isPaneShown.value;
  useEffect(() => {
    if (isOpening && isShown && !node.current.contains(document.activeElement)) node.current.focus();
    isOpening = false;
  }, [isShown, name, more.room, more.seq]);
  if (!isShown) return null;
  const { title } = CONTENTS[name];
  return html`<aside
    class=${cx("pane", `is-${name}`)}
    ref=${node}
    aria-label=${title}
    tabindex="-1"
  >
    <header class="pane-head">
      <h2>${title}${name === "thread" && html` <span class="where">#<bdi>${more.room}</bdi></span>`}</h2>
      ${isPaneClosable.value &&
      html`<button
        type="button"
        class="plain pane-close"
        aria-label=${`Close ${title.toLowerCase()}`}
        title="Close (Esc)"
        onClick=${closePane}
      >
        <${Icon} name="close" />
      </button>`}
    </header>
    <div class="pane-body">
      <${Content} name=${name} more=${more} />
    </div>
  </aside>`;
}
