// The page: three panes (rooms, conversation, people or a thread), and at most one dialog.
import { cx, effect, html, render, untracked, useEffect, useState } from "./ui.js";
import { auth, SIGNED_OUT, startSigningIn } from "./api.js";
import { startNotifications, startReadTracking } from "./attention.js";
import { Composer } from "./composer.js";
import { clearDrafts, resetAddressee } from "./drafts.js";
import { isSameName } from "./format.js";
import { detectSearch, Header } from "./header.js";
import { Icon, Mark } from "./icons.js";
import { Inbox, InboxView } from "./inbox.js";
import { HelpDialog, startFocusRescue, startKeyboard } from "./keyboard.js";
import { startOutbox } from "./outbox.js";
import { Pane } from "./pane.js";
import { closePane, isNarrow, isPaneShown } from "./panes.js";
import { currentRoom, showRoom, view } from "./route.js";
import { Connection, Rooms, ThemeSwitch } from "./sidebar.js";
import { isLoaded, rooms } from "./state.js";
import { startStream } from "./stream.js";
import { Timeline } from "./timeline.js";
import { RoomDialog, SignedOut, SignInDialog, Welcome } from "./welcome.js";
import {
  closeDialog,
  isMenuOpen,
  Notice,
  openDialog,
  openedDialog,
  showNotice,
} from "./widgets.js";

/** Dialogs by name. The large ones are loaded when they first open. */
const DIALOGS = {
  "close-room": () => import("./confirm.js").then((module) => module.CloseRoom),
  "delete-room": () => import("./confirm.js").then((module) => module.DeleteRoom),
  switch: () => import("./switcher.js").then((module) => module.Switcher),
  admin: () => import("./admin.js").then((module) => module.AdminDrawer),
  guest: () => import("./access.js").then((module) => module.GuestDialog),
  help: () => HelpDialog,
  invite: () => import("./invite.js").then((module) => module.InviteDialog),
  room: () => RoomDialog,
  "sign-in": () => SignInDialog,
};

function Gear() {
  const label = auth.value.status === "out" ? "Relay settings: sign in here" : "Relay settings";
  return html`<button
    type="button"
    class="plain gear"
    aria-label=${label}
    title=${label}
    onClick=${() => openDialog("admin")}
  >
    <${Icon} name="gear" size=${20} />
  </button>`;
}

function Sidebar() {
  return html`<aside class="sidebar" id="sidebar" aria-label="Inbox and rooms">
    <div class="brand">
      <${Mark} />
      <span class="wordmark">argybargy</span>
      <${Connection} />
    </div>
    <div class="sidebar-scroll" tabindex="-1">
      ${auth.value.status !== "out" && html`<${Inbox} />`}
      <${Rooms} />
    </div>
    <div class="sidebar-foot">
      <${Gear} />
      <button
        type="button"
        class="plain help-button"
        aria-label="Keyboard"
        title="Keyboard shortcuts ( ? )"
        onClick=${() => openDialog("help")}
      >
        <kbd>?</kbd>
      </button>
      <span class="spring"></span>
      <${ThemeSwitch} />
    </div>
  </aside>`;
}

function Conversation() {
  if (auth.value.status === "out") return html`<${SignedOut} />`;
  if (isLoaded.value && !rooms.value.length) return html`<${Welcome} />`;
  if (view.value.place === "inbox") return html`<${InboxView} />`;
  if (!view.value.room) return html`<div class="empty"><p>Loading…</p></div>`;
  return html`<${Timeline} /><${Composer} />`;
}

function OpenDialog() {
  const { name, ...more } = openedDialog.value;
  const [loaded, setLoaded] = useState({ name: null, View: null });
  useEffect(() => {
    const loading = name && Promise.resolve(DIALOGS[name]());
    loading?.then(
      (View) => setLoaded({ name, View }),
      () => (closeDialog(), showNotice("The relay does not answer.", true)),
    );
  }, [name]);
  if (!name || loaded.name !== name) return null;
  return html`<${loaded.View} key=${name} ...${more} />`;
}

function closeOver() {
  if (isMenuOpen.peek()) isMenuOpen.value = false;
  else closePane();
}

export function App() {
  const hasPane = auth.value.status !== "out" && isPaneShown.value;
  const isOver = hasPane && isNarrow.value;
  return html`
    <div class=${cx("app", isMenuOpen.value && "menu-open", hasPane && "has-pane")}>
      <${Sidebar} />
      <div class="scrim" onClick=${closeOver}></div>
      <main class="conversation" aria-label="Conversation" inert=${isOver}>
        <${Header} />
        <${Conversation} />
      </main>
      ${!openedDialog.value.name && html`<${Notice} />`}
      ${hasPane && html`<${Pane} />`}
    </div>
    <${OpenDialog} />
  `;
}

/** Keep a room in view: correct an unknown or differently spelled one in the address. */
export function startView() {
  effect(() => {
    if (!isLoaded.value || !rooms.value.length) return;
    const { place, room } = view.value;
    if (place === "inbox" && !room) return;
    const found = rooms.value.find((card) => isSameName(card.room, room));
    if (found?.room === room) return;
    const first = rooms.value.find((card) => card.status === "open") ?? rooms.value[0];
    untracked(() => {
      if (room && !found) showNotice(`There is no room #${room}. This is #${first.room}.`, true);
      showRoom((found ?? first).room, found ? view.peek().seq : null, "replaceState");
    });
  });
  let before = null;
  effect(() => {
    const room = currentRoom.value;
    untracked(() => before && before !== room && resetAddressee(before));
    before = room;
  });
}

// -- start ----------------------------------------------------------------------

render(html`<${App} />`, document.getElementById("app"));
startView();
startReadTracking();
startNotifications();
startKeyboard();
startOutbox();
startFocusRescue();
// The stream needs the session that a sign-in link is exchanged for.
await startSigningIn();
startStream();
effect(() => {
  if (auth.value.status === "in") detectSearch();
  if (auth.value.why === SIGNED_OUT) untracked(clearDrafts);
});
