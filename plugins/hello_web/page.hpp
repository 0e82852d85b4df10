// SPDX-License-Identifier: MIT
// The page: a list of notes with a form to add one and a button to remove each, a chat, and a game. It
// follows the browser's colour scheme, and everything can be done with the keyboard.
#pragma once

#include <string_view>

namespace hello_web {

inline constexpr std::string_view page_text = R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Notes</title>
<style>
  :root { color-scheme: light dark; --line: #8886; --accent: light-dark(#0b5c3b, #7fd6ab); }
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem; }
  form { display: flex; gap: .5rem; }
  input { flex: 1; font: inherit; padding: .5rem .75rem; border: 1px solid var(--line); border-radius: .4rem; }
  ::placeholder { color: light-dark(#595959, #c0c0c0); opacity: 1; }
  button { font: inherit; padding: .5rem .9rem; border: 1px solid var(--line); border-radius: .4rem; cursor: pointer; }
  :focus-visible { outline: 3px solid var(--accent, #0b5c3b); outline-offset: 2px; }
  ul { list-style: none; padding: 0; }
  li { display: flex; gap: .5rem; align-items: baseline; padding: .5rem 0; border-bottom: 1px solid var(--line); }
  li span { flex: 1; overflow-wrap: anywhere; }
  #said, #hint { min-height: 1.5rem; }
  #chat { height: 12rem; overflow: auto; padding: .5rem .75rem; border: 1px solid var(--line); border-radius: .4rem; margin-bottom: .5rem; }
  #chat p { margin: 0; overflow-wrap: anywhere; }
</style>
</head>
<body>
<main>
  <h1>Notes</h1>
  <p>The node's clock: <time id="clock" aria-live="off">–</time> UTC</p>
  <form id="add">
    <label for="text" hidden>A new note</label>
    <input id="text" name="text" placeholder="A new note" aria-label="A new note" autocomplete="off" required>
    <button>Add</button>
  </form>
  <p id="said" role="status"></p>
  <ul id="notes"></ul>
  <h2>Chat</h2>
  <div id="chat" role="log" tabindex="0" aria-label="What was said"></div>
  <form id="say">
    <input id="line" name="line" placeholder="Say something to all" aria-label="Say something to all" autocomplete="off" maxlength="500" required>
    <button>Say</button>
  </form>
  <h2>A number</h2>
  <p id="hint" role="status"></p>
  <form id="guess">
    <input id="number" name="number" placeholder="Your guess" aria-label="Your guess" inputmode="numeric" autocomplete="off" maxlength="10" required>
    <button>Guess</button>
  </form>
</main>
<script>
  const list = document.getElementById("notes"), said = document.getElementById("said"), text = document.getElementById("text");
  async function ask(method, path, body) {
    const answer = await fetch("/api/notes" + path, { method, body });
    if (!answer.ok) throw new Error((await answer.json()).error);
    return answer.status === 204 ? null : answer.json();
  }
  function attempt(work) {
    said.textContent = "";
    return work().catch(problem => { said.textContent = problem.message; });
  }
  async function show() {
    const items = (await ask("GET", "")).map(note => {
      const item = document.createElement("li"), words = document.createElement("span"), remove = document.createElement("button");
      words.textContent = note.text;
      remove.textContent = "Remove";
      remove.setAttribute("aria-label", "Remove " + note.text);
      remove.onclick = () => attempt(async () => { await ask("DELETE", "/" + note.id); await show(); text.focus(); });
      item.append(words, remove);
      return item;
    });
    list.replaceChildren(...items);
  }
  document.getElementById("add").onsubmit = event => {
    event.preventDefault();
    attempt(async () => { await ask("POST", "", text.value); text.value = ""; await show(); });
  };
  attempt(show);
  const chat = document.getElementById("chat"), line = document.getElementById("line");
  let socket;
  const open = path => new WebSocket(location.href.replace(/^http/, "ws").replace(/[^/]*$/, "") + path);
  function join() {
    socket = open("chat");
    socket.onopen = () => chat.replaceChildren(); // the last lines are said again
    socket.onmessage = heard => {
      const words = document.createElement("p");
      words.textContent = heard.data;
      chat.append(words);
      chat.scrollTop = chat.scrollHeight;
    };
    socket.onclose = () => setTimeout(join, 1000);
  }
  document.getElementById("say").onsubmit = event => {
    event.preventDefault();
    if (socket.readyState !== WebSocket.OPEN) return;
    socket.send(line.value);
    line.value = "";
  };
  join();
  const hint = document.getElementById("hint"), number = document.getElementById("number");
  let game;
  function play() {
    game = open("game");
    game.onmessage = heard => { hint.textContent = heard.data; };
    game.onclose = end => { if (end.code !== 1000) hint.textContent = "That game is lost. Guess to begin another one."; };
  }
  document.getElementById("guess").onsubmit = event => {
    event.preventDefault();
    if (game.readyState === WebSocket.OPEN) game.send(number.value);
    else if (game.readyState !== WebSocket.CONNECTING) play();
    number.value = "";
  };
  play();
  new EventSource("/clock").onmessage = tick => { document.getElementById("clock").textContent = tick.data; };
</script>
</body>
</html>
)html";

} // namespace hello_web
