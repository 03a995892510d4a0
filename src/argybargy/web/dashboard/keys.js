// Access keys by their public half: who holds one, where, until when; rotate, revoke.
import { html, memo, useState } from "./ui.js";
import { post } from "./api.js";
import { Avatar } from "./avatar.js";
import { nowMs } from "./clock.js";
import { SureButton } from "./confirm.js";
import { isSameName, plural, shortMoment } from "./format.js";
import { Minted } from "./invite.js";
import { complain, say } from "./notice.js";
import { rosterRow, Stamp } from "./roster.js";
import { codes, rosterRoom } from "./state.js";
import { refresh } from "./stream.js";

async function revoke(body) {
  const { revoked } = await post("admin/revoke", body);
  refresh();
  say(`${plural(revoked, "key")} revoked.`);
}

async function rotated(row) {
  const expires = row.expires && `${Math.ceil((Date.parse(row.expires) - nowMs()) / 60_000)}m`;
  const { name, room, capabilities, client, model } = row;
  const key = await post("admin/invite", { name, room, capabilities, client, model, expires });
  await post("admin/revoke", { target: row.key_id });
  refresh();
  return { ...key, client: row.client };
}

const guarded = (act) => async () => {
  try {
    await act();
  } catch (error) {
    complain(error);
  }
};

function Seen({ row }) {
  const member = rosterRoom.value === row.room ? rosterRow(row.name) : null;
  return member ? html` · <${Stamp} row=${member} />` : null;
}

const KeyRow = memo(function KeyRow({ row, others, show }) {
  const rotate = guarded(async () => show(await rotated(row)));
  const revokeOne = guarded(() => revoke({ target: row.key_id }));
  const revokeAll = guarded(() => revoke({ target: row.name, all: true }));
  const moment = (text) => shortMoment(Date.parse(text), nowMs());
  return html`<li class="key-row" data-key=${row.key_id} data-name=${row.name}>
    <${Avatar} name=${row.name} small />
    <div>
      <bdi class="name">${row.name}</bdi> <code>${row.code}</code>
      <span class="meta">
        #<bdi>${row.room}</bdi> · ${row.expires ? `until ${moment(row.expires)}` : "never expires"} · made ${moment(row.created)}<${Seen} row=${row} />
      </span>
      ${row.capabilities && html`<bdi class="agent-caps" title=${row.capabilities}>${row.capabilities}</bdi>`}
      <div class="row-actions">
        <${SureButton} label="Rotate" sure="Sure?" seconds=${2.5} kind="small" title="A new key; this one stops working" act=${rotate} />
        <${SureButton} label="Revoke" sure="Sure?" seconds=${2.5} kind="danger small" title="Stops working at once" act=${revokeOne} />
        ${others > 0 &&
        html`<${SureButton}
          label=${`Revoke all ${others + 1}`}
          sure=${`All keys of ${row.name}?`}
          seconds=${2.5}
          kind="danger small"
          title="In every room"
          act=${revokeAll}
        />`}
      </div>
    </div>
  </li>`;
});

export function Keys() {
  const [minted, setMinted] = useState(null);
  const rows = codes.value;
  const othersOf = (row) => rows.filter((each) => isSameName(each.name, row.name)).length - 1;
  if (!rows.length && !minted) return html`<p class="hint">No keys yet.</p>`;
  return html`
    ${minted && html`<${Minted} minted=${minted} />`}
    <ul class="rows">
      ${rows.map((row) => html`<${KeyRow} key=${row.key_id} row=${row} others=${othersOf(row)} show=${setMinted} />`)}
    </ul>
  `;
}
