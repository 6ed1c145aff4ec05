//! The `facts` section, what [`crate::bytecode::facts`] holds, packed; and the `refusals` section beside it.
//!
//! Facts are nearly as many numbers as a program has instructions, and most are small or near the one before. So each
//! is stored in variable width, and ascending positions as differences. Differences wrap, so any facts have an
//! encoding, and the check of facts is what judges them.
//!
//! Invariant: [`Packed::MIN`] is a lower bound on the bytes of a value, so that a count is believed only if its entries
//! can be there.

use super::reader::{Reader, unzigzag, write_varint, zigzag};
use super::{Section, WbcError};
use crate::bytecode::facts::{
    Bound, Condition, Facts, FrameFacts, FunctionFacts, Induction, Obstacle, Reason, Refused, Region, RegionEffects,
    RegionFacts, StructFacts, TypeFacts, TypeId, Verdict,
};
use crate::bytecode::types::{ClassId, IdSet, Identity, Tags, Type};
use crate::bytecode::{FuncId, GlobalId, LoopId, Reg, StructId, VERDICT_RULES_VERSION};
use crate::source::{FileId, Span};

pub fn encode(facts: &Facts) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 * facts.regions.len() + 3 * facts.types.frame_registers.len());
    facts.put(&mut out);
    out
}

pub fn decode(bytes: &[u8]) -> Result<Facts, WbcError> {
    let mut reader = Reader::new(Section::Facts, bytes);
    let facts = Facts::take(&mut reader)?;
    reader.finish()?;
    Ok(facts)
}

/// The `refusals` section: few entries, read by whoever makes native code, and apart from the facts so that these need
/// not be.
pub fn encode_refused(refused: &[Refused]) -> Vec<u8> {
    let mut out = Vec::new();
    VERDICT_RULES_VERSION.put(&mut out);
    (refused.len() as u32).put(&mut out);
    refused.iter().for_each(|one| one.put(&mut out));
    out
}

/// Refusals by another version of the rules say nothing about this one: there, none are found, and their reasons need
/// not be known here.
pub fn decode_refused(bytes: &[u8]) -> Result<Vec<Refused>, WbcError> {
    let mut reader = Reader::new(Section::Refusals, bytes);
    if u32::take(&mut reader)? != VERDICT_RULES_VERSION {
        return Ok(Vec::new());
    }
    let refused = Vec::take(&mut reader)?;
    reader.finish()?;
    Ok(refused)
}

/// What can be written to the sections and read back.
trait Packed: Sized {
    /// No value takes fewer bytes.
    const MIN: usize = 1;

    fn put(&self, out: &mut Vec<u8>);
    fn take(reader: &mut Reader<'_>) -> Result<Self, WbcError>;
}

/// A type whose parts are written one after another.
macro_rules! packed {
    ($( $name:ident { $($field:ident: $ty:ty),* $(,)? } )*) => {$(
        impl Packed for $name {
            const MIN: usize = 0 $( + <$ty as Packed>::MIN )*;

            fn put(&self, out: &mut Vec<u8>) {
                $( self.$field.put(out); )*
            }

            fn take(reader: &mut Reader<'_>) -> Result<Self, WbcError> {
                Ok($name { $( $field: Packed::take(reader)?, )* })
            }
        }
    )*};
}

/// A type around a number.
macro_rules! packed_numbers {
    ($( $name:ident($ty:ty) )*) => {$(
        impl Packed for $name {
            fn put(&self, out: &mut Vec<u8>) {
                self.0.put(out);
            }

            fn take(reader: &mut Reader<'_>) -> Result<Self, WbcError> {
                <$ty>::take(reader).map($name)
            }
        }
    )*};
}

packed_numbers! { TypeId(u32) FileId(u32) Reg(u16) Tags(u16) FuncId(u32) GlobalId(u32) LoopId(u32) StructId(u32) }

packed! {
    Facts { rules: u32, types: TypeFacts, regions: Vec<RegionFacts> }
    FunctionFacts { reached: bool, escaped: bool, result_escaped: bool, followed: bool }
    StructFacts { escaped: bool, instances_escaped: bool }
    RegionFacts {
        region: Region, span: Span, verdict: Verdict, conditions: Vec<Condition>, reason: Option<Obstacle>,
        reached: bool,
        blocks: u32, instructions: u32, live_in: Vec<(Reg, TypeId)>, live_out: Vec<(Reg, TypeId)>, invariants: Vec<Reg>,
        inductions: Vec<Induction>, trip_count: Option<u64>, effects: RegionEffects,
    }
    Condition { name: String, ty: String }
    Obstacle { reason: Reason, span: Span }
    Refused { region: Region, reason: Reason }
    Induction { register: Reg, start: Option<i64>, step: i64, bound: Bound }
    RegionEffects {
        allocates: bool, throws: bool, outputs: bool, awaits: bool, calls_unknown: bool, writes_items: bool,
        globals_read: Vec<GlobalId>, globals_written: Vec<GlobalId>, fields_read: Vec<(StructId, u32)>,
        fields_written: Vec<(StructId, u32)>, calls: Vec<FuncId>,
    }
    Type { tags: Tags, class: ClassId, ids: IdSet }
}

impl Packed for TypeFacts {
    const MIN: usize = 15;

