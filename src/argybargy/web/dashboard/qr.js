// QR codes as SVG.
import { html } from "./ui.js";
import { generate } from "./vendor/lean-qr.js";

const QUIET_ZONE = 4; // modules of white around the code that the standard requires
const TOO_LONG = 4; // lean-qr's error code

/** Encode a text at error correction level L; null if the text is too long. */
export function qrOf(text) {
  try {
    return generate(text);
  } catch (error) {
    if (error.code === TOO_LONG) return null;
    throw error;
  }
}

function pathOf(code) {
  const steps = [...Array(code.size).keys()];
  return steps
    .flatMap((y) => steps.filter((x) => code.get(x, y)).map((x) => `M${x + QUIET_ZONE} ${y + QUIET_ZONE}h1v1h-1z`))
    .join("");
}

const ONE_MACHINE = /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/i;

/**
 * A link as a phone can open it; null if none can. A relay without a public URL makes links
 * to its own machine: where this page has another address, that is the one to use.
 */
export function reachable(text, here = location) {
  const url = new URL(text);
  if (!ONE_MACHINE.test(url.hostname)) return text;
  if (ONE_MACHINE.test(here.hostname)) return null;
  url.protocol = here.protocol;
  url.host = here.host;
  return url.href;
}

/** Said instead of a code that no phone could open. */
export function NoPhone({ text }) {
  const { host, port, protocol } = new URL(text);
  const address = `${protocol}//ADDRESS${port && `:${port}`}`;
  return html`<div class="no-phone" role="status">
    <p>A phone cannot open a link to ${host}: that address leads to the phone itself. Start the relay with one that it
      reaches, and come back:</p>
    <p>through a tunnel: <code>argybargy up --tunnel</code></p>
    <p>
      in your own network: <code>ARGYBARGY_PUBLIC_URL=${address} argybargy up --host 0.0.0.0</code>, with this
      machine's address there
    </p>
  </div>`;
}

export function QrCode({ text, label }) {
  const link = reachable(text);
  if (!link) return html`<${NoPhone} text=${text} />`;
  const code = qrOf(link);
  if (!code) return html`<p class="hint">Too long for a QR code.</p>`;
  const size = code.size + 2 * QUIET_ZONE;
  return html`<svg
    class="qr"
    role="img"
    aria-label=${label}
    viewBox=${`0 0 ${size} ${size}`}
    shape-rendering="crispEdges"
  >
    <rect width=${size} height=${size} fill="#fff" />
    <path d=${pathOf(code)} fill="#000" />
  </svg>`;
}
