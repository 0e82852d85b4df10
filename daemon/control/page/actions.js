// SPDX-License-Identifier: MIT
// What the page does to the node. An action that ends or changes what runs asks first; each says afterwards what came of it,
// and none is offered that the reader has no right to.
import {post, Refused} from "./api.js";
import {h, plural} from "./dom.js";

const dialog = () => document.getElementById("dialog");

let instead = () => {}; // gives up the question that is shown

// Shows a dialog; resolves with the values of its fields, or null. A dialog that is still open is given up. Enter in a field
// presses the last button, the only one that submits.
export const asks = (title, words, fields = [], go = "Do it") => new Promise((done) => {
  const inputs = fields.map(({name, label, value, type}) => [name, h("input", {name, id: `field-${name}`, value, type: type ?? "text", autocomplete: "off", required: true}), label]);
  const form = h("form", {method: "dialog"}, h("h2", {}, title), words.map((line) => h("p", {}, line)),
    inputs.map(([name, input, label]) => h("p", {}, h("label", {for: `field-${name}`}, label), input)),
    h("menu", {}, h("button", {type: "button", onclick: () => dialog().close("")}, "Cancel"), h("button", {value: "go", class: "strong"}, go)));
  const box = dialog();
  box.replaceChildren(form);
  box.setAttribute("aria-label", title);
  instead(null);
  instead = done;
  box.onclose = () => done(box.returnValue === "go" ? Object.fromEntries(inputs.map(([name, input]) => [name, input.value])) : null);
  box.returnValue = "";
  if (!box.open) box.showModal();
  box.querySelector("input, button").focus();
  box.querySelector("input")?.select(); // what is typed takes its place
});

let hiding = 0;
export const says = (text, failed = false) => {
  const place = document.getElementById("notice");
  place.textContent = text;
  place.className = failed ? "failed" : "";
  place.hidden = false;
  clearTimeout(hiding);
  if (!failed) hiding = setTimeout(() => { place.hidden = true; }, 6000);
};

export const problem = (error) => error instanceof Refused
  ? [error.what, error.why, error.hint].filter(Boolean).join(": ") || `status ${error.status}`
  : String(error.message ?? error);

// Sends a command and says what came of it; `then` runs after success with the answer.
export const acts = async (command, values, done, then = () => {}) => {
  try {
    const answer = await post(command, values);
    says(done);
    await then(answer);
  } catch (error) {
    says(problem(error), true);
  }
};

const button = (words, action, more) => h("button", {type: "button", onclick: action, ...more}, words);

// Buttons for a child of the tree, by its path.
export const childActions = (may, path, state, then) => !may("manage") ? [] : [
  button(state === "running" ? "Restart" : "Start", async () => {
    if (await asks(`Restart ${path}?`, ["Its process ends and a new one begins. What it holds in memory is lost."], [], "Restart"))
      await acts("restart", {path}, `${path} was restarted`, then);
  }),
  state === "running" && button("Terminate", async () => {
    if (await asks(`Terminate ${path}?`, ["It stays down until it is restarted."], [], "Terminate"))
      await acts("terminate", {path}, `${path} is terminated`, then);
  }),
];

export const applicationActions = (may, application, state, then) => !may("manage") ? [] : [
  state === "running"
    ? button("Stop", async () => {
      if (await asks(`Stop ${application}?`, ["All processes of the application end, in the reverse order of their start."], [], "Stop"))
        await acts("stop", {application}, `${application} is stopped`, then);
    })
    : button("Start", () => acts("start", {application}, `${application} was started`, then)),
];

export const exitAction = (may, pid, then) => may("manage") && button("Exit…", async () => {
  const given = await asks(`End ${pid}?`, ["The process gets an exit signal. The reason kill cannot be trapped."], [{name: "reason", label: "Reason, an Erlang term", value: "shutdown"}], "Send");
  if (given) await acts("exit", {name: pid, reason: given.reason}, `${pid} got the exit signal ${given.reason}`, then);
});

// First what would happen, then the reload.
export const reloadAction = (may, plugin, then) => may("manage") && button(plugin ? "Reload…" : "Reload what changed…", async () => {
  try {
    const plan = await post("reload", {plugin: plugin ?? "", dry_run: true});
    const lines = (plan.plugins ?? []).map((one) => {
      const count = (outcome) => (one.actors ?? []).filter((actor) => actor.outcome === outcome).length;
      return `${one.id}: ${plural(count("carried"), "actor")} would be carried over, ${count("restarted")} restarted, ${count("stays")} stay.`;
    });
    if (lines.length === 0) return says("No plugin's file has changed.");
    if (await asks("Reload?", lines, [], "Reload"))
      await acts("reload", {plugin: plugin ?? ""}, plugin ? `${plugin} was reloaded` : "The changed plugins were reloaded", then);
  } catch (error) {
    says(problem(error), true);
  }
});

