// SPDX-License-Identifier: MIT
//! my_actor: a server. The call {add, N} is answered with the sum so far; the cast `reset` sets the sum back to
//! args.start. The sum survives a reload.
use coppice::{reply, Actor, Answer, Carried, Encode, Error, Exit, Init, Message, Next, Server, Term, TermBytes, Writer};

#[derive(Default)]
struct Counter {
    start: i64,
    sum: i64,
}

impl Counter {
    /// None: the sum is too large.
    fn add(&mut self, amount: i64) -> Option<i64> {
        self.sum = self.sum.checked_add(amount)?;
        Some(self.sum)
    }
}

impl Server for Counter {
    fn init(&mut self, _me: &Actor, args: &Message) -> Result<Init, Exit> {
        if let Term::Map(pairs) = args.term()? {
            for (key, value) in pairs {
                if let (Term::Atom("start"), Term::Integer(start)) = (key, value) {
                    self.start = start;
                }
            }
        }
        self.sum = self.start;
        Ok(Init::Run)
    }

    fn handle_call(&mut self, _me: &Actor, request: &Message, _from: TermBytes<'_>) -> Result<Answer, Exit> {
        if let Some([Term::Atom("add"), Term::Integer(amount)]) = request.term()?.as_tuple() {
            return Ok(reply(self.add(*amount).expect("the sum is too large")));
        }
        Ok(Answer::unhandled("{add, Integer} was expected"))
    }

    fn handle_cast(&mut self, _me: &Actor, term: &Message) -> Result<Next, Exit> {
        if term.term()? != Term::Atom("reset") {
            return Ok(Next::Unhandled);
        }
        self.sum = self.start;
        Ok(Next::Go)
    }
}

impl Carried for Counter {
    fn save_state(&self, out: &mut Writer<'_>) -> Result<(), Exit> {
        (self.start, self.sum).encode(out);
        Ok(())
    }

    // Raise state_version when what is saved changes, and read both here.
    fn restore_state(&mut self, version: u32, saved: &Message) -> Result<(), Exit> {
        match (version, saved.term()?.as_tuple()) {
            (1, Some([Term::Integer(start), Term::Integer(sum)])) => *self = Counter { start: *start, sum: *sum },
            _ => return Err(Error::Version.into()),
        }
        Ok(())
    }
}

coppice::plugin! {
    id: "my_actor", version: "0.1.0",
    actors: [Counter {
        name: "my_actor", state_version: 1,
        args_schema: r#"{"type":"object","additionalProperties":false,"properties":{"start":{"type":"integer","description":"the first sum; 0 without it"}}}"#
    }]
}

#[cfg(test)]
mod tests {
    use super::Counter;

    #[test]
    fn it_adds() {
        let mut counter = Counter { start: 2, sum: 2 };
        assert_eq!(counter.add(40), Some(42));
        assert_eq!(counter.add(i64::MAX), None);
    }
}
