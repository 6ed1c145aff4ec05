//! The `.wbc` form: round trips, damage of every kind, version skew, and the verifier behind it.

mod sample;

use walrus::bytecode::disassemble::disassemble;
use walrus::bytecode::load;
use walrus::bytecode::wbc::{self, Meta, WbcError};

fn meta() -> Meta {
    Meta::new(wbc::hash_sources([("prog.walrus", sample::SOURCE)]))
}

#[test]
fn a_program_survives_the_round_trip() {
    let program = sample::program();
    let file = wbc::encode(&program, &meta());
    assert_eq!(wbc::decode(&file).unwrap(), program);
    assert_eq!(wbc::encode(&program, &meta()), file, "the same program gives the same bytes");
}

#[test]
fn a_stripped_program_survives_the_round_trip() {
    let mut program = sample::program();
    program.debug = None;
    let file = wbc::encode(&program, &meta());
    assert_eq!(wbc::decode(&file).unwrap(), program);
    assert_eq!(wbc::Header::read(&file).unwrap().flags, wbc::FLAG_STRIPPED);
}

#[test]
fn every_truncation_is_refused() {
    let file = wbc::encode(&sample::program(), &meta());
    for len in 0..file.len() {
        let error = wbc::decode(&file[..len]).unwrap_err();
        assert!(matches!(error, WbcError::Truncated { .. } | WbcError::Empty), "at {len}: {error}");
    }
    assert!(wbc::decode(&[&file[..], b"x"].concat()).is_err());
}

#[test]
fn every_flipped_bit_is_noticed() {
    let mut file = wbc::encode(&sample::program(), &meta());
    for bit in 0..file.len() * 8 {
        file[bit / 8] ^= 1 << (bit % 8);
        let error = wbc::decode(&file).expect_err("a flipped bit");
        assert!(!error.to_string().contains('\n'), "one line");
        file[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn disassembly() {
    insta::assert_snapshot!(disassemble(&sample::program()));
}

#[test]
fn information() {
    insta::assert_snapshot!(wbc::info(&wbc::encode(&sample::program(), &meta())).unwrap());
}

#[test]
fn the_sample_verifies() {
    load(&wbc::encode(&sample::program(), &meta())).unwrap();
}
