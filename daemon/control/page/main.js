// SPDX-License-Identifier: MIT
// Chooses the view by the address (#/tree, #/process/<0.1.0>), follows the topics that it needs, and asks for the token.
import {follow, get, hasToken, Refused, setToken} from "./api.js";
import {asks, problem} from "./actions.js";
import {h} from "./dom.js";
import {log} from "./log.js";
import {processes} from "./processes.js";
import {views as others} from "./views.js";

const {overview, tree, process, plugins, cluster, events, jobs} = others;
const views = {overview, tree, processes, process, cluster, plugins, events, jobs, log};
const main = document.getElementById("main");
const state = document.getElementById("state");
let access = {node: "", rights: [], token: "none"};
let leave = () => {};

const may = (right) => access.rights.includes(right);

const chosen = () => {
  const [, name = "overview", ...rest] = location.hash.split("/");
  return {name: views[name] ? name : "overview", path: decodeURIComponent(rest.join("/"))};
};

const draw = () => {
  leave();
  const {name, path} = chosen();
  const view = views[name];
  document.title = `${view.title} · ${access.node}`;
  document.getElementById("views").replaceChildren(...Object.entries(views).filter(([, one]) => !one.hidden && (!one.right || may(one.right)))
    .map(([key, one]) => h("a", {href: `#/${key}`, "aria-current": key === name && "page"}, one.title)));
  main.replaceChildren(h("p", {class: "soft"}, "…"));
  const begun = view.begin(main, {may, node: access.node, path});
  const following = view.topics ? follow(view.topics, begun.told, told) : null;
  leave = () => {
    following?.stop();
    begun.end?.();
  };
};

const told = (how) => {
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
  } catch (error) {
    if (error instanceof Refused && error.status === 401) {
      setToken("");
      return askToken("The token is not the node's.");
    }
    told(error instanceof Refused ? error : "waiting");
    setTimeout(enter, 2000);
  }
};

const askToken = async (words) => {
  const given = await asks("Token", [words, "It is kept for this tab only."], [{name: "token", label: "Token", type: "password"}], "Use it");
  if (given) setToken(given.token);
  return given ? enter() : undefined;
};

document.getElementById("token").addEventListener("click", () => {
  if (!hasToken()) return askToken("The token gives the rights that this page has not.");
  setToken("");
  return enter();
});
document.getElementById("notice").addEventListener("click", (event) => { event.currentTarget.hidden = true; });
addEventListener("hashchange", () => {
  draw();
  main.focus();
});
enter();
