// Dialogs: the browser's own, which keeps the focus in, gives it back, and closes on
// Escape. One is open at a time; `open` says which.
import { html, signal, useLayoutEffect, useRef } from "./ui.js";
import { Icon } from "./icons.js";

/** The open dialog: its name and what it was opened with. */
export const open = signal({ name: null });
const toggled = signal(false);

export function openDialog(name, more = {}) {
  toggled.value = false;
  open.value = { name, ...more };
}

export function closeDialog() {
  open.value = { name: null };
}

/** Whether the sidebar covers a small screen. */
export const isMenuOpen = toggled;

export function Dialog({ title, kind = "sheet", children }) {
  const node = useRef(null);
  useLayoutEffect(() => {
    const dialog = node.current;
    dialog.showModal();
    // Whoever had the focus gets it back from the browser when this closes.
    return () => dialog.close();
  }, []);
  const onClick = (event) => {
    if (event.target === node.current) closeDialog();
  };
  const onCancel = (event) => {
    event.preventDefault();
    closeDialog();
  };
  return html`<dialog
    ref=${node}
    class=${kind}
    aria-labelledby="dialog-title"
    onClick=${onClick}
    onCancel=${onCancel}
  >
    <div class="dialog-inside">
      <header>
        <h2 id="dialog-title">${title}</h2>
        <button type="button" class="plain" aria-label="Close" onClick=${closeDialog}>
          <${Icon} name="close" />
        </button>
      </header>
      <div class="dialog-body">${children}</div>
    </div>
  </dialog>`;
}
