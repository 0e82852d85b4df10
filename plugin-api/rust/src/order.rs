// SPDX-License-Identifier: MIT
//! Erlang's order, equality and hash of terms, which are more than a comparison of bytes: equal maps may name
//! their keys in different orders, and a list of small integers has two encodings. A draft of the ABI: on a host
//! without it each of these is `Error::Unsupported`, and in a crate's own tests, without any host, `Error::Context`.
//! Any thread.

use crate::abi;
use crate::host::{Draft, Error};
use crate::term::{OwnedTerm, TermBytes};
use crate::writer::{Encode, Writer};
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

static ORDER: Draft<abi::OrderApi> = Draft::named("coppice.order/draft-1\0");

fn raw(term: TermBytes<'_>) -> abi::Bytes {
    abi::Bytes::of(term.bytes())
}

impl TermBytes<'_> {
    /// The order of Erlang's `<`, `==` and `>`: `1` and `1.0` are `Ordering::Equal`.
    pub fn compare(self, other: TermBytes<'_>) -> Result<Ordering, Error> {
        let api = ORDER.need()?;
        // Safety: two terms that live until it returns.
        Ok(unsafe { (api.compare)(raw(self), raw(other)) }.cmp(&0))
    }

    /// `A =:= B`
    pub fn equals(self, other: TermBytes<'_>) -> Result<bool, Error> {
        let api = ORDER.need()?;
        // Safety: two terms that live until it returns.
        Ok(unsafe { (api.equal)(raw(self), raw(other)) } != 0)
    }

    /// `erlang:phash2(Term)`: the same for terms that are equal, on every node.
    pub fn phash2(self) -> Result<u32, Error> {
        let api = ORDER.need()?;
        // Safety: a term that lives until it returns.
        Ok(unsafe { (api.hash)(raw(self)) })
    }
}

/// A term that is kept as the key of a `HashMap`: equal to another if Erlang's `=:=` says so, and hashed once. A
/// look-up needs such a key, too.
#[derive(Clone)]
pub struct TermKey {
    term: OwnedTerm,
    hash: u32,
}

impl TermKey {
    /// `Error::Invalid`: the value has no encoding.
    pub fn new(value: impl Encode) -> Result<TermKey, Error> {
        let term = OwnedTerm::new(value)?;
        let hash = term.view().phash2()?;
        Ok(TermKey { term, hash })
    }

    /// The term as it was given.
    pub fn view(&self) -> TermBytes<'_> {
        self.term.view()
    }
}

impl PartialEq for TermKey {
    fn eq(&self, other: &TermKey) -> bool {
        // The draft was found when a key was made.
        self.hash == other.hash && (self.term == other.term || self.view().equals(other.view()).unwrap_or(false))
    }
}

impl Eq for TermKey {}

impl Hash for TermKey {
    fn hash<H: Hasher>(&self, into: &mut H) {
        into.write_u32(self.hash);
    }
}

impl Encode for TermKey {
    fn encode(&self, to: &mut Writer<'_>) {
        self.term.encode(to);
    }
}

impl std::fmt::Debug for TermKey {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.term.fmt(to)
    }
}
