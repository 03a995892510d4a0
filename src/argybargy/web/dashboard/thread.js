// A thread: a message and its replies.
import { html, useEffect, useState } from "./ui.js";
import { get, roomPath } from "./api.js";
import { Message } from "./message.js";

export function Thread({ room, seq }) {
  const [thread, setThread] = useState({ messages: [], problem: "" });
  useEffect(() => {
    get(roomPath(room, `messages/${seq}`)).then(
      ({ message, replies }) => setThread({ messages: [message, ...replies], problem: "" }),
      (error) => setThread({ messages: [], problem: error.message }),
    );
  }, [room, seq]);
  if (thread.problem) return html`<p class="problem" role="alert">${thread.problem}</p>`;
  return html`<div class="thread">
    ${thread.messages.map(
      (message) => html`<${Message} key=${message.seq} message=${message} room=${room} isFirst />`,
    )}
  </div>`;
}
