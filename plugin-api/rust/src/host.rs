// SPDX-License-Identifier: MIT
//! The host's tables, looked up by name and revision once when the plugin is loaded, and the meaning of its statuses.
//! Each plugin has its own copy of this crate, and so of these tables.

use crate::abi;
use std::ffi::CStr;
use std::fmt;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Why a host call was not done; the words are those of `coppice/status.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Error {
    /// An argument can never be right.
    Invalid,
    /// No memory, or a bound of the node was reached.
    Memory,
    /// This host does not offer it.
    Unsupported,
    /// This actor is dead to all others: the handler must only return.
    Exiting,
    /// The deadline passed first.
    Timeout,
    /// No such process.
    NoProcess,
    /// Its node is not connected, or was lost.
    NodeDown,
    /// The other process ended.
    Exit,
    /// An actor that calls itself would wait for ever.
    CallingSelf,
    /// The call in hand has been answered, or the handle was consumed.
    Used,
    /// The receiver's mailbox is at its bound.
    Full,
    /// The name is taken.
    Exists,
    /// Nothing by that name or id.
    NotFound,
    /// Not allowed in the callback or thread it came from, or while a panic unwinds.
    Context,
    /// The bytes are not one whole term, or one too large for what was asked.
    Term,
    /// The saved version is not known.
    Version,
    /// A promise was broken.
    Internal,
    /// A policy or the other side refused it.
    Refused,
    /// It may or may not have been done.
    UnknownOutcome,
    /// A number for which this crate has no name.
    Other(i32),
}

// The index is -1 - status; the 17th is the status that C++ uses for its exceptions.
const ERRORS: [Error; 20] = [
    Error::Invalid,
    Error::Memory,
    Error::Unsupported,
    Error::Exiting,
    Error::Timeout,
    Error::NoProcess,
    Error::NodeDown,
    Error::Exit,
    Error::CallingSelf,
    Error::Used,
    Error::Full,
    Error::Exists,
    Error::NotFound,
    Error::Context,
    Error::Term,
    Error::Version,
    Error::Other(EXCEPTION),
    Error::Internal,
    Error::Refused,
    Error::UnknownOutcome,
];

/// A panic was caught at the boundary.
pub(crate) const EXCEPTION: i32 = -17;

impl Error {
    /// The number at the boundary.
    pub fn status(self) -> i32 {
        match self {
            Error::Other(number) => number,
            _ => -1 - ERRORS.iter().position(|each| *each == self).unwrap_or(0) as i32,
        }
    }

    pub(crate) fn of(status: i32) -> Error {
        let index = -1 - i64::from(status);
        if (0..ERRORS.len() as i64).contains(&index) {
            ERRORS[index as usize]
        } else {
            Error::Other(status)
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Error::Invalid => "an argument can never be right",
            Error::Memory => "no memory, or a bound of the node was reached",
            Error::Unsupported => "this host does not offer it",
            Error::Exiting => "this actor has been ended",
            Error::Timeout => "the deadline passed",
            Error::NoProcess => "no such process",
            Error::NodeDown => "the node is not connected",
            Error::Exit => "the other process ended",
            Error::CallingSelf => "an actor cannot call itself",
            Error::Used => "it has been answered already",
            Error::Full => "the receiver's mailbox is full",
            Error::Exists => "the name is taken",
            Error::NotFound => "nothing by that name or id",
            Error::Context => "not allowed in this callback, nor while a panic unwinds",
            Error::Term => "the bytes are not one whole term, or too large a one",
            Error::Version => "the saved version is not known",
            Error::Internal => "a promise was broken",
            Error::Refused => "it was refused",
            Error::UnknownOutcome => "it may or may not have been done",
            Error::Other(number) => return write!(to, "status {}", number),
        })
    }
}

impl std::error::Error for Error {}

macro_rules! interfaces {
    ($($static:ident, $function:ident: $kind:ty = $name:literal;)*) => {
        $(
            static $static: AtomicPtr<$kind> = AtomicPtr::new(std::ptr::null_mut());
            // None before the plugin is loaded, as in its own unit tests.
            pub(crate) fn $function() -> Option<&'static $kind> {
                // Safety: set by `connect` to a table that stays valid until the plugin is unloaded.
                unsafe { $static.load(Ordering::Acquire).as_ref() }
            }
        )*

        /// Looks all of them up; the name of one that this host lacks, else None.
        ///
        /// # Safety
        /// `host` is the pointer that init was given.
        pub(crate) unsafe fn connect(host: *const abi::HostTable) -> Option<&'static str> {
            $(
                let name = CStr::from_bytes_with_nul($name.as_bytes()).unwrap_or_default();
                // Safety: the host's table and, where there is one, the interface, which begins with its size.
                let found = unsafe { ((*host).get_interface)(host, name.as_ptr()) } as *mut $kind;
                if found.is_null() || unsafe { (*found).size as usize } < std::mem::size_of::<$kind>() {
                    return Some(&$name[..$name.len() - 1]);
                }
                $static.store(found, Ordering::Release);
            )*
            HOST.store(host as *mut abi::HostTable, Ordering::Release);
            None
        }
    };
}

static HOST: AtomicPtr<abi::HostTable> = AtomicPtr::new(std::ptr::null_mut());

/// A draft of the ABI, looked up when it is first used: a plugin is loaded on hosts without it, too, and the names in
/// its file show `coppice inspect` the drafts that it depends on.
pub(crate) struct Draft<T> {
    name: &'static str, // ends with a NUL
    found: AtomicPtr<T>,
}

impl<T> Draft<T> {
    pub(crate) const fn named(name: &'static str) -> Draft<T> {
        Draft { name, found: AtomicPtr::new(std::ptr::null_mut()) }
    }

    /// `Error::Unsupported` on a host without it.
    pub(crate) fn need(&self) -> Result<&'static T, Error> {
        let mut found = self.found.load(Ordering::Acquire);
        if found.is_null() {
            let host = HOST.load(Ordering::Acquire);
            if host.is_null() {
                return Err(Error::Context);
            }
            let name = CStr::from_bytes_with_nul(self.name.as_bytes()).unwrap_or_default();
            // Safety: the table that init was given, and an interface that begins with its size.
            found = unsafe { ((*host).get_interface)(host, name.as_ptr()) } as *mut T;
            if found.is_null() || (unsafe { *(found as *const u32) } as usize) < std::mem::size_of::<T>() {
                return Err(Error::Unsupported);
            }
            self.found.store(found, Ordering::Release);
        }
        // Safety: it stays valid until the plugin is unloaded.
        Ok(unsafe { &*found })
    }
}

interfaces! {
    MESSAGE, message: abi::MessageApi = "coppice.message/1\0";
    ACTOR, actor: abi::ActorApi = "coppice.actor/1\0";
    CALL, call: abi::CallApi = "coppice.call/1\0";
    TIMER, timer: abi::TimerApi = "coppice.timer/1\0";
    WORK, work: abi::WorkApi = "coppice.work/1\0";
    LOG, log: abi::LogApi = "coppice.log/1\0";
}

/// Unwinds a handler whose actor is dead to all others. No hook is called for this panic.
pub(crate) struct Exiting;

/// A status as a result. When the actor is dead the stack unwinds to the callback's boundary, as C++ does it:
/// a loop that passes over errors would else spin for ever.
pub(crate) fn checked(status: i32) -> Result<i32, Error> {
    if status >= 0 {
        return Ok(status);
    }
    if status == Error::Exiting.status() && !std::thread::panicking() {
        std::panic::resume_unwind(Box::new(Exiting));
    }
    Err(Error::of(status))
}

/// The table, for a call that may park. A thread counts its own panics, and a handler that parks may continue on
/// another thread: so no destructor that runs during a panic may wait.
pub(crate) fn parking<T>(table: Option<&'static T>) -> Result<&'static T, Error> {
    if std::thread::panicking() {
        return Err(Error::Context);
    }
    table.ok_or(Error::Context)
}
