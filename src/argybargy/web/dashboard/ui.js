// Preact, htm and signals: every other module imports them from here, so that a vendored
// library is named in one place.
import htm from "./vendor/htm.js";
import { Component, h, render } from "./vendor/preact.js";

export { render };
export { useEffect, useLayoutEffect, useMemo, useRef, useState } from "./vendor/hooks.js";
export { batch, computed, effect, signal, untracked } from "./vendor/signals.js";

export const html = htm.bind(h);

function isSame(one, other) {
  const keys = Object.keys(one);
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => one[key] === other[key])
  );
}

/** Wrap a component so that it renders again only when a prop changes (compared by ===). */
export function memo(view) {
  return class extends Component {
    shouldComponentUpdate(next) {
      return !isSame(this.props, next);
    }

    render(props) {
      return html`<${view} ...${props} />`;
    }
  };
}

/** Join class names, leaving out false ones. */
export function cx(...names) {
  return names.filter(Boolean).join(" ");
}
