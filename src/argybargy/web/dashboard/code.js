// Code blocks: folded when they are long, wrapped on demand, coloured once the tokenizer is
// loaded.
import { cx, html, signal, useEffect, useState } from "./ui.js";
import { CopyButton } from "./widgets.js";

const FOLDED_LINES = 15;
const WIDE_CHARS = 60;

/** The function that splits code into tokens; loaded with the first block in a language. */
const tokenizer = signal(null);
let loading = null;

function loadTokenizer() {
  loading ??= import("./highlight.js").then(
    (module) => (tokenizer.value = module.tokensOf),
    () => (loading = null), // no colours for now; the next block tries again
  );
}

function coloured(code, language) {
  const tokens = language && tokenizer.value?.(code, language);
  if (!tokens) return code;
  return tokens.map(([kind, text]) => (kind ? html`<span class=${`token-${kind}`}>${text}</span>` : text));
}

export function CodeBlock({ code, info }) {
  const language = info.split(/\s/, 1)[0].toLowerCase();
  const lines = code.split("\n");
  const isLong = lines.length > FOLDED_LINES;
  const [isOpen, setOpen] = useState(false);
  const [isWrapped, setWrapped] = useState(false);
  useEffect(() => {
    if (language) loadTokenizer();
  }, [language]);
  // The browser's own search scrolls to what it finds, in a folded block as well.
  const onScroll = ({ currentTarget }) => currentTarget.scrollTop > 0 && setOpen(true);
  return html`<div class="code-block">
    <div class="code-head">
      <span>${info || "text"}</span>
      <span class="spring"></span>
      ${lines.some((line) => line.length > WIDE_CHARS) &&
      html`<button
        type="button"
        class="quiet"
        aria-pressed=${isWrapped}
        onClick=${() => setWrapped(!isWrapped)}
      >
        Wrap
      </button>`}
      <${CopyButton} text=${code} what="code" quiet />
    </div>
    <pre
      class=${cx(isWrapped && "wrap", isLong && !isOpen && "is-folded")}
      tabindex="0"
    ><code onScroll=${isLong && !isOpen ? onScroll : undefined}>${coloured(code, language)}</code></pre>
    ${isLong &&
    html`<button type="button" class="quiet unfold" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>
      ${isOpen ? "Show fewer lines" : `Show ${lines.length} lines`}
    </button>`}
  </div>`;
}
