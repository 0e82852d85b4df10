// SPDX-License-Identifier: MIT
//! What may go wrong in a plugin in Rust, on request: a panic in every callback, host calls where they are
//! not allowed, an actor that is killed while it waits; and the result of every host call.
use coppice::*;
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

const SOON: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(3600);

// Number of threads that outlived their actor and were told so.
static ORPHANS: AtomicI64 = AtomicI64::new(0);

#[derive(Default)]
struct Trial {
    mode: String, // the callback in which it panics
    from: Option<OwnedTerm>,
    ticks: i64,
    thread: Option<OwnThread>,
}

impl Trial {
    fn maybe(&self, here: &str) {
        assert!(self.mode != here, "asked for in {}", here);
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        if self.mode == "drop" {
            panic!("in a destructor");
        }
    }
}

// Code that unwinds may not wait, because it would go on on another thread.
struct Guard<'a>(&'a Actor);
impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let waited = self.0.sleep(SOON);
        self.0.log(Level::Warning, &format!("while unwinding: {:?}", waited));
    }
}

struct Half;
impl Encode for Half {
    fn encode(&self, to: &mut Writer<'_>) {
        to.tuple(2);
        to.integer(1);
    }
}
struct Thrown;
impl Encode for Thrown {
    fn encode(&self, _: &mut Writer<'_>) {
        panic!("while writing");
    }
}

impl Server for Trial {
    fn init(&mut self, me: &Actor, args: &Message) -> Result<Init, Exit> {
        if let Some(mode) = args.bytes().get("mode") {
            self.mode = String::from_utf8_lossy(mode.reader().text().unwrap_or(b"")).into_owned();
        }
        self.maybe("init");
        me.set_label("on trial")?;
        Ok(if self.mode == "continue" { Init::Continue } else { Init::Run })
    }

    fn handle_continue(&mut self, _: &Actor) -> Result<Next, Exit> {
        self.maybe("continue");
        Ok(Next::Go)
    }

