// Signing in: with a link from the terminal, or with the admin token, which is traded for
// a session at once and kept nowhere.
import { html, useRef, useState } from "./ui.js";
import { account, signInWithToken } from "./account.js";
import { closeDialog, Dialog, openDialog } from "./dialog.js";
import { Icon } from "./icons.js";

export function SignInForm({ done = () => {} }) {
  const field = useRef(null);
  const [told, setTold] = useState({ ok: true, text: "" });
  const submit = async (event) => {
    event.preventDefault();
    const token = field.current.value;
    setTold({ ok: true, text: "Checking…" });
    const outcome = await signInWithToken(token);
    setTold(outcome);
    if (field.current) field.current.value = outcome.ok ? "" : token;
    if (outcome.ok) done();
    else field.current?.select();
  };
  return html`<form class="sign-in" onSubmit=${submit}>
    <label for="adToken">Admin token</label>
    <div class="field-row">
      <input
        id="adToken"
        type="password"
        autocomplete="off"
        spellcheck=${false}
        autofocus
        ref=${field}
        aria-describedby="token-told"
      />
      <button type="submit" class="primary">Sign in</button>
    </div>
    <p id="token-told" class=${told.ok ? "told" : "told problem"} role="status">${told.text}</p>
    <p class="hint">
      <code>argybargy token</code> prints it on the relay's machine. It is traded for a session of
      twelve hours and not kept. <code>argybargy open</code> makes a link that signs in by itself.
    </p>
  </form>`;
}

export function SignInDialog() {
  return html`<${Dialog} title="Sign in"><${SignInForm} done=${closeDialog} /><//>`;
}

/** In place of a timeline: never an empty room where there is only a closed door. */
export function SignedOut() {
  const { why } = account.value;
  return html`<div class="empty is-locked">
    <span class="empty-icon"><${Icon} name="key" size=${28} /></span>
    <h2>Not signed in</h2>
    <p role="alert">
      ${why === "ended" ? "The relay answered 401: your session has ended." : why}
    </p>
    <p>Rooms and messages are shown to the operator of this relay only.</p>
    <button type="button" class="primary" onClick=${() => openDialog("sign-in")}>
      Paste admin token
    </button>
    <p class="hint">
      The same field is behind the gear. On the relay's machine, <code>argybargy open</code> signs in
      without a token.
    </p>
  </div>`;
}
