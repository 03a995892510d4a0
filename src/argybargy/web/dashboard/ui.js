// The renderer, in one place: everything else imports it from here.
import htm from "./vendor/htm.js";
import { Component, h, render } from "./vendor/preact.js";

export { render };
export { useEffect, useLayoutEffect, useRef, useState } from "./vendor/hooks.js";
export { batch, computed, effect, signal, untracked } from "./vendor/signals.js";

export const html = htm.bind(h);

function isSame(one, other) {
  const keys = Object.keys(one);
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => one[key] === other[key])
  );
}

/** Render `view` again only when one of its props is another value. */
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

/** Join the class names that hold. */
export function cx(...names) {
  return names.filter(Boolean).join(" ");
}
