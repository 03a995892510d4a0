// The right pane, drawn: its heading, its close button, and what it shows.
import { cx, html, useEffect, useRef, useState } from "./ui.js";
import { Icon } from "./icons.js";
import { closePane, isPaneClosable, isPaneShown, pane, takesFocus } from "./panes.js";
import { People } from "./people.js";
import { showNotice } from "./widgets.js";

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
    if (takesFocus() && isShown && !node.current.contains(document.activeElement)) node.current.focus();
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
