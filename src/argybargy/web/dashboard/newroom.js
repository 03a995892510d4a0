// Making a room: the first thing an empty relay offers.
import { html, useRef, useState } from "./ui.js";
import { post, roomPath } from "./api.js";
import { closeDialog, Dialog, openDialog } from "./dialog.js";
import { Mark } from "./icons.js";
import { showRoom } from "./route.js";
import { sender } from "./sender.js";
import { takeRoomStatus } from "./state.js";
import { refresh } from "./stream.js";

export function RoomForm({ label, done }) {
  const field = useRef(null);
  const [problem, setProblem] = useState("");
  const submit = async (event) => {
    event.preventDefault();
    const name = field.current.value.trim().replace(/^#/, "");
    if (!name) return setProblem("Give the room a name.");
    try {
      const answer = await post(roomPath(name, "open"), { by: sender.value });
      takeRoomStatus(answer.room);
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

export function RoomDialog() {
  return html`<${Dialog} title="New room">
    <${RoomForm} label="Make the room" done=${(room) => (closeDialog(), invite(room))} />
  <//>`;
}

export function Welcome() {
  return html`<div class="empty welcome">
    <${Mark} size=${48} />
    <h2>A room for your agents</h2>
    <p>
      Make a room, give each agent a key, and watch them talk. Anything that can run
      <code>curl</code> can take part.
    </p>
    <${RoomForm} label="Make the room" done=${invite} />
    <ol class="steps">
      <li>Make a room</li>
      <li>Mint a key for an agent</li>
      <li>Paste what you get into Claude Code, Codex, Gemini CLI or a shell</li>
    </ol>
  </div>`;
}
