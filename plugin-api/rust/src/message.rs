// SPDX-License-Identifier: MIT
//! A message: one term, immutable, counted by the host and read where it lies. Any thread.

use crate::abi;
use crate::host::{self, Error};
use crate::reader::Reader;
use crate::term::{Term, TermBytes};
use crate::writer::{Encode, Writer};
use std::fmt;

/// A message that this plugin has a share of; the `&Message` of a callback belongs to the host. A clone is one more
/// owner of the same bytes.
#[repr(transparent)]
pub struct Message(abi::RawMessage);

// Safety: immutable, and the host counts its owners from any thread.
unsafe impl Send for Message {}
unsafe impl Sync for Message {}

impl Message {
    /// `Error::Invalid`: the value has no encoding; `Error::Memory`: there is no memory; with debug assertions
    /// `Error::Term`: an `Encode` of the plugin's own wrote something else than one term.
    pub fn new(value: impl Encode) -> Result<Message, Error> {
        let api = host::message().ok_or(Error::Context)?;
        // Safety: a writer is plain data, filled by write_begin; it stays here until finish ends it, and an
        // Encode that panics leaves it to the guard.
        struct Open(abi::RawWriter, bool);
        impl Drop for Open {
            fn drop(&mut self) {
                if self.1 {
                    unsafe { ((*self.0.api).discard)(&mut self.0) }
                }
            }
        }
        let mut open = Open(unsafe { std::mem::zeroed() }, false);
        host::checked(unsafe { (api.write_begin)(64, &mut open.0) })?;
        open.0.api = api;
        open.1 = true;
        value.encode(&mut Writer::into_host(&mut open.0));
        open.1 = false;
        let mut made = abi::RawMessage::empty();
        host::checked(unsafe { (api.finish)(&mut open.0, &mut made) })?;
        let message = Message(made);
        if cfg!(debug_assertions) {
            host::checked(unsafe { (api.validate)(abi::Bytes::of(message.bytes().bytes())) })?;
        }
        Ok(message)
    }

    // A message that a host call filled, perhaps with nothing.
    pub(crate) fn taken(raw: abi::RawMessage) -> Message {
        Message(raw)
    }

    /// # Safety
    /// `raw` is null or the host's, for 'a.
    pub(crate) unsafe fn borrowed<'a>(raw: *const abi::RawMessage) -> &'a Message {
        struct Nothing(Message);
        // Safety: it points to nothing.
        unsafe impl Sync for Nothing {}
        static NOTHING: Nothing = Nothing(Message(abi::RawMessage::empty()));
        // Safety: Message is transparent.
        unsafe { (raw as *const Message).as_ref() }.unwrap_or(&NOTHING.0)
    }

    // For a call that takes the message, with this share of it.
    pub(crate) fn give(self) -> abi::RawMessage {
        let kept = std::mem::ManuallyDrop::new(self);
        // Safety: read once, and never dropped here.
        unsafe { std::ptr::read(&kept.0) }
    }

    /// The term's bytes, where they are.
    pub fn bytes(&self) -> TermBytes<'_> {
        // Safety: the host's, unchanged while this share is held.
        TermBytes::believed(unsafe { abi::Bytes { data: self.0.data, size: self.0.size }.view() })
    }

    /// The term taken apart, for a `match`; see `TermBytes::term`.
    pub fn term(&self) -> Result<Term<'_>, Error> {
        self.bytes().term()
    }

    /// A reader that walks through the term.
    pub fn reader(&self) -> Reader<'_> {
        self.bytes().reader()
    }
}

impl Clone for Message {
    fn clone(&self) -> Message {
        if self.0.data.is_null() {
            return Message(abi::RawMessage::empty());
        }
        let mut copy = abi::RawMessage::empty();
        let status = match host::message() {
            // Safety: one owner more.
            Some(api) => unsafe { (api.retain)(&self.0, &mut copy) },
            None => Error::Context.status(),
        };
        assert!(status == abi::OK, "a message cannot be kept: {}", Error::of(status));
        Message(copy)
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        if self.0.owner.is_null() {
            return;
        }
        if let Some(api) = host::message() {
            // Safety: this share, given back once.
            unsafe { (api.release)(&mut self.0) }
        }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes().fmt(to)
    }
}