    fn handle_call(&mut self, me: &Actor, request: &Message, from: TermBytes<'_>) -> Result<Answer, Exit> {
        let mut at = request.reader();
        if at.tuple_of(2) && at.atom_is("bytes") {
            return Ok(reply(at.term().map_or(0, |term| term.bytes().len())));
        }
        let mut at = request.reader();
        if at.tuple_of(3) && at.atom_is("order") {
            let (a, b) = (at.term().ok_or(Error::Term)?, at.term().ok_or(Error::Term)?);
            let same_key = TermKey::new(a)? == TermKey::new(b)?;
            return Ok(reply((a.compare(b)? as i8, a.equals(b)?, same_key, a.phash2()?)));
        }
        let request = request.term()?;
        let parts = match &request {
            Term::Tuple(parts) => parts.as_slice(),
            alone => std::slice::from_ref(alone),
        };
        Ok(match parts {
            [Term::Atom("mode"), Term::Atom(mode)] => {
                self.mode = (*mode).into();
                reply(())
            }
            [Term::Atom("self")] => reply(me.pid()),
            [Term::Atom("panic"), Term::Binary(text)] => panic!("{}", String::from_utf8_lossy(text)),
            [Term::Atom("payload")] => std::panic::panic_any(7),
            [Term::Atom("bounds")] => reply([1i64, 2][parts.len() + 1]),
            [Term::Atom("unwinding")] => {
                let _guard = Guard(me);
                panic!("with a guard");
            }
            [Term::Atom("half")] => reply(Half),
            [Term::Atom("thrown")] => reply(Thrown),
            [Term::Atom("infinite")] => reply(f64::INFINITY),
            [Term::Atom("echo"), term] => reply(term),
            [Term::Atom("numbers")] => reply((i64::MIN, u64::MAX, -1i8, 2.5, true, "text", vec![1i64, 2])),
            [Term::Atom("map")] => reply(Map(&[(Atom("a"), 1i64), (Atom("b"), 2)])),
            [Term::Atom("stop"), reason] => return Err(Exit::reason(reason)),
            [Term::Atom("normal")] => return Err(Exit::normal()),
            [Term::Atom("refused")] => return Err(Exit::error(Error::Refused, "not today")),
            [Term::Atom("later")] => {
                self.from = Some(from.owned());
                me.send_after(SOON, None, Atom("answer"))?;
                Answer::later()
            }
            [Term::Atom("every")] => {
                self.from = Some(from.owned());
                me.send_after(SOON, Some(SOON), Atom("tick"))?;
                Answer::later()
            }
            [Term::Atom("timer")] => {
                let id = me.send_after(LONG, None, Atom("never"))?;
                let left = me.timer_left(id)?;
                me.cancel_timer(id)?;
                reply((left <= LONG && left > SOON, format!("{:?}", me.cancel_timer(id))))
            }
            [Term::Atom("call"), Term::Atom(to), what] => match me.call(Atom(to), what, Duration::from_secs(60)) {
                Ok(answer) => reply((Atom("ok"), answer)),
                Err(CallError::Exit(reason)) => reply((Atom("exit"), reason)),
                Err(CallError::Failed(error)) => reply((Atom("error"), format!("{:?}", error))),
            },
            [Term::Atom("ask"), Term::Atom(to), what] => {
                self.from = Some(from.owned());
                me.request(Atom(to), what, Duration::from_secs(60), 7)?;
                Answer::later()
            }
            [Term::Atom("spawn"), mode] => {
                let mode = OwnedTerm::new(Map(&[(Atom("mode"), mode)]))?;
                match me.spawn(Spawn { actor: ":trial", ..Spawn::default() }, mode) {
                    Ok(pid) => {
                        self.from = Some(from.owned());
                        me.monitor(&pid)?;
                        me.exit(&pid, Atom("enough"))?;
                        Answer::later()
                    }
                    Err(CallError::Exit(reason)) => reply((Atom("exit"), reason)),
                    Err(CallError::Failed(error)) => return Err(error.into()),
                }
            }
            [Term::Atom("call_many"), Term::List(asked)] => {
                let pairs = asked.iter().filter_map(|each| match each.as_tuple() {
                    Some([to, what]) => Some((to, what)),
                    _ => None,
                });
                let answers = me.call_many(pairs, Duration::from_secs(5))?;
                let told: Vec<String> = answers.iter().map(|each| format!("{:?}", each)).collect();
                reply(told.iter().map(|each| each.as_str()).collect::<Vec<_>>())
            }
            [Term::Atom("await"), Term::Atom(to), what] => {
                let id = me.request(Atom(to), what, Duration::from_secs(60), 7)?;
                let first = format!("{:?}", me.await_answer(id));
                reply((first, format!("{:?}", me.await_answer(id))))
            }
            // Sends an ordinary message, then one with priority; handle_info sees which comes first.
            [Term::Atom("urgent")] => {
                self.from = Some(from.owned());
                let alias = me.alias_with(Flags::PRIORITY | Flags::ONCE)?;
                me.send(me.pid(), (Atom("first"), Atom("ordinary")))?;
                me.send_with(&alias, (Atom("first"), Atom("urgent")), Flags::PRIORITY)?;
                Answer::later()
            }
            [Term::Atom("flags")] => {
                let unknown = me.send_with(me.pid(), Atom("x"), Flags::ONCE);
                let away = (Atom("kv"), Atom("nobody@127.0.0.1"));
                reply((format!("{:?}", unknown), format!("{:?}", me.cast_with(away, Atom("x"), Flags::NO_CONNECT))))
            }
            [Term::Atom("spawn_monitored")] => {
                let mode = Map(&[(Atom("mode"), Atom("none"))]);
                let (pid, reference) = match me.spawn_monitored(Spawn { actor: ":trial", ..Spawn::default() }, mode) {
                    Ok(made) => made,
                    Err(why) => return Ok(reply(format!("{:?}", why))),
                };
                assert!(reference.view().bytes() != pid.view().bytes());
                self.from = Some(from.owned());
                me.exit(&pid, Atom("watched"))?;
                Answer::later()
            }
            [Term::Atom("spawn_actor_at"), Term::Atom(node), Term::Atom(actor)] => {
                let pid = match me.spawn_actor_at(node, actor, Map(&[(Atom("mode"), Atom("none"))])) {
                    Ok(pid) => pid,
                    Err(why) => return Ok(reply(format!("{:?}", why))),
                };
                reply(me.call(&pid, (Atom("echo"), Atom("there")), Duration::from_secs(60)).map_err(|_| Error::Exit)?)
            }
            [Term::Atom("spawn_at"), Term::Atom(node), Term::Atom(module)] => {
                let what = SpawnAt { node, module, function: "sleep", link: true };
                reply(format!("{:?}", me.spawn_at(what, [1]).map(|_| ())))
            }
            [Term::Atom("count")] => {
                let labels = [("kind", "trial")];
                me.counter("asked", "Requests", &labels).add(me, 2);
                let level = me.gauge("level", "How full", &[]);
                level.set(me, 5);
                level.add(me, -2);
                let taken = me.histogram("taken", "How long", &[], &[1.0, 2.0]);
                taken.observe(me, 1.5);
                taken.observe(me, 9.0);
                reply(Atom("ok"))
            }
            [Term::Atom("keys")] => {
                let mut kept = HashMap::new();
                kept.insert(TermKey::new(Map(&[(Atom("a"), 1i64), (Atom("b"), 2)]))?, "a map");
                kept.insert(TermKey::new(1.0)?, "a float");
                let turned = TermKey::new(Map(&[(Atom("b"), 2i64), (Atom("a"), 1)]))?;
                let found = [turned, TermKey::new(1.0)?, TermKey::new(1)?];
                reply(found.map(|key| kept.get(&key).copied().unwrap_or("nothing")))
            }
            [Term::Atom("thread")] => {
                self.from = Some(from.owned());
                self.thread = Some(me.own_thread("trial-own", |poster, stop| {
                    let _ = poster.post((Atom("first"), Atom("posted")));
                    while !stop.load(Ordering::Acquire) {
                        std::thread::park();
                    }
                })?);
                Answer::later()
            }
            [Term::Atom("thread_panic")] => {
                self.from = Some(from.owned());
                self.thread = Some(me.own_thread("trial-own", |_, _| panic!("on its own"))?);
                Answer::later()
            }
            [Term::Atom("posts")] => {
                self.from = Some(from.owned());
                let poster = me.poster()?;
                let library = std::thread::spawn(move || poster.clone().post((Atom("first"), Atom("library"))));
                let posted = library.join().map_err(|_| Error::Internal)?;
                posted?;
                Answer::later()
            }
            // Starts a thread that outlives its actor. `orphans` tells how many such threads were told so.
            [Term::Atom("orphan")] => {
                let poster = me.poster()?;
                std::thread::spawn(move || {
                    while poster.post(Atom("tock")) != Err(Error::NoProcess) {
                        std::thread::sleep(SOON);
                    }
                    ORPHANS.fetch_add(1, Ordering::Release);
                    std::mem::forget(poster); // the plugin's code stays mapped for this thread
                });
                return Err(Exit::normal());
            }
            [Term::Atom("orphans")] => reply(ORPHANS.load(Ordering::Acquire)),
            [Term::Atom("names")] => {
                let own = me.whereis("trial")?.view() == me.pid();
                reply((own, format!("{:?}", me.register("another")), format!("{:?}", me.whereis("nobody"))))
            }
            [Term::Atom("blocking")] => {
                let place = me.pid().owned();
                reply(me.blocking_run(move || (place, 6 * 7i64))?)
            }
            [Term::Atom("blocking_panic")] => {
                me.blocking_run(|| panic!("on the pool"))?;
                reply(())
            }
            // Ignores every error: only a kill ends it.
            [Term::Atom("stubborn")] => loop {
                let _ = me.sleep(Duration::from_secs(3600));
            },
            _ => Answer::unhandled("something else was expected"),
        })
    }