export const levelAction = (may, of, then) => may("manage") && button("Log level…", async () => {
  const given = await asks(`Log level of ${of || "everything"}`, ["trace, debug, info, notice, warning, error, or default for what is configured."], [{name: "level", label: "Level", value: "debug"}], "Set");
  if (given) await acts("log-level", {level: given.level, of: of ?? ""}, `The log level is ${given.level}`, then);
});

export const resizeAction = (may, name, pid, size, then) => may("manage") && size !== undefined && button("Resize…", async () => {
  const given = await asks(`Size of ${name}`, ["How many workers the pool has, until its configuration is applied again."], [{name: "size", label: "Workers", value: size, type: "number"}], "Resize");
  if (given) await acts("pool", {name: pid, size: Number(given.size)}, `${name} has ${given.size} workers`, then);
});

export const listenerActions = (may, name, pid, suspended, then) => may("manage") && (suspended
  ? button("Resume", () => acts("listener", {name: pid, change: "resume"}, `${name} accepts clients again`, then))
  : button("Suspend", async () => {
    if (await asks(`Suspend ${name}?`, ["It accepts no new clients until it is resumed. Those who are connected stay."], [], "Suspend"))
      await acts("listener", {name: pid, change: "suspend"}, `${name} is suspended`, then);
  }));

export const jobActions = (may, job, then) => !may("manage") ? [] : [
  button("Run now", async () => {
    if (await asks(`Run ${job.name} now?`, ["It runs once, beside its schedule."], [], "Run"))
      await acts("cron", {name: job.name, change: "run"}, `${job.name} was asked to run`, then);
  }),
  job.enabled
    ? button("Disable", async () => {
      if (await asks(`Disable ${job.name}?`, ["It does not run by its schedule until it is enabled."], [], "Disable"))
        await acts("cron", {name: job.name, change: "disable"}, `${job.name} is disabled`, then);
    })
    : button("Enable", () => acts("cron", {name: job.name, change: "enable"}, `${job.name} is enabled`, then)),
];

export const connectAction = (may, node) => may("manage") && button("Connect", () => acts("connect", {node}, `${node} is connected`));

export const traceAction = (may, name, then) => may("manage") && button("Switch it off", () => acts("trace", {name, change: "off"}, `Nothing traces ${name} any more`, then));

// First what would change, then the change.
export const applyAction = (may) => may("manage") && button("Apply…", async () => {
  try {
    const plan = await post("apply", {dry_run: true});
    if (!plan.valid) return says((plan.diagnostics ?? []).map((one) => `${one.file}:${one.line}: ${one.message}`).join("; "), true);
    const lines = (plan.changes ?? []).map((one) => `${one.action} ${one.path}`);
    if (lines.length === 0) return says("The files say what runs.");
    if (await asks("Apply the files?", lines.slice(0, 20).concat(lines.length > 20 ? [`and ${lines.length - 20} more`] : []), [], "Apply"))
      await acts("apply", {}, "The configuration was applied");
  } catch (error) {
    says(problem(error), true);
  }
});

// What can be done at once about a complaint of the node's; null: nothing here.
export const remedy = ({what, name, why}, may) => {
  if (!may("manage")) return null;
  if (what === "child") return button("Restart", () => acts("restart", {path: name}, `${name} was restarted`));
  if (what === "application" && /^(stopped|failed)/.test(why)) return button("Start", () => acts("start", {application: name}, `${name} was started`));
  if (what === "listener") return button("Resume", () => acts("listener", {name, change: "resume"}, `${name} accepts clients again`));
  if (what === "job" && why.startsWith("disabled")) return button("Enable", () => acts("cron", {name, change: "enable"}, `${name} is enabled`));
  if (what === "peer") return button("Connect", () => acts("connect", {node: name}, `${name} is connected`));
  if (what === "node" && why.startsWith("drained")) return button("Take back into service", () => acts("drain", {change: "off"}, "The node is in service again"));
  if (what === "configuration" && why.startsWith("on disk it differs")) return applyAction(may);
  return null;
};