    fn put(&self, out: &mut Vec<u8>) {
        self.id_sets.put(out);
        self.types.put(out);
        self.classes.put(out);
        self.globals.put(out);
        self.params.put(out);
        self.results.put(out);
        self.captures.put(out);
        self.fields.put(out);
        self.thrown.put(out);
        self.functions.put(out);
        self.structs.put(out);
        self.escaped_modules.put(out);
        self.escaped_globals.put(out);
        put_near(out, self.sites.iter().copied());
        put_near(out, self.frames.iter().map(|frame| (frame.pc, frame.count)));
        self.frame_registers.put(out);
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WbcError> {
        Ok(TypeFacts {
            id_sets: Packed::take(reader)?,
            types: Packed::take(reader)?,
            classes: Packed::take(reader)?,
            globals: Packed::take(reader)?,
            params: Packed::take(reader)?,
            results: Packed::take(reader)?,
            captures: Packed::take(reader)?,
            fields: Packed::take(reader)?,
            thrown: Packed::take(reader)?,
            functions: Packed::take(reader)?,
            structs: Packed::take(reader)?,
            escaped_modules: Packed::take(reader)?,
            escaped_globals: Packed::take(reader)?,
            sites: take_near(reader, |pc, class| (pc, class))?,
            frames: take_near(reader, |pc, count| FrameFacts { pc, count })?,
            frame_registers: Packed::take(reader)?,
        })
    }
}

/// Pairs whose first numbers lie near one another.
fn put_near(out: &mut Vec<u8>, pairs: impl ExactSizeIterator<Item = (u32, u32)>) {
    out.extend((pairs.len() as u32).to_le_bytes());
    let mut last = 0u32;
    for (near, other) in pairs {
        near.wrapping_sub(last).put(out);
        other.put(out);
        last = near;
    }
}

fn take_near<T>(reader: &mut Reader<'_>, make: impl Fn(u32, u32) -> T) -> Result<Vec<T>, WbcError> {
    let count = reader.count(2)?;
    let mut items = Vec::with_capacity(count);
    let mut last = 0u32;
    for _ in 0..count {
        last = last.wrapping_add(reader.varint32()?);
        items.push(make(last, reader.varint32()?));
    }
    Ok(items)
}

impl Packed for u32 {
    fn put(&self, out: &mut Vec<u8>) {
        write_varint(out, (*self).into());
    }

    #[inline]
    fn take(reader: &mut Reader<'_>) -> Result<Self, WbcError> {
        reader.varint32()
    }
}

impl Packed for u16 {
    fn put(&self, out: &mut Vec<u8>) {
        write_varint(out, (*self).into());
    }

    #[inline]
    fn take(reader: &mut Reader<'_>) -> Result<Self, WbcError> {
        u16::try_from(reader.varint32()?).map_err(|_| reader.damaged("a number is too large"))
    }
}

impl Packed for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push((*self).into());
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WbcError> {
        Ok(tag(reader, 2)? == 1)
    }
}

impl Packed for i64 {
    const MIN: usize = 8;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend(self.to_le_bytes());
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WbcError> {
        let (low, high) = (reader.u32()?, reader.u32()?);
        Ok((u64::from(low) | u64::from(high) << 32) as i64)
    }
}

impl Packed for u64 {
    const MIN: usize = 8;