    fn handle_cast(&mut self, me: &Actor, term: &Message) -> Result<Next, Exit> {
        self.maybe("cast");
        match term.term()? {
            Term::Tuple(parts) if parts.len() == 2 => me.send(&parts[0], &parts[1])?,
            _ => return Ok(Next::Unhandled),
        }
        Ok(Next::Go)
    }

    fn handle_info(&mut self, me: &Actor, term: &Message) -> Result<Next, Exit> {
        self.maybe("info");
        let term = term.term()?;
        let ticks = term == Term::Atom("tick");
        self.ticks += i64::from(ticks);
        if matches!(term.as_tuple(), Some([Term::Atom("first" | "panic"), _])) {
            if let Some(from) = self.from.take() {
                me.reply(from.view(), &term)?;
            }
            return Ok(Next::Go);
        }
        let down = matches!(term.as_tuple(), Some([Term::Atom("DOWN"), ..]));
        if down || term == Term::Atom("answer") || (ticks && self.ticks == 3) {
            if let Some(from) = self.from.take() {
                me.reply(from.view(), term.as_tuple().and_then(|parts| parts.last()).unwrap_or(&term))?;
            }
        }
        Ok(Next::Go)
    }

    fn on_response(
        &mut self,
        me: &Actor,
        _id: u64,
        tag: u64,
        answer: Result<&Message, CallError>,
    ) -> Result<Next, Exit> {
        self.maybe("response");
        if let Some(from) = self.from.take() {
            match answer {
                Ok(answer) => me.reply(from.view(), (tag, answer))?,
                Err(failed) => me.reply(from.view(), (tag, format!("{:?}", failed)))?,
            }
        }
        Ok(Next::Go)
    }

    fn format_status(&self) -> Option<Result<OwnedTerm, Error>> {
        self.maybe("status");
        Some(OwnedTerm::new((Atom("mode"), self.mode.as_str())))
    }

    fn terminate(&mut self, _: &Actor, _: &Message) {
        self.maybe("terminate");
    }
}

impl Carried for Trial {
    fn save_state(&self, out: &mut Writer<'_>) -> Result<(), Exit> {
        self.maybe("save");
        self.mode.encode(out);
        Ok(())
    }

    fn restore_state(&mut self, _: u32, saved: &Message) -> Result<(), Exit> {
        let mode = saved.reader().binary().ok_or(Error::Version)?;
        self.mode = String::from_utf8_lossy(mode).into_owned();
        self.maybe("restore");
        match self.mode.as_str() {
            "version" => Err(Exit::error(Error::Version, "of another age")),
            _ => Ok(()),
        }
    }

    fn after_restore(&mut self, me: &Actor) -> Result<Next, Exit> {
        self.maybe("after");
        me.send_after(SOON, None, Atom("restored"))?;
        Ok(Next::Go)
    }
}

coppice::plugin! {
    id: "trial", version: "1.0.0",
    actors: [Trial { name: "trial", state_version: 1, unhandled: "reply_error", takes: ["calls", "casts", "messages"] }]
}
