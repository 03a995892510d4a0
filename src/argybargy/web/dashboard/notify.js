// Calls the operator back to a page that is not being looked at: the number of long
// waits in the title, and a notification for each, once.
import { computed, effect, signal } from "./ui.js";
import { clock } from "./clock.js";
import { currentRoom, showRoom } from "./route.js";
import { waiting } from "./state.js";
import { lasting, remembered } from "./storage.js";

export const LOUD_SECONDS = 300;

const isWished = remembered(lasting, "argy_notify", "");
const told = new Set();

const loud = computed(() =>
  waiting.value.filter((row) => clock.value - row.since >= LOUD_SECONDS * 1000),
);
export const loudCount = computed(() => loud.value.length);

export const canNotify = typeof Notification === "function" && window.isSecureContext;
export const permission = signal(canNotify ? Notification.permission : "unsupported");

export function isNotifying() {
  return isWished.value === "1" && permission.value === "granted";
}

export async function setNotifying(isOn) {
  if (isOn && permission.peek() !== "granted") {
    permission.value = await Notification.requestPermission();
  }
  isWished.value = isOn && permission.peek() === "granted" ? "1" : "";
}

function tell(row) {
  const key = `${row.room} ${row.seq}`;
  if (told.has(key)) return;
  told.add(key);
  if (!isNotifying()) return;
  const shown = new Notification(`${row.from} waits in #${row.room}`, {
    body: row.text.slice(0, 200),
    tag: key,
  });
  shown.onclick = () => {
    window.focus();
    showRoom(row.room, row.seq);
    shown.close();
  };
}

export function startNotifying() {
  effect(() => {
    const room = currentRoom.value;
    const count = loudCount.value;
    document.title = `${count ? `(${count}) ` : ""}${room ? `#${room} · ` : ""}Argybargy`;
  });
  effect(() => loud.value.forEach(tell));
}
