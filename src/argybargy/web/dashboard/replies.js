// Replies as threads, from the messages at hand.

/** The first messages of threads by the seq of each reply, as far as they are known. */
function rootsOf(messages) {
  const roots = new Map();
  for (const { seq, reply_to: parent } of messages) {
    // A message only replies to an earlier one, whose own root is known by now.
    if (parent) roots.set(seq, roots.get(parent) ?? parent);
  }
  return roots;
}

/** Whether somebody said it; the relay's own messages are in a thread, but no replies. */
export const isSaid = ({ from_kind }) => from_kind !== "system";

/** The number of replies by the seq of the message that begins their thread. */
export function countReplies(messages) {
  const roots = rootsOf(messages);
  const counts = new Map();
  for (const message of messages) {
    const root = roots.get(message.seq);
    if (root && isSaid(message)) counts.set(root, (counts.get(root) ?? 0) + 1);
  }
  return counts;
}

/** The replies in the thread of a message, oldest first. */
export function repliesIn(messages, root) {
  const roots = rootsOf(messages);
  return messages.filter(({ seq }) => roots.get(seq) === root);
}
