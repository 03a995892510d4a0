// Begins everything.
import { effect, html, render } from "./ui.js";
import { account, signInFromAddress } from "./account.js";
import { App, startView } from "./app.js";
import { startKeyboard } from "./keyboard.js";
import { startNotifying } from "./notify.js";
import { learnSearch } from "./search.js";
import { startReading } from "./seen.js";
import { startStream } from "./stream.js";

render(html`<${App} />`, document.getElementById("app"));
startView();
startReading();
startNotifying();
startKeyboard();
await signInFromAddress();
startStream();
effect(() => {
  if (account.value.is === "in") learnSearch();
});
