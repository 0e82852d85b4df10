// SPDX-License-Identifier: MIT
//! The boundary between the host and an actor's code: no panic crosses it. A panic becomes the exit reason {panic,
//! Text}, where Text has the panic's message and place.

use crate::abi;
use crate::host::{self, Exiting, EXCEPTION};
use crate::server::Exit;
use crate::term::OwnedTerm;
use crate::writer::Atom;
use std::any::Any;
use std::cell::Cell;
use std::panic::{catch_unwind, AssertUnwindSafe, Location};

// Where a panic was: the end of the file's path.
#[derive(Clone, Copy)]
struct Place {
    file: [u8; 96],
    size: usize,
    line: u32,
}

// The place of this thread's last panic. It has no destructor, which would keep the plugin mapped for good.
thread_local! {
    static PLACE: Cell<Option<Place>> = const { Cell::new(None) };
}

fn remember(place: &Location<'_>) {
    let path = place.file().as_bytes();
    let mut kept = Place { file: [0; 96], size: path.len().min(96), line: place.line() };
    kept.file[..kept.size].copy_from_slice(&path[path.len() - kept.size..]);
    PLACE.with(|last| last.set(Some(kept)));
}

/// Takes the place of Rust's own output; the reason tells the panic to the supervisor and the log.
pub(crate) fn hook() {
    std::panic::set_hook(Box::new(|panic| panic.location().into_iter().for_each(remember)));
}

pub(crate) fn text_of(payload: &(dyn Any + Send)) -> String {
    let said = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text.as_str(),
        _ => "a value that is no text",
    };
    match PLACE.with(Cell::take) {
        Some(place) => format!("{}, at {}:{}", said, String::from_utf8_lossy(&place.file[..place.size]), place.line),
        None => said.to_owned(),
    }
}

fn panicked(actor: *mut abi::Actor, payload: Box<dyn Any + Send>) -> i32 {
    if payload.is::<Exiting>() {
        return host::Error::Exiting.status();
    }
    let text = text_of(&*payload);
    drop_quietly(payload);
    if let (Some(api), Ok(reason)) = (host::actor(), OwnedTerm::new((Atom("panic"), text.as_str()))) {
        // Safety: the actor of the running callback; both are copied.
        unsafe {
            (api.set_error)(actor, EXCEPTION, abi::Bytes::of(text.as_bytes()));
            (api.set_reason)(actor, abi::Bytes::of(reason.view().bytes()));
        }
    }
    EXCEPTION
}

/// A panic's payload may panic itself when it is dropped.
pub(crate) fn drop_quietly<T>(value: T) {
    if let Err(again) = catch_unwind(AssertUnwindSafe(move || drop(value))) {
        std::mem::forget(again);
    }
}

/// Runs a callback's body and returns its status.
pub(crate) fn guarded(actor: *mut abi::Actor, body: impl FnOnce() -> Result<i32, Exit>) -> i32 {
    // The actor ends with a panic: only its destructor sees the state that the panic has left.
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(status)) => status,
        Ok(Err(exit)) => exit.into_status(actor),
        Err(payload) => panicked(actor, payload),
    }
}
