// SPDX-License-Identifier: MIT
// A line of the last few minutes, drawn as SVG, with its last value as text.
import {count, h, svg} from "./dom.js";

const WIDTH = 220;
const HEIGHT = 48;

export class Series {
  constructor(title, unit = String, most = 180) {
    Object.assign(this, {title, unit, most, values: []});
  }

  add(value) {
    this.values.push(value);
    if (this.values.length > this.most) this.values.shift();
  }

  draw() {
    const top = Math.max(1, ...this.values);
    const step = WIDTH / Math.max(1, this.most - 1);
    const points = this.values.map((value, at) => `${((at + this.most - this.values.length) * step).toFixed(1)},${(HEIGHT - value / top * (HEIGHT - 4) - 2).toFixed(1)}`).join(" ");
    const last = this.values.at(-1);
    const text = last === undefined ? "–" : this.unit(last);
    return h("figure", {key: this.title}, h("figcaption", {}, this.title, h("output", {}, text)),
      svg("svg", {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": `${this.title}: ${text}, at most ${this.unit(top)} in ${this.values.length} s`},
        svg("polyline", {points, fill: "none"})));
  }
}

// How much a counter grows in a second.
export class Rate {
  constructor() {
    this.before = null;
  }

  of(value, at = performance.now()) {
    const before = this.before;
    this.before = {value, at};
    return before === null || at <= before.at || value < before.value ? 0 : (value - before.value) * 1000 / (at - before.at);
  }
}

// How quickly counters of several things grow, each named by a key.
export class Rates {
  constructor() {
    this.by = new Map();
  }

  of(key, value) {
    if (!this.by.has(key)) this.by.set(key, {rate: new Rate(), value: -1, last: 0});
    const one = this.by.get(key);
    if (value !== one.value || performance.now() - one.at > 1500) Object.assign(one, {last: one.rate.of(value), value, at: performance.now()});
    return one.last < 10 && one.last > 0 ? one.last.toFixed(1) : count(Math.round(one.last));
  }
}
