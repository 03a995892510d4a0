// Light, dark, or what the system says.
import { html } from "./ui.js";
import { Icon } from "./icons.js";
import { lasting, remembered } from "./storage.js";

const CHOICES = [
  ["auto", "auto", "Theme of the system"],
  ["light", "sun", "Light theme"],
  ["dark", "moon", "Dark theme"],
];
const theme = remembered(lasting, "argy_theme", "auto");

function choose(name) {
  theme.value = name;
  document.documentElement.dataset.theme = name;
}

export function ThemeSwitch() {
  return html`<div class="segments" role="group" aria-label="Theme">
    ${CHOICES.map(
      ([name, icon, label]) => html`<button
        type="button"
        key=${name}
        class=${theme.value === name ? "on" : ""}
        aria-pressed=${theme.value === name}
        aria-label=${label}
        title=${label}
        onClick=${() => choose(name)}
      >
        <${Icon} name=${icon} size=${16} />
      </button>`,
    )}
  </div>`;
}
