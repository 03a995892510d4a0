// Notifications of this browser, one for each question that has waited for long.
//
// A service worker shows them: on Android a page may not construct a Notification, and on
// iOS it exists only in a page on the home screen. They come while a tab is open.
import { computed, effect, html, signal, untracked } from "./ui.js";
import { auth } from "./api.js";
import { isHidden } from "./clock.js";
import { isSameName } from "./format.js";
import { showRoom } from "./route.js";
import { isLoaded, waiting } from "./state.js";
import { localStore, persistedSignal, readJson } from "./storage.js";
import { closeDialog, isMenuOpen } from "./widgets.js";

const WORKER = "dashboard/worker.js";
const SCOPE = "dashboard";
const START_MS = 10_000;
const MAX_TOLD = 200;
const TOLD_KEY = "argy_told";

// -- whether they are possible ------------------------------------------------------

const isApple = /iPhone|iPad|iPod/.test(navigator.userAgent) ||
  (navigator.userAgent.includes("Macintosh") && navigator.maxTouchPoints > 1);

/** Say why this browser cannot show notifications here; empty if it can. */
function findObstacle() {
  if (!window.isSecureContext) {
    return "Not possible at this address: browsers show notifications of pages on https and on localhost only.";
  }
  if (isApple && !("Notification" in window)) {
    return "Not possible in a tab on this device: add this page to the home screen, open it there, and come back here.";
  }
  if (!("Notification" in window && "serviceWorker" in navigator)) {
    return "Not possible here: this browser, or its private window, has no notifications or no service workers.";
  }
  return "";
}

const obstacle = findObstacle();
const readPermission = () => (obstacle ? "denied" : Notification.permission);
const permission = signal(readPermission());
const wanted = persistedSignal(localStore, "argy_notify", "");
/** Whether the worker is being started. */
const isStarting = signal(false);
/** Why the worker could not be started. */
const problem = signal("");

/** "on", "off", "blocked" by the browser, or "impossible" here. */
const notifying = computed(() => {
  if (obstacle) return "impossible";
  if (permission.value === "denied") return "blocked";
  return wanted.value === "1" && permission.value === "granted" ? "on" : "off";
});

// -- the worker -------------------------------------------------------------------

/** The address of the worker, as the type that the page's policy asks for. */
const workerAddress = window.trustedTypes
  ? window.trustedTypes
      .createPolicy("argybargy-worker", { createScriptURL: () => WORKER })
      .createScriptURL("")
  : WORKER;

let starting = null;

/** Start the worker; returns its registration. A second call waits for the first. */
function startWorker() {
  starting ??= registerWorker().catch((error) => {
    starting = null;
    throw error;
  });
  return starting;
}

async function registerWorker() {
  const options = { scope: SCOPE, updateViaCache: "none" };
  await navigator.serviceWorker.register(workerAddress, options);
  const late = new Promise((_, fail) => {
    setTimeout(() => fail(new Error("the worker did not start")), START_MS);
  });
  return Promise.race([navigator.serviceWorker.ready, late]);
}

async function stopWorker() {
  const registration = await navigator.serviceWorker.getRegistration(SCOPE);
  starting = null;
  if (!registration) return;
  for (const shown of await registration.getNotifications()) shown.close();
  await registration.unregister();
}

function fail(error) {
  wanted.value = "";
  problem.value = `The browser refused: ${error.message}`;
}

/** Turn notifications on, which may ask for permission, so it takes a click. */
async function turnOn() {
  isStarting.value = true;
  problem.value = "";
  try {
    if (permission.peek() !== "granted") permission.value = await Notification.requestPermission();
    if (permission.peek() === "granted") {
      await startWorker();
      wanted.value = "1";
    } else if (permission.peek() === "default") {
      problem.value = "The browser's question was not answered. Press the button to ask again.";
    }
  } catch (error) {
    fail(error);
  }
  isStarting.value = false;
}

