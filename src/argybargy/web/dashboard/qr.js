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

export function QrCode({ text, label }) {
  const code = qrOf(text);
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
