//! Texts of a few bytes as two words, and the strings of such texts that were made lately.
//!
//! What is cut out of a text is shared, as programs cut out the same words over and over. What is put together is not:
//! mostly it is new, and looking for it would be a miss in the cache for nothing.

use super::{Gc, Str};
use crate::runtime::heap::Heap;

/// A text of at most [`ShortText::MOST`] bytes. Zeros follow it, so two are equal if words and lengths are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::runtime) struct ShortText {
    bits: u128,
    len: usize,
}

/// Multiplies to 128 bits and folds: every bit of the input reaches every bit of the result.
#[inline(always)]
pub(in crate::runtime) fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ (product >> 64) as u64
}

impl ShortText {
    /// The most bytes: what a string's cell has room for at least.
    pub const MOST: usize = 16;

    /// The text, if it is short.
    #[inline(always)]
    pub fn of(text: &str) -> Option<ShortText> {
        let (bytes, len) = (text.as_bytes(), text.len());
        let word =
            |from: usize| bytes.get(from..from + 8).and_then(|word| word.try_into().ok()).map(u64::from_le_bytes);
        let half =
            |from: usize| bytes.get(from..from + 4).and_then(|half| half.try_into().ok()).map(u32::from_le_bytes);
        // Two loads that may overlap, as wide as the text allows: what both have is the same bits.
        let bits = match len {
            0 => 0,
            1..4 => {
                let last = u128::from(bytes[len - 1]) << (8 * (len - 1));
                u128::from(bytes[0]) | u128::from(bytes[len / 2]) << (8 * (len / 2)) | last
            }
            4..8 => u128::from(half(0)?) | u128::from(half(len - 4)?) << (8 * (len - 4)),
            8..=Self::MOST => u128::from(word(0)?) | u128::from(word(len - 8)?) << (8 * (len - 8)),
            _ => return None,
        };
        Some(ShortText { bits, len })
    }

    /// The bytes `start..end` of an ASCII text, if these are few.
    #[inline(always)]
    pub fn within(text: &str, start: usize, end: usize) -> Option<ShortText> {
        let len = end.checked_sub(start).filter(|len| (1..=Self::MOST).contains(len));
        // Mostly the text goes on, and one load does.
        match (len, text.as_bytes().get(start..).and_then(|rest| rest.first_chunk::<{ Self::MOST }>())) {
            (Some(len), Some(chunk)) => {
                let bits = u128::from_le_bytes(*chunk) & u128::MAX >> (8 * (Self::MOST - len));
                Some(ShortText { bits, len })
            }
            _ => ShortText::of(text.get(start..end)?),
        }
    }

    /// From bytes that zeros follow.
    #[inline(always)]
    pub fn from_parts(bytes: [u8; Self::MOST], len: usize) -> ShortText {
        debug_assert!(len <= Self::MOST && bytes[len..].iter().all(|byte| *byte == 0));
        ShortText { bits: u128::from_le_bytes(bytes), len }
    }

    #[inline(always)]
    pub fn len(self) -> usize {
        self.len
    }

    /// The bytes, and zeros behind them.
    #[inline(always)]
    pub fn bytes(self) -> [u8; Self::MOST] {
        self.bits.to_le_bytes()
    }

    /// The first eight bytes and the others.
    #[inline(always)]
    pub fn words(self) -> [u64; 2] {
        [self.bits as u64, (self.bits >> 64) as u64]
    }

    #[inline(always)]
    pub fn is_ascii(self) -> bool {
        let [a, b] = self.words();
        (a | b) & 0x8080_8080_8080_8080 == 0
    }

    /// Both, if they are short together.
    #[inline]
    pub fn followed_by(self, other: ShortText) -> Option<ShortText> {
        let len = self.len + other.len;
        (len <= Self::MOST && self.len < Self::MOST)
            .then(|| ShortText { bits: self.bits | other.bits << (8 * self.len), len })
    }
}

