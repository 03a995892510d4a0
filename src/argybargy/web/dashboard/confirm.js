// Dialogs that say what closing or deleting a room does, before it is done.
import { html, useState } from "./ui.js";
import { request, sender } from "./api.js";
import { isSameName, plural } from "./format.js";
import { setRoomStatus } from "./header.js";
import { cardOf } from "./state.js";
import { refresh } from "./stream.js";
import { closeDialog, Dialog, showNotice } from "./widgets.js";

export function CloseRoom({ room }) {
  const online = cardOf(room)?.online ?? 0;
  const act = () => {
    closeDialog();
    setRoomStatus(room, "close");
  };
  return html`<${Dialog} title=${`Close #${room}?`}>
    <p>
      ${online ? `${plural(online, "agent")} online in it will be told to leave.` : "Its agents will be told to leave."}
      ${" "}Its questions leave the inbox. The messages stay, you can still post, and you can reopen it.
    </p>
    <div class="row-actions">
      <button type="button" class="primary" onClick=${act}>Close room</button>
      <button type="button" onClick=${closeDialog}>Cancel</button>
    </div>
  <//>`;
}

export function DeleteRoom({ room }) {
  const [typed, setTyped] = useState("");
  const [problem, setProblem] = useState("");
  const [isBusy, setBusy] = useState(false);
  const isSure = isSameName(typed.trim().replace(/^#/, ""), room);
  const count = cardOf(room)?.messages ?? 0;
  const submit = async (event) => {
    event.preventDefault();
    if (!isSure || isBusy) return;
    setBusy(true);
    try {
      const response = await request("DELETE", `admin/rooms/${encodeURIComponent(room)}`, { body: { by: sender.value } });
      const gone = await response.json();
      closeDialog();
      showNotice(`#${room} is deleted, with ${plural(gone.messages, "message")} and ${plural(gone.codes, "code")}.`);
      refresh();
    } catch (error) {
      setProblem(error.message);
      setBusy(false);
    }
  };
  return html`<${Dialog} title=${`Delete #${room}?`}>
    <form class="room-form is-whole" onSubmit=${submit}>
      <p>
        Its ${plural(count, "message")}, members and access codes are deleted for good. Only a backup or an export can
        bring them back.
      </p>
      <label for="delete-name">To delete it, type <bdi class="name">${room}</bdi></label>
      <input
        id="delete-name"
        autocomplete="off"
        autocapitalize="none"
        spellcheck=${false}
        autofocus
        value=${typed}
        onInput=${(event) => setTyped(event.target.value)}
      />
      ${problem && html`<p class="problem" role="alert">${problem}</p>`}
      <div class="row-actions">
        <button type="submit" class="danger" disabled=${!isSure || isBusy}>Delete room and messages</button>
        <button type="button" onClick=${closeDialog}>Keep it</button>
      </div>
    </form>
  <//>`;
}
