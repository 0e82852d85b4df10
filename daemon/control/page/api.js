// SPDX-License-Identifier: MIT
// The node's API. The token, if there is one, is kept for this tab and sent in a header, never in an address.

const KEY = "coppice-token";
let token = sessionStorage.getItem(KEY) ?? "";
export const setToken = (text) => {
  token = text;
  if (text) sessionStorage.setItem(KEY, text);
  else sessionStorage.removeItem(KEY);
};
export const hasToken = () => token !== "";

const headers = (more) => ({Accept: "application/json", ...(token ? {Authorization: `Bearer ${token}`} : {}), ...more});

// What a request came to when it was no answer: {status, code, what, why, hint}.
export class Refused extends Error {
  constructor(status, body) {
    super(body.why ?? `status ${status}`);
    Object.assign(this, {status, code: body.code ?? "", what: body.what ?? "", why: body.why ?? "", hint: body.hint ?? ""});
  }
}

const answered = async (response) => {
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(response.status, body);
  return body;
};

// Documents of commands that look.
export const get = async (command, values = {}) => {
  const given = Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const query = new URLSearchParams(given).toString();
  return answered(await fetch(`api/v1/${command}${query ? `?${query}` : ""}`, {headers: headers()}));
};

// Commands that act.
export const post = async (command, values = {}) =>
  answered(await fetch(`api/v1/${command}`, {method: "POST", headers: headers({"Content-Type": "application/json"}), body: JSON.stringify(values)}));

// Changes of a document, RFC 6902: add, remove and replace, which are all that the node sends.
const patched = (whole, changes) => {
  const root = {"": whole};
  for (const {op, path, value} of changes) {
    const keys = ["", ...path.split("/").slice(1)].map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
    const last = keys.pop();
    const at = keys.reduce((inner, key) => inner[key], root);
    if (Array.isArray(at)) {
      const index = last === "-" ? at.length : Number(last);
      if (op === "add") at.splice(index, 0, value);
      else if (op === "remove") at.splice(index, 1);
      else at[index] = value;
    } else if (op === "remove") {
      delete at[last];
    } else {
      at[last] = value;
    }
  }
  return root[""];
};

// Server-sent events of text that comes in pieces: calls `told(event, data)`.
const eventReader = (told) => {
  let rest = "";
  return (piece) => {
    rest += piece;
    const blocks = rest.split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      let event = "message";
      const data = [];
      for (const line of block.split("\n")) {
        if (line.startsWith("event:")) event = line.slice(6).trim();
        else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
      }
      if (data.length > 0) told(event, data.join("\n"));
    }
  };
};

// Reads a stream of the API until stop() of what is returned. `query()` is asked before each connection, `told(event, data)`
// gets what comes; `state` hears "live", "waiting" and a Refused. After a loss it connects again, after one second first,
// later after ten; not after a refusal that stays.
const streamed = (query, told, state) => {
  const ended = new AbortController();
  const run = async () => {
    for (let pause = 1000; !ended.signal.aborted; pause = Math.min(pause * 2, 10000)) {
      try {
        const response = await fetch(`api/v1/stream?${query()}`, {headers: headers({Accept: "text/event-stream"}), signal: ended.signal});
        if (!response.ok) await answered(response);
        state("live");
        pause = 500;
        const read = eventReader((event, data) => told(event, JSON.parse(data)));
        const text = response.body.pipeThrough(new TextDecoderStream()).getReader();
        for (let piece = await text.read(); !piece.done; piece = await text.read()) read(piece.value);
      } catch (problem) {
        if (ended.signal.aborted) return;
        if (problem instanceof Refused) {
          state(problem);
          if ([401, 403, 404].includes(problem.status)) return;
        }
      }
      if (ended.signal.aborted) return;
      state("waiting");
      await new Promise((done) => setTimeout(done, pause));
    }
  };
  run();
  return {stop: () => ended.abort()};
};

// Follows the topics: `told(topic, document)` gets each document whole. Of one that is too large `state` gets a Refused, and
// "live" when it comes again.
export const follow = (topics, told, state) => {
  const documents = {};
  const failing = new Set();
  return streamed(() => `topics=${topics.join(",")}`, (topic, {whole, patch, failed}) => {
    if (failed) {
      failing.add(topic);
      return state(new Refused(503, failed));
    }
    if (failing.delete(topic) && failing.size === 0) state("live");
    documents[topic] = patch ? patched(documents[topic], patch) : whole;
    told(topic, documents[topic]);
  }, state);
};

// Follows a named event of this node, from what it keeps: `told` gets {seq, time, payload}, and {missed}, the number of those
// that came too quickly. After a loss it goes on behind the last one.
export const followEvent = (name, told, state) => {
  let last = null;
  const query = () => new URLSearchParams(last === null ? {event: name} : {event: name, since: last}).toString();
  return streamed(query, (_, one) => {
    last = one.seq ?? last;
    told(one);
  }, state);
};