    fn put(&self, out: &mut Vec<u8>) {
        (*self as i64).put(out);
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WbcError> {
        i64::take(reader).map(|bits| bits as u64)
    }
}

impl Packed for String {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u32).put(out);
        out.extend(self.as_bytes());
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WbcError> {
        let len = reader.varint32()?;
        reader.text(len as usize).map(str::to_owned)
    }
}

impl<T: Packed> Packed for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WbcError> {
        if bool::take(reader)? { T::take(reader).map(Some) } else { Ok(None) }
    }
}

impl<T: Packed> Packed for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u32).put(out);
        self.iter().for_each(|item| item.put(out));
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WbcError> {
        let count = reader.varint32()? as usize;
        if count.saturating_mul(T::MIN) > reader.remaining() {
            return Err(reader.damaged("it announces more entries than it has bytes for"));
        }
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(T::take(reader)?);
        }
        Ok(items)
    }
}

impl<T: Packed, const COUNT: usize> Packed for [T; COUNT]
where
    [T; COUNT]: Default,
{
    const MIN: usize = COUNT * T::MIN;

    fn put(&self, out: &mut Vec<u8>) {
        self.iter().for_each(|item| item.put(out));
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WbcError> {
        let mut items = Self::default();
        for item in &mut items {
            *item = T::take(reader)?;
        }
        Ok(items)
    }
}

impl<A: Packed, B: Packed> Packed for (A, B) {
    const MIN: usize = A::MIN + B::MIN;

    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }

    #[inline]
    fn take(reader: &mut Reader<'_>) -> Result<Self, WbcError> {
        Ok((A::take(reader)?, B::take(reader)?))
    }
}

// The greatest number of these stands for none or for all, and is far more common than large ones.

impl Packed for ClassId {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.wrapping_add(1).put(out);
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WbcError> {
        u32::take(reader).map(|number| ClassId(number.wrapping_sub(1)))
    }
}

impl Packed for IdSet {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.wrapping_add(1).put(out);
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WbcError> {
        u32::take(reader).map(|number| IdSet(number.wrapping_sub(1)))
    }
}

impl Packed for Identity {
    /// The kind is in the highest bits.
    fn put(&self, out: &mut Vec<u8>) {
        self.0.rotate_left(3).put(out);
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WbcError> {
        u32::take(reader).map(|number| Identity(number.rotate_right(3)))
    }
}

impl Packed for Span {
    const MIN: usize = 3;

