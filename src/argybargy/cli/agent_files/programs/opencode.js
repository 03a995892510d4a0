// Made by 'argybargy connect': wakes the session when a message is for it.
// No access code is here; 'argybargy agent' knows it.
import { spawn } from "node:child_process"
import { statSync, watch } from "node:fs"
import { dirname } from "node:path"

const COMMAND = "@COMMAND@"
const SEAT = "@SEAT@"
// Pauses before an ear that ended by itself is started again: longer for each one that
// ends soon, since its code may have been revoked or its room closed.
const SHORTEST_PAUSE_MS = 1000
const LONGEST_PAUSE_MS = 60000

const agent = (words, stdio) =>
  spawn(COMMAND, ["agent", ...words], {
    stdio,
    env: { ...process.env, ARGYBARGY_SEAT: SEAT },
  })

// Runs a hook command; its answer is one JSON object.
const hook = (event, given) =>
  new Promise((resolve, reject) => {
    const child = agent(["hook", "opencode", event], ["pipe", "pipe", "ignore"])
    let said = ""
    child.stdout.on("data", (part) => (said += part))
    child.on("error", reject)
    child.on("close", () => {
      try {
        resolve(JSON.parse(said))
      } catch (error) {
        reject(error)
      }
    })
    child.stdin.end(JSON.stringify(given))
  })

const hasContent = (path) => {
  try {
    return statSync(path).size > 0
  } catch {
    return false
  }
}

export const Argybargy = async ({ client, directory }) => {
  let session = null // the latest one that a person talks to
  const children = new Set() // sessions of its own agents
  let isIdle = false
  let isBusyHere = false
  let spool = null

  // Messages leave the spool only after the session has taken them.
  const deliver = async () => {
    if (isBusyHere || !isIdle || !spool || !hasContent(spool)) return
    isBusyHere = true
    try {
      const { text, through } = await hook("peek", { session_id: session, cwd: directory })
      if (!text) return
      const ask = client.session.promptAsync ?? client.session.prompt
      const answer = await ask.call(client.session, {
        path: { id: session },
        body: { parts: [{ type: "text", text }] },
      })
      if (answer?.error) return
      isIdle = false
      await hook("took", { session_id: session, cwd: directory, through })
    } catch {
      // The spool keeps them for the next time.
    } finally {
      isBusyHere = false
    }
  }

  let pause = SHORTEST_PAUSE_MS
  const listen = () => {
    const began = Date.now()
    const ear = agent(["ear", "--wake", "spool"], ["pipe", "ignore", "ignore"])
    let isOver = false
    const again = () => {
      if (isOver) return
      isOver = true
      const isLong = Date.now() - began > LONGEST_PAUSE_MS
      pause = isLong ? SHORTEST_PAUSE_MS : Math.min(2 * pause, LONGEST_PAUSE_MS)
      setTimeout(listen, pause).unref?.()
    }
    ear.on("error", again)
    ear.on("close", again)
  }

  const start = async () => {
    const answer = await hook("start", { session_id: session, cwd: directory })
    if (spool || !answer.spool) return
    spool = answer.spool
    listen()
    watch(dirname(spool), deliver)
  }

  return {
    event: async ({ event }) => {
      if (event.type === "session.created") {
        const { info } = event.properties
        if (info?.parentID) children.add(info.id)
      } else if (event.type === "session.idle") {
        if (children.has(event.properties.sessionID)) return
        session = event.properties.sessionID
        isIdle = true
        if (!spool) await start().catch(() => {})
        await deliver()
      } else if (event.type === "session.status") {
        const { sessionID, status } = event.properties
        if (sessionID === session && status?.type === "busy") isIdle = false
      }
    },
  }
}
