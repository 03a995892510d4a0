// A button that opens a menu of actions.
import { html, useLayoutEffect, useRef, useState } from "./ui.js";
import { Icon } from "./icons.js";

/**
 * `items` are { name, icon, act, kind }; false ones are left out. The button shows three
 * dots, or its `words`.
 */
export function Menu({ label, items, words = null, icon = "more", kind = "plain", title = label }) {
  const [isOpen, setOpen] = useState(false);
  const place = useRef(null);
  const buttons = () => [...place.current.querySelectorAll("[role=menuitem]")];
  const close = (isFocused = true) => {
    setOpen(false);
    if (isFocused) place.current.querySelector("[aria-haspopup]").focus();
  };
  useLayoutEffect(() => {
    if (!isOpen) return undefined;
    buttons()[0].focus();
    place.current.lastElementChild.scrollIntoView({ block: "nearest" });
    const onPointerDown = ({ target }) => place.current.contains(target) || close(false);
    document.addEventListener("pointerdown", onPointerDown);
    return () => document.removeEventListener("pointerdown", onPointerDown);
  }, [isOpen]);
  const onKeyDown = (event) => {
    if (!isOpen) return;
    const all = buttons();
    const at = all.indexOf(document.activeElement);
    const targets = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 };
    if (event.key === "Tab") setOpen(false);
    else if (event.key === "Escape") close();
    else if (event.key in targets) all.at(targets[event.key] % all.length).focus();
    else return;
    if (event.key !== "Tab") event.preventDefault();
    event.stopPropagation();
  };
  const choose = (act) => {
    close();
    act();
  };
  return html`<div class="menu" ref=${place} onKeyDown=${onKeyDown}>
    <button
      type="button"
      class=${kind}
      aria-label=${words ? undefined : label}
      title=${title}
      aria-haspopup="menu"
      aria-expanded=${isOpen}
      onClick=${() => setOpen(!isOpen)}
    >
      <${Icon} name=${icon} size=${words ? 16 : 20} />${words}
    </button>
    ${isOpen &&
    html`<div class="menu-items" role="menu" aria-label=${label}>
      ${items.filter(Boolean).map(
        ({ name, icon, act, kind = "" }) => html`<button
          type="button"
          role="menuitem"
          class=${`plain ${kind}`}
          tabindex="-1"
          key=${name}
          onClick=${() => choose(act)}
        >
          <${Icon} name=${icon} size=${16} />${name}
        </button>`,
      )}
    </div>`}
  </div>`;
}