    fn put(&self, out: &mut Vec<u8>) {
        self.file.put(out);
        self.lo.put(out);
        zigzag(self.hi.wrapping_sub(self.lo)).put(out);
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WbcError> {
        let (file, lo) = (FileId::take(reader)?, reader.varint32()?);
        Ok(Span { file, lo, hi: lo.wrapping_add(unzigzag(reader.varint32()?)) })
    }
}

/// A byte below `end` that says which of several forms follows.
fn tag(reader: &mut Reader<'_>, end: u8) -> Result<u8, WbcError> {
    match reader.bytes(1)? {
        [tag] if *tag < end => Ok(*tag),
        _ => Err(reader.damaged("it holds something that is no entry")),
    }
}

impl Packed for Region {
    const MIN: usize = 2;

    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Region::Loop(id) => (false, *id).put(out),
            Region::Function(id) => (true, *id).put(out),
        }
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WbcError> {
        Ok(if bool::take(reader)? {
            Region::Function(FuncId::take(reader)?)
        } else {
            Region::Loop(LoopId::take(reader)?)
        })
    }
}

impl Packed for Verdict {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(*self as u8);
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WbcError> {
        Ok(match tag(reader, 3)? {
            0 => Verdict::Proven,
            1 => Verdict::Conditional,
            _ => Verdict::Incompatible,
        })
    }
}

impl Packed for Reason {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(*self as u8);
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WbcError> {
        Ok(Reason::ALL[usize::from(tag(reader, Reason::ALL.len() as u8)?)])
    }
}

impl Packed for Bound {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Bound::None => out.push(0),
            Bound::Constant(value) => {
                out.push(1);
                value.put(out);
            }
            Bound::Register(register) => {
                out.push(2);
                register.put(out);
            }
        }
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WbcError> {
        Ok(match tag(reader, 3)? {
            0 => Bound::None,
            1 => Bound::Constant(i64::take(reader)?),
            _ => Bound::Register(Reg::take(reader)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Facts in which each kind of entry and each extreme number occurs.
    fn facts() -> Facts {
        let span = Span { file: FileId(1), lo: 4_000_000, hi: 3 };
        let region = RegionFacts {
            region: Region::Function(FuncId(u32::MAX)),
            span,
            verdict: Verdict::Incompatible,
            conditions: vec![Condition { name: "größe".into(), ty: "int".into() }],
            reason: Some(Obstacle { reason: *Reason::ALL.last().expect("reasons"), span }),
            reached: true,
            blocks: 300,
            instructions: u32::MAX,
            live_in: vec![(Reg(u16::MAX), TypeId(7))],
            live_out: vec![],
            invariants: vec![Reg(3), Reg(200)],
            inductions: [Bound::None, Bound::Constant(i64::MIN), Bound::Register(Reg(9))]
                .map(|bound| Induction { register: Reg(1), start: Some(-1), step: i64::MAX, bound })
                .to_vec(),
            trip_count: Some(u64::MAX),
            effects: RegionEffects { throws: true, fields_read: vec![(StructId(1), 0)], ..RegionEffects::default() },
        };
        let types = TypeFacts {
            id_sets: vec![vec![], vec![Identity(u32::MAX), Identity(1 << 29)]],
            types: vec![Type::ANY, Type::INT, Type::container(Tags::LIST, ClassId(1))],
            classes: vec![[TypeId(1); 7]],
            sites: vec![(5, 1), (70_000, 2), (3, u32::MAX)],
            frames: vec![FrameFacts { pc: 9, count: 2 }, FrameFacts { pc: 12, count: 0 }],
            frame_registers: vec![(Reg(0), TypeId(1)), (Reg(4), TypeId(u32::MAX))],
            functions: vec![FunctionFacts { reached: true, ..FunctionFacts::default() }],
            escaped_globals: vec![false, true],
            ..TypeFacts::default()
        };
        Facts { rules: 3, types, regions: vec![region] }
    }

    #[test]
    fn any_facts_survive() {
        let facts = facts();
        assert_eq!(decode(&encode(&facts)).expect("what was encoded"), facts);
        assert_eq!(decode(&encode(&Facts::default())).expect("what was encoded"), Facts::default());
    }

    #[test]
    fn refusals_survive() {
        let reason = *Reason::ALL.last().expect("reasons");
        let refused = [Region::Loop(LoopId(0)), Region::Loop(LoopId(300)), Region::Function(FuncId(u32::MAX))]
            .map(|region| Refused { region, reason });
        let bytes = encode_refused(&refused);
        assert_eq!(decode_refused(&bytes).expect("what was encoded"), refused);
        assert!((0..bytes.len()).all(|len| decode_refused(&bytes[..len]).is_err()));
    }

    #[test]
    fn refusals_by_other_rules_are_passed_over() {
        let reason = *Reason::ALL.last().expect("reasons");
        let mut bytes = encode_refused(&[Refused { region: Region::Loop(LoopId(0)), reason }]);
        assert_eq!(bytes[0], VERDICT_RULES_VERSION as u8);
        bytes[0] += 1;
        *bytes.last_mut().expect("a reason") = 0x7f;
        assert_eq!(decode_refused(&bytes).expect("not looked at"), []);
        bytes[0] -= 1;
        assert!(decode_refused(&bytes).is_err(), "there is no such reason");
    }

    #[test]
    fn each_truncation_is_noticed_and_no_change_panics() {
        let bytes = encode(&facts());
        for len in 0..bytes.len() {
            assert!(decode(&bytes[..len]).is_err(), "cut to {len} bytes");
        }
        for index in 0..bytes.len() {
            for byte in [0, 1, 0x7f, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[index] = byte;
                let _ = decode(&changed);
            }
        }
    }

    #[test]
    fn a_count_is_not_believed_before_its_entries_are_there() {
        let mut out = Vec::new();
        u32::MAX.put(&mut out);
        out.extend([0; 100]);
        let mut reader = Reader::new(Section::Facts, &out);
        assert!(Vec::<RegionFacts>::take(&mut reader).is_err());
    }
}
