// Posting as the operator: what a reply is, and sending it.
import { get, postMessage, roomPath, sender, withdraw } from "./api.js";
import { isToAll } from "./format.js";
import { noteOwn, noteWithdrawal } from "./own.js";
import { applyOwnMessage } from "./state.js";
import { refresh } from "./stream.js";
import { showError } from "./widgets.js";

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

/** Withdraw a question. What the relay tells the room about it is not unread. */
export async function withdrawQuestion(room, seq, isLeaving = false) {
  noteWithdrawal(room, seq);
  await withdraw(room, seq, isLeaving);
  // The question is withdrawn, whether or not this succeeds.
  if (!isLeaving) noteNews(room, seq).catch(showError);
}

/** Note the number of what the relay said about a withdrawn question. */
async function noteNews(room, seq) {
  const { replies } = await get(roomPath(room, `messages/${seq}`));
  const said = replies.filter(({ from_kind: kind }) => kind === "system").at(-1);
  if (said) noteOwn(room, said.seq);
}

/** Reply to a message with a text or a choice; a reply asks nothing unless it says so. */
export function sendReply(room, message, fields) {
  return send(room, { to: replyRecipients(message), reply_to: message.seq, expects_reply: "none", ...fields });
}