/// The strings of short texts that were made lately, each in the one place that its text has: programs cut the same
/// words out of texts over and over, and look them up, which finds a string that it knows without a look at its text.
///
/// Which strings are shared depends on the texts that were made and their order alone, never on when garbage was
/// collected: so a program holds the same in every mode. It does not depend on the seed of hashes either.
#[derive(Default)]
pub(in crate::runtime) struct RecentTexts {
    /// Address of a string below, bits of its hash above, as addresses have 48 bits; or 0.
    places: Vec<u64>,
    /// How many texts are looked for until there are more places.
    until_growth: usize,
}

const ADDRESS_BITS: u32 = 48;
const ADDRESS: u64 = (1 << ADDRESS_BITS) - 1;

impl RecentTexts {
    const FIRST_PLACES: usize = 512;
    /// 512 KiB.
    const MOST_PLACES: usize = 1 << 16;

    /// A hash whose upper bits tell the place.
    #[inline(always)]
    fn hash(text: ShortText) -> u64 {
        let [a, b] = text.words();
        mix(a ^ 0x9E37_79B9_7F4A_7C15, b ^ 0xD6E8_FEB8_6659_FD93)
    }

    /// What a place holds above an address; not 0.
    #[inline(always)]
    fn tag(hash: u64) -> u64 {
        (hash | 1) << ADDRESS_BITS
    }

    #[inline(always)]
    fn place(&self, hash: u64) -> usize {
        // The number of places is a power of two.
        (hash >> 32) as usize & (self.places.len() - 1)
    }

    /// The string at a place, if its tag is this one.
    #[inline(always)]
    fn string(entry: u64) -> Gc<Str> {
        // SAFETY: entries hold addresses of strings, and those that are about to be freed are forgotten before.
        unsafe { Gc::from_non_null(std::ptr::NonNull::new_unchecked((entry & ADDRESS) as *mut Str)) }
    }

    #[cold]
    fn grow(&mut self) {
        let count = match self.places.len() {
            0 => Self::FIRST_PLACES,
            count => (count * 8).min(Self::MOST_PLACES),
        };
        self.until_growth = if count == Self::MOST_PLACES { usize::MAX } else { count * 4 };
        let old = std::mem::replace(&mut self.places, vec![0; count]);
        for entry in old.into_iter().filter(|entry| *entry != 0) {
            let text = Self::string(entry).short_text().expect("only short texts have places");
            let place = self.place(Self::hash(text));
            self.places[place] = entry;
        }
    }

    /// Bytes that [`RecentTexts::forget_unmarked`] goes through.
    pub fn size(&self) -> usize {
        size_of_val(&*self.places)
    }

    /// Forgets the strings that are not marked with this colour, which are about to be freed.
    pub fn forget_unmarked(&mut self, colour: u8) {
        for entry in &mut self.places {
            if *entry != 0 && !Self::string(*entry).is_marked(colour) {
                *entry = 0;
            }
        }
    }
}

impl Heap {
    /// A string of a short text: one that was made lately, or a new one.
    #[inline]
    pub(in crate::runtime) fn short_str(&mut self, text: ShortText) -> Gc<Str> {
        if text.len() < 2 && text.is_ascii() {
            return match text.len() {
                0 => self.empty_str(),
                _ => self.short_strings()[text.words()[0] as usize],
            };
        }
        let hash = RecentTexts::hash(text);
        let recent = self.recent_texts();
        recent.until_growth = match recent.until_growth {
            0 => {
                recent.grow();
                recent.until_growth
            }
            left => left - 1,
        };
        let (place, tag) = (recent.place(hash), RecentTexts::tag(hash));
        let entry = recent.places[place];
        if entry & !ADDRESS == tag {
            let string = RecentTexts::string(entry);
            if string.short_text() == Some(text) {
                return string;
            }
        }
        self.new_recent_str(text, place, tag)
    }

    /// A new string of a short text, which takes a place.
    #[inline(never)]
    fn new_recent_str(&mut self, text: ShortText, place: usize, tag: u64) -> Gc<Str> {
        let string = Str::short(self, text);
        let address = string.as_ptr() as u64;
        debug_assert!(address <= ADDRESS);
        self.recent_texts().places[place] = address | tag;
        string
    }

