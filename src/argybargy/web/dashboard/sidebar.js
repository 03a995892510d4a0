// Says how the page is connected: live, polling, or offline and when it tries again.
import { html } from "./ui.js";
import { clock } from "./clock.js";
import { Icon } from "./icons.js";
import { lasting, remembered } from "./storage.js";
import { connection, retryNow } from "./stream.js";

const WORDS = {
  idle: ["idle", "Not connected: nobody is signed in"],
  connecting: ["connecting", "Connecting to the relay"],
  live: ["live", "Relay reachable: what is said shows at once"],
  polling: ["polling", "Something on the way holds the stream back: asking every 3 s"],
};

function Offline({ retryAt, why }) {
  clock.value; // counts down
  const seconds = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000));
  return html`<button
    type="button"
    class="connection is-offline"
    title=${`The relay cannot be reached: ${why.replace(/\.?$/, ".")} Click to try now.`}
    onClick=${retryNow}
  >
    <i aria-hidden="true"></i><span>offline, <span class="wide">retrying in </span>${seconds} s</span>
  </button>`;
}

export function Connection() {
  const { mode, retryAt, why } = connection.value;
  if (mode === "offline") return html`<${Offline} retryAt=${retryAt} why=${why} />`;
  const [word, title] = WORDS[mode];
  return html`<span class=${`connection is-${mode}`} role="status" title=${title}>
    <i aria-hidden="true"></i>${word}
  </span>`;
}

// -- theme ----------------------------------------------------------------------
// Light, dark, or what the system says.

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
