// SPDX-License-Identifier: MIT
//! Terms go through `Encode`, `Term` and `Reader` and come out as they were; bytes that are no term are refused in any
//! case, and only a bounded depth and number of terms is made of them. And the layout of the ABI's structs, for the
//! headers to be held against.
use coppice::*;

fn bytes(value: impl Encode) -> Vec<u8> {
    OwnedTerm::new(value).unwrap().view().bytes().to_vec()
}

fn samples() -> Vec<Vec<u8>> {
    let pid = b"\x58\x77\x03a@b\0\0\0\x01\0\0\0\x02\0\0\0\x03".to_vec();
    let reference = b"\x5a\0\x02\x77\x03a@b\0\0\0\x03\0\0\0\x01\0\0\0\x02".to_vec();
    let port = b"\x78\x77\x03a@b\0\0\0\x01\0\0\0\x02\0\0\0\x03".to_vec();
    let mut all = vec![
        bytes(0i64),
        bytes(255i64),
        bytes(256i64),
        bytes(-1i64),
        bytes(i64::MIN),
        bytes(i64::MAX),
        bytes(u64::MAX),
        bytes(i64::from(i32::MIN)),
        bytes(1i64 << 31),
        bytes(0.0),
        bytes(-2.5e300),
        bytes(true),
        bytes(()),
        bytes(""),
        bytes("text"),
        bytes(&b"\xff\0"[..]),
        bytes(Vec::<i64>::new()),
        bytes(vec![1i64, 2, 300]),
        bytes(Atom("")),
        bytes(Atom(&"ä".repeat(200))),
        bytes((1i64,)),
        bytes((1i64, "b", (), 2.0, false, 6i64, 7i64, "h")),
        bytes(Map(&[(Atom("a"), 1i64), (Atom("b"), 2)])),
        bytes(vec![vec![(1i64, "x")], vec![]]),
        bytes(Term::Chars(b"list")),
        bytes(Term::Chars(&[7; 70000])),
        bytes(Term::Tuple(vec![Term::Integer(1); 300])),
        bytes(Term::Improper(vec![Term::Integer(1)], Box::new(Term::Atom("tail")))),
        pid.clone(),
        reference,
        port,
        b"\x4d\0\0\0\x01\x03\xe0".to_vec(),
        b"\x71\x77\x01m\x77\x01f\x61\x02".to_vec(),
        b"\x6e\x09\x01\0\0\0\0\0\0\0\0\x01".to_vec(),
    ];
    all.push([&b"\x68\x02"[..], &pid, &pid].concat());
    all
}

#[test]
fn every_term_comes_out_as_it_went_in() {
    for term in samples() {
        let whole = TermBytes::new(&term).expect("one whole term");
        assert_eq!(bytes(&whole.term().unwrap()), term, "{:?}", whole);
        assert_eq!(whole.owned().view(), whole);
    }
}

#[test]
fn numbers_have_one_form_each() {
    assert_eq!(bytes(255u16), [97, 255]);
    assert_eq!(bytes(-1i8), [98, 255, 255, 255, 255]);
    assert_eq!(bytes(1u32 << 31), [110, 4, 0, 0, 0, 0, 128]);
    assert_eq!(bytes(i64::MIN), [110, 8, 1, 0, 0, 0, 0, 0, 0, 0, 128]);
    for value in [0, 1, 255, 256, -1, i64::from(i32::MAX) + 1, i64::from(i32::MIN) - 1, i64::MIN, i64::MAX] {
        assert_eq!(Reader::new(&bytes(value)).integer(), Some(value));
    }
    assert_eq!(Reader::new(&bytes(u64::MAX)).integer(), None);
    assert_eq!(Reader::new(b"\x6e\x08\x01\x01\0\0\0\0\0\0\x80").integer(), None, "below what an i64 holds");
}

