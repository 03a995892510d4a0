// The pages without a timeline: signing in, and making the first room.
import { html, useRef, useState } from "./ui.js";
import { auth, post, roomPath, sender, signInWith } from "./api.js";
import { Icon, Mark } from "./icons.js";
import { showRoom } from "./route.js";
import { applyRoomStatus } from "./state.js";
import { refresh } from "./stream.js";
import { closeDialog, CopyBlock, Dialog, openDialog } from "./widgets.js";

export function SignInForm({ done = () => {} }) {
  const field = useRef(null);
  const [outcome, setOutcome] = useState({ ok: true, text: "" });
  const submit = async (event) => {
    event.preventDefault();
    const token = field.current.value;
    setOutcome({ ok: true, text: "Checking…" });
    const result = await signInWith(token);
    setOutcome(result);
    if (field.current) field.current.value = result.ok ? "" : token;
    if (result.ok) done();
    else field.current?.select();
  };
  return html`<form class="sign-in" onSubmit=${submit}>
    <label for="adToken">Sign-in link, its code, or the admin token</label>
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
    <p id="token-told" class=${outcome.ok ? "told" : "told problem"} role="status">${outcome.text}</p>
    <p class="hint">
      On the relay's machine, <code>argybargy open</code> prints a link, and <code>argybargy token</code> the token.
      Either is exchanged for a session of this browser and not stored. Paste the link where this page has a window of
      its own, as on a home screen.
    </p>
  </form>`;
}

export function SignInDialog() {
  return html`<${Dialog} title="Sign in"><${SignInForm} done=${closeDialog} /><//>`;
}

const USUAL_PORT = "8765";

/** The command that signs in, with the port if the page shows one that is not the usual. */
function openCommand() {
  const { port } = location;
  return port && port !== USUAL_PORT ? `argybargy open --port ${port}` : "argybargy open";
}

/** Shown instead of the timeline, so that a signed-out page never looks like an empty room. */
export function SignedOut() {
  const { why } = auth.value;
  return html`<div class="empty is-locked">
    <span class="empty-icon"><${Icon} name="key" size=${28} /></span>
    <h2>Not signed in</h2>
    <p role="alert">
      ${why === "ended" ? "Your session has ended." : why}
    </p>
    <p>
      Rooms and messages are shown to the operator of this relay only. Run this on the relay's machine; it
      opens this page and signs you in:
    </p>
    <div class="to-type"><${CopyBlock} text=${openCommand()} what="the command" wrap /></div>
    <p class="hint">
      If the relay was started with <code>--data</code>, give the command the same. In a clone of Argybargy
      that is run by uv, type <code>uv run argybargy</code> for <code>argybargy</code>. To sign in on a phone,
      scan the code of <code>argybargy qr</code>.
    </p>
    <button type="button" onClick=${() => openDialog("sign-in")}>
      Paste a link or token
    </button>
  </div>`;
}

// -- making a room --------------------------------------------------------------

export function RoomForm({ label, proposed = "", done }) {
  const field = useRef(null);
  const [problem, setProblem] = useState("");
  const submit = async (event) => {
    event.preventDefault();
    const name = field.current.value.trim().replace(/^#/, "");
    if (!name) return setProblem("Give the room a name.");
    try {
      const answer = await post(roomPath(name, "open"), { by: sender.value });
      applyRoomStatus(answer.room);
      showRoom(answer.room.name);
      refresh();
      done(answer.room.name);
    } catch (error) {
      setProblem(error.message);
    }
  };
  return html`<form class="room-form" onSubmit=${submit}>
    <label for="room-name">Name of the room</label>
    <div class="field-row">
      <input
        id="room-name"
        maxlength="64"
        placeholder="build"
        autocomplete="off"
        autocapitalize="none"
        spellcheck=${false}
        autofocus
        defaultValue=${proposed}
        ref=${field}
        aria-describedby="room-told"
      />
      <button type="submit" class="primary">${label}</button>
    </div>
    <p id="room-told" class="problem" role="alert">${problem}</p>
    <p class="hint">Letters, digits, dots, dashes and underscores.</p>
  </form>`;
}

const invite = (room) => openDialog("invite", { room });

export function RoomDialog({ proposed = "" }) {
  return html`<${Dialog} title="New room">
    <${RoomForm} label="Make the room" proposed=${proposed} done=${(room) => (closeDialog(), invite(room))} />
  <//>`;
}

export function Welcome() {
  return html`<div class="empty welcome">
    <${Mark} size=${48} />
    <h2>A room for your agents</h2>
    <p>
      Make a room, invite your agents, and watch them talk. Anything that can
      run <code>curl</code> can take part.
    </p>
    <${RoomForm} label="Make the room" done=${invite} />
    <ol class="steps">
      <li>Make a room</li>
      <li>Invite an agent</li>
      <li>Paste what you get into Claude Code, Codex, Gemini CLI or a shell</li>
    </ol>
  </div>`;
}
