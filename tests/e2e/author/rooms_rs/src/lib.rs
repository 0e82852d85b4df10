// SPDX-License-Identifier: MIT
//! A chat room in Rust: {join, Pid}, {say, Text}; a process that ends leaves. Members survive a reload.
use coppice::*;

#[derive(Default)]
struct Room {
    members: Vec<OwnedTerm>,
}

impl Server for Room {
    fn handle_call(&mut self, me: &Actor, request: &Message, _from: TermBytes<'_>) -> Result<Answer, Exit> {
        match request.term()?.as_tuple() {
            Some([Term::Atom("join"), Term::Pid(who)]) => {
                me.monitor(who)?;
                self.members.push(who.owned());
            }
            Some([Term::Atom("say"), text]) => {
                for each in &self.members {
                    me.send(each, (Atom("said"), text))?;
                }
            }
            _ => return Ok(Answer::unhandled("{join, Pid} or {say, Text} was expected")),
        }
        Ok(reply(self.members.len()))
    }
    fn handle_info(&mut self, _me: &Actor, term: &Message) -> Result<Next, Exit> {
        match term.term()?.as_tuple() {
            Some([Term::Atom("DOWN"), _, _, Term::Pid(who), _]) => self.members.retain(|each| each.view() != *who),
            _ => return Ok(Next::Unhandled),
        }
        Ok(Next::Go)
    }
}

impl Carried for Room {
    fn save_state(&self, out: &mut Writer<'_>) -> Result<(), Exit> {
        self.members.encode(out);
        Ok(())
    }
    fn restore_state(&mut self, _version: u32, saved: &Message) -> Result<(), Exit> {
        let mut at = saved.reader();
        for _ in 0..at.list().ok_or(Error::Version)? {
            self.members.push(at.term().ok_or(Error::Version)?.owned());
        }
        Ok(())
    }
}

coppice::plugin! { id: "rooms_rs", version: "1.0.0", actors: [Room { name: "rooms_rs", state_version: 1 }] }
