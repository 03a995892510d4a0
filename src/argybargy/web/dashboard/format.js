// Pure formatting functions: ages, times, names.

/** Format seconds as an age: now, 12s, 5m, 3h, 2d. */
export function age(seconds) {
  if (seconds < 1) return "now";
  if (seconds < 60) return `${Math.floor(seconds)}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86400)}d`;
}

/** Format seconds as a timer: 0:07, 12:40, 3:05:00. */
export function minutesAndSeconds(seconds) {
  const whole = Math.floor(seconds);
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours
    ? `${hours}:${two(minutes)}:${two(whole % 60)}`
    : `${minutes}:${two(whole % 60)}`;
}

// "4:08 PM", but "04:08" where the day has 24 hours.
const { hour12 } = new Intl.DateTimeFormat(undefined, { hour: "numeric" }).resolvedOptions();
const clockTime = new Intl.DateTimeFormat(undefined, { hour: hour12 ? "numeric" : "2-digit", minute: "2-digit" });
const dayTime = new Intl.DateTimeFormat(undefined, {
  weekday: "long",
  day: "numeric",
  month: "long",
});
const longTime = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const shortDay = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

export function timeOfDay(ms) {
  return clockTime.format(ms);
}

/** Format the time of day without AM or PM, for the narrow margin of a message. */
export function briefTime(ms) {
  const parts = clockTime.formatToParts(ms).filter(({ type }) => type !== "dayPeriod");
  return parts.map(({ value }) => value).join("").trim();
}

export function fullTime(ms) {
  return longTime.format(ms);
}

/** Number the local calendar day: consecutive days differ by one, whatever the zone. */
export function dayOf(ms) {
  const date = new Date(ms);
  return Math.round(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / 864e5);
}

export function dayLabel(ms, nowMs) {
  const ago = dayOf(nowMs) - dayOf(ms);
  if (ago === 0) return "Today";
  if (ago === 1) return "Yesterday";
  const year = new Date(ms).getFullYear();
  return dayTime.format(ms) + (year === new Date(nowMs).getFullYear() ? "" : ` ${year}`);
}

/** Format the time, with the day unless it is today. */
export function shortMoment(ms, nowMs) {
  const time = timeOfDay(ms);
  return dayOf(ms) === dayOf(nowMs) ? time : `${shortDay.format(ms)}, ${time}`;
}

/** Hash a name by FNV-1a, without regard to case, so that it is the same everywhere. */
export function hashOf(name) {
  let hash = 2166136261;
  for (const letter of name.toLowerCase()) {
    hash = Math.imul(hash ^ letter.codePointAt(0), 16777619);
  }
  return hash >>> 0;
}

/** Shorten a name to two letters: the initials of its first two words, else its start. */
export function monogram(name) {
  const words = name.split(/[^A-Za-z0-9]+/).filter(Boolean);
  const letters = words.length > 1 ? words[0][0] + words[1][0] : (words[0] ?? "?").slice(0, 2);
  return letters.toUpperCase();
}

export function plural(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`;
}

/** Join the recipients of a message. */
export function recipients(to) {
  return Array.isArray(to) ? to.join(", ") : to;
}

export function isToAll(to) {
  return to === "all" || (Array.isArray(to) && to.length === 1 && to[0] === "all");
}

/** Whether a message to these recipients is for somebody of this name. */
export function reaches(to, name) {
  return isToAll(to) || [to].flat().some((each) => isSameName(each, name));
}

/** Compare two names without regard to case, as the relay does. */
export function isSameName(one, other) {
  return one != null && other != null && one.toLowerCase() === other.toLowerCase();
}
