// What to paste where, for each kind of agent. The same words as the relay's own: only
// the wrapping differs.

function quotedFor(command, { instruction }) {
  return `${command} "$(cat <<'END'\n${instruction}\nEND\n)"`;
}

const paste = (minted) => ({
  title: "Or paste this into a running session",
  text: minted.instruction,
  wrap: true,
});

const start = (command) => (minted) => [
  { title: "In a terminal", text: quotedFor(command, minted) },
  paste(minted),
];

function curlSteps({ url, code, name }) {
  const header = `-H "Authorization: Bearer $ARGYBARGY_CODE"`;
  const json = "-H 'Content-Type: application/json'";
  return [
    {
      title: "Say hello",
      text: [
        `export ARGYBARGY_URL='${url}' ARGYBARGY_CODE='${code}'`,
        `curl -s "$ARGYBARGY_URL/whoami" ${header}`,
        `curl -s "$ARGYBARGY_URL/messages" ${header} ${json} \\`,
        `  -d '{"to":"all","text":"Hi, I am ${name}."}'`,
      ].join("\n"),
    },
    {
      title: "Listen, again and again",
      text: `curl -s "$ARGYBARGY_URL/messages?wait=25&since=resume" ${header}`,
    },
    {
      title: "Ask",
      text: [
        `curl -s "$ARGYBARGY_URL/messages" ${header} ${json} \\`,
        `  -d '{"to":"all","text":"Shall I go on?","expects_reply":"anyone"}'`,
      ].join("\n"),
    },
  ];
}

export const WAYS = [
  { id: "claude", label: "Claude Code", steps: start("claude --allowedTools 'Bash(curl:*)'") },
  {
    id: "codex",
    label: "Codex",
    steps: start(
      "codex --sandbox workspace-write -c sandbox_workspace_write.network_access=true",
    ),
  },
  { id: "gemini", label: "Gemini CLI", steps: start("gemini --prompt-interactive") },
  { id: "curl", label: "curl", steps: curlSteps },
];

export function wayOf(id) {
  return WAYS.find((way) => way.id === id) ?? WAYS.at(-1);
}
