// What `GET /admin/state` answers, as the frame of a stream that says the same.

function cardOf(state, status, row) {
  const people = state.roster[status.name] ?? [];
  return {
    messages: 0,
    first_seq: 1,
    last_seq: 0,
    last_ts: null,
    created_at: null,
    ...row,
    room: status.name,
    status: status.status,
    closed_at: status.closed_at,
    closed_by: status.closed_by,
    online: people.filter((each) => each.online).length,
    members: people.length,
  };
}

/** The relay's time, as the rows' ages tell it. */
function timeOf(state) {
  const [row] = state.rooms;
  const ms = row ? Date.parse(row.last_ts) + row.seconds_since_last * 1000 : Date.now();
  return new Date(ms).toISOString();
}

export function snapshotOf(state, room) {
  const rows = new Map(state.rooms.map((row) => [row.room, row]));
  const statuses = Object.values(state.room_status);
  return {
    type: "snapshot",
    now: timeOf(state),
    max_idle_seconds: state.max_idle_seconds,
    room,
    rooms: statuses.map((status) => cardOf(state, status, rows.get(status.name))),
    waiting: state.waiting,
    codes: state.codes,
    roster: room ? (state.roster[room] ?? []) : [],
    messages: state.messages,
  };
}
