// What became of a question: open, claimed, or answered. The relay's own list of who
// waits has the last word; this is for what that list does not hold, such as the
// operator's own questions and those of closed rooms.
import { isSameName, isToAll } from "./format.js";

export function isQuestion(message) {
  return message.from_kind !== "system" && message.expects_reply !== "none";
}

/** Every human answers to `operator`, whatever name they speak under. */
function goesBy({ from, from_kind }, name) {
  return isSameName(from, name) || (from_kind === "operator" && isSameName("operator", name));
}

function isPutTo({ from, to, expects_reply }, answer) {
  if (goesBy(answer, from)) return false;
  if (goesBy(answer, expects_reply)) return true;
  if (expects_reply !== "anyone") return false;
  if (isToAll(to) || answer.from_kind === "operator") return true;
  return [to].flat().some((name) => goesBy(answer, name));
}

/** A reply answers what it replies to; other words all whose asker hears them. */
function isAnswered(question, answer) {
  if (!isPutTo(question, answer)) return false;
  if (answer.reply_to) return answer.reply_to === question.seq;
  return isToAll(answer.to) || [answer.to].flat().some((name) => isSameName(name, question.from));
}

/** Map each answered question's seq to the message that answered it. */
export function answersOf(messages) {
  const answers = new Map();
  let open = [];
  for (const message of messages) {
    if (message.from_kind !== "system") {
      open = open.filter((question) => {
        if (!isAnswered(question, message)) return true;
        answers.set(question.seq, message);
        return false;
      });
    }
    if (isQuestion(message)) open.push(message);
  }
  return answers;
}

/**
 * The state of a question, for a badge.
 *
 * @param {boolean|null} isWaiting what the relay says, `null` if it does not say
 */
export function stateOf(message, answer, isWaiting) {
  if (!isQuestion(message)) return null;
  const isTold = message.from_kind === "agent" && isWaiting !== null;
  if (isTold && isWaiting) return message.claimed_by ? "claimed" : "open";
  if (answer) return "answered";
  return message.claimed_by ? "claimed" : "open";
}
