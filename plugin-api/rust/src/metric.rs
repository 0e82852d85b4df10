// SPDX-License-Identifier: MIT
//! Counters, gauges and histograms, which the node shows as `coppice_plugin_ID_NAME` and keeps: other actors of the
//! plugin, restarted actors and actors of later versions go on with them. They are no part of a state that is carried
//! over a reload: `init` and `after_restore` ask for them. A draft of the ABI: on a host without it nothing is counted.

use crate::abi;
use crate::actor::Actor;
use crate::host;

static METRIC: host::Draft<abi::MetricApi> = host::Draft::named("coppice.metric/draft-1\0");

const COUNTER: i32 = 0;
const GAUGE: i32 = 1;
const HISTOGRAM: i32 = 2;

// Owned by the host, and valid while callbacks of the plugin may run: the caller's `&Actor` shows that one does.
#[derive(Clone, Copy, Debug)]
struct Series(*mut abi::Metric);

// Safety: the host's functions take it on any thread.
unsafe impl Send for Series {}
unsafe impl Sync for Series {}

impl Series {
    fn of(me: &Actor, kind: i32, name: &str, help: &str, labels: &[(&str, &str)], bounds: &[f64]) -> Series {
        let labels: Vec<abi::MetricLabel> = labels
            .iter()
            .map(|(name, value)| abi::MetricLabel {
                name: abi::Bytes::of(name.as_bytes()),
                value: abi::Bytes::of(value.as_bytes()),
            })
            .collect();
        let options = abi::MetricOptions {
            size: std::mem::size_of::<abi::MetricOptions>() as u32,
            kind,
            name: abi::Bytes::of(name.as_bytes()),
            help: abi::Bytes::of(help.as_bytes()),
            labels: labels.as_ptr(),
            label_count: labels.len() as u64,
            bounds: bounds.as_ptr(),
            bound_count: bounds.len() as u64,
        };
        match METRIC.need() {
            // Safety: all of it is copied before the call returns.
            Ok(api) => Series(unsafe { (api.get)(me.raw(), &options) }),
            Err(_) => Series(std::ptr::null_mut()),
        }
    }

    fn with(self, count: impl FnOnce(&abi::MetricApi, *mut abi::Metric)) {
        if let (false, Ok(api)) = (self.0.is_null(), METRIC.need()) {
            count(api, self.0);
        }
    }
}

/// A number that only rises; shown with `_total` behind its name.
#[derive(Clone, Copy, Debug)]
pub struct Counter(Series);

/// A number that rises and falls: use `add` where several actors share it, `set` where one actor has it.
#[derive(Clone, Copy, Debug)]
pub struct Gauge(Series);

/// The number of observed values at or below each of its bounds, and their sum and number.
#[derive(Clone, Copy, Debug)]
pub struct Histogram(Series);

impl Actor {
    /// `name` is `[a-z][a-z0-9_]*`; at most 8 `labels`, names and values, none of which clients choose. A malformed
    /// counter is not shown, and the log says so; the same holds for `gauge` and `histogram`.
    pub fn counter(&self, name: &str, help: &str, labels: &[(&str, &str)]) -> Counter {
        Counter(Series::of(self, COUNTER, name, help, labels, &[]))
    }

    /// See `counter`.
    pub fn gauge(&self, name: &str, help: &str, labels: &[(&str, &str)]) -> Gauge {
        Gauge(Series::of(self, GAUGE, name, help, labels, &[]))
    }

    /// `bounds` rise, at most 64; without any they are those for seconds, 0.001 to 10.
    pub fn histogram(&self, name: &str, help: &str, labels: &[(&str, &str)], bounds: &[f64]) -> Histogram {
        Histogram(Series::of(self, HISTOGRAM, name, help, labels, bounds))
    }
}

impl Counter {
    /// Takes a few nanoseconds.
    pub fn add(&self, _: &Actor, n: u32) {
        // Safety: a series of the host's, and this for the three below.
        self.0.with(|api, series| unsafe { (api.add)(series, n.into()) });
    }
}

impl Gauge {
    /// A negative `n` makes it fall.
    pub fn add(&self, _: &Actor, n: i64) {
        self.0.with(|api, series| unsafe { (api.add)(series, n) });
    }

    /// Sets it to `value`.
    pub fn set(&self, _: &Actor, value: i64) {
        self.0.with(|api, series| unsafe { (api.set)(series, value) });
    }
}

impl Histogram {
    /// `value` must not be NaN.
    pub fn observe(&self, _: &Actor, value: f64) {
        self.0.with(|api, series| unsafe { (api.observe)(series, value) });
    }
}