    /// The string of a text that was put together: a new one, but for single characters.
    pub(in crate::runtime) fn joined_str(&mut self, text: &str) -> Gc<Str> {
        if text.len() < 2 { self.new_str(text) } else { Str::new(self, text) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::runtime::value::Value;

    #[test]
    fn short_texts_are_shared_and_long_ones_are_not() {
        let mut heap = Heap::new();
        for (text, is_shared) in
            [("", true), ("a", true), ("é", true), ("sixteen bytes!!!", true), ("seventeen bytes..", false)]
        {
            assert_eq!(heap.new_str(text) == heap.new_str(text), is_shared, "{text}");
        }
        let (six, teen) = (heap.new_str("six"), heap.new_str("teen"));
        let (joined, again) = (Str::concat(&mut heap, six, teen).unwrap(), Str::concat(&mut heap, six, teen).unwrap());
        let cut = |heap: &mut Heap| heap.new_str("-sixteen-").slice(heap, 1, 8).unwrap().unwrap();
        assert_eq!(cut(&mut heap), cut(&mut heap));
        assert!(joined != again && joined != cut(&mut heap) && joined.is_same(&cut(&mut heap)));
    }

    #[test]
    fn texts_that_end_in_zeros_differ() {
        let mut heap = Heap::new();
        let texts = ["ab", "ab\0", "ab\0\0"].map(|text| heap.new_str(text));
        assert!(texts[0] != texts[1] && texts[1] != texts[2]);
        assert!(!texts[0].is_same(&texts[1]) && !texts[1].is_same(&texts[2]));
    }

    #[test]
    fn what_was_freed_is_forgotten() {
        let mut heap = Heap::new();
        let kept = heap.new_str("kept");
        heap.new_str("dropped");
        heap.collect(|marker| marker.mark(Value::from_str(kept)));
        assert_eq!(heap.new_str("kept"), kept);
        assert_eq!(heap.new_str("dropped").as_str(), "dropped");
    }

    #[test]
    fn sharing_does_not_depend_on_collections() {
        let texts: Vec<String> = (0..200_000u64).map(|number| (number * 7919 % 5000).to_string() + "x").collect();
        let live = |every: usize| {
            let mut heap = Heap::new();
            let mut held = Vec::new();
            for (index, text) in texts.iter().enumerate() {
                held.push(heap.new_str(text));
                if index % 3 > 0 {
                    held.pop();
                }
                if index % every == 0 {
                    heap.collect(|marker| held.iter().for_each(|text| marker.mark(Value::from_str(*text))));
                }
            }
            held.sort_unstable_by_key(|text| text.as_ptr());
            held.dedup();
            held.len()
        };
        let often = live(997);
        assert_eq!(often, live(usize::MAX));
        assert!(often > 1600, "{often}");
    }

    proptest! {
        #[test]
        fn words_and_bytes_agree(text in "[a-zé😀\0]{0,9}", other in "[a-zé\0]{0,9}") {
            let short = ShortText::of(&text);
            prop_assert_eq!(short.is_some(), text.len() <= ShortText::MOST);
            if let Some(short) = short {
                prop_assert_eq!(&short.bytes()[..short.len()], text.as_bytes());
                prop_assert_eq!(short, ShortText::from_parts(short.bytes(), text.len()));
                prop_assert_eq!(short.is_ascii(), text.is_ascii());
                let long = format!("ab{}{}", text.replace(|char: char| !char.is_ascii(), "-"), ".".repeat(other.len() * 2));
                for end in 0..=long.len() {
                    for start in 0..=end {
                        prop_assert_eq!(ShortText::within(&long, start, end), ShortText::of(&long[start..end]));
                    }
                }
                if let Some(other_short) = ShortText::of(&other) {
                    let both = text.clone() + &other;
                    prop_assert_eq!(short.followed_by(other_short), ShortText::of(&both).filter(|_| text.len() < 16));
                }
            }
        }
    }
}
