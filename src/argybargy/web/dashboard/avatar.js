// Avatars. Letters and colour come from the name and prove nothing. Only the relay's
// `from_kind` marks the operator.
import { cx, html } from "./ui.js";
import { hasHue, hueStyle, markOf } from "./colours.js";
import { Icon } from "./icons.js";

/** An avatar. */
export function Avatar({ name, kind = "agent", online = null, small = false }) {
  const isNamed = hasHue(kind);
  return html`<span
    class=${cx("avatar", !isNamed && `is-${kind}`, small && "is-small")}
    style=${isNamed ? hueStyle(name) : undefined}
    aria-hidden="true"
  >
    ${isNamed ? markOf(name).letters : html`<${Icon} name=${kind === "system" ? "auto" : "person"} />`}
    ${online !== null && html`<i class=${cx("presence", online && "is-online")}></i>`}
  </span>`;
}

/** The avatar of an invite to whoever takes it. */
export const NamelessAvatar = () => html`<span class="avatar is-small is-system" aria-hidden="true">?</span>`;
