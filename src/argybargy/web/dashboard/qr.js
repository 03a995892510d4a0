// QR codes as SVG.
import { html } from "./ui.js";
import { localCommand } from "./state.js";
import { CopyBlock } from "./widgets.js";
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

/** Whether a link is for the relay's own machine, whatever page shows it. */
export const isOfOneMachine = (text) => ONE_MACHINE.test(new URL(text).hostname);

/** The commands that start a relay which others reach, each with what it is for. */
function Commands({ text }) {
  const { port, protocol } = new URL(text);
  const address = `${protocol}//ADDRESS${port && `:${port}`}`;
  const command = `ARGYBARGY_PUBLIC_URL=${address} ${localCommand("up")} --host 0.0.0.0`;
  return html`<p>Through a tunnel, from anywhere:</p>
    <${CopyBlock} text=${`${localCommand("up")} --tunnel`} what="the command for a tunnel" />
    <p>In your own network, with the address of the relay's machine for ADDRESS:</p>
    <${CopyBlock} text=${command} what="the command for your network" />`;
}

/** Says that a phone cannot open a link, and what to do. */
export function NoPhone({ text }) {
  return html`<div class="no-phone" role="status">
    <p>A phone cannot open a link to ${new URL(text).host}: that address leads to the phone itself. Start the relay with
      one that it reaches, and come back.</p>
    <${Commands} text=${text} />
  </div>`;
}

/**
 * Says that a link, or the invite with it, works on the relay's own machine alone, and what
 * to do. Folded for an agent, which is mostly there; a guest is mostly elsewhere.
 */
export function OneMachine({ text, who, what = "link", isFolded = false }) {
  if (!isOfOneMachine(text)) return null;
  if (isFolded) {
    return html`<details class="no-phone">
      <summary>This ${what} works only on the relay's own machine. For ${who} elsewhere:</summary>
      <p>Start the relay with an address that others reach, and make a new ${what}.</p>
      <${Commands} text=${text} />
    </details>`;
  }
  return html`<div class="no-phone" role="status">
    <p>This ${what} works only on the relay's own machine: on another one, ${new URL(text).host} leads to that machine
      itself. For ${who} elsewhere, start the relay with an address that others reach, and make a new ${what}.</p>
    <${Commands} text=${text} />
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
