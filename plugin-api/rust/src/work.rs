// SPDX-License-Identifier: MIT
//! Work that would hold up a worker's thread: code that computes for long yields, and code that blocks its thread
//! (files, a library that waits) does so on a thread of the node's pool.

use crate::actor::{deadline, Actor};
use crate::boundary::drop_quietly;
use crate::host::{self, checked, parking, Error};
use std::any::Any;
use std::os::raw::c_void;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::time::Duration;

struct Task<F, T> {
    work: Option<F>,
    done: Option<Result<T, Box<dyn Any + Send>>>,
}

unsafe extern "C" fn run<F: FnOnce() -> T, T>(context: *mut c_void) {
    // Safety: `blocking_run` below made it, and touches it only after this has returned.
    let task = unsafe { &mut *(context as *mut Task<F, T>) };
    if let Some(work) = task.work.take() {
        task.done = Some(catch_unwind(AssertUnwindSafe(work)));
    }
}

unsafe extern "C" fn abandon<F, T>(context: *mut c_void) {
    // Safety: called once, and the task is used nowhere else any more.
    drop_quietly(unsafe { Box::from_raw(context as *mut Task<F, T>) });
}

impl Actor {
    /// Runs `work` on a thread of the node's pool, waits, and returns its result; a panic in it is a panic of the
    /// actor. When the actor is ended meanwhile, `work` still runs to its end, and its result is dropped.
    pub fn blocking_run<F, T>(&self, work: F) -> Result<T, Error>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let api = parking(host::work())?;
        let task = Box::into_raw(Box::new(Task { work: Some(work), done: None }));
        // Safety: the host calls `run` at most once; unless it says OK, `abandon` frees the task.
        checked(unsafe { (api.blocking_run)(self.raw(), run::<F, T>, task as *mut c_void, Some(abandon::<F, T>)) })?;
        // Safety: `run` has returned, and the task is ours again.
        let task = unsafe { Box::from_raw(task) };
        match task.done {
            Some(Ok(value)) => Ok(value),
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => Err(Error::Internal),
        }
    }

    /// Waits. Messages wait as well; to continue serving use `send_after`.
    pub fn sleep(&self, time: Duration) -> Result<(), Error> {
        let until = deadline(time)?;
        let api = parking(host::work())?;
        // Safety: takes a number.
        checked(unsafe { (api.sleep_until)(self.raw(), until) })?;
        Ok(())
    }

    /// For a loop that computes for long: goes to the back of the queue if the turn's budget is used up.
    pub fn yield_if_due(&self) -> Result<(), Error> {
        let api = parking(host::work())?;
        // Safety: both take the actor alone.
        if unsafe { (api.should_yield)(self.raw()) } != 0 {
            checked(unsafe { (api.r#yield)(self.raw()) })?;
        }
        Ok(())
    }

    /// Reports work, in about microseconds: it counts against the turn.
    pub fn reductions(&self, count: u64) {
        if let Some(api) = host::work() {
            // Safety: takes a number.
            unsafe { (api.reductions)(self.raw(), count) }
        }
    }
}
