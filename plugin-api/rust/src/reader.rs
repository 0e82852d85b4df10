// SPDX-License-Identifier: MIT
//! A place in a term, read one piece after the other without copying: it walks through the term, where `Term` allocates
//! memory. A read that does not fit returns None or false and moves nothing, so one shape may be tried after the other.
//! A head that promises more elements than there are bytes left does not fit either.

use crate::term::TermBytes;
use std::convert::TryInto;

/// Keep a copy to return to a place.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader of any bytes, which need not be a term.
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// The bytes that are left.
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// The tag of the next term, one of those in `coppice/message.h`; 0 at the end.
    pub fn tag(&self) -> u8 {
        self.rest.first().copied().unwrap_or(0)
    }

    // `size` bytes from `head` on; the reader then stands behind them.
    fn take(&mut self, head: usize, size: usize) -> Option<&'a [u8]> {
        let end = head.checked_add(size)?;
        let found = self.rest.get(head..end)?;
        self.rest = &self.rest[end..];
        Some(found)
    }

    fn be16(&self, at: usize) -> Option<usize> {
        let bytes = self.rest.get(at..at.checked_add(2)?)?;
        Some(u16::from_be_bytes(bytes.try_into().ok()?) as usize)
    }

    fn be32(&self, at: usize) -> Option<usize> {
        let bytes = self.rest.get(at..at.checked_add(4)?)?;
        Some(u32::from_be_bytes(bytes.try_into().ok()?) as usize)
    }

    // A tag and a 32-bit count of elements that take at least `each` bytes.
    fn count(&mut self, tag: u8, each: usize) -> Option<usize> {
        let found = self.be32(1)?;
        if self.tag() != tag || found > (self.left() - 5) / each {
            return None;
        }
        self.rest = &self.rest[5..];
        Some(found)
    }

    /// `{…}` of any arity: its elements follow.
    pub fn tuple(&mut self) -> Option<usize> {
        if self.tag() != 104 {
            return self.count(105, 1);
        }
        let arity = *self.rest.get(1)? as usize;
        if self.left() - 2 < arity {
            return None;
        }
        self.rest = &self.rest[2..];
        Some(arity)
    }

    /// `{…}` of exactly that arity.
    pub fn tuple_of(&mut self, arity: usize) -> bool {
        let mut ahead = *self;
        if ahead.tuple() != Some(arity) {
            return false;
        }
        *self = ahead;
        true
    }

    /// `[…]`: as many elements follow, then its tail: `nil`, or any term if the list is improper. `[]` is a length
    /// of 0 and its tail, which is still to be read. A list of small integers may be `chars` instead.
    pub fn list(&mut self) -> Option<usize> {
        if self.tag() == 106 {
            return Some(0);
        }
        self.count(108, 1)
    }

    /// `[]`, and the tail of a proper list.
    pub fn nil(&mut self) -> bool {
        self.tag() == 106 && self.take(0, 1).is_some()
    }

    /// `#{…}`: as many keys follow, each with its value.
    pub fn map(&mut self) -> Option<usize> {
        self.count(116, 2)
    }

    /// An atom's text.
    pub fn atom(&mut self) -> Option<&'a str> {
        let (head, size) = match self.tag() {
            119 => (2, *self.rest.get(1)? as usize),
            118 => (3, self.be16(1)?),
            _ => return None,
        };
        let mut ahead = *self;
        let text = std::str::from_utf8(ahead.take(head, size)?).ok()?;
        *self = ahead;
        Some(text)
    }

    /// Whether the next term is that atom.
    pub fn atom_is(&mut self, name: &str) -> bool {
        let mut ahead = *self;
        if ahead.atom() != Some(name) {
            return false;
        }
        *self = ahead;
        true
    }

    /// A binary's bytes.
    pub fn binary(&mut self) -> Option<&'a [u8]> {
        if self.tag() != 109 {
            return None;
        }
        let size = self.be32(1)?;
        self.take(5, size)
    }

    /// `"…"` of Erlang whose characters are bytes: the form in which a list of integers from 0 to 255 is sent, but for
    /// an empty list and one with more than 65,535 elements.
    pub fn chars(&mut self) -> Option<&'a [u8]> {
        if self.tag() != 107 {
            return None;
        }
        let size = self.be16(1)?;
        self.take(3, size)
    }

    /// A text as people write one: a binary, a string or an atom.
    pub fn text(&mut self) -> Option<&'a [u8]> {
        match self.tag() {
            109 => self.binary(),
            107 => self.chars(),
            _ => self.atom().map(str::as_bytes),
        }
    }

    /// An integer that an i64 holds.
    pub fn integer(&mut self) -> Option<i64> {
        match self.tag() {
            97 => self.take(1, 1).map(|byte| byte[0].into()),
            98 => self.take(1, 4).and_then(|bytes| Some(i32::from_be_bytes(bytes.try_into().ok()?).into())),
            110 => {
                let size = *self.rest.get(1)? as usize;
                let negative = *self.rest.get(2)? != 0;
                if size > 8 {
                    return None;
                }
                let bytes = self.rest.get(3..3 + size)?;
                let magnitude = bytes.iter().rev().fold(0u64, |all, byte| all << 8 | u64::from(*byte));
                let value = if negative {
                    if magnitude > 1 << 63 {
                        return None;
                    }
                    (magnitude as i64).wrapping_neg()
                } else {
                    magnitude.try_into().ok()?
                };
                self.rest = &self.rest[3 + size..];
                Some(value)
            }
            _ => None,
        }
    }

    /// A float, and no integer.
    pub fn float(&mut self) -> Option<f64> {
        if self.tag() != 70 {
            return None;
        }
        let mut ahead = *self;
        let value = f64::from_be_bytes(ahead.take(1, 8)?.try_into().ok()?);
        if !value.is_finite() {
            return None;
        }
        *self = ahead;
        Some(value)
    }

    /// The bytes of any one term. Keeps a count, not a stack.
    pub fn term(&mut self) -> Option<TermBytes<'a>> {
        let mut ahead = *self;
        let mut terms = 1usize;
        while terms != 0 {
            let (size, inner) = ahead.head()?;
            ahead.take(0, size)?;
            if inner > ahead.left() {
                return None;
            }
            terms = terms - 1 + inner;
        }
        let whole = &self.rest[..self.left() - ahead.left()];
        *self = ahead;
        Some(TermBytes::believed(whole))
    }

    // The bytes of one head, or of a term without elements, and how many terms follow.
    fn head(&self) -> Option<(usize, usize)> {
        let leaf = |size: usize| Some((size, 0));
        match self.tag() {
            106 => leaf(1),
            97 => leaf(2),
            98 => leaf(5),
            70 => leaf(9),
            119 => leaf(2 + *self.rest.get(1)? as usize),
            110 => leaf(3 + *self.rest.get(1)? as usize),
            118 | 107 => leaf(3 + self.be16(1)?),
            109 => leaf(self.be32(1)?.checked_add(5)?),
            77 | 111 => leaf(self.be32(1)?.checked_add(6)?),
            112 => self.be32(1).filter(|size| *size >= 4).and_then(|size| leaf(size.checked_add(1)?)),
            113 => Some((1, 3)),
            104 => Some((2, *self.rest.get(1)? as usize)),
            105 => Some((5, self.be32(1)?)),
            108 => Some((5, self.be32(1)?.checked_add(1)?)),
            116 => Some((5, self.be32(1)?.checked_mul(2)?)),
            88 | 120 => self.identity(1, 12),
            89 => self.identity(1, 8),
            90 => self.identity(3, 4 + 4 * self.be16(1)?),
            _ => None,
        }
    }

    // An identity: its node's name behind `before` bytes, and `rest` bytes behind that.
    fn identity(&self, before: usize, rest: usize) -> Option<(usize, usize)> {
        let mut ahead = Reader::new(self.rest.get(before..)?);
        ahead.atom()?;
        Some((self.left() - ahead.left() + rest, 0))
    }
}
