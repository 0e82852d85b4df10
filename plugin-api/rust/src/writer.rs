// SPDX-License-Identifier: MIT
//! Writing terms: `Encode`, which gives the Erlang form of Rust's values, and under it `Writer`, which the bytes go
//! into: a message of the host's, where they lie as they will travel, or memory. Each value is written in the one form
//! that it has in a message, so that equal numbers and atoms are equal bytes. Writing never fails by itself: a value
//! without an encoding fails the message as a whole.

use crate::abi;
use crate::host::Error;
use crate::message::Message;
use crate::term::{OwnedTerm, Term, TermBytes};
use std::convert::TryFrom;

enum Sink<'a> {
    Host(&'a mut abi::RawWriter),
    Memory(&'a mut Vec<u8>, Result<(), Error>),
}

/// The place into which a term is written. After the head of a tuple, list or map come its elements: the caller has to
/// write as many as it said, so `Encode` of a tuple, a slice or a `Map` is the better way where there is one.
pub struct Writer<'a> {
    sink: Sink<'a>,
}

impl<'a> Writer<'a> {
    pub(crate) fn into_memory(bytes: &'a mut Vec<u8>) -> Writer<'a> {
        Writer { sink: Sink::Memory(bytes, Ok(())) }
    }

    // `raw` is one that write_begin or a callback made, and stays where it is.
    pub(crate) fn into_host(raw: &'a mut abi::RawWriter) -> Writer<'a> {
        Writer { sink: Sink::Host(raw) }
    }

    pub(crate) fn status(&self) -> Result<(), Error> {
        match &self.sink {
            Sink::Host(raw) if raw.status != abi::OK => Err(Error::of(raw.status)),
            Sink::Host(_) => Ok(()),
            Sink::Memory(_, status) => *status,
        }
    }

    fn refuse(&mut self) {
        match &mut self.sink {
            Sink::Host(raw) if raw.status == abi::OK => raw.status = Error::Invalid.status(),
            Sink::Host(_) => {}
            Sink::Memory(_, status) => *status = Err(Error::Invalid),
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        match &mut self.sink {
            Sink::Memory(memory, _) => memory.extend_from_slice(bytes),
            Sink::Host(raw) => {
                let raw: &mut abi::RawWriter = raw;
                if raw.status != abi::OK {
                    return;
                }
                // Safety: between `at` and `end` is room of the writer's own; reserve makes more of it.
                unsafe {
                    if ((raw.end as usize) - (raw.at as usize)) < bytes.len()
                        && ((*raw.api).reserve)(raw, bytes.len() as u64) != abi::OK
                    {
                        return;
                    }
                    std::ptr::copy_nonoverlapping(bytes.as_ptr(), raw.at, bytes.len());
                    raw.at = raw.at.add(bytes.len());
                }
            }
        }
    }

    fn block(&mut self, tag: u8, length: usize) {
        match u32::try_from(length) {
            Ok(length) => {
                let size = length.to_be_bytes();
                self.put(&[tag, size[0], size[1], size[2], size[3]]);
            }
            Err(_) => self.refuse(),
        }
    }

    /// `{…}`: as many elements follow.
    pub fn tuple(&mut self, arity: usize) {
        match u8::try_from(arity) {
            Ok(arity) => self.put(&[104, arity]),
            Err(_) => self.block(105, arity),
        }
    }

    /// `[…]`: as many elements follow and then its tail, `nil`; an empty list is only `nil`.
    pub fn list(&mut self, length: usize) {
        if length != 0 {
            self.block(108, length);
        }
    }

    /// `[]`
    pub fn nil(&mut self) {
        self.put(&[106]);
    }

    /// `#{…}`: as many keys follow, each with its value, and none twice.
    pub fn map(&mut self, pairs: usize) {
        self.block(116, pairs);
    }

    /// At most 255 characters.
    pub fn atom(&mut self, name: &str) {
        if name.len() < 256 {
            self.put(&[119, name.len() as u8]);
        } else if name.chars().count() < 256 {
            let size = (name.len() as u16).to_be_bytes();
            self.put(&[118, size[0], size[1]]);
        } else {
            return self.refuse();
        }
        self.put(name.as_bytes());
    }

    /// `<<…>>`
    pub fn binary(&mut self, data: &[u8]) {
        self.block(109, data.len());
        self.put(data);
    }

    /// "…" of Erlang: a list of bytes.
    pub fn chars(&mut self, data: &[u8]) {
        if data.is_empty() {
            return self.nil();
        }
        match u16::try_from(data.len()) {
            Ok(size) => {
                let size = size.to_be_bytes();
                self.put(&[107, size[0], size[1]]);
                self.put(data);
            }
            Err(_) => {
                self.list(data.len());
                for each in data {
                    self.put(&[97, *each]);
                }
                self.nil();
            }
        }
    }

    /// An integer of any sign.
    pub fn integer(&mut self, value: i64) {
        if let Ok(small) = u8::try_from(value) {
            self.put(&[97, small]);
        } else if let Ok(word) = i32::try_from(value) {
            let word = word.to_be_bytes();
            self.put(&[98, word[0], word[1], word[2], word[3]]);
        } else {
            self.big(value < 0, value.unsigned_abs());
        }
    }

    /// An integer above what an i64 holds, too.
    pub fn unsigned(&mut self, value: u64) {
        match i64::try_from(value) {
            Ok(value) => self.integer(value),
            Err(_) => self.big(false, value),
        }
    }

    fn big(&mut self, negative: bool, magnitude: u64) {
        let size = 8 - magnitude.leading_zeros() as usize / 8;
        self.put(&[110, size as u8, negative.into()]);
        self.put(&magnitude.to_le_bytes()[..size]);
    }

    /// Finite: Erlang has neither infinity nor NaN.
    pub fn float(&mut self, value: f64) {
        if !value.is_finite() {
            return self.refuse();
        }
        self.put(&[70]);
        self.put(&value.to_be_bytes());
    }

    /// Writes the bytes of a term.
    pub fn term(&mut self, term: TermBytes<'_>) {
        self.put(term.bytes());
    }
}

/// The Erlang form of a value: a number, `<<"text">>` of a `str` or of bytes, `true` and `false`, `ok` of `()`, a tuple
/// of a tuple, a list of a slice or `Vec`, a map of a `Map`.
pub trait Encode {
    /// Writes exactly one term.
    fn encode(&self, to: &mut Writer<'_>);
}

/// An atom. A `str` is a binary, so atoms have a type of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Atom<'a>(pub &'a str);

/// A map of pairs, whose keys differ.
#[derive(Clone, Copy, Debug)]
pub struct Map<'a, K, V>(pub &'a [(K, V)]);

impl Encode for Atom<'_> {
    fn encode(&self, to: &mut Writer<'_>) {
        to.atom(self.0);
    }
}
impl Encode for () {
    fn encode(&self, to: &mut Writer<'_>) {
        to.atom("ok");
    }
}
impl Encode for bool {
    fn encode(&self, to: &mut Writer<'_>) {
        to.atom(if *self { "true" } else { "false" });
    }
}
impl Encode for str {
    fn encode(&self, to: &mut Writer<'_>) {
        to.binary(self.as_bytes());
    }
}
impl Encode for String {
    fn encode(&self, to: &mut Writer<'_>) {
        to.binary(self.as_bytes());
    }
}
impl Encode for f64 {
    fn encode(&self, to: &mut Writer<'_>) {
        to.float(*self);
    }
}
macro_rules! integers {
    ($($kind:ty => $write:ident as $wide:ty;)*) => {
        $(impl Encode for $kind {
            fn encode(&self, to: &mut Writer<'_>) {
                to.$write(*self as $wide);
            }
        })*
    };
}
integers! {
    i8 => integer as i64;
    i16 => integer as i64;
    i32 => integer as i64;
    i64 => integer as i64;
    isize => integer as i64;
    u16 => integer as i64;
    u32 => integer as i64;
    u64 => unsigned as u64;
    usize => unsigned as u64;
}
// Bytes are a binary, so a u8 is no number here: a list of them would be a string.
impl Encode for [u8] {
    fn encode(&self, to: &mut Writer<'_>) {
        to.binary(self);
    }
}
impl<T: Encode> Encode for [T] {
    fn encode(&self, to: &mut Writer<'_>) {
        to.list(self.len());
        for each in self {
            each.encode(to);
        }
        to.nil();
    }
}
impl<T> Encode for Vec<T>
where
    [T]: Encode,
{
    fn encode(&self, to: &mut Writer<'_>) {
        self.as_slice().encode(to);
    }
}
impl<T, const SIZE: usize> Encode for [T; SIZE]
where
    [T]: Encode,
{
    fn encode(&self, to: &mut Writer<'_>) {
        self.as_slice().encode(to);
    }
}
impl<T: Encode + ?Sized> Encode for &T {
    fn encode(&self, to: &mut Writer<'_>) {
        (**self).encode(to);
    }
}
impl<K: Encode, V: Encode> Encode for Map<'_, K, V> {
    fn encode(&self, to: &mut Writer<'_>) {
        to.map(self.0.len());
        for (key, value) in self.0 {
            key.encode(to);
            value.encode(to);
        }
    }
}
impl Encode for TermBytes<'_> {
    fn encode(&self, to: &mut Writer<'_>) {
        to.term(*self);
    }
}
impl Encode for OwnedTerm {
    fn encode(&self, to: &mut Writer<'_>) {
        to.term(self.view());
    }
}
impl Encode for Message {
    fn encode(&self, to: &mut Writer<'_>) {
        to.term(self.bytes());
    }
}
impl Encode for Term<'_> {
    fn encode(&self, to: &mut Writer<'_>) {
        match self {
            Term::Integer(value) => to.integer(*value),
            Term::Float(value) => to.float(*value),
            Term::Atom(name) => to.atom(name),
            Term::Binary(data) => to.binary(data),
            Term::Chars(data) => to.chars(data),
            Term::Tuple(elements) => {
                to.tuple(elements.len());
                elements.iter().for_each(|each| each.encode(to));
            }
            Term::List(elements) => elements.encode(to),
            Term::Improper(elements, tail) => {
                to.list(elements.len());
                elements.iter().for_each(|each| each.encode(to));
                tail.encode(to);
            }
            Term::Map(pairs) => Map(pairs).encode(to),
            Term::Big(term) | Term::Pid(term) | Term::Port(term) | Term::Reference(term) | Term::Other(term) => {
                to.term(*term)
            }
        }
    }
}
macro_rules! tuples {
    ($($count:literal: $($name:ident $index:tt),*;)*) => {
        $(impl<$($name: Encode),*> Encode for ($($name,)*) {
            fn encode(&self, to: &mut Writer<'_>) {
                to.tuple($count);
                $(self.$index.encode(to);)*
            }
        })*
    };
}
tuples! {
    1: A 0;
    2: A 0, B 1;
    3: A 0, B 1, C 2;
    4: A 0, B 1, C 2, D 3;
    5: A 0, B 1, C 2, D 3, E 4;
    6: A 0, B 1, C 2, D 3, E 4, F 5;
    7: A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    8: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
}
