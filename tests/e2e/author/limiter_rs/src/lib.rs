// SPDX-License-Identifier: MIT
//! A rate limiter in Rust: {allow, Key} is true three times a second.
use coppice::*;
use std::{collections::HashMap, time::Duration};

#[derive(Default)]
struct Limiter {
    used: HashMap<OwnedTerm, u32>,
}

impl Server for Limiter {
    fn init(&mut self, me: &Actor, _args: &Message) -> Result<Init, Exit> {
        me.send_after(Duration::from_secs(1), Some(Duration::from_secs(1)), Atom("refill"))?;
        Ok(Init::Run)
    }
    fn handle_call(&mut self, _me: &Actor, request: &Message, _from: TermBytes<'_>) -> Result<Answer, Exit> {
        let mut at = request.reader();
        if !at.tuple_of(2) || !at.atom_is("allow") {
            return Ok(Answer::unhandled("{allow, Key} was expected"));
        }
        let key = at.term().ok_or(Error::Term)?;
        let used = self.used.entry(key.owned()).or_default();
        *used += 1;
        Ok(reply(*used <= 3))
    }
    fn handle_info(&mut self, _me: &Actor, term: &Message) -> Result<Next, Exit> {
        if term.term()? != Term::Atom("refill") {
            return Ok(Next::Unhandled);
        }
        self.used.clear();
        Ok(Next::Go)
    }
}

coppice::plugin! { id: "limiter_rs", version: "1.0.0", actors: [Limiter { name: "limiter_rs" }] }
