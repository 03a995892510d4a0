// The frame: a sidebar, one timeline, a composer, and a dialog at times.
import { cx, effect, html, render, untracked, useEffect, useState } from "./ui.js";
import { account, LEFT, startSigningIn } from "./api.js";
import { startNotifying, startReading } from "./attention.js";
import { Composer } from "./composer.js";
import { forgetAddressee, forgetDrafts } from "./drafts.js";
import { isSameName } from "./format.js";
import { Header, learnSearch } from "./header.js";
import { Icon, Mark } from "./icons.js";
import { Inbox } from "./inbox.js";
import { HelpDialog, startKeepingFocus, startKeyboard } from "./keyboard.js";
import { currentRoom, showRoom, view } from "./route.js";
import { Connection, Rooms, Roster, ThemeSwitch } from "./sidebar.js";
import { isLoaded, rooms } from "./state.js";
import { startStream } from "./stream.js";
import { Timeline } from "./timeline.js";
import { RoomDialog, SignedOut, SignInDialog, Welcome } from "./welcome.js";
import { closeDialog, isMenuOpen, Notice, open, openDialog, say } from "./widgets.js";

/** What opens seldom is fetched when it first opens. */
const DIALOGS = {
  admin: () => import("./admin.js").then((module) => module.AdminDrawer),
  help: () => HelpDialog,
  invite: () => import("./invite.js").then((module) => module.InviteDialog),
  room: () => RoomDialog,
  search: () => import("./search.js").then((module) => module.SearchDialog),
  "sign-in": () => SignInDialog,
};

function Gear() {
  const label = account.value.is === "out" ? "Relay settings: sign in here" : "Relay settings";
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
  return html`<aside class="sidebar" id="sidebar" aria-label="Rooms and agents">
    <div class="brand">
      <${Mark} />
      <span class="wordmark">argybargy</span>
      <${Connection} />
    </div>
    <div class="sidebar-scroll" tabindex="-1">
      ${account.value.is !== "out" && html`<${Inbox} />`}
      <${Rooms} />
      ${account.value.is !== "out" && html`<${Roster} />`}
    </div>
    <div class="sidebar-foot">
      <${Gear} />
      <button
        type="button"
        class="plain help-button"
        aria-label="Keyboard"
        title="Keyboard ( ? )"
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
  if (account.value.is === "out") return html`<${SignedOut} />`;
  if (isLoaded.value && !rooms.value.length) return html`<${Welcome} />`;
  if (!view.value.room) return html`<div class="empty"><p>Loading…</p></div>`;
  return html`<${Timeline} /><${Composer} />`;
}

function OpenDialog() {
  const { name, ...more } = open.value;
  const [found, setFound] = useState({ name: null, View: null });
  useEffect(() => {
    const fetched = name && Promise.resolve(DIALOGS[name]());
    fetched?.then(
      (View) => setFound({ name, View }),
      () => (closeDialog(), say("The relay does not answer.", true)),
    );
  }, [name]);
  if (!name || found.name !== name) return null;
  return html`<${found.View} key=${name} ...${more} />`;
}

export function App() {
  return html`
    <div class=${cx("app", isMenuOpen.value && "menu-open")}>
      <${Sidebar} />
      <div class="scrim" onClick=${() => (isMenuOpen.value = false)}></div>
      <main class="conversation" aria-label="Conversation">
        <${Header} />
        <${Conversation} />
      </main>
    </div>
    <${OpenDialog} />
    ${!open.value.name && html`<${Notice} />`}
  `;
}

/** There is always a room in view if there is one at all. */
export function startView() {
  effect(() => {
    if (!isLoaded.value || !rooms.value.length) return;
    const { room } = view.value;
    const found = rooms.value.find((card) => isSameName(card.room, room));
    if (found?.room === room) return;
    const first = rooms.value.find((card) => card.status === "open") ?? rooms.value[0];
    untracked(() => {
      if (room && !found) say(`There is no room #${room}. This is #${first.room}.`, true);
      showRoom((found ?? first).room, found ? view.peek().seq : null, "replaceState");
    });
  });
  let before = null;
  effect(() => {
    const room = currentRoom.value;
    untracked(() => before && before !== room && forgetAddressee(before));
    before = room;
  });
}

// -- the beginning --------------------------------------------------------------
// Begins everything.

render(html`<${App} />`, document.getElementById("app"));
startView();
startReading();
startNotifying();
startKeyboard();
startKeepingFocus();
await startSigningIn();
startStream();
effect(() => {
  if (account.value.is === "in") learnSearch();
  if (account.value.why === LEFT) untracked(forgetDrafts);
});
