// Posting as the operator: what a reply is, and sending it.
import { postMessage, sender } from "./api.js";
import { isToAll } from "./format.js";
import { applyOwnMessage } from "./state.js";
import { refresh } from "./stream.js";

/** The recipients of a reply: the sender, or for an own message its recipients again. */
export function replyRecipients({ from, from_kind, to }) {
  if (isToAll(to)) return "all";
  return from_kind === "operator" || from_kind === "system" ? to : from;
}

/** Send a message and show it at once; returns the relay's answer. */
export async function send(room, body) {
  const answer = await postMessage({ room, sender: sender.value, ...body });
  applyOwnMessage(room, answer.message);
  refresh();
  return answer;
}

/** Reply to a message with a text or a choice; a reply asks nothing unless it says so. */
export function sendReply(room, message, fields) {
  return send(room, { to: replyRecipients(message), reply_to: message.seq, expects_reply: "none", ...fields });
}
