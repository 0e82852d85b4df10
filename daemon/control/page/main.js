// SPDX-License-Identifier: MIT
// Chooses the view by the address (#/tree, #/process/<0.1.0>), follows the topics that it needs, and asks for the token.
import {follow, get, hasToken, Refused, setToken} from "./api.js";
import {asks, problem} from "./actions.js";
import {raft, sagas} from "./agreed.js";
import {h, update} from "./dom.js";
import {log} from "./log.js";
import {cluster, plugins} from "./node.js";
import {feed, overview, wrongOf} from "./overview.js";
import {pipelines} from "./pipelines.js";
import {process, processes} from "./processes.js";
import {ends, tree} from "./tree.js";
import {events, jobs, listeners, machines, pools} from "./work.js";

// A view is {title, topics, right, begin(place, context) → {told?, end?}}: `told` gets each document of its topics as it
// changes; `end` is called when another view begins. `context`: {may(right), node, path: what stands behind the view's name in
// the address}.
const groups = {
  "How it is": {overview, tree, processes, ends, log},
  "What works in it": {pools, pipelines, machines, events, jobs, listeners, sagas},
  "Around it": {cluster, raft, plugins},
};
const views = {...Object.assign({}, ...Object.values(groups)), process};
const main = document.getElementById("main");
const state = document.getElementById("state");
let access = {node: "", rights: [], token: "none"};
let leave = () => {};

const WRONG = "The token is not the node's.";

const may = (right) => access.rights.includes(right);

const decoded = (text) => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a % that somebody typed
  }
};
const chosen = () => {
  const [, name = "overview", ...rest] = location.hash.split("/");
  return {name: Object.hasOwn(views, name) ? name : "overview", path: decoded(rest.join("/"))};
};

const navigation = (name) => Object.entries(groups).map(([words, its]) => h("div", {key: words, role: "group", "aria-label": words}, h("span", {class: "soft"}, words),
  Object.entries(its).filter(([, one]) => !one.right || may(one.right)).map(([key, one]) => h("a", {key, href: `#/${key}`, "aria-current": key === name && "page"}, one.title))));

// On every view but the overview, which says it in full.
const warn = (status) => {
  const wrong = wrongOf(status).length;
  const {name} = chosen();
  update(document.getElementById("wrong"), wrong > 0 && name !== "overview" && h("a", {href: "#/overview"}, wrong === 1 ? "One thing is wrong" : `${wrong} things are wrong`));
};

const draw = () => {
  leave();
  const {name, path} = chosen();
  const view = views[name];
  document.title = `${view.title} · ${access.node}`;
  update(document.getElementById("views"), navigation(name));
  document.querySelector("nav [aria-current]")?.scrollIntoView({block: "nearest", inline: "nearest"});
  main.replaceChildren(h("p", {class: "soft"}, "…"));
  const begun = view.begin(main, {may, node: access.node, path});
  const topics = [...new Set(["status", ...(view.topics ?? [])])];
  const following = follow(topics, (topic, document) => {
    if (topic === "status") {
      feed(document);
      warn(document);
    }
    if (view.topics?.includes(topic)) begun.told(topic, document);
  }, told);
  leave = () => {
    following.stop();
    begun.end?.();
  };
};

// A node that comes back may give this reader other rights.
const lookAgain = async () => {
  const now = await get("").catch(() => null);
  const differs = (key) => String(now[key]) !== String(access[key]);
  if (now && ["node", "rights", "token"].some(differs)) enter();
};

let isAway = false;
const told = (how) => {
  if (how.status === 401) {
    enter();
    return;
  }
  if (how === "live" && isAway) lookAgain();
  isAway = how === "waiting";
  if (isAway) update(document.getElementById("wrong"));
  state.className = how === "live" ? "good" : "bad";
  state.textContent = how === "live" ? "" : how === "waiting" ? "The node does not answer; trying again." : problem(how);
};

const enter = async () => {
  try {
    access = await get("");
    document.getElementById("node").textContent = access.node;
    const button = document.getElementById("token");
    button.hidden = access.token === "none";
    button.textContent = hasToken() ? "Forget the token" : "Token…";
    draw();
    if (!may("inspect") && access.token === "wanted") askToken("Without the token this node shows nothing.");
  } catch (error) {
    if (error instanceof Refused && error.status === 401) {
      setToken("");
      return askToken(WRONG, enter);
    }
    told(error instanceof Refused ? error : "waiting");
    setTimeout(enter, 2000);
  }
};

// `otherwise` is called if the reader gives none.
const askToken = async (words, otherwise = () => {}) => {
  const given = await asks("Token", [words, "It is kept for this tab only."], [{name: "token", label: "Token", type: "password"}], "Use it");
  if (!given) return otherwise();
  // No node has such a token, and no header can carry it.
  if (!/^[ -~]+$/.test(given.token)) return askToken(WRONG, otherwise);
  setToken(given.token);
  return enter();
};

document.getElementById("token").addEventListener("click", () => {
  if (!hasToken()) return askToken("The token gives the rights that this page has not.");
  setToken("");
  return enter();
});
document.getElementById("notice").addEventListener("click", (event) => { event.currentTarget.hidden = true; });
addEventListener("keydown", ({key}) => {
  if (key === "Escape") document.getElementById("notice").hidden = true;
});
addEventListener("hashchange", () => {
  draw();
  main.focus();
});
enter();
