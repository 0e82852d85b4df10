// SPDX-License-Identifier: MIT
//! Terms: `TermBytes`, one whole term as it lies in a message; `OwnedTerm`, one that is kept; and `Term`, taken apart
//! for pattern matching. Any process may send any term, so a `match` has to check its shape.

use crate::host::Error;
use crate::reader::Reader;
use crate::writer::{Encode, Writer};
use std::fmt;

/// How deep `Term` goes into containers.
pub(crate) const DEEPEST: usize = 64;
/// The most terms that `Term` makes of one term: a byte in a message may take 32 as a `Term`.
pub(crate) const MOST: usize = 1 << 20;

/// One whole term as its bytes, borrowed: comparing and copying need no decoding. Equal numbers, atoms, pids and
/// references are equal bytes; maps of several pairs may differ in their order.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TermBytes<'a>(&'a [u8]);

impl<'a> TermBytes<'a> {
    /// None unless the bytes are one whole term.
    pub fn new(bytes: &'a [u8]) -> Option<TermBytes<'a>> {
        let mut at = Reader::new(bytes);
        let whole = at.term()?;
        if at.left() == 0 {
            Some(whole)
        } else {
            None
        }
    }

    // For bytes that the host or a reader says are a term; nothing relies on it for memory.
    pub(crate) fn believed(bytes: &'a [u8]) -> TermBytes<'a> {
        TermBytes(bytes)
    }

    /// The term in Erlang's external format, without the leading 131.
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// A reader that walks through it without taking it apart whole.
    pub fn reader(self) -> Reader<'a> {
        Reader::new(self.0)
    }

    /// The term taken apart. `Error::Term`: more than 64 containers inside of each other, or more than 1,048,576 terms;
    /// use a `Reader` for those.
    pub fn term(self) -> Result<Term<'a>, Error> {
        Term::read(self.0)
    }

    /// A copy that can be kept.
    pub fn owned(self) -> OwnedTerm {
        OwnedTerm(self.0.to_vec())
    }

    /// The value of that atom in a map.
    pub fn get(self, key: &str) -> Option<TermBytes<'a>> {
        let mut at = self.reader();
        for _ in 0..at.map()? {
            if at.atom_is(key) {
                return at.term();
            }
            at.term()?;
            at.term()?;
        }
        None
    }
}

impl fmt::Debug for TermBytes<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.term() {
            Ok(term) => term.fmt(to),
            Err(_) => write!(to, "a term of {} bytes", self.0.len()),
        }
    }
}

/// One whole term that is kept: in a state, in a map's keys.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct OwnedTerm(Vec<u8>);

impl OwnedTerm {
    /// `Error::Invalid`: the value has no encoding: an infinity, an atom of more than 255 characters.
    pub fn new(value: impl Encode) -> Result<OwnedTerm, Error> {
        let mut bytes = Vec::new();
        let mut writer = Writer::into_memory(&mut bytes);
        value.encode(&mut writer);
        writer.status()?;
        Ok(OwnedTerm(bytes))
    }

    /// The term's bytes.
    pub fn view(&self) -> TermBytes<'_> {
        TermBytes(&self.0)
    }
}

impl fmt::Debug for OwnedTerm {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view().fmt(to)
    }
}

