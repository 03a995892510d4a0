// The service worker of the dashboard. It opens what a notification is about.
//
// The page shows and closes the notifications (notifications.js), since it knows which
// questions wait. This worker has no fetch handler and no cache: nothing of a room is kept
// in the browser, and a page is never older than its relay.

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(openQuestion(event.notification.data));
});

/** Return an open tab of the dashboard: the one in view, if there is one. */
async function findTab() {
  const scope = new URL(self.registration.scope).pathname;
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const tabs = windows.filter((each) => new URL(each.url).pathname === scope);
  return tabs.find((each) => each.focused) ?? tabs.find(isVisible) ?? tabs[0];
}

const isVisible = (tab) => tab.visibilityState === "visible";

async function openQuestion({ room, seq }) {
  const tab = await findTab();
  if (!tab) {
    const query = new URLSearchParams({ room, seq });
    await self.clients.openWindow(`${self.registration.scope}?${query}`);
    return;
  }
  tab.postMessage({ type: "show-question", room, seq });
  await tab.focus();
}
