// Who speaks, at a glance. A name decides the letters and the hue, never any trust:
// that somebody is the operator is said by the relay alone (`from_kind`).
import { cx, html } from "./ui.js";
import { hueOf, monogram } from "./format.js";
import { Icon } from "./icons.js";

export function Avatar({ name, kind = "agent", online = null, small = false }) {
  const isAgent = kind === "agent";
  return html`<span
    class=${cx("avatar", isAgent ? `hue-${hueOf(name)}` : `is-${kind}`, small && "is-small")}
    aria-hidden="true"
  >
    ${isAgent ? monogram(name) : html`<${Icon} name=${kind === "system" ? "auto" : "person"} />`}
    ${online !== null && html`<i class=${cx("presence", online && "is-online")}></i>`}
  </span>`;
}