#[test]
fn what_has_no_encoding_is_refused() {
    assert_eq!(OwnedTerm::new(f64::NAN), Err(Error::Invalid));
    assert_eq!(OwnedTerm::new((1i64, vec![f64::INFINITY])), Err(Error::Invalid));
    assert_eq!(OwnedTerm::new(Atom(&"a".repeat(256))), Err(Error::Invalid));
    assert!(OwnedTerm::new(Atom(&"ä".repeat(255))).is_ok());
}

#[test]
fn what_is_cut_off_or_overwritten_is_no_term_or_another() {
    for term in samples().into_iter().filter(|term| term.len() < 1000) {
        for size in 0..term.len() {
            assert!(TermBytes::new(&term[..size]).is_none(), "{} of {:?}", size, term);
            assert!(Reader::new(&term[..size]).term().is_none());
        }
        for at in 0..term.len() {
            for wrong in [0, 1, 97, 104, 105, 108, 110, 111, 116, 127, 255] {
                let mut changed = term.clone();
                changed[at] = wrong;
                if let Some(found) = TermBytes::new(&changed) {
                    let _ = found.term().map(bytes);
                }
            }
        }
    }
}

#[test]
fn a_term_that_promises_too_much_or_goes_too_deep_is_refused() {
    for tag in [105, 108, 116, 109, 111, 77, 112] {
        assert!(TermBytes::new(&[tag, 255, 255, 255, 255, 1, 1, 1]).is_none());
    }
    let nested = |depth: usize| [b"\x68\x01".repeat(depth), b"\x61\x01".to_vec()].concat();
    assert!(TermBytes::new(&nested(64)).unwrap().term().is_ok());
    let deep = nested(1_000_000);
    let deep = TermBytes::new(&deep).expect("a reader has no depth");
    assert_eq!(deep.term(), Err(Error::Term));
    let tails = [b"\x6c\0\0\0\x01\x61\x01".repeat(100_000), b"\x6a".to_vec()].concat();
    assert_eq!(TermBytes::new(&tails).unwrap().term(), Err(Error::Term));
    let long = [&b"\x6c\0\x10\0\0"[..], &b"\x61\x01".repeat(1 << 20), b"\x6a"].concat();
    assert_eq!(TermBytes::new(&long).unwrap().term(), Err(Error::Term));
    assert_eq!(TermBytes::new(&long).unwrap().reader().list(), Some(1 << 20));
}

#[test]
fn readers_try_one_shape_after_the_other() {
    let term = bytes((Atom("put"), "key", 7i64));
    let mut at = Reader::new(&term);
    assert!(!at.tuple_of(2) && at.binary().is_none() && at.left() == term.len());
    assert!(at.tuple_of(3) && !at.atom_is("get") && at.atom_is("put"));
    assert_eq!((at.text(), at.float(), at.integer(), at.tag(), at.left()), (Some(&b"key"[..]), None, Some(7), 0, 0));
    let map = bytes(Map(&[(Atom("size"), Atom("large")), (Atom("kind"), Atom("x"))]));
    let map = TermBytes::new(&map).unwrap();
    assert_eq!(map.get("kind").and_then(|kind| kind.reader().atom()), Some("x"));
    assert!(map.get("none").is_none());
    assert_eq!(map.term().unwrap().get("size"), Some(&Term::Atom("large")));
    assert_eq!(Term::Chars(b"ab").to_list(), Some(vec![Term::Integer(97), Term::Integer(98)]));
}

#[test]
fn statuses_are_those_of_the_headers() {
    for (error, status) in
        [(Error::Invalid, -1), (Error::Version, -16), (Error::Internal, -18), (Error::UnknownOutcome, -20)]
    {
        assert_eq!(error.status(), status);
    }
}

#[test]
fn outside_of_a_node_nothing_is_made() {
    assert!(matches!(Message::new(1i64), Err(Error::Context)));
}

#[test]
fn layout() {
    for (name, member, number) in abi::layout() {
        println!("layout {} {} {}", name, member.trim_start_matches("r#"), number);
    }
}
