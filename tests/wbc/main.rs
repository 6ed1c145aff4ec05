//! The `.wbc` form: round trips, damage of every kind, version skew, and the verifier behind it.

#[cfg(feature = "compile")]
#[path = "../support/host.rs"]
mod host;
#[cfg(feature = "compile")]
mod loading;
mod mutants;
mod property;
mod rules;
#[cfg(feature = "compile")]
mod run;
mod sample;

use walrus::bytecode::disassemble::disassemble;
use walrus::bytecode::facts::Facts;
use walrus::bytecode::wbc::{self, Meta, Wanted, WbcError};
use walrus::bytecode::{load, load_wanted};

fn meta() -> Meta {
    Meta::new(wbc::hash_sources([("prog.walrus", sample::SOURCE)]))
}

/// Where the seal of a file lies, if its header goes so far.
fn seal_range(file: &[u8]) -> Option<std::ops::Range<usize>> {
    let number = |at: usize, len: usize| {
        Some(file.get(at..at + len)?.iter().rev().fold(0usize, |number, byte| number << 8 | usize::from(*byte)))
    };
    let count_at = 58 + number(56, 2)?;
    let start = count_at + 4 + number(count_at, 4)?.checked_mul(24)?;
    (start + 32 <= file.len()).then(|| start..start + 32)
}

/// Makes the seal fit what the file now holds.
fn reseal(file: &mut [u8]) {
    let Some(seal) = seal_range(file) else { return };
    let mut hasher = blake3::Hasher::new();
    hasher.update(&file[..seal.start]).update(&file[seal.end..]);
    file[seal].copy_from_slice(hasher.finalize().as_bytes());
}

/// A file of the sample's sections and one more.
fn with_extra_section(id: u32, optional: bool) -> Vec<u8> {
    let file = wbc::encode(&sample::program(), &meta());
    let seal = seal_range(&file).unwrap();
    let header = wbc::Header::read(&file).unwrap();
    let mut out = file[..seal.start].to_vec();
    out[48..56].copy_from_slice(&(header.body_len + 5).to_le_bytes());
    let count_at = seal.start - 24 * header.sections.len() - 4;
    out[count_at..count_at + 4].copy_from_slice(&(header.sections.len() as u32 + 1).to_le_bytes());
    out.extend(id.to_le_bytes());
    out.extend(u32::from(optional).to_le_bytes());
    out.extend(header.body_len.to_le_bytes());
    out.extend(5u64.to_le_bytes());
    out.extend([0; 32]);
    out.extend(&file[seal.end..]);
    out.extend(b"facts");
    reseal(&mut out);
    out
}

#[test]
fn an_unknown_optional_section_is_skipped() {
    assert_eq!(wbc::decode(&with_extra_section(900, true)).unwrap(), sample::program());
}

#[test]
fn an_unknown_required_section_refuses_the_file() {
    let error = wbc::decode(&with_extra_section(900, false)).unwrap_err();
    insta::assert_snapshot!(error, @"built by walrusc 0.2.0 with a section (900) that this walrus-run 0.2.0 does not know: update walrus-run or run this version's walrusc");
}

#[test]
fn a_section_may_not_occur_twice() {
    let error = wbc::decode(&with_extra_section(wbc::Section::Debug as u32, true)).unwrap_err();
    insta::assert_snapshot!(error, @"damaged section 'debug': the section occurs twice: run walrusc again");
}

#[test]
fn a_file_of_another_version_says_who_built_it_and_what_to_do() {
    let mut file = wbc::encode(&sample::program(), &Meta { producer: "walrusc 9.3".into(), ..meta() });
    file[8..12].copy_from_slice(&(wbc::FORMAT_VERSION + 1).to_le_bytes());
    reseal(&mut file);
    insta::assert_snapshot!(wbc::decode(&file).unwrap_err(), @"built by walrusc 9.3 (format 3), this walrus-run 0.2.0 reads format 2: update walrus-run or run this version's walrusc");
    // `info` still reads the header.
    assert!(wbc::info(&file).unwrap().contains("walrusc 9.3"));

    file[8..12].copy_from_slice(&(wbc::FORMAT_VERSION - 1).to_le_bytes());
    reseal(&mut file);
    insta::assert_snapshot!(wbc::decode(&file).unwrap_err(), @"built by walrusc 9.3 (format 1), this walrus-run 0.2.0 reads format 2: run walrusc again");
}

#[test]
fn unknown_features_refuse_the_file() {
    let mut file = wbc::encode(&sample::program(), &meta());
    file[12] |= 0x80;
    reseal(&mut file);
    insta::assert_snapshot!(wbc::decode(&file).unwrap_err(), @"built by walrusc 0.2.0 with features (bits 0x80) that this walrus-run 0.2.0 does not know: update walrus-run or run this version's walrusc");
}

#[test]
fn what_is_no_wbc_is_called_that() {
    insta::assert_snapshot!(wbc::decode(b"").unwrap_err(), @"the file is empty, not a .wbc file: run walrusc again");
    insta::assert_snapshot!(wbc::decode(b"println(1);").unwrap_err(), @"this is text, not a .wbc file: compile it first with `walrusc prog.walrus -o prog.wbc`");
    insta::assert_snapshot!(wbc::decode(b"\x7fELF\x02\x01\x01").unwrap_err(), @"not a .wbc file: compile a program with `walrusc prog.walrus -o prog.wbc`");
    let mut file = wbc::encode(&sample::program(), &meta());
    insta::assert_snapshot!(wbc::decode(&file[..600]).unwrap_err(), @"truncated: the body needs 1723 bytes but the file has 600: copy it again or run walrusc again");
    *file.last_mut().unwrap() ^= 1;
    insta::assert_snapshot!(wbc::decode(&file).unwrap_err(), @"hash mismatch: the file was changed or damaged after it was built: run walrusc again");
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

/// Facts are read when someone asks for them. That they name what the program lacks refuses the file then, and only
/// then.
#[test]
fn malformed_facts_refuse_the_file_to_whoever_asks_for_them() {
    let mut program = sample::program();
    program.facts = Some(Facts::default());
    let file = wbc::encode(&program, &meta());
    let error = load(&file).unwrap_err();
    insta::assert_snapshot!(error, @"invalid program: facts: malformed facts: a table of another length than the program's (facts are about parts that the program has): run walrusc again");
    assert_eq!(load_wanted(&file, Wanted::WithoutFacts).unwrap().facts, None);
    let damaged = with_extra_section(wbc::Section::Facts as u32, true);
    let error = load(&damaged).unwrap_err();
    insta::assert_snapshot!(error, @"damaged section 'facts': it announces more entries than it has bytes for: run walrusc again");
    assert!(load_wanted(&damaged, Wanted::WithoutFacts).is_ok());
}