/// A term taken apart; texts and identities still lie in the message.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Term<'a> {
    /// An integer that an i64 holds
    Integer(i64),
    /// An integer that an i64 does not hold
    Big(TermBytes<'a>),
    /// Finite.
    Float(f64),
    /// `true`, `ok`, …
    Atom(&'a str),
    /// `<<"text">>`
    Binary(&'a [u8]),
    /// A list of integers from 0 to 255, as "text" is in Erlang; see `to_list`.
    Chars(&'a [u8]),
    /// `{…}`
    Tuple(Vec<Term<'a>>),
    /// `[…]`, but for what arrives as `Chars`
    List(Vec<Term<'a>>),
    /// `[… | Tail]` whose tail is no list
    Improper(Vec<Term<'a>>, Box<Term<'a>>),
    /// `#{…}`, in no order
    Map(Vec<(Term<'a>, Term<'a>)>),
    /// A process
    Pid(TermBytes<'a>),
    /// A port
    Port(TermBytes<'a>),
    /// A reference, of a monitor, alias, timer or call
    Reference(TermBytes<'a>),
    /// A fun, or a bitstring that is no binary
    Other(TermBytes<'a>),
}

impl<'a> Term<'a> {
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Term<'a>, Error> {
        let mut at = Reader::new(bytes);
        let mut budget = MOST;
        let term = one(&mut at, DEEPEST, &mut budget).ok_or(Error::Term)?;
        if at.left() != 0 {
            return Err(Error::Term);
        }
        Ok(term)
    }

    /// The elements of a tuple.
    pub fn as_tuple(&self) -> Option<&[Term<'a>]> {
        match self {
            Term::Tuple(elements) => Some(elements),
            _ => None,
        }
    }

    /// The elements of a proper list, also of one that came as a string.
    pub fn to_list(&self) -> Option<Vec<Term<'a>>> {
        match self {
            Term::List(elements) => Some(elements.clone()),
            Term::Chars(chars) => Some(chars.iter().map(|each| Term::Integer(i64::from(*each))).collect()),
            _ => None,
        }
    }

    /// A text as people write one: a binary, a string or an atom.
    pub fn as_text(&self) -> Option<&'a [u8]> {
        match self {
            Term::Binary(text) | Term::Chars(text) => Some(text),
            Term::Atom(name) => Some(name.as_bytes()),
            _ => None,
        }
    }

    /// The value of that atom in a map.
    pub fn get(&self, key: &str) -> Option<&Term<'a>> {
        match self {
            Term::Map(pairs) => pairs.iter().find(|(name, _)| *name == Term::Atom(key)).map(|(_, value)| value),
            _ => None,
        }
    }
}

// `left` more containers may be opened, and `budget` more terms made.
fn one<'a>(at: &mut Reader<'a>, left: usize, budget: &mut usize) -> Option<Term<'a>> {
    *budget = budget.checked_sub(1)?;
    Some(match at.tag() {
        97 | 98 => Term::Integer(at.integer()?),
        110 => match at.integer() {
            Some(value) => Term::Integer(value),
            None => Term::Big(at.term()?),
        },
        111 => Term::Big(at.term()?),
        70 => Term::Float(at.float()?),
        118 | 119 => Term::Atom(at.atom()?),
        109 => Term::Binary(at.binary()?),
        107 => Term::Chars(at.chars()?),
        104 | 105 => {
            let arity = at.tuple()?;
            Term::Tuple(several(at, arity, left, budget)?)
        }
        106 | 108 => {
            let length = at.list()?;
            let elements = several(at, length, left, budget)?;
            if at.nil() {
                Term::List(elements)
            } else {
                Term::Improper(elements, Box::new(one(at, left.checked_sub(1)?, budget)?))
            }
        }
        116 => {
            let pairs = at.map()?;
            let mut parts = several(at, pairs.checked_mul(2)?, left, budget)?.into_iter();
            let mut all = Vec::with_capacity(pairs.min(MOST_RESERVED));
            while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
                all.push((key, value));
            }
            Term::Map(all)
        }
        88 => Term::Pid(at.term()?),
        89 | 120 => Term::Port(at.term()?),
        90 => Term::Reference(at.term()?),
        _ => Term::Other(at.term()?),
    })
}

// Up to this number, memory for all elements is taken as soon as the head is read; beyond, as they are read.
const MOST_RESERVED: usize = 1024;

fn several<'a>(at: &mut Reader<'a>, count: usize, left: usize, budget: &mut usize) -> Option<Vec<Term<'a>>> {
    let left = left.checked_sub(1)?;
    if count > *budget {
        return None;
    }
    let mut all = Vec::with_capacity(count.min(MOST_RESERVED));
    for _ in 0..count {
        all.push(one(at, left, budget)?);
    }
    Some(all)
}
