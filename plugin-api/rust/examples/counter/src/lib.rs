// SPDX-License-Identifier: MIT
//! A counter whose state is carried over into new code at a reload. Calls: {add, N} gives the sum so far, `average`
//! that of the added numbers. Its state is in its second version: 1.0.0 saved the sum alone, and both are read here.
//! Adding beyond what an i64 holds is a panic, and so the end of this actor alone; its supervisor makes a new one.
use coppice::{reply, Actor, Answer, Carried, Encode, Error, Exit, Message, Server, Term, TermBytes, Writer};

#[derive(Default)]
struct Counter {
    sum: i64,
    times: i64,
}

impl Server for Counter {
    fn handle_call(&mut self, _me: &Actor, request: &Message, _from: TermBytes<'_>) -> Result<Answer, Exit> {
        let request = request.term()?;
        if let Some([Term::Atom("add"), Term::Integer(amount)]) = request.as_tuple() {
            self.sum = self.sum.checked_add(*amount).expect("the sum is too large");
            self.times += 1;
            return Ok(reply(self.sum));
        }
        match request {
            Term::Atom("average") => Ok(reply(self.sum as f64 / self.times.max(1) as f64)),
            _ => Ok(Answer::unhandled("{add, Integer} or average was expected")),
        }
    }
}

impl Carried for Counter {
    fn save_state(&self, out: &mut Writer<'_>) -> Result<(), Exit> {
        (self.sum, self.times).encode(out);
        Ok(())
    }

    fn restore_state(&mut self, version: u32, saved: &Message) -> Result<(), Exit> {
        match (version, saved.term()?) {
            (1, Term::Integer(sum)) => *self = Counter { sum, times: 1 }, // 1.0.0 did not count
            (2, Term::Tuple(parts)) => match parts[..] {
                [Term::Integer(sum), Term::Integer(times)] => *self = Counter { sum, times },
                _ => return Err(Error::Version.into()),
            },
            _ => return Err(Error::Version.into()),
        }
        Ok(())
    }
}

coppice::plugin! {
    id: "counter_rs", version: "2.0.0",
    actors: [Counter {
        name: "counter_rs", state_version: 2, unhandled: "reply_error",
        args_schema: r#"{"type":"object","additionalProperties":false}"#
    }]
}
