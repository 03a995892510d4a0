// A QR code as a picture.
import { html } from "./ui.js";
import { generate } from "./vendor/lean-qr.js";

const QUIET = 4; // how much white the standard asks for around it
const TOO_LONG = 4; // what lean-qr calls it

/** The code of a text, at error correction level L; null if the text is too long. */
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
    .flatMap((y) => steps.filter((x) => code.get(x, y)).map((x) => `M${x + QUIET} ${y + QUIET}h1v1h-1z`))
    .join("");
}

export function QrCode({ text, label }) {
  const code = qrOf(text);
  if (!code) return html`<p class="hint">Too long for a QR code.</p>`;
  const size = code.size + 2 * QUIET;
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