function turnOff() {
  wanted.value = "";
  stopWorker().catch(fail);
}

// -- showing and closing ------------------------------------------------------------

/** Name a question. The time is part of it: another database has the same numbers again. */
const nameOf = (row) => `${row.room} ${row.seq} ${row.ts}`;
const readTold = () => [].concat(readJson(localStore, TOLD_KEY, []));

/** Questions that this tab knows to be noted: the clock asks for them each second. */
const known = new Set();

/** Note a question as notified; false if it was, in this tab or another one. */
function noteTold(name) {
  if (known.has(name)) return false;
  known.add(name);
  const told = readTold();
  if (told.includes(name)) return false;
  localStore.set(TOLD_KEY, JSON.stringify([...told, name].slice(-MAX_TOLD)));
  return true;
}

/** Say who asks, and where. Questions between agents are no matter of the operator's. */
function titleOf({ from, room, expects_reply: whom }) {
  return `${from} asks ${isSameName("anyone", whom) ? "anyone" : "you"} in #${room}`;
}

async function show(row) {
  try {
    const registration = await startWorker();
    const name = nameOf(row);
    await registration.showNotification(titleOf(row), {
      body: row.text.slice(0, 200),
      tag: name,
      icon: "dashboard/icon-192.png",
      data: { room: row.room, seq: row.seq },
    });
    // Answered meanwhile: nothing would close it before the next change.
    if (!waiting.peek().some((each) => nameOf(each) === name)) await closeAnswered();
  } catch (error) {
    fail(error);
  }
}

/** Close the notifications of questions that wait no longer. */
async function closeAnswered() {
  const registration = await navigator.serviceWorker.getRegistration(SCOPE);
  if (!registration) return;
  const names = new Set(waiting.peek().map(nameOf));
  const isOut = auth.peek().status === "out";
  for (const shown of await registration.getNotifications()) {
    if (isOut || !names.has(shown.tag)) shown.close();
  }
}

function showLate(rows) {
  const fresh = rows.filter((row) => noteTold(nameOf(row)));
  if (notifying.peek() === "on") fresh.forEach(show);
}

function onMessage({ data }) {
  if (data?.type !== "show-question") return;
  closeDialog();
  isMenuOpen.value = false;
  showRoom(data.room, data.seq);
}

/** Notify of `overdue`, a signal of rows, and close what is answered or signed out of. */
export function startNotifying(overdue) {
  effect(() => {
    const rows = overdue.value;
    untracked(() => showLate(rows));
  });
  if (obstacle) return;
  effect(() => {
    isHidden.value; // it may have been changed in the browser's settings meanwhile
    permission.value = readPermission();
  });
  effect(() => {
    waiting.value;
    const isKnown = isLoaded.value || auth.value.status === "out";
    if (isKnown) untracked(() => notifying.peek() === "on" && closeAnswered().catch(fail));
  });
  navigator.serviceWorker.addEventListener("message", onMessage);
  navigator.serviceWorker.startMessages();
  if (notifying.peek() === "on") startWorker().catch(fail);
}

// -- the switch -----------------------------------------------------------------------

const NOTES = {
  blocked:
    "Blocked by the browser. Allow notifications of this page in the browser's settings for this site, and come back.",
  off: "A notification when somebody has waited five minutes, while this page is open in a tab.",
  on: "On: you are notified when somebody has waited five minutes, while this page is open in a tab.",
};

/** The switch of the notifications, and their state in words. */
export function NotificationSwitch() {
  const state = notifying.value;
  return html`<div class="notify" data-state=${state}>
    ${state === "off" &&
    html`<button type="button" disabled=${isStarting.value} onClick=${turnOn}>Notify me in this browser</button>`}
    ${state === "on" &&
    html`<button type="button" onClick=${turnOff}>Stop notifying me</button>`}
    <p class="hint" role="status">${state === "impossible" ? obstacle : NOTES[state]}</p>
    <p class="problem" role="alert">${problem.value}</p>
  </div>`;
}
