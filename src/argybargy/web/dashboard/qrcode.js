// A QR code as a picture.
import { html } from "./ui.js";
import { qrOf } from "./qr.js";

const QUIET = 4;

export function QrCode({ text, label }) {
  const rows = qrOf(text);
  if (!rows) return html`<p class="hint">Too long for a QR code.</p>`;
  const size = rows.length + 2 * QUIET;
  const path = rows
    .flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x + QUIET} ${y + QUIET}h1v1h-1z` : "")))
    .join("");
  return html`<svg
    class="qr"
    role="img"
    aria-label=${label}
    viewBox=${`0 0 ${size} ${size}`}
    shape-rendering="crispEdges"
  >
    <rect width=${size} height=${size} fill="#fff" />
    <path d=${path} fill="#000" />
  </svg>`;
}
